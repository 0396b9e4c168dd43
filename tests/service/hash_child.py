"""The process that does jobs, with a double for the model; one that waits as long as a file exists."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from doubles import HashEmbedder

from ragsvc.domain import F32Matrix
from ragsvc.service import child
from ragsvc.service.service import Service
from ragsvc.settings import Settings

HOLD = "HOLD_EMBEDDING"


class HeldEmbedder(HashEmbedder):
    def embed_documents(self, texts: Sequence[str]) -> F32Matrix:
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
    child.Service = HashService  # type: ignore[attr-defined]
    raise SystemExit(child.main())
