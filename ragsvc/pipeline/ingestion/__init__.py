"""From sources to chunks, vectors and index files."""
