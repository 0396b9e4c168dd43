"""The process that does jobs: started once for many, because loading a model takes longer than most jobs."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import subprocess
import sys
from collections.abc import Mapping

from ragsvc.settings import Settings

log = logging.getLogger(__name__)

MODULE = "ragsvc.service.child"
# Orders are lines on its stdin, and the end of stdin ends it: so it never outlives its server for long.
_EXIT_S = 5.0


class JobProcess:
    """A niced child that does the jobs it is told, one after another."""

    def __init__(self, settings: Settings) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-m", MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_environment(settings),
            bufsize=0,
        )
        self._job_id = ""
        self._heard = b""
        self._say(settings.model_dump_json(exclude={"api_key"}))

    @property
    def exit_code(self) -> int | None:
        """None while it lives; negative for a signal."""
        return self._child.poll()

    def begin(self, job_id: str) -> None:
        """Have it do a job."""
        self._job_id = job_id
        self._say(job_id)

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
