"""A server process with a double for the model; it dies at once while a file says so."""

from __future__ import annotations

import os
from pathlib import Path

# Before what takes long to import: it dies many times.
if Path(os.environ["DIE_AT_START"]).exists():
    os._exit(7)

from hash_child import HashService

from ragsvc.api import worker
from ragsvc.service import job_process

if __name__ == "__main__":
    worker.Service = HashService  # type: ignore[attr-defined]
    job_process.MODULE = "hash_child"
    raise SystemExit(worker.main())
