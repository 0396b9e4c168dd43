"""Retrieval-augmented question answering that can be checked character by character."""

__all__ = ["__version__"]

__version__ = "0.1.0"
