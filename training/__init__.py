"""Training of the weights that ragsvc ships; nothing of it is imported by the service."""
