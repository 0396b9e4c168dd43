"""How good retrieval and answers are: metrics, intervals and readers of test sets."""
