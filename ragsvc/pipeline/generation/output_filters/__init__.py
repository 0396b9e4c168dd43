"""What is taken out of, or changed in, the words of a language model before anybody reads them."""
