"""One worker process, seen from outside, and the orders it has in hand."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import deque
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO, Any

from ragsvc.text.confinement import environment
from ragsvc.text.limits import MIB, ParseLimits
from ragsvc.text.scratch import private_folder
from ragsvc.text.worker_orders import WorkerOrder

_BOOT_S = 120.0
# What waits in a worker's hands lies in the buffer of its pipe: a full one would block both sides.
_MOST_ORDERS = 32
_MOST_BYTES = 48 * 1024
# A parser leaks; our own reading of text hardly.
_WORN = 500.0
_WEAR_OF_LIGHT = 0.02
_WORN_BYTES = 512 * MIB
# Who got less of the time that it was given did not hang: others kept the processor.
_FAIR_SHARE = 0.5
_MEMORY_WORDS = (b"memory allocation of", b"memoryerror", b"cannot allocate memory", b"out of memory")


@dataclass(frozen=True, slots=True)
class WorkerTask:
    """An order with the key under which its outcome is asked for.

    is_suspect: a worker died over it, perhaps for another reason; it gets a new one for itself.
    """

    key: Any
    order: WorkerOrder[Any]
    is_suspect: bool = False


class WorkerProcess:
    """A child process. It answers its orders one by one, in the order in which it got them."""

    def __init__(self, process: subprocess.Popen[bytes], connection: Connection, stderr: IO[bytes]) -> None:
        self._process = process
        self._stderr = stderr
        self._bytes = 0
        self._wear = 0.0
        self.connection = connection
        self.tasks: deque[WorkerTask] = deque()
        self.deadline = 0.0
        self._began = 0.0
        self._worked_s = 0.0
        self.is_ready = False
        self.served = 0

    @classmethod
    def start(cls, parser: str, limits: ParseLimits) -> WorkerProcess:
        """Start a process that has nothing of ours but the code: no secret, and its own folder."""
        ours, theirs = Pipe()
        stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop()
        handle = theirs.fileno()
        options = json.dumps(dataclasses.asdict(limits))
        scratch = private_folder()
        command = [sys.executable, "-P", "-m", "ragsvc.text.worker"]
        process = subprocess.Popen(
            [*command, str(handle), str(os.getpid()), parser, options],
            pass_fds=(handle,),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            cwd=scratch,
            env=environment(os.environ, scratch),
        )
        theirs.close()
        return cls(process, ours, stderr)

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    @property
    def is_worn(self) -> bool:
        """Whether it should be replaced: by what it has done, or by what it has grown to."""
        return self._wear >= _WORN or self._resident_bytes() > _WORN_BYTES

    def has_room_for(self, task: WorkerTask) -> bool:
        """Whether a task may be laid behind those it has, all of them quick."""
        if task.is_suspect or not task.order.light or not self.tasks or self._wear >= _WORN:
            return False
        last = self.tasks[-1]
        room = self._bytes + len(task.order.message) <= _MOST_BYTES and len(self.tasks) < _MOST_ORDERS
        return last.order.light and not last.is_suspect and room

    def give(self, task: WorkerTask) -> None:
        """Lay a task behind those it has."""
        self.tasks.append(task)
        self._bytes += len(task.order.message)
        if len(self.tasks) == 1 and self.is_ready:
            self.begin()
        elif len(self.tasks) == 1:
            self.deadline = time.monotonic() + _BOOT_S
        with contextlib.suppress(OSError):  # dead already: reading from it will say so, and why
            self.connection.send_bytes(task.order.message)

    def finish(self) -> WorkerTask:
        """Its first task is done: the clock starts for the next."""
        task = self.tasks.popleft()
        self._bytes -= len(task.order.message)
        self._wear += _WEAR_OF_LIGHT if task.order.light else 1.0
        self.served += 1
        self.begin()
        return task

    def begin(self) -> None:
        """It is ready for its first task, whose time runs from now."""
        self.is_ready = True
        if self.tasks:
            self._began, self._worked_s = time.monotonic(), self._processor_s()
            self.deadline = self._began + self.tasks[0].order.timeout_s

    def wait_longer(self) -> bool:
        """Whether its first task gets more time, because a busy machine gave it too little."""
        if not self.is_ready:
            return False
        order = self.tasks[0].order
        last = self._began + order.longest_s
        starved = self._processor_s() - self._worked_s < _FAIR_SHARE * order.timeout_s
        if not starved or self.deadline >= last:
            return False
        self.deadline = min(self.deadline + order.timeout_s, last)
        return True

    def begin_loading(self) -> None:
        """It loads a library or a model first: that is no fault of the task."""
        self.is_ready = False
        self.deadline = time.monotonic() + _BOOT_S

    @property
    def elapsed_s(self) -> float:
        """Since its first task began."""
        return time.monotonic() - self._began

    def stop(self) -> int:
        """Kill it if it lives and free everything; its exit status."""
        self._process.kill()
        status = self._process.wait()
        self.connection.close()
        self._stderr.close()
        return status

    def read_last_words(self) -> bytes:
        """The end of what it wrote to stderr, once it has died."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=1.0)
        size = self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(size - 4096, 0))
        return self._stderr.read()

    def _processor_s(self) -> float:
        try:
            fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        except (OSError, ValueError):
            return 0.0  # only Linux tells
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _resident_bytes(self) -> int:
        try:
            pages = Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]
        except (OSError, IndexError):
            return 0  # only Linux tells
        return int(pages) * resource.getpagesize()


def has_no_memory(words: bytes) -> bool:
    """Whether last words are about memory."""
    return any(word in words.lower() for word in _MEMORY_WORDS)
