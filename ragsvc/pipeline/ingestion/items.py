"""Small things that reading asks of sources and of what was read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ragsvc.domain import Failure, ParsedDocument, SourceFile
from ragsvc.text.file_parser import display_name


def shown(file: SourceFile) -> str:
    """What a person would open to see the file."""
    return file.shown or display_name(file.path)


def url_of(metadata: Any) -> str | None:
    """The address that a document gives itself."""
    for name in ("url", "source_url", "source"):
        value = metadata.get(name)
        if isinstance(value, str) and value.startswith(("http://", "https://")):
            return value
    return None


def chars(pending: Sequence[tuple[object, ParsedDocument | Failure]]) -> int:
    """Characters of texts that wait to be stored."""
    return sum(
        len(made.text) + sum(len(part.document.text) for part in made.parts)
        for _, made in pending
        if isinstance(made, ParsedDocument)
    )


def batches(items: Any, size: int) -> Iterator[list[Any]]:
    """Items in lists of at most `size`."""
    some: list[Any] = []
    for item in items:
        some.append(item)
        if len(some) >= size:
            yield some
            some = []
    if some:
        yield some
