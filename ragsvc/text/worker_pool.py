"""Worker processes: bytes that hang, crash or bloat whoever reads them cost one file."""

from __future__ import annotations

import dataclasses
import logging
import signal
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from multiprocessing.connection import wait
from types import TracebackType
from typing import Any, Generic, TypeVar

from ragsvc.domain import CutterSpec, CutText, Failure, LineDocument, ParsedDocument, VersionText
from ragsvc.errors import InternalError, ParserCrashed, ParserOutOfMemory, ParserTimeout, UnreadableFile
from ragsvc.text.confinement import Isolation
from ragsvc.text.limits import ParseLimits
from ragsvc.text.worker import LOADING, READY
from ragsvc.text.worker_orders import TEXT, WorkerOrder, file_order, line_order, text_order
from ragsvc.text.worker_process import WorkerProcess, WorkerTask, has_no_memory

__all__ = ["SETBACK_CODES", "TRANSIENT_CODES", "ParseLimits", "ParserPool"]

log = logging.getLogger(__name__)

Key = TypeVar("Key")
T = TypeVar("T")

SETBACK_CODES: frozenset[str] = frozenset(
    error.code for error in (ParserTimeout, ParserCrashed, ParserOutOfMemory)
)
"""Failures of bytes that cost too much: they are remembered, and not tried again unless asked."""

TRANSIENT_CODES: frozenset[str] = SETBACK_CODES | {UnreadableFile.code}
"""Failures that another try may cure; every other code stays with the same bytes."""

_MAX_BOOTS = 3
_PULSE_S = 1.0


class ParserPool:
    """Workers, started only when something is to be done; close it, or use it as a context manager.

    The thread that uses it first should outlive it: Linux ends workers with the thread that started them.
    Those that end so are replaced.
    """

    def __init__(
        self, workers: int, limits: ParseLimits, *, parser: str = "ragsvc.text.file_parser:parse_file"
    ) -> None:
        """Keep the settings; nothing is started.

        :param workers: at least 1.
        :param parser: what the children parse files with, "module:function".
        """
        self._size = max(workers, 1)
        self._limits = limits
        self._parser = parser
        self._idle: list[WorkerProcess] = []
        self._failed_boots = 0
        self._warned = False

    def __enter__(self) -> ParserPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def limits(self) -> ParseLimits:
        """What bounds each piece of work, and how files are read."""
        return self._limits

    def close(self) -> None:
        """Stop the idle processes; work that goes on stops its own when it is closed."""
        while self._idle:
            self._idle.pop().stop()

    def parse(
        self,
        files: Iterable[tuple[Key, str]],
        pulse: Callable[[], None] | None = None,
        encoding: str = "",
    ) -> Generator[tuple[Key, ParsedDocument | Failure], None, None]:
        """Parse files, each to exactly one outcome, in order of completion.

        :param encoding: of text files that do not say and are not UTF-8; "": as the limits say.
        :param files: (key, path); the key comes back with the outcome. pulse: see `run`.
        :raises InternalError: if workers do not start at all.
        """
        limits = dataclasses.replace(self._limits, encoding=encoding or self._limits.encoding)
        return self.run(((key, file_order(path, limits)) for key, path in files), pulse)

    def read_lines(
        self, lines: Iterable[tuple[Key, bytes, str]], pulse: Callable[[], None] | None = None
    ) -> Generator[tuple[Key, LineDocument | Failure], None, None]:
        """Read lines of JSON; otherwise as `parse`.

        :param lines: (key, line, source): the source is what a failure is listed under.
        """
        return self.run(((key, line_order(body, name, self._limits)) for key, body, name in lines), pulse)

    def cut(
        self,
        cutter: CutterSpec,
        versions: Iterable[VersionText],
        pulse: Callable[[], None] | None = None,
        verb: bytes = TEXT,
    ) -> Generator[tuple[VersionText, CutText | Failure], None, None]:
        """Cut stored texts into chunks; TEXT: analysed and signed; DRAFT: not. Otherwise as `parse`."""
        orders = ((version, text_order(version, cutter, self._limits, verb)) for version in versions)
        return self.run(orders, pulse)

    def run(
        self, orders: Iterable[tuple[Key, WorkerOrder[T]]], pulse: Callable[[], None] | None = None
    ) -> Generator[tuple[Key, T | Failure], None, None]:
        """Have orders carried out, each to exactly one outcome, in order of completion.

        No more are taken from `orders` than the workers hold, so memory stays flat however slowly the
        outcomes are used. Closing the iterator stops the processes that are at work.

        :param pulse: called at least about once a second; what it raises ends the work.
        :raises InternalError: if workers do not start at all.
        """
        shift: _Shift[Key, T] = _Shift(self, iter(orders))
        try:
            while shift.fill():
                for hand in shift.ready(_PULSE_S if pulse else None):
                    yield from shift.collect(hand)
                if pulse:
                    pulse()
        finally:
            for hand in shift.busy:
                hand.stop()

    # --- for shifts -----------------------------------------------------------------------

    @property
    def size(self) -> int:
        """How many workers may be at work at once, for one who uses the pool."""
        return self._size

    def take(self, *, fresh: bool) -> WorkerProcess:
        """A worker without work: an idle one, unless it must be fresh, or a new one."""
        while not fresh and self._idle:
            try:
                hand = self._idle.pop()
            except IndexError:  # another thread was faster
                break
            if hand.is_alive:
                return hand
            hand.stop()
        return WorkerProcess.start(self._parser, self._limits)

    def put_back(self, hand: WorkerProcess) -> None:
        """Keep a worker for later, unless it is worn out."""
        if hand.is_worn or len(self._idle) >= self._size:
            hand.stop()  # whatever the parser leaked goes with it
        else:
            self._idle.append(hand)

    def note_start(self, greeting: bytes) -> None:
        """A worker says that it is ready, and how it is kept from the network."""
        self._failed_boots = 0
        if greeting.endswith(Isolation.NONE.encode()) and not self._warned:
            self._warned = True
            log.warning("this system does not let workers be kept from the network; see docs/operating.md")

    def note_failed_start(self, words: bytes) -> None:
        """A worker died before it was ready.

        :raises InternalError: if that is so again and again.
        """
        self._failed_boots += 1
        if self._failed_boots >= _MAX_BOOTS:
            shown = words.decode(errors="replace").strip()[-500:]
            raise InternalError(f"parser processes do not start: {shown}", hint="Install ragsvc again.")

    def words_for(self, status: int, words: bytes) -> tuple[str, str]:
        """Code and words for the death of a worker over its first order."""
        if has_no_memory(words):
            limit = self._limits.memory_bytes >> 20
            return ParserOutOfMemory.code, f"it needs more than {limit} MiB of memory"
        how = f"signal {-status}" if status < 0 else f"status {status}"
        return ParserCrashed.code, f"the parser died of {how}"


