"""Embedding models and their tokenisers: the only room with torch and transformers."""
