"""Documents inside a document: read each, name each once, and say which could not be read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from ragsvc.domain import Caveat, ParsedDocument, ParsedPart
from ragsvc.errors import DocumentError
from ragsvc.text.normalisation import clean

UNREAD = "attachments_unread"

ReadInner = Callable[[bytes, str], ParsedDocument]
"""Reads the bytes of an inner document by its name; raises DocumentError."""

_MAX_PARTS = 500
_MAX_NAME_CHARS = 120
_SHOWN = 10


@dataclass(slots=True)
class Attachments:
    """Collects the parts of one document.

    read: how an attachment is read.
    """

    read: ReadInner
    parts: list[ParsedPart] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    _names: set[str] = field(default_factory=set)

    def add(self, name: str, data: bytes) -> None:
        """Read one attachment; one that cannot be read is remembered with the reason."""
        name = safe_name(name)
        if len(self.parts) >= _MAX_PARTS:
            self.unread.append(f"{name} (more than {_MAX_PARTS} attachments)")
            return
        try:
            self.add_read(name, self.read(data, name))
        except DocumentError as error:
            if data.strip():
                self.unread.append(f"{name} ({error.code})")

    def add_read(self, name: str, document: ParsedDocument) -> None:
        """Take one that was read, with the documents inside it."""
        suffix = f"#{distinct_name(safe_name(name), self._names)}"
        holds_text = bool(document.text.strip())
        if holds_text:
            self.parts.append(ParsedPart(suffix, "", replace(document, parts=())))
        for part in document.parts:
            parent = suffix + part.parent if holds_text or part.parent else ""
            self.parts.append(ParsedPart(suffix + part.suffix, parent, part.document))
        if not holds_text:
            self.unread.extend(caveat.message for caveat in document.warnings if caveat.code == UNREAD)

    def caveats(self) -> tuple[Caveat, ...]:
        """What was seen and not read."""
        if not self.unread:
            return ()
        return (Caveat(UNREAD, f"{count_of(self.unread, 'attachment')} not read: {shown(self.unread)}"),)


def distinct_name(name: str, taken: set[str]) -> str:
    """A name that is not taken yet, which is it then: "b.txt", "b (2).txt"."""
    stem, suffix = PurePosixPath(name).stem, PurePosixPath(name).suffix
    chosen, number = name, 1
    while chosen in taken:
        number += 1
        chosen = f"{stem} ({number}){suffix}"
    taken.add(chosen)
    return chosen


def count_of(items: list[str], noun: str) -> str:
    """Such as "2 attachments"."""
    return f"{len(items)} {noun}{'' if len(items) == 1 else 's'}"


def shown(items: list[str]) -> str:
    """The first few of some names, and how many more there are."""
    more = len(items) - _SHOWN
    return ", ".join(items[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def safe_name(name: str) -> str:
    """A name that can stand in a document id: printable, one line, no path out of its place."""
    parts = [part for part in clean(name).replace("\\", "/").split("/") if part not in ("", ".", "..")]
    last = parts[-1] if parts else ""
    kept = " ".join("".join(char if char.isprintable() else " " for char in last).split())
    if len(kept) > _MAX_NAME_CHARS:
        path = PurePosixPath(kept)
        suffix = path.suffix if len(path.suffix) <= 12 else ""
        kept = kept[: _MAX_NAME_CHARS - len(suffix)] + suffix
    return kept or "unnamed"
