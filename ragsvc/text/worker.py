"""What runs inside a parser process: reads a path, answers with a document or a failure.

Started by ragsvc.text.workers as `python -m ragsvc.text.worker`; it never imports a model.
"""

from __future__ import annotations

import ctypes
import dataclasses
import importlib
import json
import os
import resource
import signal
import sys
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ragsvc.domain import Caveat, Failure, ParsedDocument, Part
from ragsvc.errors import DocumentError, ParserCrashed, ParserOutOfMemory
from ragsvc.text.limits import ParseLimits
from ragsvc.text.parse import display_name

READY = b"ready"
_PR_SET_PDEATHSIG = 1
_NICENESS = 10
_OPTIONAL_LIBRARY = "kreuzberg"

ParseFunction = Callable[[str, ParseLimits], ParsedDocument]


def parse_outcome(parse: ParseFunction, path: str, limits: ParseLimits) -> ParsedDocument | Failure:
    """Run a parse function; everything that goes wrong becomes a failure."""
    source = display_name(path)
    try:
        return parse(path, limits)
    except DocumentError as error:
        words = f"{error.message} ({error.hint})" if error.hint else error.message
        return Failure(source, error.code, words)
    except MemoryError:
        return Failure(source, ParserOutOfMemory.code, "it needs more memory than the limit")
    except Exception as error:  # noqa: BLE001 - one file must never end an ingest
        return Failure(source, ParserCrashed.code, f"the parser failed: {type(error).__name__}: {error}")


def encode_outcome(outcome: ParsedDocument | Failure) -> bytes:
    """Outcome as JSON: the other side must not unpickle what a parser of hostile files sends."""
    return json.dumps([type(outcome).__name__, dataclasses.asdict(outcome)]).encode()


def decode_outcome(message: bytes) -> ParsedDocument | Failure:
    """Inverse of encode_outcome.

    :raises ValueError: if the message is not one.
    """
    name, fields = json.loads(message)
    if name == Failure.__name__:
        return Failure(**fields)
    return document_of(fields)


def document_of(fields: Mapping[str, Any]) -> ParsedDocument:
    """A document from what `dataclasses.asdict` made of it."""
    parts = tuple(Part(p["suffix"], p["parent"], document_of(p["document"])) for p in fields["parts"])
    warnings = tuple(Caveat(**made) for made in fields["warnings"])
    whole = {**fields, "pages": tuple(fields["pages"]), "warnings": warnings, "parts": parts}
    return ParsedDocument(**whole)


def serve(connection: Connection, parse: ParseFunction, limits: ParseLimits) -> None:
    """Answer paths (bytes) with outcomes until the other side hangs up."""
    connection.send_bytes(READY)
    while True:
        try:
            path = os.fsdecode(connection.recv_bytes())
        except EOFError:
            return
        connection.send_bytes(encode_outcome(parse_outcome(parse, path, limits)))


def _die_with_parent(parent: int) -> None:
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise SystemExit(0)  # it died before the signal was set


def _limit_memory(memory_bytes: int) -> None:
    """Cap the address space at what this process has now plus the limit."""
    status = Path("/proc/self/statm")
    if not status.exists():
        return  # only Linux tells how much there is now
    baseline = int(status.read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (baseline + memory_bytes, baseline + memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _load(dotted: str) -> Any:
    module, _, name = dotted.partition(":")
    return getattr(importlib.import_module(module), name)


def main() -> None:
    """Entry point: file descriptor, parent, parse function and limits come as arguments."""
    handle, parent, dotted, limits_json = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to deal with
    _die_with_parent(int(parent))
    os.nice(_NICENESS)
    limits = ParseLimits(**json.loads(limits_json))
    parse = _load(dotted)
    importlib.import_module(_OPTIONAL_LIBRARY)  # its own size must not count against a file
    _limit_memory(limits.memory_bytes)
    serve(Connection(int(handle)), parse, limits)


if __name__ == "__main__":
    main()
