"""Trains the adapter of the bundled writer."""
