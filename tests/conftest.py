"""Makes `tests/` importable, so that every folder of tests can use the shared doubles."""
