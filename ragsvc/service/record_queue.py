"""Records on their way to the catalog: a short queue in memory, so that no question waits for the disk."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence

from ragsvc.domain import AnswerRecord
from ragsvc.errors import RagsvcError, StorageError, WriterBusy

log = logging.getLogger(__name__)

CAPACITY = 1000
# A process that is killed loses what was answered since.
FLUSH_S = 0.5
# What passes; anything else is wrong with a record itself.
_TROUBLES = (StorageError, WriterBusy)


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

    def settle(self, wait_s: float) -> None:
        """Have written what was queued until now, and wait so long for it at most."""
        with self._changed:
            number = self._put
            if self._settled < number:
                self._urgent = True
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._settled >= number or self._closed, wait_s)

    def flush(self) -> None:
        """Write what waits now; what the disk does not take waits on.

        :raises StorageError: if nothing can be written. :raises WriterBusy: if another process writes long.
        """
        with self._turn:
            with self._changed:
                batch = list(self._queue)
                self._queue.clear()
                self._urgent = False
            if not batch:
                return
            left = deque(batch)
            try:
                self._write_all(left)
            except BaseException:
                with self._changed:
                    self._queue.extendleft(reversed(left))
                    self._trim()
                raise
            with self._changed:
                self._settled = batch[-1][0]
                self._changed.notify_all()

    def _write_all(self, left: deque[tuple[int, AnswerRecord]]) -> None:
        """Write records, and take from them what is settled; one that is wrong holds up no other."""
        try:
            self._write([record for _, record in left])
            left.clear()
        except _TROUBLES:
            raise
        except Exception:  # noqa: BLE001 - told of those that are wrong
            while left:
                self._write_one(left[0][1])
                left.popleft()

    def _write_one(self, record: AnswerRecord) -> None:
        try:
            self._write([record])
        except _TROUBLES:
            raise
        except Exception:
            self.dropped += 1
            log.exception("the record %s cannot be written and is lost", record.id)

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
                log.exception("records cannot be written, trying again")

    def _complain(self, message: str) -> None:
        """Once for a trouble that lasts; nobody is waited for meanwhile."""
        if not self._complained:
            log.warning("records cannot be written, trying again: %s", message)
        self._complained = True
        with self._changed:
            self._urgent = False
