"""The four networks: autoencoder, variational autoencoder, adversarial network, transformer."""
