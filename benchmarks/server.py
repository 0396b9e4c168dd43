"""A ragsvc server in a process of its own, and a client that keeps its connection."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

START_S = 120.0


class Server:
    """`ragsvc serve` over a home folder; stopped at the end of the with block."""

    def __init__(
        self, home: Path, words: Sequence[str] = (), *, module: str = "ragsvc", **environment: str
    ) -> None:
        """Start it.

        :param words: more of the command line.
        :param module: what is run, with the arguments of `ragsvc`.
        :param environment: more variables of it.
        """
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        command = [sys.executable, "-m", module, "serve", "--home", str(home), "--port", str(self.port)]
        kept = {name: value for name, value in os.environ.items() if name != "RAGSVC_API_KEY"}
        self._process = subprocess.Popen(
            [*command, *words], env=kept | environment, stderr=subprocess.DEVNULL
        )
        self._client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def __enter__(self) -> Server:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                if self._exchange("GET", "/readyz")[0] == 200:
                    return self
            except OSError:
                self._client.close()
            time.sleep(0.2)
        self._process.kill()
        raise SystemExit(f"ragsvc serve was not ready within {START_S:.0f} s")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()
        self._process.terminate()
        self._process.wait(30)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Send JSON, expect 200 and JSON."""
        status, reply = self._exchange("POST", path, json.dumps(body).encode())
        if status != 200:
            raise SystemExit(f"{path} answered {status}: {reply[:500]!r}")
        found: dict[str, Any] = json.loads(reply)
        return found

    def peak_mebibytes(self) -> float:
        """The most resident memory that the server and its children have held, MiB."""
        own = psutil.Process(self._process.pid)
        processes = [own, *own.children(recursive=True)]
        return sum(_peak_kibibytes(process.pid) for process in processes) / 1024

    def mebibytes(self) -> float:
        """The resident memory of the server and its children now, MiB."""
        own = psutil.Process(self._process.pid)
        return sum(each.memory_info().rss for each in (own, *own.children(recursive=True))) / 2**20

    def _exchange(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        self._client.request(method, path, body, headers)
        reply = self._client.getresponse()
        return reply.status, reply.read()


def _peak_kibibytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return int(psutil.Process(pid).memory_info().rss // 1024)
