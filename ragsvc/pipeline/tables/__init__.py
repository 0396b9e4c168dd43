"""Questions that a table answers by computing: typed columns, a grammar of questions, and DuckDB."""
