"""Records on their way to the catalog: a short queue in memory, so that no question waits for the disk."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence

from ragsvc.domain import AnswerRecord
from ragsvc.errors import RagsvcError

log = logging.getLogger(__name__)

CAPACITY = 1000
# A process that is killed loses what was answered since.
FLUSH_S = 0.5


class RecordQueue:
    """One thread writes what waits, all of it in one transaction; it begins with the first record.

    dropped: how many were given up, since too many waited or the last attempt failed.
    """

    def __init__(self, write: Callable[[Sequence[AnswerRecord]], int], capacity: int = CAPACITY) -> None:
        self._write = write
        self._capacity = capacity
        self._queue: deque[tuple[int, AnswerRecord]] = deque()
        self._changed = threading.Condition()
        self._turn = threading.Lock()
        self._thread: threading.Thread | None = None
        self._put = self._settled = 0
        self._urgent = self._closed = self._complained = False
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, record: AnswerRecord, wait_s: float = 0.0) -> None:
        """Queue a record; the oldest goes when there are too many.

        :param wait_s: how long to wait for it to be written; it is written in any case.
        """
        with self._changed:
            self._put += 1
            number = self._put
            self._queue.append((number, record))
            self._trim()
            self._urgent = self._urgent or wait_s > 0
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="ragsvc-records", daemon=True)
                self._thread.start()
            self._changed.notify_all()
            if wait_s > 0:
                self._changed.wait_for(lambda: self._settled >= number or self._closed, wait_s)

    def flush(self) -> None:
        """Write what waits now; what cannot be written waits on.

        :raises StorageError: if it cannot be written.
        """
        with self._turn:
            with self._changed:
                batch = list(self._queue)
                self._queue.clear()
                self._urgent = False
            if not batch:
                return
            try:
                self._write([record for _, record in batch])
            except BaseException:
                with self._changed:
                    self._queue.extendleft(reversed(batch))
                    self._trim()
                raise
            with self._changed:
                self._settled = batch[-1][0]
                self._changed.notify_all()

    def close(self) -> None:
        """Write what waits, once more, and end."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        if self._queue:
            self.dropped += len(self._queue)
            log.warning("%d records could not be written and are lost", len(self._queue))
            self._queue.clear()

    def _trim(self) -> None:
        while len(self._queue) > self._capacity:
            self._queue.popleft()
            self.dropped += 1

    def _run(self) -> None:
        ended = False
        while not ended:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or bool(self._queue))
                self._changed.wait_for(lambda: self._closed or self._urgent, FLUSH_S)
                ended = self._closed
            try:
                self.flush()
                self._complained = False
            except RagsvcError as error:
                self._complain(error.message)
            except Exception:
                # One that cannot be written must not hold up all that follow.
                log.exception("records cannot be written and are lost")
                with self._changed:
                    self.dropped += len(self._queue)
                    self._queue.clear()

    def _complain(self, message: str) -> None:
        """Once for a trouble that lasts; nobody is waited for meanwhile."""
        if not self._complained:
            log.warning("records cannot be written, trying again: %s", message)
        self._complained = True
        with self._changed:
            self._urgent = False
