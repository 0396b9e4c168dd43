"""Office files as packages of XML parts, opened so that a hostile part can do nothing but fail."""

from __future__ import annotations

import io
import posixpath
import zipfile
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from lxml import etree

_MAX_PART_BYTES = 64 << 20
_RELATION = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
Element = Any


class Package:
    """Parts of a ZIP package by name. Use it as a context manager."""

    def __init__(self, data: bytes) -> None:
        """
        :raises zipfile.BadZipFile: if it is no ZIP file.
        """
        self._container = zipfile.ZipFile(io.BytesIO(data))

    def __enter__(self) -> Package:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    @cached_property
    def names(self) -> list[str]:
        """Names of all parts, sorted."""
        return sorted(self._container.namelist())

    @cached_property
    def _all(self) -> frozenset[str]:
        return frozenset(self.names)

    def matching(self, prefix: str) -> list[str]:
        """XML parts below a prefix such as "word/header"."""
        return [name for name in self.names if name.startswith(prefix) and name.endswith(".xml")]

    def size(self, name: str) -> int:
        """Bytes of a part, unpacked, as the package says; -1 for one that is missing."""
        return self._container.getinfo(name).file_size if name in self._all else -1

    def read(self, name: str) -> bytes:
        """The bytes of a part.

        :raises KeyError: if it is missing. :raises zipfile.BadZipFile: if it is damaged.
        """
        return self._container.read(name)

    def tree(self, name: str) -> Element | None:
        """A part as a tree; None for one that is missing, too large or no XML."""
        try:
            if self._container.getinfo(name).file_size > _MAX_PART_BYTES:
                return None
            return parse_xml(self._container.read(name))
        except (
            KeyError,
            etree.XMLSyntaxError,
            zipfile.BadZipFile,
            NotImplementedError,
            EOFError,
            ValueError,
        ):
            return None

    def relations(self, name: str, kind: str) -> list[str]:
        """Parts that a part refers to by relations of a kind, such as "notesSlide"."""
        folder, base = posixpath.split(name)
        tree = self.tree(f"{folder}/_rels/{base}.rels")
        if tree is None:
            return []
        targets = [
            row.get("Target", "") for row in tree.iter(_RELATION) if row.get("Type", "").endswith(f"/{kind}")
        ]
        return [
            target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"{folder}/{target}")
            for target in targets
        ]

    def relation_targets(self, name: str) -> dict[str, str]:
        """Parts that a part refers to, by the id of the relation."""
        folder, base = posixpath.split(name)
        tree = self.tree(f"{folder}/_rels/{base}.rels")
        rows = [] if tree is None else list(tree.iter(_RELATION))
        return {
            row.get("Id", ""): posixpath.normpath(posixpath.join(folder, row.get("Target", "")))
            for row in rows
        }

    def properties(self) -> dict[str, Any]:
        """Title, authors and the like, as Office keeps them."""
        tree = self.tree("docProps/core.xml")
        found = {} if tree is None else {local(e): " ".join((e.text or "").split()) for e in tree}
        names = {"title": "title", "subject": "subject", "description": "description", "language": "language",
                 "created": "created_at", "modified": "modified_at"}  # fmt: skip
        properties: dict[str, Any] = {names[key]: value for key, value in found.items() if key in names}
        if found.get("creator"):
            properties["authors"] = [found["creator"]]
        if found.get("keywords"):
            properties["keywords"] = [word.strip() for word in found["keywords"].split(",") if word.strip()]
        return properties

    def rewritten(self, changed: Mapping[str, bytes]) -> bytes:
        """The package with some parts exchanged."""
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
            for entry in self._container.infolist():
                out.writestr(entry.filename, changed.get(entry.filename) or self._container.read(entry))
        return target.getvalue()


def parse_xml(data: bytes) -> Element:
    """Parse XML without entities, network or more depth than libxml2 thinks safe.

    :raises etree.XMLSyntaxError: if it is none.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False)
    return etree.fromstring(data, parser)


def local(element: Element) -> str:
    """An element's name without its namespace; "" for comments and instructions."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def texts(element: Element, *names: str) -> str:
    """The text of all elements of some local names below one, joined; blank elements count as blanks."""
    return "".join(
        (found.text or "") if local(found) in names else " " if local(found) in ("tab", "br", "cr") else ""
        for found in element.iter()
    )
