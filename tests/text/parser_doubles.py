"""Parsers that misbehave as a file's name asks, run inside worker processes by test_workers."""

from __future__ import annotations

import os
import signal
import time
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
        return ParsedDocument("", "x" * (limits.memory_bytes * 2), "text/plain")
    elif verb == "big":
        return ParsedDocument("", "é😀" * 4_000_000, "text/plain", (0, 5))
    elif verb == "pid":
        return ParsedDocument("", f"{os.getpid()} {os.nice(0)}", "text/plain")
    return ParsedDocument("title", Path(path).name, "text/plain", (0,), {"a": [1, None]})
