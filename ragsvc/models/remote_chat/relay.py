"""Pieces made by a coroutine, read by an ordinary thread that never waits long for the next."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import TypeAlias

from ragsvc.domain import Delta

Emit: TypeAlias = Callable[[Delta], None]
Work: TypeAlias = Callable[[Emit], Awaitable[None]]

# A reader that cannot be interrupted sees at least this often whether its client is still there.
BEAT_S = 0.25
STOP_S = 1.0


def relayed(work: Work) -> Iterator[Delta]:
    """Run `work` in a thread of its own and yield what it emits; an empty piece while nothing comes.

    Whoever reads may close the iterator at every piece, so also while the work waits: it is then
    cancelled where it waits, whatever it waits for. What `work` raises, the reader gets.
    """
    running = _RelayThread(work)
    running.start()
    try:
        beat = time.monotonic()
        while True:
            try:
                item = running.box.get(timeout=max(0.0, beat + BEAT_S - time.monotonic()))
            except queue.Empty:
                yield Delta("")
                beat = time.monotonic()
                continue
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item
            beat = time.monotonic()
    finally:
        running.stop()


class _RelayThread(threading.Thread):
    """A thread with an event loop that does one thing."""

    def __init__(self, work: Work) -> None:
        super().__init__(name="ragsvc-relay", daemon=True)
        self.box: queue.SimpleQueue[Delta | BaseException | None] = queue.SimpleQueue()
        self._loop = asyncio.new_event_loop()
        # Made before the thread starts: a stop that comes early then has something to cancel.
        self._task = self._loop.create_task(self._work(work))

    def run(self) -> None:
        """Work to the end, or to a stop."""
        try:
            with suppress(asyncio.CancelledError):
                self._loop.run_until_complete(self._task)
            self._loop.run_until_complete(_settle())
        finally:
            self._loop.close()
            self.box.put(None)

    def stop(self) -> None:
        """Cancel what is left of the work; returns when its connections are closed."""
        with suppress(RuntimeError):  # the loop is closed: the work has ended
            self._loop.call_soon_threadsafe(self._task.cancel)
        self.join(STOP_S)

    async def _work(self, work: Work) -> None:
        try:
            await work(self.box.put)
        except Exception as error:  # noqa: BLE001 - handed to the thread that reads
            self.box.put(error)


async def _settle() -> None:
    """Let what the work has left open close before its loop does."""
    await asyncio.get_running_loop().shutdown_asyncgens()
    if left := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(left, timeout=STOP_S)
