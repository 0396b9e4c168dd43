"""Deterministic doubles that the tests share, and a service over them: no model, no torch."""

from __future__ import annotations

import atexit
import hashlib
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ragsvc.domain import (
    Caller,
    Collapse,
    EmbedderSpec,
    F32Matrix,
    Hit,
    I32Matrix,
    IngestReport,
    IngestRequest,
    InlineDocument,
    Mode,
    Prune,
    SearchRequest,
    SearchResult,
)
from ragsvc.errors import InvalidRequest
from ragsvc.service.service import Service
from ragsvc.settings import Settings
from ragsvc.text.worker_pool import ParseLimits, ParserPool

ME = Caller()
DIMENSION = 32
WORDS = 1000
CORPUS = "c"
_WORD = re.compile(r"\w+")
_TOKEN = re.compile(r"\w+|[^\w\s]")


class WordTokeniser:
    """A Tokeniser: words and signs."""

    special_tokens = 2
    recipe = ("doubles:WordTokeniser", "")

    def __init__(self, source: str = "") -> None:
        """There is nothing to read."""

    def count(self, text: str) -> int:
        return len(_TOKEN.findall(text))

    def spans(self, text: str) -> I32Matrix:
        found = [match.span() for match in _TOKEN.finditer(text)]
        return np.array(found, dtype=np.int32).reshape(-1, 2)

    def text(self, ids: Sequence[int]) -> str:
        if any(number >= WORDS for number in ids):
            raise InvalidRequest("a token id is not one of ours")
        return " ".join(f"w{number}" for number in ids)


class HashEmbedder:
    """An Embedder: every word points in a direction of its own, a text where its words point together.

    texts: all that it was asked to embed as documents, in order. batches: how many at a time.
    """

    def __init__(self, name: str = "hash", seed: str = "") -> None:
        self.texts: list[str] = []
        self.batches: list[int] = []
        self.tokeniser = WordTokeniser()
        self.spec = EmbedderSpec(
            name=name,
            weights=f"hash{seed}",
            dimension=DIMENSION,
            max_tokens=256,
            pooling="mean",
            query_prefix="",
            document_prefix="",
            backend="none",
            dtype="float32",
        )
        self._seed = seed

    def embed_documents(self, texts: Sequence[str]) -> F32Matrix:
        self.texts += texts
        self.batches.append(len(texts))
        return self._embed(texts)

    def embed_queries(self, texts: Sequence[str]) -> F32Matrix:
        return self._embed(texts)

    def warm_up(self) -> None:
        """There is nothing to load."""

    def _embed(self, texts: Sequence[str]) -> F32Matrix:
        rows = np.empty((len(texts), DIMENSION), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            words = _WORD.findall(text.lower()) or [""]
            total = np.sum([self._direction(word) for word in words], axis=0)
            row[:] = total / np.linalg.norm(total)
        return rows

    def _direction(self, word: str) -> np.ndarray:
        digest = hashlib.shake_128((self._seed + word).encode()).digest(DIMENSION)
        return np.frombuffer(digest, dtype=np.uint8).astype(np.float64) - 127.3


def settings_of(home: Path, **changes: Any) -> Settings:
    values: dict[str, Any] = {"embedder": "hash", "chunk_tokens": 24, "parse_workers": 1, "poll_s": 0.02}
    values["reader"] = "none"
    return Settings(home=home, **(values | changes))


def open_service(
    home: Path, embedders: Callable[[str], Any] = HashEmbedder, *, create: bool = True, **changes: Any
) -> Service:
    settings = settings_of(home, **changes)
    usual = not changes.keys() & LIMITS_OF_WORKERS
    return Service.open(settings, embedders=embedders, create=create, pool=shared_pool() if usual else None)


LIMITS_OF_WORKERS = {"parse_workers", "parse_timeout_s", "parse_memory_bytes", "max_file_bytes"}


@cache
def shared_pool() -> ParserPool:
    """Workers for all services of this process: starting some for every test would take most of its time."""
    pool = ParserPool(1, ParseLimits())
    atexit.register(pool.close)
    return pool


def ingest(
    service: Service, *paths: Path | str, prune: Prune = Prune.REMOVE, corpus: str = CORPUS, **rest: Any
) -> IngestReport:
    request = IngestRequest(corpus=corpus, paths=tuple(str(path) for path in paths), prune=prune, **rest)
    return service.ingest(ME, request)


def upload(service: Service, documents: dict[str, str], corpus: str = CORPUS) -> IngestReport:
    inline = [InlineDocument(name, text) for name, text in documents.items()]
    return service.ingest_inline(ME, corpus, inline, {})


def search(
    service: Service,
    query: str,
    mode: Mode = Mode.HYBRID,
    *,
    corpora: Sequence[str] = (CORPUS,),
    k: int = 10,
    where: dict[str, Any] | None = None,
    collapse: Collapse = Collapse.DUPLICATES,
) -> SearchResult:
    return service.search(
        ME, SearchRequest(corpora=tuple(corpora), query=query, k=k, mode=mode, where=where, collapse=collapse)
    )


def shown(hit: Hit) -> dict[str, Any]:
    """All of a hit that the order of commits must not decide; its score apart."""
    passage = hit.passage
    return {
        "rank": hit.rank,
        "chunk": passage.chunk_id,
        "document": passage.document_id,
        "source": passage.source,
        "title": passage.title,
        "text": passage.text,
        "headings": passage.headings,
        "metadata": dict(passage.metadata),
        "duplicates": hit.duplicates,
    }


def same_hits(one: SearchResult, other: SearchResult) -> None:
    """Assert that two searches found the same, in the same order, with the same scores."""
    assert [shown(hit) for hit in one.hits] == [shown(hit) for hit in other.hits]
    scores = [hit.score for hit in one.hits], [hit.score for hit in other.hits]
    np.testing.assert_allclose(*scores, atol=1e-5, rtol=0)


_blank: list[Path] = []


def new_home(parent: Path, name: str = "home") -> Path:
    """A home with an empty catalog; making the schema once saves every test most of its time."""
    if not _blank:
        _blank.append(Path(tempfile.mkdtemp(prefix="ragsvc-blank-")))
        open_service(_blank[0]).close()
        atexit.register(shutil.rmtree, _blank[0], ignore_errors=True)
    return Path(shutil.copytree(_blank[0], parent / name))
