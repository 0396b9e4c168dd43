"""A process that forks a process for every act: imports once, so that hundreds can be killed quickly.

An act is a function "module:name" with arguments. It runs in a process of its own, which may be killed at a
crash point or after some time, and leaves its outcome in a file.
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import logging
import os
import pickle
import select
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
UNSHARE = ("unshare", "--user", "--map-root-user", "--mount")
LIMIT_S = 20.0


@dataclass
class Outcome:
    """What an act left behind.

    code, message, hint: of the error of ours that it raised; "" when it raised none.
    crash: the traceback of any other exception. points: crash points passed, in order.
    killed: it was killed as asked, and nothing else is known.
    """

    value: Any = None
    code: str = ""
    message: str = ""
    hint: str = ""
    crash: str = ""
    points: list[str] = field(default_factory=list)
    seconds: float = 0.0
    logged: list[str] = field(default_factory=list)
    killed: bool = False


@dataclass(frozen=True)
class Kill:
    """Where an act dies: when it passes a point for the nth time (from 1), or after some seconds."""

    point: str = ""
    nth: int = 1
    seconds: float | None = None

    def __str__(self) -> str:
        return f"{self.point} #{self.nth}" if self.point else f"{1000 * (self.seconds or 0):.1f} ms"


class Zygote:
    """The parent's end: runs acts one after the other."""

    def __init__(self, *prefix: str) -> None:
        """:param prefix: a command to run the zygote under, such as `UNSHARE`."""
        self._folder = tempfile.TemporaryDirectory(prefix="ragsvc-zygote-")
        paths = [str(HERE), str(HERE.parent), str(HERE.parent.parent), *sys.path]
        self._process = subprocess.Popen(
            [*prefix, sys.executable, "-c", "import torture_zygote; torture_zygote.main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"},
        )

    def __enter__(self) -> Zygote:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()
        self._folder.cleanup()

    def run(self, call: str, *arguments: Any, kill: Kill | None = None, inside: bool = False) -> Outcome:
        """Run one act.

        :param inside: in the zygote itself, so that what it does to the process stays (a mount).
        """
        result = Path(self._folder.name) / "outcome"
        result.unlink(missing_ok=True)
        at = kill or Kill()
        order = [call, arguments, at.point, at.nth, at.seconds, str(result), inside]
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline() or "-1")
        if code == -signal.SIGKILL and kill is not None:
            return Outcome(killed=True)
        if code:
            return Outcome(crash=f"it ended with {code}; -6: it hung for {LIMIT_S} s")
        outcome = pickle.loads(result.read_bytes())
        assert isinstance(outcome, Outcome)
        return outcome

    def value(self, call: str, *arguments: Any) -> Any:
        """Run an act that must not fail, and take what it returns."""
        outcome = self.run(call, *arguments)
        assert not outcome.crash, outcome.crash
        assert not outcome.code, f"{call}{arguments}: {outcome.code}: {outcome.message}"
        return outcome.value


class _Memory(logging.Handler):
    """Keeps what is logged."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.INFO)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(record.getMessage())


def perform(call: str, arguments: Sequence[Any], point: str, nth: int, result: Path) -> None:
    """Run the act in this process, and write its outcome."""
    from ragsvc import crashpoints
    from ragsvc.errors import RagsvcError

    outcome = Outcome()
    left = nth

    def pass_point(name: str) -> None:
        nonlocal left
        outcome.points.append(name)
        if name == point:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    faulthandler.enable()
    crashpoints.install(pass_point)
    logging.getLogger("ragsvc").addHandler(_Memory(outcome.logged))
    logging.getLogger("ragsvc").setLevel(logging.INFO)
    module, name = call.split(":")
    begun = time.perf_counter()
    try:
        outcome.value = getattr(importlib.import_module(module), name)(*arguments)
    except RagsvcError as error:
        outcome.code, outcome.message, outcome.hint = error.code, error.message, error.hint
    except Exception:
        outcome.crash = traceback.format_exc()
    outcome.seconds = time.perf_counter() - begun
    result.write_bytes(pickle.dumps(outcome))


def wait_for(child: int, seconds: float | None) -> int:
    """Wait until a child has ended, killing it when its time is over; gives its exit code."""
    watched = os.pidfd_open(child)
    try:
        poll = select.poll()
        poll.register(watched, select.POLLIN)
        if not poll.poll(1000 * (LIMIT_S if seconds is None else seconds)):
            # One that hangs says where, and is not taken for one that was killed as asked.
            os.kill(child, signal.SIGABRT if seconds is None else signal.SIGKILL)
    finally:
        os.close(watched)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main() -> None:
    """Read orders from stdin; answer each with the exit code of its process."""
    import torture_truth
    import torture_verbs

    # Once before the forks: what is imported late, and what is made at the first use.
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a.md").write_text("apple")
        torture_verbs.act(f"{folder}/home", folder, "sync", {})
        torture_truth.look(f"{folder}/home")
    for line in sys.stdin:
        call, arguments, point, nth, seconds, result, inside = json.loads(line)
        if inside:
            perform(call, arguments, point, nth, Path(result))
            code = 0
        else:
            child = os.fork()
            if child == 0:
                perform(call, arguments, point, nth, Path(result))
                os._exit(0)
            code = wait_for(child, seconds)
        sys.stdout.write(f"{code}\n")
        sys.stdout.flush()
