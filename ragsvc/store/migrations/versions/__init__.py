"""One file per schema revision; a published one never changes."""
