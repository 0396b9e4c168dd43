"""One file to text, in this process: plain text by ourselves, everything else by kreuzberg."""

from __future__ import annotations

import os
import stat
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ragsvc.domain import ParsedDocument
from ragsvc.errors import DocumentTooLarge, EmptyDocument, NoText, UnreadableFile, UnsupportedType
from ragsvc.text.archive import check_container
from ragsvc.text.decode import decode_text
from ragsvc.text.delimited import SEPARATORS, as_table
from ragsvc.text.front_matter import take_front_matter
from ragsvc.text.kinds import HEAD_BYTES, MARKDOWN, PLAIN, Kind, Reader, kind_of
from ragsvc.text.limits import MIB, ParseLimits
from ragsvc.text.markdown import first_heading
from ragsvc.text.normalise import normalise
from ragsvc.text.ocr import find_tessdata

_READING_VERSION = "4"


@cache
def _describe_parser() -> str:
    try:
        kreuzberg = version("kreuzberg")
    except PackageNotFoundError:
        kreuzberg = "none"
    tessdata = find_tessdata()
    return f"ragsvc-{_READING_VERSION}+kreuzberg-{kreuzberg}+ocr-{tessdata[1] if tessdata else 'none'}"


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
    kind = kind_of(path, data[:HEAD_BYTES])
    if kind is None:
        raise UnsupportedType(f"{name} is of a type that cannot be read", hint="Convert it to PDF or text.")
    if kind.reader is Reader.TEXT:
        parsed = _read_text(data, kind, name)
    else:
        check_container(data, name, limits)
        # Imported here: plain text must not wait for the parser's 80 MB library.
        from ragsvc.text.extract import extract

        parsed = extract(data, kind, name)
    if len(parsed.text) > limits.max_text_chars:
        raise DocumentTooLarge(
            f"{name} holds {len(parsed.text)} characters, more than {limits.max_text_chars}", hint="Split it."
        )
    if not parsed.text.strip():
        if kind.reader is Reader.TEXT:
            raise EmptyDocument(f"{name} is empty", hint="Nothing to do.")
        raise NoText(f"{name} holds no text", hint=_no_text_hint(kind))
    return parsed


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


def _read_text(data: bytes, kind: Kind, name: str) -> ParsedDocument:
    text, _ = normalise(decode_text(data, name))
    metadata: dict[str, Any] = {}
    if kind.media_type in SEPARATORS and (table := as_table(text, SEPARATORS[kind.media_type])):
        return ParsedDocument(title="", text=table, media_type=MARKDOWN.media_type, metadata=metadata)
    if kind in (MARKDOWN, PLAIN):
        found = take_front_matter(text)
        text, metadata = found.text, dict(found.metadata)
    title = metadata.get("title")
    title = " ".join(title.split()) if isinstance(title, str) else ""
    if not title and kind == MARKDOWN:
        title = first_heading(text)
    return ParsedDocument(title=title, text=text, media_type=kind.media_type, metadata=metadata)


def _no_text_hint(kind: Kind) -> str:
    if kind.reader in (Reader.IMAGE, Reader.PDF) and find_tessdata() is None:
        return "It may be a scan or a picture: install Tesseract (tesseract-ocr) to read those."
    return ""
