"""What a worker process is asked to do and what it answers, as bytes.

Both ways it is JSON or plain bytes: nothing here unpickles what a parser of hostile files sends.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from ragsvc.domain import (
    Caveat,
    ChunkDraft,
    ChunkerSpec,
    CutChunk,
    CutterSpec,
    CutText,
    Failure,
    LineDocument,
    Mention,
    MentionKind,
    ParsedDocument,
    ParsedPart,
    VersionText,
    places_of,
)
from ragsvc.text.file_parser import display_name
from ragsvc.text.file_types import FileReader, kind_by_name
from ragsvc.text.limits import Pace, ParseLimits

FILE, LINE, TEXT, DRAFT = b"F", b"L", b"T", b"D"
"""First byte of an order: parse a path, read a line of JSON, cut a text, cut it and no more."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WorkerOrder(Generic[T]):
    """One piece of work.

    message: what the worker gets. source: what is shown when it fails.
    timeout_s: its wall time. longest_s: the same on a busy machine, where it got little processor time.
    light: quick and without a third-party parser, so that several may wait in one worker's hands.
    decode: reads the worker's answer; raises ValueError, TypeError or KeyError when it is none.
    """

    message: bytes
    source: str
    timeout_s: float
    longest_s: float
    light: bool
    decode: Callable[[bytes], T | Failure]


def reads_text(path: str) -> bool:
    """Whether a file is plain text by its name, so that no third-party parser reads it."""
    kind = kind_by_name(path)
    return kind is not None and kind.reader is FileReader.TEXT


def file_order(path: str, limits: ParseLimits) -> WorkerOrder[ParsedDocument]:
    """Parse a file.

    :param limits: its `encoding` travels with the order, the rest is the worker's own.
    """
    pace = _pace_of(path)
    try:
        size = Path(path).stat().st_size
    except (OSError, ValueError):
        size = 0  # the reading says what is wrong
    return WorkerOrder(
        FILE + limits.encoding.encode() + b"\0" + os.fsencode(path),
        display_name(path),
        limits.seconds_for(size, pace),
        limits.longest_s(pace),
        reads_text(path),
        decode_document,
    )


def _pace_of(path: str) -> Pace:
    kind = kind_by_name(path)
    if kind is None:
        return Pace.PICTURES
    if kind.reader is FileReader.RECORDING:
        return Pace.SPEECH
    return Pace.TEXT if kind.reader in (FileReader.TEXT, FileReader.HTML) else Pace.PICTURES


def read_file_order(body: bytes) -> tuple[str, str]:
    """The worker's side of `file_order`, without the first byte: the encoding and the path."""
    encoding, _, path = body.partition(b"\0")
    return encoding.decode(), os.fsdecode(path)


def line_order(body: bytes, source: str, limits: ParseLimits) -> WorkerOrder[LineDocument]:
    """Read a line of a JSON Lines file."""
    seconds = limits.seconds_for(len(body), Pace.TEXT)
    return WorkerOrder(LINE + body, source, seconds, limits.timeout_s, True, decode_line)


def text_order(
    version: VersionText, cutter: CutterSpec, limits: ParseLimits, verb: bytes = TEXT
) -> WorkerOrder[CutText]:
    """Cut a text into chunks; TEXT: analysed and signed."""

    def decode(message: bytes) -> CutText | Failure:
        return decode_cut(message, version.text)

    fields = (
        dataclasses.asdict(cutter), version.title, version.text, version.media_type, version.pages,
    )  # fmt: skip
    message = verb + json.dumps(fields).encode()
    seconds = limits.seconds_for(len(message), Pace.TEXT)
    return WorkerOrder(message, version.title or "a stored text", seconds, limits.timeout_s, True, decode)


def read_text_order(body: bytes) -> tuple[CutterSpec, str, str, str, tuple[int, ...]]:
    """The worker's side of `text_order`, without the first byte."""
    spec, title, text, media_type, pages = json.loads(body)
    cutter = CutterSpec(**{**spec, "chunker": ChunkerSpec(**spec["chunker"])})
    return cutter, title, text, media_type, tuple(pages)


def encode(outcome: ParsedDocument | LineDocument | CutText | Failure) -> bytes:
    """An answer, by the name of its type."""
    if isinstance(outcome, CutText):
        chunks = [_cut_fields(chunk) for chunk in outcome.chunks]
        mentions = [[each.kind.value, each.name, each.start, each.end] for each in outcome.mentions]
        fields: object = [outcome.signature.hex(), chunks, mentions]
    else:
        fields = dataclasses.asdict(outcome)
    return json.dumps([type(outcome).__name__, fields]).encode()


def decode_document(message: bytes) -> ParsedDocument | Failure:
    """Inverse of `encode` for what a file gave."""
    name, fields = json.loads(message)
    return Failure(**fields) if name == Failure.__name__ else _document(fields)


def decode_line(message: bytes) -> LineDocument | Failure:
    """Inverse of `encode` for what a line gave."""
    name, fields = json.loads(message)
    if name == Failure.__name__:
        return Failure(**fields)
    return LineDocument(fields["document_id"], _document(fields["parsed"]))


def decode_cut(message: bytes, text: str) -> CutText | Failure:
    """Inverse of `encode` for what a text was cut into.

    :raises ValueError: if a chunk or a mention lies outside of the text.
    """
    name, fields = json.loads(message)
    if name == Failure.__name__:
        return Failure(**fields)
    signature, chunks, mentions = fields
    return CutText(
        tuple(_chunk(row, text) for row in chunks),
        bytes.fromhex(signature),
        tuple(_mention(row, text) for row in mentions),
    )


def _document(fields: Mapping[str, Any]) -> ParsedDocument:
    parts = tuple(
        ParsedPart(made["suffix"], made["parent"], _document(made["document"])) for made in fields["parts"]
    )
    warnings = tuple(Caveat(**made) for made in fields["warnings"])
    places = places_of(map(_place_row, fields["places"]), len(fields["text"]))
    whole = {**fields, "pages": tuple(fields["pages"]), "warnings": warnings, "parts": parts}
    return ParsedDocument(**{**whole, "places": places})


def _place_row(made: Mapping[str, Any]) -> list[Any]:
    """The row of a place from its fields, which are in the same order."""
    return [made["start"], made["end"], *dict(made["where"]).values()]


def _cut_fields(chunk: CutChunk) -> list[object]:
    draft = chunk.draft
    # The chunk itself is a slice of what the other side has: only its header travels.
    header = draft.embedded_text[: len(draft.embedded_text) - (draft.end - draft.start)]
    terms = " ".join(chunk.terms)
    return [draft.start, draft.end, draft.page, draft.headings, header, terms, chunk.signature.hex()]


def _mention(row: list[object], text: str) -> Mention:
    kind, name, start, end = row
    if not (isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= len(text)):
        raise ValueError("a mention outside of its text")
    return Mention(MentionKind(str(kind)), str(name), start, end)


def _chunk(row: list[object], text: str) -> CutChunk:
    start, end, page, headings, header, terms, signature = row
    if not (isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= len(text)):
        raise ValueError("a chunk outside of its text")
    if not isinstance(header, str) or not isinstance(terms, str) or not isinstance(headings, list):
        raise TypeError("a chunk of other fields")
    draft = ChunkDraft(
        start=start,
        end=end,
        page=page if isinstance(page, int) else None,
        headings=tuple(headings),
        embedded_text=header + text[start:end],
    )
    return CutChunk(draft, tuple(terms.split(" ")) if terms else (), bytes.fromhex(str(signature)))
