"""Generative models of documents and digits: networks, their training, and the files that it leaves."""
