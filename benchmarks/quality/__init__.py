"""Every number of the README's quality tables, by one command: `python -m benchmarks.quality`."""
