"""Real processes for the tests: the command line, servers, and a record of what they call on the network."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
HANDBOOK = ROOT / "corpora" / "handbook"

# Runs in every Python process under test, children included.
RECORDER = """
import os, socket, sys
def hook(event, arguments, path=os.environ["E2E_CALLS"]):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        if arguments[0].family == socket.AF_UNIX:
            return
    elif event not in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        return
    with open(path, "a") as record:
        record.write(f"{sys.argv} {event} {arguments[1:]}\\n")
sys.addaudithook(hook)
"""


@dataclass(frozen=True, slots=True)
class World:
    """A folder for everything of a test run: homes, temporary files, the record of calls."""

    folder: Path

    @property
    def calls(self) -> Path:
        return self.folder / "calls.txt"

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """As a user's shell has it: no setting of ours, none that tells libraries to stay offline."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("RAGSVC_", "HF_", "TRANSFORMERS_", "PYTHON"))
        }
        recorder, temporary = self.folder / "recorder", self.folder / "tmp"
        for folder in (recorder, temporary):
            folder.mkdir(exist_ok=True)
        (recorder / "sitecustomize.py").write_text(RECORDER)
        ours = {
            "PYTHONPATH": os.pathsep.join([str(recorder), str(ROOT)]),
            "E2E_CALLS": str(self.calls),
            "TMPDIR": str(temporary),
        }
        return kept | ours | dict(extra or {})

    def ragsvc(self, *words: str | Path, prefix: Sequence[str] = (), timeout_s: float = 200) -> Ran:
        """Run one command to its end."""
        done = subprocess.run(
            [*prefix, sys.executable, "-m", "ragsvc", *map(str, words)],
            env=self.environment(),
            cwd=self.folder,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        value = json.loads(self.out)
        assert isinstance(value, dict)
        return value


class Server:
    """`ragsvc serve` on a port of this machine.

    port: 0 for a free one.
    """

    def __init__(
        self, world: World, home: Path, extra: Mapping[str, str] | None = None, *, port: int = 0
    ) -> None:
        self.home = home
        self.log = home.with_name(home.name + ".log")
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ragsvc", "serve", "--port", str(port), "--home", str(home)],
                env=world.environment(extra),
                cwd=world.folder,
                stdout=log,
                stderr=log,
            )
        key = (extra or {}).get("RAGSVC_API_KEY")
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.url = wait_for(self._find_url, 60)
        self.port = int(self.url.rpartition(":")[2])
        self.http = httpx.Client(base_url=self.url, headers=self.headers, timeout=60, trust_env=False)

    def _find_url(self) -> str | None:
        assert self._process.poll() is None, self.log.read_text()
        found = re.search(r"serving on (http://[\d.:]+)", self.log.read_text())
        return found.group(1) if found else None

    def wait_until_ready(self) -> None:
        wait_for(lambda: self.http.get("/readyz").status_code == 200, 60)

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        """Post JSON that must succeed."""
        response = self.http.post(path, json=body)
        assert response.status_code < 300, response.text
        value = response.json()
        assert isinstance(value, dict)
        return value

    def search(self, corpus: str, query: str, **more: Any) -> list[dict[str, Any]]:
        hits = self.post("/v1/search", corpus=corpus, query=query, **more)["hits"]
        assert isinstance(hits, list)
        return hits

    def upload(self, corpus: str, files: Mapping[str, bytes]) -> dict[str, Any]:
        """Post files; gives the queued job."""
        parts = [("files", (name, content)) for name, content in files.items()]
        response = self.http.post(f"/v1/corpora/{corpus}/documents", files=parts)
        assert response.status_code == 202, response.text
        job = response.json()
        assert response.headers["location"] == f"/v1/jobs/{job['id']}"
        assert isinstance(job, dict)
        return job

    def job(self, job: Mapping[str, Any]) -> dict[str, Any]:
        value = self.http.get(f"/v1/jobs/{job['id']}").json()
        assert isinstance(value, dict)
        return value

    def ended(self, job: Mapping[str, Any], timeout_s: float = 60) -> dict[str, Any]:
        """Wait for a job's end."""
        wait_for(lambda: self.job(job)["state"] in ("done", "failed", "cancelled"), timeout_s)
        return self.job(job)

    def child(self) -> psutil.Process | None:
        """The process that does jobs."""
        for child in psutil.Process(self._process.pid).children():
            if "ragsvc.service.job_worker" in child.cmdline():
                return child
        return None

    def socket(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def kill(self) -> psutil.Process:
        """End it as the kernel does when memory is short; gives its child at work."""
        child = self.child()
        assert child is not None
        self.http.close()
        self._process.kill()
        self._process.wait(30)
        return child

    def close(self) -> None:
        """End it as `kill` does, and see that nothing is left of it."""
        self.http.close()
        family = psutil.Process(self._process.pid).children(recursive=True)
        self._process.terminate()
        try:
            self._process.wait(30)
        finally:
            self._process.kill()
            _, left = psutil.wait_procs(family, timeout=10)
            for process in left:
                process.kill()
        assert not left
        log = self.log.read_text()
        assert "Traceback" not in log, log[log.index("Traceback") :][:4000]


def wait_for(look: Callable[[], T | None], timeout_s: float) -> T:
    """Look until there is something."""
    end = time.monotonic() + timeout_s
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < end, f"waited {timeout_s} s in vain"
        time.sleep(0.1)
