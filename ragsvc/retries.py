"""Trying again when what was prepared went away meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from ragsvc.errors import StaleContent

T = TypeVar("T")


def retry_stale(once: Callable[[int], T], attempts: int) -> T:
    """What `once` returns; it is called again when it raises StaleContent, which the last attempt passes on.

    :param once: gets the number of the attempt, from 0.
    :param attempts: at least 1.
    """
    for attempt in range(attempts - 1):
        with suppress(StaleContent):
            return once(attempt)
    return once(attempts - 1)
