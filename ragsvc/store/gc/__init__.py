"""Retention of commits, and the removal of what nothing needs any more."""
