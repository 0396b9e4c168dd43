"""The composition root: from settings to an open service."""
