"""The search index: vectors, term ids and bitmaps in, rows and scores out; never text."""
