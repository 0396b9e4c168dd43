"""Multipart uploads, written to the spool as they stream in: memory stays bounded whatever is sent."""

from __future__ import annotations

import errno
from io import BufferedWriter
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.requests import Request

from ragsvc.api.limits import WorkGate
from ragsvc.errors import DiskFull, InvalidName, InvalidRequest

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FIELD = b"files"
MAX_FILES = 10_000
MAX_NAME_CHARS = 512
MAX_PART_BYTES = 255
NAME_HINT = "send the base name or a relative path such as folder/file.md"


class Folder(Protocol):
    """Where uploaded files go until they are ingested."""

    def file(self, name: str) -> Path:
        """Give the path to write the file to; `name` was checked."""
        ...


async def receive_files(request: Request, folder: Folder, gate: WorkGate) -> None:
    """Write every file of a multipart body into a folder.

    :raises InvalidRequest: if the body is not multipart, is cut short or holds other fields.
    :raises InvalidName: if a file name is not a plain relative path.
    :raises DiskFull: if there is no room.
    """
    _, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary", b"")
    if not boundary:
        raise InvalidRequest("the multipart body names no boundary", hint="curl -F files=@notes.md ...")
    writer = _Writer(folder)
    try:
        parser = MultipartParser(boundary, writer.callbacks())
        async for piece in request.stream():
            if piece:
                await gate.thread(_write, parser, piece)
    except FormParserError as error:
        raise InvalidRequest(
            f"the body is not multipart: {error}", hint="curl -F files=@notes.md ..."
        ) from error
    finally:
        writer.close()
    writer.finish()


def _write(parser: MultipartParser, piece: bytes) -> None:
    try:
        parser.write(piece)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull("there is no room for the upload", hint="free space in the home folder") from error
        raise


class _Writer:
    """Receives the parser's events and writes files."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._names: set[str] = set()
        self._folders: set[str] = set()
        self._file: BufferedWriter | None = None
        self._header = bytearray()
        self._value = bytearray()
        self._disposition = b""
        self._ended = False

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._part_begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._part_data,
            "on_part_end": self.close,
            "on_end": self._end,
        }

    def finish(self) -> None:
        """Check that the body was whole and held files."""
        if not self._ended:
            raise InvalidRequest("the multipart body is cut short", hint="send the closing boundary")
        if not self._names:
            raise InvalidRequest("the body holds no file", hint="curl -F files=@notes.md ...")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _part_begin(self) -> None:
        self._disposition = b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _headers_finished(self) -> None:
        name = file_name(self._disposition)
        taken = self._names | self._folders
        parents = {"/".join(name.split("/")[:depth]) for depth in range(1, name.count("/") + 1)}
        if name in taken or parents & self._names:
            raise InvalidName(f"the file name {name!r} is given twice", hint="give every file another name")
        if len(self._names) >= MAX_FILES:
            raise InvalidRequest(f"more than {MAX_FILES} files in one request", hint="send several requests")
        self._names.add(name)
        self._folders |= parents
        path = self._folder.file(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("xb")

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        assert self._file is not None
        self._file.write(memoryview(data)[start:end])

    def _end(self) -> None:
        self._ended = True


def file_name(disposition: bytes) -> str:
    """Read and check the file name of a part.

    :raises InvalidRequest: if the part is no file, or of another field.
    :raises InvalidName: if the name is not a plain relative path.
    """
    _, options = parse_options_header(disposition.decode("latin-1"))
    if options.get(b"name") != FIELD:
        raise InvalidRequest(
            "a part of the body is not the field `files`", hint="curl -F files=@notes.md ..."
        )
    if b"filename" not in options:
        raise InvalidRequest(
            "a part of the field `files` has no file name", hint="curl -F files=@notes.md ..."
        )
    if b"\\" in disposition:
        # Looked for in the raw header: the parser takes the last part of what looks like a Windows path.
        raise InvalidName("a file name holds a backslash", hint=NAME_HINT)
    try:
        name = options[b"filename"].decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidName("a file name is not UTF-8", hint=NAME_HINT) from error
    _check_name(name)
    return name


def _check_name(name: str) -> None:
    """Refuse names that could leave the folder, hide there, or cannot be written.

    :raises InvalidName: if the name is refused.
    """
    shown = ascii(name[:100])
    if not name or len(name) > MAX_NAME_CHARS:
        raise InvalidName(f"the file name {shown} is empty or too long", hint=NAME_HINT)
    if any(ord(char) < 32 or 127 <= ord(char) < 160 for char in name):
        raise InvalidName(f"the file name {shown} holds control characters", hint=NAME_HINT)
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise InvalidName(
            f"the file name {shown} is absolute or holds empty, `.` or `..` parts", hint=NAME_HINT
        )
    if any(len(part.encode()) > MAX_PART_BYTES for part in parts):
        raise InvalidName(f"the file name {shown} is too long", hint=NAME_HINT)
