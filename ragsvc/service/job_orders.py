"""What a server tells the process that does its jobs: lines on stdin, whose end ends it."""

from __future__ import annotations

import os
import queue
import threading

from ragsvc.service.job_process import MAKE_ROOM

_STDIN = 0


class JobOrders:
    """Reads stdin in a thread of its own, so that also a job that hangs ends with its server.

    make_room: set when the job in work is to make room for others.
    """

    def __init__(self) -> None:
        self.make_room = threading.Event()
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._at_work = False
        self._closed = False

    def start(self) -> None:
        """Begin to listen."""
        threading.Thread(target=self._listen, name="ragsvc-orders", daemon=True).start()

    def next(self) -> str | None:
        """Wait for the next line; None: the server is gone."""
        return self._lines.get()

    def begin(self) -> bool:
        """Go to work: from now on the end of stdin ends the process; False when it has ended already."""
        with self._lock:
            self.make_room.clear()
            self._at_work = not self._closed
            return self._at_work

    def end(self) -> None:
        """The work is done."""
        with self._lock:
            self._at_work = False

    def _listen(self) -> None:
        # Not through sys.stdin: a thread that waits there holds its lock while the interpreter ends.
        heard = b""
        while said := os.read(_STDIN, 1 << 16):
            *lines, heard = (heard + said).split(b"\n")
            for line in lines:
                if line == MAKE_ROOM.encode():
                    self.make_room.set()
                else:
                    self._lines.put(line.decode())
        with self._lock:
            self._closed = True
            if self._at_work:
                # Nothing is lost: what was read is kept, and what was not published never shows.
                os._exit(1)
        self._lines.put(None)
