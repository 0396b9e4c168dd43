"""Several server processes on one listening socket, and the parent that keeps them going.

Not uvicorn's own supervisor: it starts a process that dies at once again and again for ever, tells nobody
why it died, waits without limit for the last one to end, and its processes outlive a parent that is killed.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

from ragsvc.errors import RagsvcError, ServerFailed
from ragsvc.settings.settings import Settings

log = logging.getLogger("ragsvc.api")

MODULE = "ragsvc.api.worker"
TICK_S = 0.1
# Uvicorn's own time for requests under way, and some more for a job's process to end.
END_S = 20.0
# A process that served for so long was well: what ended it was no fault of the start.
WELL_S = 10.0
MAX_FAILED_STARTS = 3
MAX_PAUSE_S = 30.0


class _Worker:
    """One server process as its parent sees it. serving_since: None before it accepts connections."""

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        number = listener.fileno()
        self._process = subprocess.Popen(
            [sys.executable, "-m", MODULE, str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[number],
            bufsize=0,
            # Ctrl-C reaches the parent alone, which then ends all in one way.
            start_new_session=True,
        )
        self.pid = self._process.pid
        self.serving_since: float | None = None
        self.error: RagsvcError | None = None
        self._said = b""
        assert self._process.stdin is not None and self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(_line_of(settings))

    def hear(self) -> int | None:
        """Take in what it said; gives its exit code, None while it lives, negative for a signal."""
        code = self._process.poll()
        assert self._process.stdout is not None
        self._said += self._process.stdout.read() or b""
        *lines, self._said = self._said.split(b"\n")
        for line in lines:
            word = _word_of(line)
            if isinstance(word, RagsvcError):
                self.error = word
            elif word:
                self.serving_since = time.monotonic()
            elif line:
                log.warning("server process %d printed %r", self.pid, line[:200])
        return code

    def terminate(self) -> None:
        """Ask it to end."""
        self._process.terminate()

    def close(self) -> None:
        """End it at once, if it has not ended."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()


class _Place:
    """What stands for one worker: the process, or the time of the next one. failures: deaths in a row."""

    def __init__(self) -> None:
        self.worker: _Worker | None = None
        self.failures = 0
        self.start_at = 0.0

    @property
    def serves(self) -> bool:
        return self.worker is not None and self.worker.serving_since is not None


class Supervisor:
    """Keeps `settings.workers` processes serving until a signal ends them all."""

    def __init__(self, settings: Settings, listener: socket.socket, on_serving: Callable[[], None]) -> None:
        """Only store.

        :param listener: bound and listening; what waits in its queue survives a process that dies.
        :param on_serving: called once, when the first process accepts connections.
        """
        self._settings = settings
        self._listener = listener
        self._on_serving = on_serving
        self._served = False
        self._places = [_Place() for _ in range(settings.workers)]
        self._signals: list[int] = []

    def run(self) -> None:
        """Start the processes and replace those that die; returns, or dies by the signal, as one server does.

        :raises RagsvcError: if no process can start; what the process said when it said something.
        """
        with self._captured():
            try:
                while not self._signals:
                    for place in self._places:
                        self._tend(place)
                    time.sleep(TICK_S)
            finally:
                self._end()

    def _tend(self, place: _Place) -> None:
        worker = place.worker
        if worker is None:
            if time.monotonic() >= place.start_at:
                try:
                    place.worker = _Worker(self._settings, self._listener)
                except OSError as error:
                    self._replace(place, None, f"could not be started: {error.strerror or error}")
            return
        code = worker.hear()
        if place.serves and not self._served:
            self._served = True
            self._on_serving()
        if code is not None:
            place.worker = None
            worker.close()
            started = "" if worker.serving_since is not None else " while it started"
            self._replace(place, worker, f"ended with {_death(code)}{started}")

    def _replace(self, place: _Place, worker: _Worker | None, fate: str) -> None:
        """Have another one start, after a pause where the last ones failed too.

        While another process serves there is something to lose, so starts are tried for ever.
        """
        since = worker.serving_since if worker is not None else None
        error = worker.error if worker is not None else None
        place.failures = 1 if since is not None and time.monotonic() - since > WELL_S else place.failures + 1
        if since is None and not any(other.serves for other in self._places):
            if error is not None and (not self._served or place.failures >= MAX_FAILED_STARTS):
                raise error
            if place.failures >= MAX_FAILED_STARTS:
                raise ServerFailed(
                    f"a server process {fate}, {place.failures} times in a row",
                    hint="its last words are in the log; if memory is short, serve with fewer --workers",
                )
        pause = 0.0 if place.failures == 1 else min(MAX_PAUSE_S, 2.0 ** (place.failures - 2))
        place.start_at = time.monotonic() + pause
        name = f"server process {worker.pid}" if worker is not None else "a server process"
        reason = f": {error.message}" if error is not None else ""
        log.warning("%s %s%s; another one starts in %.0f s", name, fate, reason, pause)

    def _end(self) -> None:
        """Ask all to end; after END_S, or at a second signal, end them."""
        workers = [place.worker for place in self._places if place.worker is not None]
        for worker in workers:
            worker.terminate()
        deadline = time.monotonic() + END_S
        while any(worker.hear() is None for worker in workers):
            if time.monotonic() > deadline or len(self._signals) > 1:
                break
            time.sleep(TICK_S)
        for worker in workers:
            worker.close()

    @contextlib.contextmanager
    def _captured(self) -> Iterator[None]:
        """Note signals instead of dying by them; afterwards the first one has its usual effect."""
        if threading.current_thread() is not threading.main_thread():
            yield  # only the main thread may
            return

        def note(number: int, _: FrameType | None) -> None:
            self._signals.append(number)

        # Also where SIGINT was ignored, as in what a shell starts in the background.
        before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        if self._signals:
            signal.raise_signal(self._signals[0])


def error_of(code: str, message: str, hint: str) -> RagsvcError:
    """Make the error of a code again, as it comes from another process; the base class for an unknown one."""
    classes = [RagsvcError]
    for known in classes:
        if known.code == code:
            return known(message, hint=hint)
        classes += known.__subclasses__()
    return RagsvcError(message, hint=hint)


def _word_of(line: bytes) -> RagsvcError | bool:
    """What a process says with a line: its error, or whether it serves. False for a line of somebody else."""
    try:
        word = json.loads(line)
    except (ValueError, RecursionError):
        return False
    match word:
        case {"error": {"code": str(code), "message": str(message), "hint": str(hint)}}:
            return error_of(code, message, hint)
        case {"serving": True}:
            return True
    return False


def _line_of(settings: Settings) -> bytes:
    """The settings with the key, which goes through the pipe alone."""
    key = settings.api_key.get_secret_value() if settings.api_key is not None else None
    # What nobody set must stay so: an embedder that is named is taken whatever the language.
    named = settings.model_dump(mode="json", exclude_unset=True)
    return json.dumps({**named, "api_key": key}).encode() + b"\n"


def _death(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return f"signal {signal.Signals(-code).name}"
    return f"signal {-code}"
