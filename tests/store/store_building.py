"""Filling a catalog without models: vectors are hashes, terms are words."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from ragsvc.domain import (
    Caller,
    ChunkerSpec,
    CommitId,
    Corpus,
    EmbedderSpec,
    F32Matrix,
    ParsedDocument,
    ProfileSpec,
)
from ragsvc.store.catalog import Catalog
from ragsvc.store.rows import ChunkRow, NewMembership

ME = Caller()
DIMENSION = 8
SPEC = ProfileSpec(
    EmbedderSpec(
        name="hash",
        weights="0",
        dimension=DIMENSION,
        max_tokens=256,
        pooling="mean",
        query_prefix="",
        document_prefix="",
        backend="none",
        dtype="float32",
    ),
    ChunkerSpec("1", 10, 0, 0),
    "words-1",
)


def document(text: str, title: str = "", **metadata: Any) -> ParsedDocument:
    return ParsedDocument(title=title, text=text, media_type="text/plain", pages=(), metadata=metadata)


def digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def signature(text: str) -> bytes:
    """256 bytes; none of a text without words."""
    return digest(text) * 8 if text.split() else b""


def vector(text: str) -> F32Matrix:
    raw = np.frombuffer(digest(text), dtype=np.uint8)[:DIMENSION].astype(np.float32) + 1
    return raw / np.float32(np.linalg.norm(raw))


def chunks(text: str, size: int = 20) -> list[ChunkRow]:
    spans = [(i, min(i + size, len(text))) for i in range(0, len(text), size)]
    return [
        ChunkRow(
            start=a,
            end=b,
            page=None,
            headings=(),
            embedded_hash=digest(text[a:b]),
            terms=text[a:b].split(),
            signature=signature(text[a:b]),
        )
        for a, b in spans
    ]


def prepare(catalog: Catalog, corpus: Corpus, documents: list[ParsedDocument]) -> list[int]:
    """Fill the caches as an ingest does; gives version ids."""
    ids = catalog.versions.put(documents)
    for stored in catalog.versions.texts(catalog.chunks.unchunked(corpus.profile.id, ids)):
        rows = chunks(stored.text)
        hashes = list(dict.fromkeys(row.embedded_hash for row in rows))
        texts = {row.embedded_hash: stored.text[row.start : row.end] for row in rows}
        if rows:
            matrix = np.stack([vector(texts[h]) for h in hashes])
            catalog.vectors.put(corpus.profile.embedder_fingerprint, hashes, matrix)
        catalog.chunks.put(corpus.profile.id, [(stored.id, rows)], {stored.id: signature(stored.text)})
    return ids


def new(document_id: str, version_id: int, metadata: Mapping[str, Any] | None = None) -> NewMembership:
    return NewMembership(
        document_id=document_id,
        version_id=version_id,
        metadata=metadata or {},
        source=f"/src/{document_id}",
        origin=document_id,
        root="r",
        owner="local",
    )


def sync(catalog: Catalog, name: str, wanted: Mapping[str, ParsedDocument]) -> CommitId:
    """Make the corpus hold exactly these documents."""
    corpus = catalog.corpora.create(ME, name, SPEC)
    ids = dict(zip(wanted, prepare(catalog, corpus, list(wanted.values())), strict=True))
    with catalog.lock.hold(30):
        live = catalog.memberships.live(corpus.id)
        changed = [
            key
            for key, made in wanted.items()
            if key not in live or (live[key].version_id, live[key].metadata) != (ids[key], made.metadata)
        ]
        died = [m.id for key, m in live.items() if key in changed or key not in wanted]
        return catalog.memberships.publish(
            ME,
            corpus.id,
            kind="ingest",
            born=[new(key, ids[key], wanted[key].metadata) for key in changed],
            died=died,
            roots={},
            stats={},
        )


def texts(catalog: Catalog, name: str, commit: CommitId | None = None) -> dict[str, str]:
    """What a reader sees: document id -> stored text."""
    corpus = catalog.corpora.get(ME, name)
    page, cursor = catalog.documents.page(ME, corpus, corpus.commit if commit is None else commit, None, 1000)
    assert cursor is None
    return {d.document_id: catalog.documents.text(ME, corpus, d.document_id, d.version).text for d in page}
