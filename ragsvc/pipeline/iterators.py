"""Ending the work behind an iterator now, rather than when it is collected."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def closed_after(items: Iterator[T]) -> Iterator[Iterator[T]]:
    """Close an iterator at the end, where it can be closed."""
    try:
        yield items
    finally:
        close(items)


def close(items: Iterator[object]) -> None:
    """Close an iterator, where it can be closed: a generator raises GeneratorExit where it stands."""
    closing = getattr(items, "close", None)
    if closing is not None:
        closing()
