"""The process that does jobs, with a double for the model that waits, hangs or dies when it is told to."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from doubles import HashEmbedder

from ragsvc.domain import F32Matrix
from ragsvc.service import job_worker
from ragsvc.service.service import Service
from ragsvc.settings import Settings

HOLD = "HOLD_EMBEDDING"
# A document with such a word ends the process that embeds it, or keeps it for ever.
KILLER, HANGER = "arsenic", "molasses"


class HeldEmbedder(HashEmbedder):
    def embed_documents(self, texts: Sequence[str]) -> F32Matrix:
        if any(KILLER in text for text in texts):
            os.kill(os.getpid(), signal.SIGKILL)
        while any(HANGER in text for text in texts):
            time.sleep(0.02)
        hold = Path(os.environ[HOLD])
        if hold.exists():
            hold.with_name(f"{hold.name}.reached").touch()
        while hold.exists():
            time.sleep(0.02)
        return super().embed_documents(texts)


class HashService(Service):
    @classmethod
    def open(cls, settings: Settings, **_: Any) -> Service:
        return super().open(settings, embedders=HeldEmbedder)


if __name__ == "__main__":
    job_worker.Service = HashService  # type: ignore[attr-defined]
    raise SystemExit(job_worker.main())
