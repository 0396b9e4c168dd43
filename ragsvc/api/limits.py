"""Limits: how much work is in hand at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from anyio import CapacityLimiter, to_thread

from ragsvc.errors import Overloaded

T = TypeVar("T")


class WorkGate:
    """A bounded pool of threads for blocking calls, with a bounded queue before it."""

    def __init__(self, workers: int, capacity: int, hint: str = "try again in a second") -> None:
        """Open, with nothing in work.

        workers: calls that begin at work at once, and as many that go on. capacity: calls at work or waiting.
        hint: for those refused.
        """
        self._limiter = CapacityLimiter(max(1, min(workers, capacity)))
        self._following = CapacityLimiter(max(1, min(workers, capacity)))
        self._capacity = capacity
        self._hint = hint
        self._held = 0

    @classmethod
    def for_queries(cls, capacity: int) -> WorkGate:
        """Gate of searches and answers: twice the cores at work, and as many that go on; the rest waits."""
        hint = "try again in a second, or raise RAGSVC_MAX_CONCURRENT_QUERIES"
        return cls(max(4, 2 * (os.cpu_count() or 1)), capacity, hint)

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold one place.

        :raises Overloaded: if all places are held.
        """
        if self._held >= self._capacity:
            raise Overloaded(
                f"{self._held} such requests are in work or waiting, the most this server takes",
                hint=self._hint,
            )
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1

    async def thread(self, call: Callable[..., T], *arguments: Any) -> T:
        """Run a blocking call in a thread; the caller holds a slot."""
        return await to_thread.run_sync(call, *arguments, limiter=self._limiter)

    async def follow(self, call: Callable[..., T], *arguments: Any) -> T:
        """As `thread`, to go on with what is in work: it does not stand in line behind what begins.

        Else every piece of an answer would wait until all others have begun, and all end last.
        """
        return await to_thread.run_sync(call, *arguments, limiter=self._following)

    async def run(self, call: Callable[..., T], *arguments: Any) -> T:
        """Run a blocking call in a thread, in a slot of its own.

        :raises Overloaded: if all places are held.
        """
        with self.slot():
            return await self.thread(call, *arguments)
