"""JSON Lines files: every line is a document."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ragsvc.domain import Failure, LineDocument, ParsedDocument
from ragsvc.errors import IdConflict, InvalidLine, NoText, UnreadableFile
from ragsvc.text.file_parser import display_name
from ragsvc.text.file_types import extension
from ragsvc.text.limits import MIB
from ragsvc.text.normalisation import clean, normalise, to_json

MAX_ID_CHARS = 512
_BOM = b"\xef\xbb\xbf"
_SKIP_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class RawLine:
    """A line that is not blank, unread.

    body: without white space at its ends. digest: sha256 hex of it: equal digests are equal documents.
    number: its number in the file, from 1.
    """

    number: int
    body: bytes
    digest: str


class _BadLine(ValueError):
    """Why a line is not a document, in words."""


def is_jsonl(path: str) -> bool:
    """Whether a file's lines are documents (by its name)."""
    return extension(path) == "jsonl"


def split_lines(
    path: str, *, source: str = "", max_line_bytes: int = 64 * MIB
) -> Iterator[RawLine | Failure]:
    """Cut a JSON Lines file into lines; no more than one is held at a time, and none is looked into.

    :param source: what the file is called in failures; "": as its path.
    :param max_line_bytes: a longer line is a failure and is skipped.
    :return: one item per line that is not blank, in order. A failure's source is "source:line".
    """
    source = source or display_name(path)
    try:
        with Path(path).open("rb") as file:
            for number, line in enumerate(_split_lines(file, max_line_bytes), start=1):
                if line is None:
                    yield _fail(source, number, f"the line is longer than {max_line_bytes} bytes")
                    continue
                body = (line.removeprefix(_BOM) if number == 1 else line).strip(b" \t\r\n")
                if body:
                    yield RawLine(number, body, hashlib.sha256(body).hexdigest())
    except OSError as error:
        yield Failure(source, UnreadableFile.code, f"cannot be read: {error.strerror or error}")


def read_line(body: bytes) -> LineDocument | Failure:
    """Read one line.

    :return: a failure without a source when it is not a document.
    """
    try:
        document_id, parsed = _to_document(_load(body))
    except _BadLine as error:
        return Failure("", InvalidLine.code, str(error))
    if not parsed.text.strip():
        return Failure("", NoText.code, "the text is empty")
    return LineDocument(document_id, parsed)


class LineIds:
    """Gives the lines of one file their document ids, each once."""

    def __init__(self, prefix: str) -> None:
        """:param prefix: the file's own document id; a line without an id gets it with "#" and its hash."""
        self._prefix = prefix
        self._seen: set[bytes] = set()

    def claim(self, declared: str, digest: str) -> str:
        """The id of a line.

        :raises IdConflict: if an earlier line has it.
        """
        document_id = declared or f"{self._prefix}#{digest[:12]}"
        # Hashes of ids, 16 bytes each: a file may hold millions of lines.
        key = hashlib.blake2b(document_id.encode(), digest_size=16).digest()
        if key in self._seen:
            raise IdConflict(f"the id {document_id!r} stands in an earlier line of the file already")
        self._seen.add(key)
        return document_id


def _split_lines(file: BinaryIO, max_line_bytes: int) -> Iterator[bytes | None]:
    """Yield lines; None for one that is too long."""
    while line := file.readline(max_line_bytes + 1):
        if len(line) <= max_line_bytes or line.endswith(b"\n"):
            yield line
            continue
        while rest := file.readline(_SKIP_BYTES):
            if rest.endswith(b"\n"):
                break
        yield None


def _load(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line.decode("utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise _BadLine(f"the line is not UTF-8 (byte {error.start + 1})") from error
    except (ValueError, RecursionError) as error:
        raise _BadLine(f"the line is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise _BadLine("the line is not a JSON object")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _to_document(value: dict[str, Any]) -> tuple[str, ParsedDocument]:
    document_id = _read_id(value)
    text, title, metadata = value.get("text"), value.get("title"), value.get("metadata")
    if "text" not in value:
        raise _BadLine('the field "text" is missing')
    if not isinstance(text, str):
        raise _BadLine('the field "text" is not a string')
    if title is not None and not isinstance(title, str):
        raise _BadLine('the field "title" is not a string')
    if metadata is not None and not isinstance(metadata, dict):
        raise _BadLine('the field "metadata" is not an object')
    try:
        kept = to_json(metadata or {})
    except ValueError as error:
        raise _BadLine(f'the field "metadata": {error}') from error
    stored, _ = normalise(text)
    parsed = ParsedDocument(
        title=" ".join(clean(title or "").split()), text=stored, media_type="text/plain", metadata=kept
    )
    return document_id, parsed


def _read_id(value: dict[str, Any]) -> str:
    found = value.get("id") if value.get("id") is not None else value.get("_id")
    if found is None:
        return ""
    if isinstance(found, bool) or not isinstance(found, str | int):
        raise _BadLine('the field "id" is neither a string nor an integer')
    try:
        document_id = str(found)
    except ValueError as error:  # an integer of thousands of digits
        raise _BadLine('the field "id" is too long') from error
    if not document_id.strip():
        raise _BadLine('the field "id" is empty')
    if len(document_id) > MAX_ID_CHARS:
        raise _BadLine(f'the field "id" is longer than {MAX_ID_CHARS} characters')
    if any(
        ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or 0xD800 <= ord(char) < 0xE000 for char in document_id
    ):
        raise _BadLine('the field "id" holds control characters')
    return document_id


def _fail(source: str, number: int, words: str) -> Failure:
    return Failure(f"{source}:{number}", InvalidLine.code, words)
