"""Parsing in child processes: a parser that hangs, crashes or eats memory costs one file."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterable, Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import TracebackType
from typing import IO, Generic, TypeVar

from ragsvc.domain import Failure, ParsedDocument
from ragsvc.errors import InternalError, ParserCrashed, ParserOutOfMemory, ParserTimeout, UnreadableFile
from ragsvc.text.limits import ParseLimits
from ragsvc.text.parse import display_name, parse_file, reads_inline
from ragsvc.text.scratch import private_folder
from ragsvc.text.worker import READY, decode_outcome, parse_outcome

__all__ = ["TRANSIENT_CODES", "ParseLimits", "ParserPool"]

Key = TypeVar("Key")

TRANSIENT_CODES: frozenset[str] = frozenset(
    error.code for error in (ParserTimeout, ParserCrashed, ParserOutOfMemory, UnreadableFile)
)
"""Failures that another try may cure; every other code stays with the same bytes."""

_BOOT_S = 120.0
_MAX_BOOTS = 3
_FILES_PER_WORKER = 500
_SINGLE_THREAD = {
    "MALLOC_ARENA_MAX": "2",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "RAYON_NUM_THREADS": "1",
    "TOKIO_WORKER_THREADS": "1",
}
_MEMORY_WORDS = (b"memory allocation of", b"memoryerror", b"cannot allocate memory", b"out of memory")


@dataclasses.dataclass(frozen=True, slots=True)
class _Task(Generic[Key]):
    key: Key
    path: str
    attempt: int


class _Worker(Generic[Key]):
    """One child process with at most one file in its hands."""

    def __init__(self, process: subprocess.Popen[bytes], connection: Connection, stderr: IO[bytes]) -> None:
        self.process = process
        self.connection = connection
        self.stderr = stderr
        self.task: _Task[Key] | None = None
        self.deadline = 0.0
        self.ready = False
        self.files = 0

    @classmethod
    def start(cls, parser: str, limits: ParseLimits) -> _Worker[Key]:
        ours, theirs = Pipe()
        stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop()
        handle = theirs.fileno()
        options = json.dumps(dataclasses.asdict(limits))
        process = subprocess.Popen(
            [
                sys.executable,
                "-P",
                "-m",
                "ragsvc.text.worker",
                str(handle),
                str(os.getpid()),
                parser,
                options,
            ],
            pass_fds=(handle,),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            env={
                **os.environ,
                **_SINGLE_THREAD,
                "TMPDIR": private_folder(),
                "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path),
            },
        )
        theirs.close()
        return cls(process, ours, stderr)

    def give(self, task: _Task[Key], timeout_s: float) -> None:
        self.task = task
        self.files += 1
        self.deadline = time.monotonic() + (timeout_s if self.ready else _BOOT_S)
        with contextlib.suppress(OSError):  # dead already: reading from it will say so, and why
            self.connection.send_bytes(os.fsencode(task.path))

    def stop(self) -> int:
        """Kill it if it lives and free everything; its exit status."""
        self.process.kill()
        status = self.process.wait()
        self.connection.close()
        self.stderr.close()
        return status

    def read_last_words(self) -> bytes:
        size = self.stderr.seek(0, os.SEEK_END)
        self.stderr.seek(max(size - 4096, 0))
        return self.stderr.read()


class ParserPool:
    """Parser processes, started only when a file needs one; use it as a context manager.

    The thread that parses must outlive the pool: Linux ends the children with the thread that
    started them.
    """

    def __init__(
        self, workers: int, limits: ParseLimits, *, parser: str = "ragsvc.text.parse:parse_file"
    ) -> None:
        """Keep the settings; nothing is started.

        :param workers: at least 1.
        :param parser: what the children run, "module:function".
        """
        self._size = max(workers, 1)
        self._limits = limits
        self._parser = parser
        self._idle: list[_Worker[object]] = []
        self._failed_boots = 0

    def __enter__(self) -> ParserPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the idle processes; a running `parse` stops its own when it is closed."""
        while self._idle:
            self._idle.pop().stop()

    def parse(
        self, files: Iterable[tuple[Key, str]]
    ) -> Generator[tuple[Key, ParsedDocument | Failure], None, None]:
        """Parse files, each to exactly one outcome, in order of completion.

        No more files are taken from `files` than there are processes, so memory stays flat however
        slowly the outcomes are used. Closing the iterator stops the processes that are at work.

        :param files: (key, path); the key comes back with the outcome.
        :raises InternalError: if parser processes do not start at all.
        """
        queue = iter(files)
        again: list[_Task[Key]] = []
        busy: list[_Worker[Key]] = []
        more = True
        try:
            while more or again or busy:
                while (more or again) and len(busy) < self._size:
                    task = again.pop() if again else self._next_task(queue)
                    if task is None:
                        more = False
                    elif reads_inline(task.path):
                        yield task.key, parse_outcome(parse_file, task.path, self._limits)
                    else:
                        worker: _Worker[Key] = self._take_worker()
                        busy.append(worker)
                        worker.give(task, self._limits.timeout_s)
                for worker in self._wait(busy):
                    task = worker.task
                    outcome = self._collect(worker)
                    if outcome is None:
                        continue
                    busy.remove(worker)
                    assert task is not None
                    if outcome is _RETRY:
                        again.append(_Task(task.key, task.path, task.attempt + 1))
                    else:
                        assert not isinstance(outcome, _Retry)
                        yield task.key, outcome
        finally:
            for worker in busy:
                worker.stop()

    @staticmethod
    def _next_task(queue: Iterator[tuple[Key, str]]) -> _Task[Key] | None:
        item = next(queue, None)
        return None if item is None else _Task(item[0], item[1], 0)

    def _take_worker(self) -> _Worker[Key]:
        while self._idle:
            worker = self._idle.pop()
            if worker.process.poll() is None:
                return worker  # type: ignore[return-value]
            worker.stop()
        return _Worker.start(self._parser, self._limits)

    @staticmethod
    def _wait(busy: list[_Worker[Key]]) -> list[_Worker[Key]]:
        """Workers that have something to say or whose time is up."""
        if not busy:
            return []
        patience = max(min(worker.deadline for worker in busy) - time.monotonic(), 0.0)
        heard = wait([worker.connection for worker in busy], timeout=patience)
        now = time.monotonic()
        return [worker for worker in busy if worker.connection in heard or worker.deadline <= now]

    def _collect(self, worker: _Worker[Key]) -> ParsedDocument | Failure | _Retry | None:
        """What became of a worker's file; None when it is still at work."""
        assert worker.task is not None
        source = display_name(worker.task.path)
        if not worker.connection.poll():
            worker.stop()
            words = f"not read within {self._limits.timeout_s:g} s"
            return Failure(source, ParserTimeout.code, words)
        try:
            message = worker.connection.recv_bytes()
            if message == READY and not worker.ready:
                worker.ready = True
                self._failed_boots = 0
                worker.deadline = time.monotonic() + self._limits.timeout_s
                return None
            outcome = decode_outcome(message)
        except (EOFError, OSError, ValueError, TypeError, KeyError):
            return self._bury(worker, source)
        worker.task = None
        if worker.files >= _FILES_PER_WORKER:
            worker.stop()  # whatever the parser leaked goes with it
        else:
            self._idle.append(worker)  # type: ignore[arg-type]
        return outcome

    def _bury(self, worker: _Worker[Key], source: str) -> Failure | _Retry:
        """Find out why a worker died with a file in its hands."""
        assert worker.task is not None
        try:
            worker.process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            worker.process.kill()
        words = worker.read_last_words()
        status = worker.stop()
        if not worker.ready:
            self._failed_boots += 1
            if self._failed_boots >= _MAX_BOOTS:
                shown = words.decode(errors="replace").strip()[-500:]
                raise InternalError(f"parser processes do not start: {shown}", hint="Install ragsvc again.")
            return _RETRY
        if any(word in words.lower() for word in _MEMORY_WORDS):
            limit = self._limits.memory_bytes >> 20
            return Failure(source, ParserOutOfMemory.code, f"it needs more than {limit} MiB of memory")
        if status == -signal.SIGKILL and worker.task.attempt == 0:
            return _RETRY  # killed from outside, so perhaps not for this file's sake
        how = f"signal {-status}" if status < 0 else f"status {status}"
        return Failure(source, ParserCrashed.code, f"the parser died of {how}")


class _Retry:
    """Marks a file that deserves another process."""


_RETRY = _Retry()
