"""Pictures inside Office files: which there are, and on which slide."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from lxml import etree

from ragsvc.text.readers.packages import Package
from ragsvc.text.readers.slides import slide_parts

# Smaller ones are marks of lists, lines and icons.
_LEAST_BYTES = 2 << 10
_MOST_BYTES = 64 << 20
_MAX_PICTURES = 500
_PIXELS = frozenset((".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp"))
_DRAWN = frozenset((".emf", ".wmf", ".emz", ".wmz"))
_UNREADABLE = (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, NotImplementedError, ValueError)
_FOLDERS = ("word/media/", "xl/media/")


@dataclass(frozen=True, slots=True)
class Medium:
    """A picture by its name. data: b"" for one that is drawn by commands, which nothing here reads.

    slide: from 0; None elsewhere.
    """

    name: str
    data: bytes
    slide: int | None = None


def media_of(data: bytes) -> Iterator[Medium]:
    """Pictures that stand on the pages, sheets or slides of a package, each once; none of what is no package.

    One is in memory at a time. What stands on masters and layouts of slides is none of theirs.
    """
    try:
        with Package(data) as package:
            yield from _media(package)
    except (zipfile.BadZipFile, etree.LxmlError, ValueError, EOFError, NotImplementedError, KeyError):
        return


def _media(package: Package) -> Iterator[Medium]:
    places: dict[str, int | None] = {}
    for number, slide in enumerate(slide_parts(package)):
        for target in package.relations(slide, "image"):
            places.setdefault(target, number)
    places |= dict.fromkeys(name for name in package.names if name.startswith(_FOLDERS))
    seen: set[bytes] = set()
    for name, slide_number in places.items():
        path = PurePosixPath(name)
        suffix = path.suffix.lower()
        if suffix not in _PIXELS | _DRAWN or not _LEAST_BYTES <= package.size(name) <= _MOST_BYTES:
            continue
        try:
            content = package.read(name)
        except _UNREADABLE:
            # One damaged picture costs neither the text nor the others; it is named as unread.
            content, suffix, digest = b"", "", name.encode()
        else:
            digest = hashlib.sha256(content).digest()
        if digest in seen:
            continue
        seen.add(digest)
        yield Medium(path.name, content if suffix in _PIXELS else b"", slide_number)
        if len(seen) >= _MAX_PICTURES:
            return
