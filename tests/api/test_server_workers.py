"""Several server processes on one port: they are replaced, end together, and say why they cannot start."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from ragsvc.api import supervisor as supervisor_module
from ragsvc.api.supervisor import Supervisor, error_of
from ragsvc.errors import InternalError, ModelNotFound, RagsvcError, ServerFailed
from ragsvc.settings import Settings

TESTS = Path(__file__).parents[1]
PARENT = """
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell does for what runs in the background
from ragsvc.api import supervisor
from ragsvc.cli.main import main
supervisor.MODULE = "hash_worker"
sys.exit(main())
"""


@dataclass
class Running:
    """A parent with two server processes."""

    process: subprocess.Popen[bytes]
    log: Path

    def wait_for_url(self) -> str:
        found: list[str] = []

        def look() -> bool:
            assert self.process.poll() is None, self.log.read_text()
            found[:] = re.findall(r"serving on (\S+) with 2 workers", self.log.read_text())
            return bool(found)

        eventually(look)
        return found[0]

    def workers(self) -> list[psutil.Process]:
        family = psutil.Process(self.process.pid).children()
        return sorted(filter(lives, family), key=lambda one: one.pid)


def lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


def get(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=10) as response:
        value = json.loads(response.read())
    assert isinstance(value, dict)
    return value


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    begun: list[Running] = []

    def run(home: Path) -> Running:
        paths = [TESTS / "api", TESTS / "service", TESTS, TESTS.parent]
        own = {
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            "RAGSVC_EMBEDDER": "hash",
            "RAGSVC_CHUNK_TOKENS": "24",
            "HOLD_EMBEDDING": str(tmp_path / "hold"),
            "DIE_AT_START": str(tmp_path / "die"),
        }
        log = tmp_path / "log"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [sys.executable, "-c", PARENT, "serve", "--workers", "2", "--port", "0", "--home", str(home)],
                env=os.environ | own,
                stdout=stream,
                stderr=stream,
            )
        begun.append(Running(process, log))
        return begun[-1]

    yield run
    for running in begun:
        running.process.kill()
        running.process.wait()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 0), (signal.SIGKILL, -9)]
)
def test_all_end_with_their_parent(
    tmp_path: Path, start: Callable[..., Running], number: int, code: int
) -> None:
    running = start(tmp_path / "home")
    running.wait_for_url()
    family = running.workers()
    assert len(family) == 2
    os.kill(running.process.pid, number)
    assert running.process.wait(10) == code
    _, left = psutil.wait_procs(family, timeout=10)
    assert left == []
    assert "Traceback" not in running.log.read_text()


def test_a_killed_process_is_replaced_and_the_port_keeps_answering(
    tmp_path: Path, start: Callable[..., Running]
) -> None:
    running = start(tmp_path / "home")
    url = running.wait_for_url()
    victim, other = running.workers()
    victim.kill()
    while running.process.poll() is None and victim.pid in {one.pid for one in running.workers()}:
        assert get(f"{url}/healthz") == {"status": "ok"}
    eventually(lambda: len(running.workers()) == 2 and other in running.workers())
    # Both at once: what waits in the queue of the port is answered by their successors.
    for one in running.workers():
        one.kill()
    assert get(f"{url}/healthz") == {"status": "ok"}
    assert "signal SIGKILL; another one starts" in running.log.read_text()


def test_what_a_process_says_when_it_cannot_start_is_the_error_of_the_command(
    tmp_path: Path, start: Callable[..., Running]
) -> None:
    home = tmp_path / "home"
    home.write_text("I am a file")
    running = start(home)
    assert running.process.wait(30) == 1
    log = running.log.read_text()
    assert log.startswith("error: ") and log.count("error: ") == 1
    assert "home_not_writable" in log and "hint:" in log and "Traceback" not in log


def test_processes_that_die_at_every_start_end_the_command(
    tmp_path: Path, start: Callable[..., Running]
) -> None:
    (tmp_path / "die").touch()
    running = start(tmp_path / "home")
    assert running.process.wait(30) == 1
    assert "error: a server process ended with exit code 7 while it started, 3 times in a row" in (
        running.log.read_text()
    )


def test_an_error_is_made_again_from_its_code() -> None:
    again = error_of("model_not_found", "gone", "put it back")
    assert (type(again), again.message, again.hint) == (ModelNotFound, "gone", "put it back")
    assert type(error_of("internal", "", "")) is InternalError
    assert type(error_of("of a later version", "", "")) is RagsvcError


# Serves nothing; what libraries print comes before its word.
CHATTY = """
import sys, time
print("hello from a library")
print('{"error": "of somebody else"}')
print("[" * 100000)
print("[1]", end="", flush=True)
print('\\n{"serving": true}', flush=True)
time.sleep(60)
"""


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def test_a_fork_that_fails_and_stray_lines_end_nothing(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The first process dies once both serve, and the next two starts fail."""
    made: list[subprocess.Popen[bytes]] = []
    failures = 2

    def popen(_: object, **options: Any) -> subprocess.Popen[bytes]:
        nonlocal failures
        if len(made) == 2 and failures:
            failures -= 1
            raise BlockingIOError(11, "Resource temporarily unavailable")
        made.append(real([sys.executable, "-c", CHATTY], **options))
        return made[-1]

    real = subprocess.Popen
    monkeypatch.setattr(supervisor_module.subprocess, "Popen", popen)
    supervisor = Supervisor(Settings(workers=2), listener, lambda: None)
    first, second = supervisor._places
    try:
        eventually(lambda: tended(supervisor) and first.serves and second.serves)
        made[0].kill()
        eventually(lambda: tended(supervisor) and len(made) == 3 and first.serves)
        assert made[1].poll() is None
        assert (failures, first.failures, second.failures) == (0, 3, 0)
    finally:
        supervisor._end()
    assert "could not be started: Resource temporarily unavailable; another one starts" in caplog.text
    assert "printed b'hello from a library'" in caplog.text
    assert [process.poll() is None for process in made] == [False] * 3


def tended(supervisor: Supervisor) -> bool:
    for place in supervisor._places:
        supervisor._tend(place)
    return True


def test_forks_that_always_fail_end_the_command_in_words(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def popen(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(supervisor_module.subprocess, "Popen", popen)
    with pytest.raises(ServerFailed, match=r"could not be started: Resource .*, 3 times in a row"):
        Supervisor(Settings(workers=2), listener, lambda: None).run()
