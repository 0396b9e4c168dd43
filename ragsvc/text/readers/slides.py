"""Slides (.pptx), one by one: text, tables, the data of charts, diagrams, speaker notes and comments."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lxml import etree

from ragsvc.text.delimited_text import table_line
from ragsvc.text.markdown import is_file_name
from ragsvc.text.readers.number_format import shown_value
from ragsvc.text.readers.packages import Element, Package, local, texts

_FURNITURE = ("sldNum", "hdr", "ftr", "dt", "sldImg")
_REL = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_REL_ID = f"{_REL}id"
_MAX_CATEGORIES = 5000


@dataclass(frozen=True, slots=True)
class Deck:
    """Slides in the order in which they are shown. texts: Markdown of each. hidden: numbers of hidden ones.

    properties: title, authors and the like.
    """

    texts: tuple[str, ...]
    hidden: tuple[int, ...]
    properties: dict[str, Any]


def read_slides(data: bytes) -> Deck | None:
    """Read a presentation; None for what is no such package, or has no text that can be found here."""
    try:
        with Package(data) as package:
            names = slide_parts(package)
            trees = [package.tree(name) for name in names]
            texts = tuple(_slide(package, name, tree) for name, tree in zip(names, trees, strict=True))
            hidden = tuple(n for n, tree in enumerate(trees, start=1) if _is_hidden(tree))
            return Deck(texts, hidden, package.properties()) if any(texts) else None
    except (zipfile.BadZipFile, etree.LxmlError, ValueError, EOFError, NotImplementedError, KeyError):
        return None


def _is_hidden(tree: Element | None) -> bool:
    return tree is not None and tree.get("show") in ("0", "false")


def slide_parts(package: Package) -> list[str]:
    """Names of the slides' parts in the order in which they are shown; [] for what is no presentation."""
    tree = package.tree("ppt/presentation.xml")
    targets = package.relation_targets("ppt/presentation.xml")
    ids = [] if tree is None else [e.get(_REL_ID, "") for e in tree.iter() if local(e) == "sldId"]
    return [targets[number] for number in ids if number in targets]


def _slide(package: Package, name: str, tree: Element | None) -> str:
    if tree is None:
        return ""
    targets = package.relation_targets(name)
    root = next(_named(tree, "spTree"), tree)
    blocks = list(_shapes(root, package, targets))
    # A title may be drawn after the rest.
    blocks.sort(key=lambda block: not block.startswith("## "))
    for part in package.relations(name, "notesSlide"):
        blocks += (f"Speaker note: {note}" for note in _notes(package.tree(part)))
    for part in package.relations(name, "comments"):
        comments = _named(package.tree(part), "text", "t")
        blocks += (f"Comment: {' '.join((c.text or '').split())}" for c in comments if (c.text or "").strip())
    return "\n\n".join(blocks)


def _shapes(tree: Element, package: Package, targets: dict[str, str]) -> Iterator[str]:
    for shape in tree:
        name = local(shape)
        if name == "grpSp":
            yield from _shapes(shape, package, targets)
        elif name == "AlternateContent":
            yield from _shapes(shape[0], package, targets) if len(shape) else ()
        elif name == "graphicFrame":
            yield from _described(shape)
            yield from _frame(shape, package, targets)
        elif name == "pic":
            yield from _described(shape)
        elif name in ("sp", "cxnSp"):
            yield from _box(shape)


def _described(shape: Element) -> Iterator[str]:
    """What is said in place of a picture or a chart to those who do not see it."""
    words = next((" ".join(each.get("descr", "").split()) for each in _named(shape, "cNvPr")), "")
    if words and not is_file_name(words):
        yield words


def _box(shape: Element) -> Iterator[str]:
    """A box with text: a title, a list where it has the master's list style, or paragraphs."""
    holder = next(_named(shape, "ph"), None)
    kind = holder.get("type", "body") if holder is not None else ""
    if kind in _FURNITURE:
        return
    body = next(_named(shape, "txBody"), None)
    paragraphs = [] if body is None else [p for p in body if local(p) == "p" and _line(p)]
    lines = [_line(p) for p in paragraphs]
    if kind in ("title", "ctrTitle") and lines:
        yield f"## {' '.join(lines)}"
    elif kind in ("body", "obj") and len(lines) > 1:
        marks = ["  " * _level(p) + ("" if any(_named(p, "buNone")) else "- ") for p in paragraphs]
        yield "\n".join(mark + line for mark, line in zip(marks, lines, strict=True))
    else:
        yield from lines


