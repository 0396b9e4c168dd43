"""The verbs: ingest, retrieve, evidence, answer."""
