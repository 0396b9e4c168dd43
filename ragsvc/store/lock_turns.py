"""Long work under the writer lock, in turns: whoever waits for the lock gets it in between."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ragsvc.store.lock import WriterLock

# What is held at a time is this and the last piece of work that began in it.
SLICE_S = 0.3
# Longer than the pauses of those who poll for the lock of writers, here and in SQLite.
PAUSE_S = 0.15


class LockTurns:
    """The writer lock for one piece of work after the other."""

    def __init__(
        self, lock: WriterLock, timeout_s: float = 60.0, on_wait: Callable[[str], None] | None = None
    ) -> None:
        """timeout_s: how long to wait for each turn. on_wait: told once who holds the lock."""
        self._lock = lock
        self._timeout_s = timeout_s
        self._on_wait = on_wait
        self._held_s = 0.0
        self._free_since = time.monotonic()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold the lock for the length of the block, after a pause when the turns before it took long.

        A thread that holds the lock already keeps it, without pauses.

        :raises WriterBusy: if another process or thread holds it for too long.
        :raises HomeNotWritable: if the lock file cannot be opened.
        """
        if self._lock.held:
            yield
            return
        self._give_way()
        with self._lock.hold(self._timeout_s, self._wait):
            begun = time.monotonic()
            try:
                yield
            finally:
                self._free_since = time.monotonic()
                self._held_s += self._free_since - begun

    def _give_way(self) -> None:
        free_s = time.monotonic() - self._free_since
        if self._held_s >= SLICE_S and free_s < PAUSE_S:
            time.sleep(PAUSE_S - free_s)
            free_s = PAUSE_S
        if free_s >= PAUSE_S:
            self._held_s = 0.0

    def _wait(self, message: str) -> None:
        if self._on_wait is not None:
            on_wait, self._on_wait = self._on_wait, None
            on_wait(message)
