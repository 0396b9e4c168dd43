"""One file to text, in this process: plain text by ourselves, everything else by kreuzberg."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ragsvc.domain import Caveat, ParsedDocument
from ragsvc.errors import DocumentTooLarge, EmptyDocument, NoText, UnreadableFile, UnsupportedType
from ragsvc.text.archive import check_container
from ragsvc.text.delimited_text import SEPARATORS, as_table
from ragsvc.text.encodings import decode
from ragsvc.text.file_types import (
    HEAD_BYTES,
    MARKDOWN,
    NOTEBOOK,
    PARQUET,
    PLAIN,
    SQLITE_MAGIC,
    SUBTITLES,
    FileReader,
    FileType,
    is_archive,
    kind_of,
)
from ragsvc.text.front_matter import FrontMatterFault, take_front_matter
from ragsvc.text.limits import MIB, SPEECH_HINT, ParseLimits
from ragsvc.text.markdown import first_heading
from ragsvc.text.normalisation import normalise
from ragsvc.text.ocr import HINT, describe_ocr
from ragsvc.text.readers.attachments import ReadInner
from ragsvc.text.readers.layout import spread_json
from ragsvc.text.readers.notebook import read_notebook
from ragsvc.text.readers.sql_dump import read_dump
from ragsvc.text.readers.subtitles import read_subtitles

_READING_VERSION = "8"
_MAX_DEPTH = 4
_FAULTS = {
    FrontMatterFault.INVALID: "its front matter is not valid YAML and stays in the text",
    FrontMatterFault.TOO_COMPLEX: (
        "its front matter is nested or entangled too much to be read and stays in the text"
    ),
}


@cache
def _describe_parser() -> str:
    try:
        kreuzberg = version("kreuzberg")
    except PackageNotFoundError:
        kreuzberg = "none"
    return f"ragsvc-{_READING_VERSION}+kreuzberg-{kreuzberg}+ocr-{describe_ocr()}"


PARSER_VERSION: str = _describe_parser()
"""Changes whenever the same bytes may give another text."""


def display_name(path: str) -> str:
    """A path as text: bytes of its name that are not UTF-8 show as U+FFFD."""
    return os.fsencode(path).decode("utf-8", errors="replace")


def parse_file(path: str, limits: ParseLimits) -> ParsedDocument:
    """Read one file.

    :param path: of a regular file; its name decides the type, and its bytes where they disagree.
    :return: text and title are normalised; see ParsedDocument.
    :raises DocumentError: encrypted, broken, without text, over a limit, unreadable, or of a type
        that nothing here reads.
    """
    name = display_name(Path(path).name)
    data = _read_bytes(path, name, limits)
    if data.startswith(SQLITE_MAGIC):
        from ragsvc.text.readers.sqlite_file import as_committed

        data = as_committed(data, path, name, limits)
    return parse_bytes(data, name, limits)


def parse_bytes(data: bytes, name: str, limits: ParseLimits, depth: int = 0) -> ParsedDocument:
    """Read the bytes of a file, or of a document inside one.

    :param name: its base name.
    :param depth: how many documents it is inside of.
    :raises DocumentError: as parse_file.
    """
    if depth and is_archive(name):
        from ragsvc.text.members import read_members

        return read_members(data, name, limits, _inner(limits, depth))
    kind = kind_of(name, data[:HEAD_BYTES])
    if kind is None:
        raise UnsupportedType(f"{name} is of a type that cannot be read", hint="Convert it to PDF or text.")
    if kind.reader is FileReader.RECORDING and depth:
        raise UnsupportedType(f"{name} is a recording inside of another file", hint="Save it beside that.")
    if kind.reader is FileReader.TEXT:
        parsed = _read_text(data, kind, name, limits)
    elif kind.reader is FileReader.TABLES:
        parsed = _read_tables(data, kind, name, limits)
    elif kind.reader is FileReader.RECORDING:
        parsed = _read_recording(data, name, limits)
    else:
        check_container(data, name, limits)
        # Imported here: plain text must not wait for the parser's 80 MB library.
        from ragsvc.text.kreuzberg_reader import extract

        parsed = extract(data, kind, name, _inner(limits, depth), limits)
    size = len(parsed.text) + sum(len(part.document.text) for part in parsed.parts)
    if size > limits.max_text_chars:
        raise DocumentTooLarge(
            f"{name} holds {size} characters, more than {limits.max_text_chars}", hint="Split it."
        )
    if not parsed.text.strip():
        if kind.reader is FileReader.TEXT:
            raise EmptyDocument(f"{name} is empty", hint="Nothing to do.")
        raise NoText(f"{name} holds no text", hint=_no_text_hint(kind, limits))
    return parsed


def _inner(limits: ParseLimits, depth: int) -> ReadInner:
    def read(data: bytes, name: str) -> ParsedDocument:
        if depth >= _MAX_DEPTH:
            raise DocumentTooLarge(f"{name} is inside of more than {_MAX_DEPTH} others", hint="Unpack it.")
        return parse_bytes(data, name, limits, depth + 1)

    return read


def _read_bytes(path: str, name: str, limits: ParseLimits) -> bytes:
    try:
        # Not blocking: a pipe that took the file's place must not hang the reader.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise UnreadableFile(f"{name} is no longer a regular file")
            if status.st_size > limits.max_file_bytes:
                raise DocumentTooLarge(
                    f"{name} has {status.st_size // MIB} MiB, more than {limits.max_file_bytes // MIB}",
                    hint="Split it.",
                )
            data = file.read(status.st_size + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableFile(f"{name} cannot be opened: {reason}", hint="Check its permissions.") from error
    if len(data) != status.st_size:
        raise UnreadableFile(f"{name} changed while it was read", hint="Run it again.")
    return data


def _read_tables(data: bytes, kind: FileType, name: str, limits: ParseLimits) -> ParsedDocument:
    # Imported here: most files are no databases.
    if kind == PARQUET:
        from ragsvc.text.readers.parquet_file import read_parquet

        return read_parquet(data, name, limits)
    from ragsvc.text.readers.sqlite_file import read_database

    return read_database(data, name, limits)


def _read_text(data: bytes, kind: FileType, name: str, limits: ParseLimits) -> ParsedDocument:
    decoded = decode(data, name, limits.encoding)
    if kind == SUBTITLES:
        text, places = read_subtitles(normalise(decoded.text)[0])
        return ParsedDocument(
            title="", text=text, media_type=kind.media_type, warnings=decoded.warnings, places=places
        )
    text, _ = normalise(_laid_out(decoded.text, kind, name))
    metadata: dict[str, Any] = {}
    warnings = decoded.warnings
    if kind.media_type in SEPARATORS and (table := as_table(text, SEPARATORS[kind.media_type])):
        return ParsedDocument(
            title="",
            text=table,
            media_type=MARKDOWN.media_type,
            pages=(),
            metadata=metadata,
            warnings=decoded.warnings,
        )
    if kind.media_type == "text/x-sql" and (dump := read_dump(text, name, limits)):
        return replace(dump, warnings=decoded.warnings + dump.warnings)
    if kind in (MARKDOWN, PLAIN):
        found = take_front_matter(text)
        text, metadata = found.text, dict(found.metadata)
        if found.fault is not FrontMatterFault.NONE:
            warnings += (Caveat(found.fault.value, _FAULTS[found.fault]),)
    title = metadata.get("title")
    title = " ".join(title.split()) if isinstance(title, str) else ""
    if not title and kind in (MARKDOWN, NOTEBOOK):
        title = first_heading(text)
    return ParsedDocument(
        title=title, text=text, media_type=kind.media_type, pages=(), metadata=metadata, warnings=warnings
    )


def _read_recording(data: bytes, name: str, limits: ParseLimits) -> ParsedDocument:
    if not limits.speech_model:
        raise NoText(f"{name} is a recording", hint=f"Audio is not read: {SPEECH_HINT}.")
    from ragsvc.text.readers.transcript import read_recording

    return read_recording(data, name, limits)


def _laid_out(text: str, kind: FileType, name: str) -> str:
    """Text of files whose lines are no lines."""
    if kind == NOTEBOOK:
        return read_notebook(text, name)
    return spread_json(text) if kind.media_type == "text/x-json" else text


def _no_text_hint(kind: FileType, limits: ParseLimits) -> str:
    if kind.reader not in (FileReader.IMAGE, FileReader.PDF):
        return ""
    if not limits.reads_pictures:
        return "It may be a scan or a picture, and RAGSVC_OCR is off."
    return f"It may be a scan or a picture. {HINT}" if describe_ocr() == "none" else ""
