"""The page of an evaluation: one HTML file to look at, without network and without script."""
