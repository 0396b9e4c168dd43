"""Models by name, texts, and reindexes that are stopped at a chosen place."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from doubles import (
    CORPUS,
    ME,
    HashEmbedder,
    new_home,
    same_hits,
    search,
    settings_of,
    upload,
)

from ragsvc.crashpoints import install
from ragsvc.domain import F32Matrix, ReindexReport, SearchResult
from ragsvc.errors import ModelNotFound
from ragsvc.service.service import Service

QUERIES = ("apple", "lemon fig", "the pear of the plum", "word7 word9")
WORDS = ("apple", "lemon", "fig", "pear", "plum", "kiwi")


class Model(HashEmbedder):
    """Another name is another model. embedding: called before every batch of documents."""

    embedding: Callable[[], None] = staticmethod(lambda: None)

    def __init__(self, name: str) -> None:
        super().__init__(name, "" if name == "hash" else name)

    def embed_documents(self, texts: Sequence[str]) -> F32Matrix:
        self.embedding()
        return super().embed_documents(texts)


class Models:
    """Gives one embedder a name, and remembers them."""

    def __init__(self) -> None:
        self.made: dict[str, Model] = {}

    def __call__(self, name: str) -> Model:
        if name.startswith("missing"):
            raise ModelNotFound(f"no model {name}", hint="name one that is here")
        return self.made.setdefault(name, Model(name))

    def embedded(self, name: str = "new") -> int:
        """Texts embedded since the last call."""
        count = len(self.made[name].texts) if name in self.made else 0
        if count:
            self.made[name].texts.clear()
        return count


def texts(first: int = 0, count: int = 24) -> dict[str, str]:
    return {
        f"doc{n}": f"{WORDS[n % 6]} {WORDS[n % 5]} word{n} "
        + f"{WORDS[n % 4]} of the word{n % 7}. " * (n % 9)
        for n in range(first, first + count)
    }


def reindex(service: Service, **how: Any) -> ReindexReport:
    return service.maintenance.reindex(ME, CORPUS, **({"embedder": "new"} | how))


def found(service: Service) -> list[SearchResult]:
    return [search(service, query) for query in QUERIES]


_fresh: dict[str, list[SearchResult]] = {}


def fresh(parent: Path, name: str, documents: dict[str, str], **changes: Any) -> list[SearchResult]:
    """What a new corpus made with other settings finds; each is made once."""
    asked = repr((sorted(documents.items()), sorted(changes.items())))
    if asked not in _fresh:
        home = new_home(parent, f"fresh-{name}")
        with Service.open(settings_of(home, **changes), embedders=Model) as other:
            upload(other, documents)
            _fresh[asked] = found(other)
    return _fresh[asked]


def same(ones: Sequence[SearchResult], others: Sequence[SearchResult]) -> None:
    for one, other in zip(ones, others, strict=True):
        same_hits(one, other)


class Stopped(Exception):
    """The process was killed here."""


@contextmanager
def killed_at(point: str, times: int) -> Iterator[None]:
    left = [times]

    def handler(name: str) -> None:
        if name == point:
            left[0] -= 1
            if left[0] == 0:
                raise Stopped

    install(handler)
    try:
        yield
    finally:
        install(None)


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)
