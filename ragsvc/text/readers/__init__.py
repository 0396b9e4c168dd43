"""Readers of single formats; each is imported only when a file of its format is read."""