def _level(paragraph: Element) -> int:
    level = next((p.get("lvl", "0") for p in paragraph if local(p) == "pPr"), "0")
    return int(level) if level.isdecimal() else 0


def _frame(frame: Element, package: Package, targets: dict[str, str]) -> Iterator[str]:
    """A table, a chart or a diagram."""
    for element in _named(frame, "tbl", "chart", "relIds"):
        if local(element) == "tbl":
            yield _grid(element)
        elif local(element) == "chart" and _REL_ID in element.attrib:
            yield from _chart(package.tree(targets.get(element.get(_REL_ID), "")))
        elif local(element) == "relIds":
            part = package.tree(targets.get(element.get(f"{_REL}dm", ""), ""))
            lines = [line for paragraph in _named(part, "p") if (line := _line(paragraph))]
            if lines:
                yield "\n\n".join(lines)


def _grid(table: Element) -> str:
    rows = [
        [" ".join(filter(None, map(_line, _named(cell, "p")))) for cell in row if local(cell) == "tc"]
        for row in _named(table, "tr")
    ]
    rows = [row for row in rows if any(row)]
    width = max(map(len, rows), default=0)
    lines = [table_line(row + [""] * (width - len(row))) for row in rows]
    return "\n".join([*lines[:1], "|" + " --- |" * width, *lines[1:]])


def _named(tree: Element | None, *names: str) -> Iterator[Element]:
    return iter(()) if tree is None else (e for e in tree.iter() if local(e) in names)


def _line(paragraph: Element) -> str:
    """The text of a paragraph, without the fields that a program fills in."""
    return " ".join(texts(paragraph, "t").split())


def _notes(tree: Element | None) -> Iterator[str]:
    """The note of a slide; its paragraphs stay together."""
    for shape in _named(tree, "sp"):
        holder = next(_named(shape, "ph"), None)
        if holder is None or holder.get("type") in _FURNITURE:
            continue
        lines = [line for paragraph in _named(shape, "p") if (line := _line(paragraph))]
        if lines:
            yield "\n".join(lines)


def _chart(tree: Element | None) -> Iterator[str]:
    """A chart as its title and a table: a row a category, a column a series."""
    if tree is None:
        return
    title = next((e for e in _named(tree, "title") if local(e.getparent()) == "chart"), None)
    if title is not None and (words := _line(title)):
        yield words
    columns: list[tuple[str, dict[int, str]]] = []
    categories: dict[int, str] = {}
    for number, series in enumerate(_named(tree, "ser"), start=1):
        name = next((" ".join(texts(e, "v").split()) for e in series if local(e) == "tx"), "")
        values: dict[int, str] = {}
        for child in series:
            if local(child) in ("cat", "xVal"):
                categories = categories or _points(child)
            elif local(child) in ("val", "yVal"):
                values = _points(child)
        columns.append((name or f"Series {number}", values))
    rows = sorted({place for _, values in columns for place in values} | set(categories))[:_MAX_CATEGORIES]
    if not rows or not columns:
        return
    lines = [table_line(["", *(name for name, _ in columns)]), "|" + " --- |" * (len(columns) + 1)]
    for place in rows:
        cells = [values.get(place, "") for _, values in columns]
        lines.append(table_line([categories.get(place, str(place + 1)), *cells]))
    yield "\n".join(lines)


def _points(element: Element) -> dict[int, str]:
    """Values of a cache by place, as their number format shows them."""
    code = next((e.text or "" for e in _named(element, "formatCode")), "")
    found: dict[int, str] = {}
    for point in _named(element, "pt"):
        text = texts(point, "v").strip()
        numeric = any(local(a) in ("numCache", "numLit") for a in point.iterancestors())
        if (point.get("idx") or "").isdecimal() and text:
            found[int(point.get("idx"))] = _number(text, code) if numeric else text
    return found


def _number(text: str, code: str) -> str:
    try:
        value = float(text)
    except ValueError:
        return text
    # A date is stored as a number here, and its format alone tells.
    return shown_value(int(value) if value.is_integer() else value, code)
