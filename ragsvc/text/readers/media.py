"""Pictures inside Office files: which there are, and on which slide."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
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


def media_of(data: bytes) -> list[Medium]:
    """Pictures that stand on the pages, sheets or slides of a package, each once; [] for what is no package.

    What stands on masters and layouts of slides is none of theirs.
    """
    try:
        with Package(data) as package:
            return _media(package)
    except (zipfile.BadZipFile, etree.LxmlError, ValueError, EOFError, NotImplementedError, KeyError):
        return []


def _media(package: Package) -> list[Medium]:
    places: dict[str, int | None] = {}
    for number, slide in enumerate(slide_parts(package)):
        for target in package.relations(slide, "image"):
            places.setdefault(target, number)
    places |= dict.fromkeys(name for name in package.names if name.startswith(_FOLDERS))
    found: dict[bytes, Medium] = {}
    for name, slide_number in places.items():
        path = PurePosixPath(name)
        suffix = path.suffix.lower()
        if suffix not in _PIXELS | _DRAWN or not _LEAST_BYTES <= package.size(name) <= _MOST_BYTES:
            continue
        try:
            content = package.read(name)
        except _UNREADABLE:
            # One damaged picture costs neither the text nor the others; it is named as unread.
            found[name.encode()] = Medium(path.name, b"", slide_number)
            continue
        medium = Medium(path.name, content if suffix in _PIXELS else b"", slide_number)
        found.setdefault(hashlib.sha256(content).digest(), medium)
        if len(found) >= _MAX_PICTURES:
            break
    return list(found.values())
