"""HTML before the parser sees it: its head taken apart, hidden parts gone, and no deeper than it can read."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from ragsvc.domain import Caveat
from ragsvc.errors import BrokenDocument
from ragsvc.text.encodings import decode

# The parser leaves out what is nested deeper than 64 elements, without a word; tables count threefold.
_MAX_DEPTH = 40
_LANGUAGE = re.compile(r"[A-Za-z0-9-]{2,35}")
_HIDING_STYLE = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
_UNREAD = frozenset({"script", "style", "noscript", "template", "head", "title", "iframe", "object", "svg"})
_INLINE = frozenset(
    {
        *("a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "del", "dfn", "em", "font", "i"),
        *("ins", "kbd", "label", "mark", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup"),
        *("time", "tt", "u", "var", "wbr", "img", "ruby", "rt", "rb"),
    }
)
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "wbr"}
)
_PROPERTIES = ("description", "author", "keywords")


@dataclass(frozen=True, slots=True)
class HtmlPage:
    """A page of HTML.

    data: as UTF-8, without head, comments and hidden parts. paragraphs: what it says, read plainly.
    properties: `title`, `language`, `description`, `authors`, `keywords`.
    """

    data: bytes
    paragraphs: tuple[str, ...]
    properties: dict[str, Any]
    warnings: tuple[Caveat, ...]


def prepare_html(data: bytes, name: str, encoding: str = "") -> HtmlPage:
    """Decode a page and write it anew, as it should be read.

    :param encoding: see decode.
    :raises BrokenDocument: if it is not text.
    """
    decoded = decode(data, name, encoding)
    writer = _Writer()
    # Its own declaration of an encoding is done with, and a string with one is refused.
    parser = etree.HTMLParser(target=writer, huge_tree=True, encoding="utf-8")
    try:
        etree.fromstring(decoded.text.encode("utf-8", errors="replace") or b" ", parser)
    except etree.XMLSyntaxError as error:
        raise BrokenDocument(f"{name} is damaged: {error}", hint="Open it and save it again.") from error
    return HtmlPage(
        "".join(writer.out).encode("utf-8", errors="replace"),
        tuple(writer.paragraphs),
        writer.properties,
        decoded.warnings,
    )


@dataclass(slots=True)
class _Writer:
    """Gets the events of a page one by one and writes what is to be read; needs no stack but its own."""

    out: list[str] = field(default_factory=list)
    paragraphs: list[str] = field(default_factory=list)
    properties: dict[str, Any] = field(default_factory=lambda: {"title": ""})
    _open: list[str] = field(default_factory=list)
    _written: list[bool] = field(default_factory=list)
    _depth: int = 0
    _hidden_from: int = 0
    _title: list[str] | None = None
    _has_title: bool = False
    _words: list[str] = field(default_factory=list)

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        tag = tag.lower()
        self._open.append(tag)
        if tag == "html" and (found := _LANGUAGE.match(attributes.get("lang", ""))):
            self.properties.setdefault("language", found.group())
        elif tag == "title" and not self._has_title and "svg" not in self._open:
            self._title, self._has_title = [], True
        elif tag == "meta":
            self._add_meta(attributes)
        if not self._hidden_from and (tag in _UNREAD or _is_hidden(attributes)):
            self._hidden_from = len(self._open)
        if tag not in _INLINE:
            self._end_paragraph()
        written = not self._hidden_from and tag != "meta" and self._depth < _MAX_DEPTH
        self._written.append(written)
        if written:
            self._depth += tag not in _VOID
            kept = (f' {key}="{html.escape(value)}"' for key, value in attributes.items())
            self.out.append(f"<{tag}{''.join(kept)}>")
        elif not self._hidden_from and tag not in _INLINE:
            self.out.append("<br><br>")

    def end(self, tag: str) -> None:
        """An element ends."""
        tag = tag.lower()
        if not self._open or self._open[-1] != tag:
            return
        if tag == "title" and self._title is not None:
            self.properties["title"] = " ".join("".join(self._title).split())
            self._title = None
        if tag not in _INLINE:
            self._end_paragraph()
        if self._hidden_from == len(self._open):
            self._hidden_from = 0
        self._open.pop()
        if self._written.pop() and tag not in _VOID:
            self._depth -= 1
            self.out.append(f"</{tag}>")

    def data(self, text: str) -> None:
        """Characters of the page."""
        if self._title is not None:
            self._title.append(text)
        if not self._hidden_from:
            self.out.append(html.escape(text, quote=False))
            self._words.append(text)

    def comment(self, text: str) -> None:
        """A comment, which nobody sees."""

    def close(self) -> None:
        """The page ends."""
        self._end_paragraph()

    def _end_paragraph(self) -> None:
        words = " ".join("".join(self._words).split())
        self._words.clear()
        if words:
            self.paragraphs.append(words)

    def _add_meta(self, attributes: dict[str, str]) -> None:
        key = (attributes.get("name") or attributes.get("property") or "").lower()
        content = " ".join(attributes.get("content", "").split())
        if not content or key not in _PROPERTIES:
            return
        if key == "author":
            self.properties.setdefault("authors", [content])
        elif key == "keywords":
            self.properties.setdefault("keywords", [w.strip() for w in content.split(",") if w.strip()])
        else:
            self.properties.setdefault(key, content)


def _is_hidden(attributes: dict[str, str]) -> bool:
    return "hidden" in attributes or _HIDING_STYLE.search(attributes.get("style", "")[:2000]) is not None
