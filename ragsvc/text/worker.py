"""What runs inside a worker process: takes bytes to text, and text to chunks, one order at a time.

Started by ragsvc.text.worker_pool as `python -m ragsvc.text.worker`; it never imports a model's weights.
"""

from __future__ import annotations

import importlib
import json
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, TypeAlias

from ragsvc.domain import CutChunk, CutterSpec, CutText, Failure, LineDocument, ParsedDocument
from ragsvc.errors import DocumentError, ParserCrashed, ParserOutOfMemory
from ragsvc.parentage import die_with_parent
from ragsvc.text.confinement import MemoryBound, confine
from ragsvc.text.file_parser import display_name
from ragsvc.text.file_types import is_recording
from ragsvc.text.jsonl import read_line
from ragsvc.text.limits import ParseLimits
from ragsvc.text.worker_orders import DRAFT, FILE, LINE, encode, read_file_order, read_text_order, reads_text

if TYPE_CHECKING:
    from ragsvc.protocols import Analyser
    from ragsvc.text.chunker import Chunker

READY = b"ready"
LOADING = b"loading"
"""What a worker says besides answers: that it begins with the next order, and that it must load first."""

_OPTIONAL_LIBRARY = "kreuzberg"

ParseFunction = Callable[[str, ParseLimits], ParsedDocument]
Outcome: TypeAlias = ParsedDocument | LineDocument | CutText | Failure


class WorkerBench:
    """Carries out orders; everything that goes wrong becomes a failure."""

    def __init__(
        self, parse: ParseFunction, limits: ParseLimits, bound: MemoryBound, say: Callable[[bytes], None]
    ) -> None:
        self._parse = parse
        self._limits = limits
        self._bound = bound
        self._say = say
        self._has_library = self._has_speech_model = False
        self._analysers: dict[str, Analyser] = {}
        self._chunkers: dict[CutterSpec, Chunker] = {}

    def answer(self, message: bytes) -> bytes:
        """Carry out an order."""
        source = display_name(read_file_order(message[1:])[1]) if message[:1] == FILE else ""
        try:
            return encode(self._carry_out(message[:1], message[1:]))
        except DocumentError as error:
            words = f"{error.message} ({error.hint})" if error.hint else error.message
            outcome = Failure(source, error.code, words)
        except MemoryError:
            outcome = Failure(source, ParserOutOfMemory.code, "it needs more memory than the limit")
        except Exception as error:  # noqa: BLE001 - one file must never end an ingest
            words = f"the parser failed: {type(error).__name__}: {error}"[:1000]
            outcome = Failure(source, ParserCrashed.code, words)
        return encode(outcome)

    def _carry_out(self, verb: bytes, body: bytes) -> Outcome:
        if verb == FILE:
            encoding, path = read_file_order(body)
            self._prepare_for(path)
            return self._parse(path, replace(self._limits, encoding=encoding))
        if verb == LINE:
            return read_line(body)
        return self._cut(verb, body)

    def _prepare_for(self, path: str) -> None:
        if is_recording(path):
            if self._limits.speech_model and not self._has_speech_model:
                self._load(self._load_speech_model)
                self._has_speech_model = True
        elif not self._has_library and not reads_text(path):
            self._load(lambda: importlib.import_module(_OPTIONAL_LIBRARY))
            self._has_library = True

    def _load_speech_model(self) -> None:
        from ragsvc.text.speech import load_transcriber

        # One that does not load is told by each recording; other files have no need of it.
        with suppress(RuntimeError, ValueError, OSError, ImportError):
            load_transcriber(self._limits.speech_model)

    def _load(self, loader: Callable[[], object]) -> None:
        """Its time and size must not count against a document."""
        self._say(LOADING)
        try:
            self._bound.load(loader)
        except Exception as error:
            # No fault of the document's: as if the process had never started.
            raise SystemExit(f"{type(error).__name__}: {error}") from error
        self._say(READY)

    def _open(self, cutter: CutterSpec) -> None:
        from ragsvc.text.analysers import ANALYSERS
        from ragsvc.text.chunker import Chunker

        tokeniser = _named(cutter.tokeniser)(cutter.tokeniser_source)
        self._chunkers[cutter] = Chunker(cutter.chunker, tokeniser, cutter.max_tokens)
        if cutter.analyser not in self._analysers:
            analyser = ANALYSERS[cutter.analyser]()
            # What it needs is loaded by its first text.
            analyser.terms("warm up")
            self._analysers[cutter.analyser] = analyser

    def _cut(self, verb: bytes, body: bytes) -> CutText:
        from ragsvc.text.mentions import mentions_in
        from ragsvc.text.minhash import signature

        cutter, title, text, media_type, pages = read_text_order(body)
        if cutter not in self._chunkers:
            self._load(lambda: self._open(cutter))
        chunker = self._chunkers[cutter]
        drafts = chunker.split(title, text, media_type, pages)
        if verb == DRAFT:
            return CutText(tuple(CutChunk(draft, (), b"") for draft in drafts), b"")
        analyser = self._analysers[cutter.analyser]
        known: dict[bytes, bytes] = {}
        whole = signature(text, known)
        chunks = [
            CutChunk(
                draft,
                tuple(analyser.terms(draft.embedded_text)),
                # Without the header: copies of a text under other titles are duplicates too.
                signature(text[draft.start : draft.end], known),
            )
            for draft in drafts
        ]
        return CutText(tuple(chunks), whole, mentions_in(text, media_type))


def serve(connection: Connection, bench: WorkerBench, isolation: str) -> None:
    """Carry out orders until the other side hangs up."""
    connection.send_bytes(READY + b" " + isolation.encode())
    while True:
        try:
            message = connection.recv_bytes()
        except EOFError:
            return
        connection.send_bytes(bench.answer(message))


def _named(dotted: str) -> Any:
    module, _, name = dotted.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


def main() -> None:
    """Entry point: file descriptor, parent, parse function and limits come as arguments."""
    handle, parent, dotted, limits_json = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to deal with
    die_with_parent(int(parent))
    limits = ParseLimits(**json.loads(limits_json))
    parse = _named(dotted)
    isolation = confine()
    bound = MemoryBound(limits.memory_bytes)
    bound.set()
    connection = Connection(int(handle))
    serve(connection, WorkerBench(parse, limits, bound, connection.send_bytes), isolation)


if __name__ == "__main__":
    main()
