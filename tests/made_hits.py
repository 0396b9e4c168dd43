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


def hit_of(number: int, text: str, *, source: str = "s", title: str = "", start: int = 0) -> Hit:
    """A text as a hit of rank `number` that scores 1."""
    passage = passage_of(number, text, source=source, title=title, start=start)
    return Hit(rank=number, score=1.0, corpus="c", passage=passage)


def passage_of(rank: int, text: str, *, source: str = "s", title: str = "", start: int = 0) -> Passage:
    """A passage that is all of its document, or what stands in it from `start` on."""
    return Passage(
        chunk=ChunkId(rank),
        document_id=f"d{rank}",
        version=f"v{rank}",
        version_id=VersionId(rank),
        source=source,
        title=title,
        start=start,
        end=start + len(text),
        text=text,
        page=None,
        headings=(),
        metadata={},
    )
