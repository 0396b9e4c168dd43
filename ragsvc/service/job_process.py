"""The process that does jobs: started once for many, because loading a model takes longer than most jobs.

It ends with its server: by a signal of the kernel where there is one, else when its stdin ends. What is
left of a server that could not see to that is found by its command line, which names the home.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from ragsvc.settings import Settings

log = logging.getLogger(__name__)

MODULE = "ragsvc.service.job_worker"
# On its stdin, instead of the id of a job: the one in work is to make room for others.
MAKE_ROOM = "!make room"
_EXIT_S = 5.0
_LOOK_S = 0.05


class JobProcess:
    """A niced child that does the jobs it is told, one after another."""

    def __init__(self, settings: Settings) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-m", MODULE, str(os.getpid()), _mark(settings.home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_environment(settings),
            bufsize=0,
        )
        self._job_id = ""
        self._heard = b""
        # What nobody set must stay so: an embedder that is named is taken whatever the language.
        self._say(settings.model_dump_json(exclude={"api_key"}, exclude_unset=True))

    @property
    def exit_code(self) -> int | None:
        """None while it lives; negative for a signal."""
        return self._child.poll()

    def begin(self, job_id: str) -> None:
        """Have it do a job."""
        self._job_id = job_id
        self._say(job_id)

    def make_room(self) -> None:
        """Ask it to leave the job in work, so that another can be done."""
        self._say(MAKE_ROOM)

    def wait(self, seconds: float) -> bool:
        """Wait for the end of the job, or of the process; False when time is up or a stray line comes."""
        assert self._child.stdout is not None
        readable, _, _ = select.select([self._child.stdout], [], [], seconds)
        if readable:
            said = os.read(self._child.stdout.fileno(), 4096)
            if not said:  # it is about to end
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._child.wait(seconds)
            self._heard += said
        *lines, self._heard = self._heard.split(b"\n")
        own = self._job_id.encode()
        for line in lines:
            if line not in (own, b""):
                log.warning("the job process printed %r", line[:200])
        return own in lines or self.exit_code is not None

    def kill(self) -> None:
        """End it at once."""
        self._child.kill()
        self._reap()

    def close(self) -> None:
        """Let an idle one go; ends one that is at work."""
        self._child.terminate()
        try:
            self._child.wait(_EXIT_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
        self._reap()

    def _reap(self) -> None:
        self._child.wait()
        for stream in (self._child.stdin, self._child.stdout):
            assert stream is not None
            stream.close()

    def _say(self, line: str) -> None:
        assert self._child.stdin is not None
        # That it is gone shows in its exit code.
        with contextlib.suppress(BrokenPipeError):
            self._child.stdin.write(line.encode() + b"\n")


def _environment(settings: Settings) -> Mapping[str, str]:
    """The environment without the key: a job calls no server."""
    hidden = f"{settings.model_config.get('env_prefix', '')}API_KEY".upper()
    return {name: value for name, value in os.environ.items() if name.upper() != hidden}


def is_job_process(pid: int, home: Path) -> bool:
    """Whether a process id is one of the children of a home's servers, not a stranger that got its number."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return MODULE.encode() in words and _mark(home).encode() in words


def end_job_process(pid: int, home: Path) -> bool:
    """End a child that its server left behind.

    :return: whether it is gone, or was none; False when it cannot be ended.
    """
    deadline = time.monotonic() + _EXIT_S
    while is_job_process(pid, home):
        if time.monotonic() > deadline:
            return False
        # Another user's process, or one that ended this moment: the next look tells.
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
        time.sleep(_LOOK_S)
    return True


def _mark(home: Path) -> str:
    """What the command lines of a home's children have in common, however its path is spelled."""
    return f"home={os.path.realpath(home)}"
