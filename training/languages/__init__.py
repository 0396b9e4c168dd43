"""Which directions of an embedding tell the language of a text and not what it says, from translations."""
