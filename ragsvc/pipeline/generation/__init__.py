"""From passages to an answer, sentence by sentence."""
