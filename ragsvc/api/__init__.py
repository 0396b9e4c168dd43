"""HTTP: the only room with FastAPI. Parses, calls the service, wraps."""
