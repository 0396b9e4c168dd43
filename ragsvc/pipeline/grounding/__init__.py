"""Which sentences of passages answer a question, and which bear out what was answered."""
