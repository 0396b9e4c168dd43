"""Parsers that misbehave as a file's name asks, run inside worker processes by test_workers."""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from ragsvc.domain import ParsedDocument
from ragsvc.errors import BrokenDocument
from ragsvc.text.limits import ParseLimits


def misbehave(path: str, limits: ParseLimits) -> ParsedDocument:
    """Do what the first word of the file's name says."""
    verb = Path(path).name.split("-")[0]
    if verb == "hang":
        time.sleep(600)
    elif verb == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif verb == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    elif verb == "dieonce":
        flag = Path(path).with_suffix(".flag")
        if not flag.exists():
            flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    elif verb == "exit":
        os._exit(3)
    elif verb == "bug":
        raise ZeroDivisionError("oops")
    elif verb == "broken":
        raise BrokenDocument("it is torn", hint="mend it")
    elif verb == "eat":
        return ParsedDocument(title="", text="x" * (limits.memory_bytes * 2), media_type="text/plain")
    elif verb == "big":
        return ParsedDocument(title="", text="é😀" * 4_000_000, media_type="text/plain", pages=(0, 5))
    elif verb == "pid":
        return ParsedDocument(title="", text=f"{os.getpid()} {os.nice(0)}", media_type="text/plain")
    return ParsedDocument(
        title="title", text=Path(path).name, media_type="text/plain", pages=(0,), metadata={"a": [1, None]}
    )


def look_around(path: str, limits: ParseLimits) -> ParsedDocument:
    """Try what a parser has no need of, and tell in JSON how each attempt ended."""
    return ParsedDocument(
        title="",
        text=json.dumps({name: _attempt(act) for name, act in ATTEMPTS.items()}),
        media_type="text/plain",
    )


def _attempt(act: Callable[[], object]) -> object:
    try:
        return act()
    except OSError as error:
        return errno.errorcode[error.errno or 0]


def _connect() -> str:
    with socket.create_connection(("127.0.0.1", 9), timeout=1):
        return "connected"


def _thread() -> str:
    done: list[str] = []
    thread = threading.Thread(target=lambda: done.append("ran"))
    thread.start()
    thread.join()
    return done[0]


def _status(name: str) -> str:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith(f"{name}:"))


ATTEMPTS: dict[str, Callable[[], object]] = {
    "environment": lambda: dict(os.environ),
    "folder": os.getcwd,
    "socket": lambda: socket.socket().fileno(),
    "datagram": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).fileno(),
    "local": lambda: socket.socket(socket.AF_UNIX).fileno(),
    "connect": _connect,
    "program": lambda: subprocess.run([sys.executable, "-c", ""], check=True).returncode,
    "fork": os.fork,
    "thread": _thread,
    "privileges": lambda: _status("NoNewPrivs"),
    "core": lambda: resource.getrlimit(resource.RLIMIT_CORE)[1],
    "files": lambda: resource.getrlimit(resource.RLIMIT_NOFILE)[1],
    "written": lambda: resource.getrlimit(resource.RLIMIT_FSIZE)[1],
    "scratch": lambda: tempfile.gettempdir(),
    "descriptors": lambda: sorted(int(path.name) for path in Path("/proc/self/fd").iterdir()),
}