class _Shift(Generic[Key, T]):
    """One use of the pool: orders that wait, and workers that have some in hand."""

    def __init__(self, pool: ParserPool, queue: Iterator[tuple[Key, WorkerOrder[T]]]) -> None:
        self._pool = pool
        self._queue = queue
        self._again: deque[WorkerTask] = deque()
        self.busy: list[WorkerProcess] = []

    def fill(self) -> bool:
        """Hand out what can be; whether there is anything to wait for."""
        while (task := self._next()) is not None:
            hand = self._place(task)
            if hand is None:
                self._again.appendleft(task)
                break
            hand.give(task)
        return bool(self.busy)

    def _next(self) -> WorkerTask | None:
        if self._again:
            return self._again.popleft()
        item = next(self._queue, None)
        return None if item is None else WorkerTask(item[0], item[1])

    def _place(self, task: WorkerTask) -> WorkerProcess | None:
        for hand in self.busy:
            if hand.has_room_for(task):
                return hand
        if len(self.busy) >= self._pool.size:
            return None
        hand = self._pool.take(fresh=task.is_suspect)
        self.busy.append(hand)
        return hand

    def ready(self, patience_s: float | None) -> list[WorkerProcess]:
        """Workers that have something to say or whose time is up."""
        left = max(min(hand.deadline for hand in self.busy) - time.monotonic(), 0.0)
        patience = left if patience_s is None else min(left, patience_s)
        heard = wait([hand.connection for hand in self.busy], timeout=patience)
        now = time.monotonic()
        return [hand for hand in self.busy if hand.connection in heard or hand.deadline <= now]

    def collect(self, hand: WorkerProcess) -> Iterator[tuple[Key, T | Failure]]:
        """All that a worker has to say by now."""
        if not hand.connection.poll():
            if not hand.wait_longer():
                yield self._stop_late(hand)
            return
        while hand.tasks and hand.connection.poll():
            try:
                message = hand.connection.recv_bytes()
                if message == LOADING or message.startswith(READY):
                    self._note(hand, message)
                    continue
                outcome = hand.tasks[0].order.decode(message)
            except (EOFError, OSError, ValueError, TypeError, KeyError, AssertionError):
                yield from self._bury(hand)
                return
            task = hand.finish()
            if isinstance(outcome, Failure):
                outcome = dataclasses.replace(outcome, source=task.order.source)
                if outcome.code in SETBACK_CODES:
                    # Nobody knows what state it is in.
                    used = hand.served > 1
                    self._dismiss(hand)
                    if outcome.code == ParserOutOfMemory.code and used and not task.is_suspect:
                        self._again.append(dataclasses.replace(task, is_suspect=True))
                        return
            yield task.key, outcome
        if not hand.tasks and hand in self.busy:
            self.busy.remove(hand)
            self._pool.put_back(hand)

    def _note(self, hand: WorkerProcess, message: bytes) -> None:
        if message == LOADING:
            hand.begin_loading()
            return
        if message != READY:
            self._pool.note_start(message)
        hand.begin()

    def _stop_late(self, hand: WorkerProcess) -> tuple[Any, Failure]:
        task = hand.tasks.popleft()
        self._dismiss(hand)
        words = f"not read within {hand.elapsed_s:.0f} s"
        return task.key, Failure(task.order.source, ParserTimeout.code, words)

    def _bury(self, hand: WorkerProcess) -> Iterator[tuple[Any, Failure]]:
        """Find out why a worker died with orders in its hands."""
        words = hand.read_last_words()
        ready, used = hand.is_ready, hand.served > 0
        task = hand.tasks[0]
        if not ready:
            self._dismiss(hand)
            self._pool.note_failed_start(words)
            return
        hand.tasks.popleft()
        status = self._dismiss(hand)
        if not task.is_suspect and (used or status == -signal.SIGKILL):
            # Perhaps for the sake of an earlier one, or killed from outside: another try, in a new process.
            self._again.append(dataclasses.replace(task, is_suspect=True))
            return
        code, said = self._pool.words_for(status, words)
        yield task.key, Failure(task.order.source, code, said)

    def _dismiss(self, hand: WorkerProcess) -> int:
        """Stop a worker; what it still has in hand goes to others. Gives its exit status."""
        self._again.extendleft(reversed(hand.tasks))
        hand.tasks.clear()
        self.busy.remove(hand)
        return hand.stop()
