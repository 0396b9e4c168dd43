"""The real embedding of the service, over a model of words and a catalog in memory."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from doubles import HashEmbedder

from ragsvc.domain import Caller
from ragsvc.service.embedding import Embeddings


class FakeLoader:
    """Gives one embedder, whatever is asked for."""

    def __init__(self) -> None:
        self.model = HashEmbedder()

    def embedder(self, profile: Any = None) -> HashEmbedder:
        return self.model


class FakeCatalog:
    """Knows the corpora of a fake service."""

    def __init__(self, service: Any) -> None:
        self._service = service
        self.corpora = self

    def get(self, caller: Caller, name: str) -> Any:
        self._service.corpus(caller, name)
        return SimpleNamespace(profile=None)


def fake_embeddings(service: Any) -> Embeddings:
    return Embeddings(FakeCatalog(service), FakeLoader(), service.settings)  # type: ignore[arg-type]
