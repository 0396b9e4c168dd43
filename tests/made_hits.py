"""Hits of passages that are all of their documents."""

from __future__ import annotations

from collections.abc import Sequence

from ragsvc.domain import ChunkId, Hit, Passage, VersionId


def hits_of(texts: Sequence[str]) -> list[Hit]:
    """Each text as a document that is one passage."""
    return [
        Hit(rank=rank, score=1.0 / rank, corpus="c", passage=passage_of(rank, text))
        for rank, text in enumerate(texts, start=1)
    ]


def passage_of(rank: int, text: str) -> Passage:
    """A passage that is all of its document."""
    return Passage(
        chunk=ChunkId(rank),
        document_id=f"d{rank}",
        version=f"v{rank}",
        version_id=VersionId(rank),
        source="s",
        title="",
        start=0,
        end=len(text),
        text=text,
        page=None,
        headings=(),
        metadata={},
    )
