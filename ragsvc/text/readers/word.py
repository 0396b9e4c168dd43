"""Word files: what the parser leaves out is added, and what nobody sees on the page is left out."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from ragsvc.domain import Caveat
from ragsvc.text.kept_words import fill_in
from ragsvc.text.markdown import is_file_name
from ragsvc.text.readers.packages import Element, Package, local, texts

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALSE = ("0", "false", "off", "none")
_MAX_HALF_POINTS = 3
_PAGE_FIELDS = ("PAGE", "NUMPAGES", "SECTIONPAGES")
# What a foot holds besides the number of the page, such as "Page of".
_MAX_FURNITURE_CHARS = 16


@dataclass(frozen=True, slots=True)
class WordAccount:
    """A Word file with what stands outside its body.

    data: the file without hidden text; the file itself when there is none.
    beside: heads, feet and comments as paragraphs. paragraphs: visible text of the body, one by one, then
    what is said in place of its pictures.
    """

    data: bytes
    beside: tuple[str, ...]
    paragraphs: tuple[str, ...]
    warnings: tuple[Caveat, ...]


def look_into(data: bytes) -> WordAccount | None:
    """Look into a Word file; None for what is none that can be understood."""
    try:
        with Package(data) as package:
            return _look_into(package, data)
    except (zipfile.BadZipFile, etree.LxmlError, ValueError, EOFError, NotImplementedError, KeyError):
        return None


def _look_into(package: Package, data: bytes) -> WordAccount | None:
    body = package.tree("word/document.xml")
    if body is None or not body.tag.startswith(_W):
        return None
    hidden_styles = _hidden_styles(package)
    changed: dict[str, bytes] = {}
    hidden = 0
    for name in [
        "word/document.xml",
        *package.matching("word/footnotes"),
        *package.matching("word/endnotes"),
    ]:
        tree = body if name == "word/document.xml" else package.tree(name)
        removed = _remove_hidden(tree, hidden_styles) if tree is not None else 0
        if removed:
            hidden += removed
            changed[name] = etree.tostring(tree, xml_declaration=True, encoding="UTF-8", standalone=True)
    beside: list[str] = []
    for prefix, label in (("word/header", "Page header"), ("word/footer", "Page footer")):
        for name in package.matching(prefix):
            beside += (f"{label}: {line}" for line in _marginal(package, name, hidden_styles))
    beside += _comments(package)
    caveats = (Caveat("hidden_text", f"{hidden} characters of hidden text left out"),) if hidden else ()
    return WordAccount(
        package.rewritten(changed) if changed else data,
        tuple(dict.fromkeys(beside)),
        (*_paragraphs(body), *_descriptions(body)),
        caveats,
    )


def _paragraphs(body: Element) -> Iterator[str]:
    for paragraph in body.iter(f"{_W}p"):
        # A text box is a paragraph inside a paragraph, and often stands there twice.
        own = "".join(
            run.text or ""
            for run in paragraph.iter(f"{_W}t")
            if next(run.iterancestors(f"{_W}p"), None) is paragraph
            and not any(local(a) in ("del", "moveFrom", "Fallback") for a in run.iterancestors())
        )
        if own.strip():
            yield " ".join(own.split())


def _descriptions(body: Element) -> Iterator[str]:
    """What is said in place of pictures, charts and shapes to those who do not see them."""
    for element in body.iter():
        name = local(element)
        told = (
            element.get("descr", "") if name == "docPr" else element.get("alt", "") if name == "shape" else ""
        )
        words = " ".join(told.split())
        if words and element.get("hidden") not in ("1", "true") and not is_file_name(words):
            yield words


def _hidden_styles(package: Package) -> frozenset[str]:
    """Ids of styles whose text is hidden, by themselves or by what they are based on."""
    tree = package.tree("word/styles.xml")
    if tree is None:
        return frozenset()
    hidden: dict[str, bool | None] = {}
    based: dict[str, str] = {}
    for style in tree.iter(f"{_W}style"):
        name = style.get(f"{_W}styleId", "")
        hidden[name] = _vanish(style.find(f"{_W}rPr"))
        parent = style.find(f"{_W}basedOn")
        if parent is not None:
            based[name] = parent.get(f"{_W}val", "")
    found = set()
    for name in hidden:
        at, seen = name, set()
        while at in hidden and hidden[at] is None and at in based and at not in seen:
            seen.add(at)
            at = based[at]
        if hidden.get(at):
            found.add(name)
    return frozenset(found)


def _vanish(properties: Element | None) -> bool | None:
    """Whether run properties hide the text; None when they do not say."""
    mark = properties.find(f"{_W}vanish") if properties is not None else None
    return None if mark is None else mark.get(f"{_W}val", "1").lower() not in _FALSE


def _remove_hidden(tree: Element, hidden_styles: frozenset[str]) -> int:
    """Empty the runs that nobody sees; returns how many characters that were."""
    removed = 0
    shaded = tree.find(f"{_W}background") is not None
    for run in tree.iter(f"{_W}r"):
        if _is_hidden(run, hidden_styles) or (not shaded and _is_white(run)):
            for text in run.iter(f"{_W}t"):
                removed += len((text.text or "").strip())
                text.text = ""
    return removed


def _is_hidden(run: Element, hidden_styles: frozenset[str]) -> bool:
    properties = run.find(f"{_W}rPr")
    said = _vanish(properties)
    if said is not None:
        return said
    if properties is not None:
        size = properties.find(f"{_W}sz")
        half_points = size.get(f"{_W}val", "") if size is not None else ""
        if half_points.isdecimal() and int(half_points) <= _MAX_HALF_POINTS:
            return True
        style = properties.find(f"{_W}rStyle")
        if style is not None and style.get(f"{_W}val") in hidden_styles:
            return True
    paragraph = next(run.iterancestors(f"{_W}p"), None)
    style = paragraph.find(f"{_W}pPr/{_W}pStyle") if paragraph is not None else None
    return style is not None and style.get(f"{_W}val") in hidden_styles


def _is_white(run: Element) -> bool:
    """Whether a run is white on white: of a direct white colour, with nothing behind it."""
    color = run.find(f"{_W}rPr/{_W}color")
    if color is None or not _is_near_white(color.get(f"{_W}val", "")):
        return False
    if run.find(f"{_W}rPr/{_W}highlight") is not None:
        return False
    for element in [run, *run.iterancestors()]:
        name = local(element)
        if name == "txbxContent":
            return False  # a box has a colour of its own
        if name == "tbl" and element.find(f"{_W}tblPr/{_W}tblStyle") is not None:
            return False  # the style of a table may colour its rows
        properties = {"r": "rPr", "p": "pPr", "tc": "tcPr", "tbl": "tblPr"}.get(name)
        shade = element.find(f"{_W}{properties}/{_W}shd") if properties else None
        if shade is not None and not _is_near_white(shade.get(f"{_W}fill", "auto")):
            return False
    return True


def _is_near_white(value: str) -> bool:
    if value.lower() in ("auto", ""):
        return False
    try:
        return len(value) == 6 and min(bytes.fromhex(value)) >= 0xF8
    except ValueError:
        return False


def _marginal(package: Package, name: str, hidden_styles: frozenset[str]) -> Iterator[str]:
    """Lines of a head or foot, without those that only number the pages."""
    tree = package.tree(name)
    if tree is None:
        return
    _remove_hidden(tree, hidden_styles)
    for paragraph in tree.iter(f"{_W}p"):
        words = " ".join(texts(paragraph, "t").split())
        fields = texts(paragraph, "instrText") + " ".join(
            field.get(f"{_W}instr", "") for field in paragraph.iter(f"{_W}fldSimple")
        )
        numbers = any(field in fields.upper().split() for field in _PAGE_FIELDS)
        if words and not (numbers and len(words) <= _MAX_FURNITURE_CHARS):
            yield words


def _comments(package: Package) -> Iterator[str]:
    tree = package.tree("word/comments.xml")
    if tree is None:
        return
    for comment in tree.iter(f"{_W}comment"):
        words = " ".join(" ".join(texts(p, "t") for p in comment.iter(f"{_W}p")).split())
        author = " ".join((comment.get(f"{_W}author") or "").split())
        if words:
            yield f"Comment{f' by {author}' if author else ''}: {words}"


def complete_word(text: str, account: WordAccount) -> tuple[str, tuple[Caveat, ...]]:
    """Add to the text of a Word file what its body lacks, then heads, feet and comments."""
    text, caveats = fill_in(text, account.paragraphs)
    beside = [line for line in account.beside if line.partition(": ")[2] not in text]
    if beside:
        text = "\n\n".join([text.rstrip("\n"), *beside]).lstrip("\n") + "\n"
    return text, (*account.warnings, *caveats)
