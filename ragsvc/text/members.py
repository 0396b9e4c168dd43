"""Files inside an archive or a mailbox. Nothing is ever written under a name that an archive chose."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from ragsvc.domain import Failure, ParsedDocument, ParsedPart, SkippedSource, SourceFile
from ragsvc.errors import (
    BrokenDocument,
    DocumentError,
    DocumentTooLarge,
    EncryptedDocument,
    IdConflict,
    UnreadableFile,
)
from ragsvc.text.file_parser import display_name
from ragsvc.text.file_types import extension, is_archive
from ragsvc.text.limits import MIB, ParseLimits
from ragsvc.text.readers.attachments import Attachments, ReadInner, safe_name
from ragsvc.text.sources import FoundSource, SkipCode, classify, skip_by_name

MAX_DEPTH = 3
_MAX_MEMBERS = 20_000
_RATIO_FROM_BYTES = 64 * MIB
_BLOCK_BYTES = MIB
_UTF8_NAME = 0x800
_MAILBOX_MARK = re.compile(rb"^From [^\r\n]{1,200}\d{4}[^\r\n]{0,20}\r?\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Member:
    """One file of an archive. name: its path inside, "/" between parts, none of them ".." or empty."""

    name: str
    size_bytes: int
    stream: BinaryIO


@dataclass(slots=True)
class _Budget:
    """What an archive and all archives inside it may still come to."""

    size_bytes: int
    members: int = _MAX_MEMBERS

    def take(self, size_bytes: int, members: int, place: str) -> None:
        self.size_bytes -= size_bytes
        self.members -= members
        if self.size_bytes < 0 or self.members < 0:
            raise DocumentTooLarge(
                f"{place} unpacks to {size_bytes // MIB} MiB in {members} files",
                hint="If it is genuine, unpack it yourself and ingest the folder.",
            )


def unpack(file: SourceFile, folder: Path, limits: ParseLimits) -> Iterator[FoundSource]:
    """Write the members of an archive into a folder, archives inside it as well.

    Their ids are those of a folder in its place: "docs/old.zip/report.pdf".

    :param folder: an empty one of our own; files in it are numbered.
    :raises DocumentError: if the archive itself cannot be read, or is larger than the limits allow.
    """
    return _unpack(file, folder, limits, _Budget(limits.max_expanded_bytes), 1)


def _unpack(
    file: SourceFile, folder: Path, limits: ParseLimits, budget: _Budget, depth: int
) -> Iterator[FoundSource]:
    place = file.shown or display_name(file.path)
    try:
        with Path(file.path).open("rb") as stream:
            for number, found in enumerate(_members(stream, file.path, place, limits, budget)):
                if not isinstance(found, _Member):
                    yield found
                    continue
                target = folder / f"{number:06}" / safe_name(found.name)
                target.parent.mkdir()
                failure = _write(found, target, f"{place}/{found.name}", limits)
                if failure is not None:
                    yield failure
                    continue
                yield from _classified(found, target, file, place, (limits, budget, depth))
    except OSError as error:
        raise UnreadableFile(f"{place} cannot be read: {error.strerror or error}") from error


def read_members(data: bytes, name: str, limits: ParseLimits, read: ReadInner) -> ParsedDocument:
    """The members of an archive that is itself inside a document, each as a part of it.

    :return: without a text of its own; what could not be read is a warning.
    :raises DocumentError: if the archive cannot be read.
    """
    attachments = Attachments(read)
    parts: list[ParsedPart] = []
    for found in _members(io.BytesIO(data), name, name, limits, _Budget(limits.max_expanded_bytes)):
        if isinstance(found, Failure):
            attachments.unread.append(f"{found.source} ({found.code})")
        elif isinstance(found, _Member):
            try:
                made = read(found.stream.read(), found.name.rpartition("/")[2])
            except DocumentError as error:
                attachments.unread.append(f"{name}/{found.name} ({error.code})")
                continue
            suffix = f"/{found.name}"
            if made.text.strip():
                parts.append(ParsedPart(suffix, "", replace(made, parts=())))
            parts += (
                ParsedPart(suffix + part.suffix, suffix + part.parent, part.document) for part in made.parts
            )
    return ParsedDocument(
        title="", text="", media_type="text/plain", warnings=attachments.caveats(), parts=tuple(parts)
    )


def _classified(
    member: _Member, target: Path, file: SourceFile, place: str, bounds: tuple[ParseLimits, _Budget, int]
) -> Iterator[FoundSource]:
    limits, budget, depth = bounds
    shown = f"{place}/{member.name}"
    found = classify(str(target), f"{file.document_id}/{member.name}", file.root)
    if not isinstance(found, SourceFile):
        yield replace(found, source=shown)
        return
    found = replace(found, shown=shown)
    if not is_archive(found.path):
        yield found
    elif depth >= MAX_DEPTH:
        yield Failure(shown, DocumentTooLarge.code, f"it is inside of {depth} other archives")
    else:
        inner = target.parent / "inside"
        inner.mkdir()
        try:
            yield from _unpack(found, inner, limits, budget, depth + 1)
        except DocumentError as error:
            yield Failure(shown, error.code, error.message)
        finally:
            target.unlink(missing_ok=True)


def _write(member: _Member, target: Path, shown: str, limits: ParseLimits) -> Failure | None:
    if member.size_bytes > limits.max_file_bytes:
        return Failure(shown, DocumentTooLarge.code, f"it has {member.size_bytes // MIB} MiB")
    try:
        with target.open("wb") as out:
            while block := member.stream.read(_BLOCK_BYTES):
                out.write(block)
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        return Failure(shown, BrokenDocument.code, f"it is damaged: {error}")
    except Exception as error:
        if type(error).__name__ not in ("error", "LZMAError"):  # of zlib and lzma, which share no base
            raise
        return Failure(shown, BrokenDocument.code, f"it is damaged: {error}")
    return None


def _members(
    stream: BinaryIO, path: str, place: str, limits: ParseLimits, budget: _Budget
) -> Iterator[_Member | FoundSource]:
    if extension(path) == "mbox":
        yield from _mails(stream, place, limits, budget)
        return
    try:
        with zipfile.ZipFile(stream) as container:
            yield from _zipped(container, place, limits, budget)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, KeyError) as error:
        raise BrokenDocument(f"{place} is damaged: {error}", hint="Pack it again.") from error


def _zipped(
    container: zipfile.ZipFile, place: str, limits: ParseLimits, budget: _Budget
) -> Iterator[_Member | FoundSource]:
    entries = [entry for entry in container.infolist() if not entry.is_dir()]
    _check_sizes(entries, place, limits, budget)
    if entries and all(entry.flag_bits & 1 for entry in entries):
        raise EncryptedDocument(f"{place} is protected by a password", hint="Pack it without one.")
    seen: set[str] = set()
    for entry in sorted(entries, key=_name_of):
        name = _name_of(entry)
        parts = name.split("/")
        skip = next((code for part in parts if (code := skip_by_name(part))), None)
        if ".." in parts:
            yield SkippedSource(f"{place}/{name}", SkipCode.OUTSIDE_ROOT)
        elif skip is not None:
            yield SkippedSource(f"{place}/{name}", skip)
        elif name in seen:
            yield Failure(f"{place}/{name}", IdConflict.code, "another file of the archive has this name")
        elif entry.flag_bits & 1:
            yield Failure(f"{place}/{name}", EncryptedDocument.code, "it is protected by a password")
        else:
            seen.add(name)
            try:
                with container.open(entry) as opened:
                    yield _Member(name, entry.file_size, opened)  # type: ignore[arg-type]
            except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
                yield Failure(f"{place}/{name}", BrokenDocument.code, f"it is damaged: {error}")


def _check_sizes(entries: list[zipfile.ZipInfo], place: str, limits: ParseLimits, budget: _Budget) -> None:
    unpacked = sum(entry.file_size for entry in entries)
    packed = max(sum(entry.compress_size for entry in entries), 1)
    budget.take(unpacked, len(entries), place)
    if unpacked > _RATIO_FROM_BYTES and unpacked / packed > limits.max_ratio:
        raise DocumentTooLarge(f"{place} is packed {unpacked // packed} to 1", hint="Unpack it yourself.")


def _name_of(entry: zipfile.ZipInfo) -> str:
    name = entry.filename
    if not entry.flag_bits & _UTF8_NAME:
        # Many programs write UTF-8 without saying so; zipfile then reads it as code page 437.
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:
            name = entry.filename
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    cleaned = ("".join(char if char.isprintable() else "\ufffd" for char in part) for part in parts)
    return "/".join(cleaned) or "unnamed"


def _mails(stream: BinaryIO, place: str, limits: ParseLimits, budget: _Budget) -> Iterator[_Member]:
    """Mails of a mailbox, numbered: one that is added at its end leaves the other ids as they are."""
    data = stream.read(limits.max_file_bytes + 1)
    if len(data) > limits.max_file_bytes:
        raise DocumentTooLarge(f"{place} has more than {limits.max_file_bytes // MIB} MiB", hint="Split it.")
    marks = [
        m
        for m in _MAILBOX_MARK.finditer(data)
        if m.start() == 0 or not data[max(0, m.start() - 2) : m.start()].strip()
    ]
    if not marks or marks[0].start() != 0:
        raise BrokenDocument(
            f"{place} is no mailbox: it does not begin with a From line", hint="Save it again."
        )
    budget.take(len(data), len(marks), place)
    ends = [mark.start() for mark in marks[1:]] + [len(data)]
    for number, (mark, end) in enumerate(zip(marks, ends, strict=True), start=1):
        mail = re.sub(rb"^>(?=>*From )", b"", data[mark.end() : end], flags=re.MULTILINE)
        yield _Member(f"{number:05}.eml", len(mail), io.BytesIO(mail))
