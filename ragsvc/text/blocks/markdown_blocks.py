"""Blocks of Markdown: markdown-it finds them by lines, here they become spans of code points."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.token import Token
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.footnote.index import footnote_def

from ragsvc.text.blocks.block import Block, BlockKind, plain_block, trim, with_gaps
from ragsvc.text.blocks.rows import split_rows

# Deeper lists and quotes are text of the item that holds them.
MAX_NESTING = 24
MAX_FRONT_MATTER_CHARS = 65_536

_ITEM_MARK = re.compile(r"(?:[-*+]|\d{1,9}[.)])[ \t]*")
_QUOTE_MARK = re.compile(r">[ \t]?")
_DESCRIPTION_MARK = re.compile(r"[:~][ \t]*")
_FOOTNOTE_MARK = re.compile(r"\[\^[^\[\]\s]{1,100}\]:[ \t]*")
_FRONT_MATTER_KEY = re.compile(r"[\w$][\w .$/-]{0,80}:(?:[ \t]|$)", re.MULTILINE)
_KINDS = {
    "blockquote_open": BlockKind.QUOTE,
    "bullet_list_open": BlockKind.LIST,
    "dl_open": BlockKind.DEFINITIONS,
    "dd_open": BlockKind.DESCRIPTION,
    "dt_open": BlockKind.TERM,
    "footnote_reference_open": BlockKind.FOOTNOTE,
    "list_item_open": BlockKind.ITEM,
    "ordered_list_open": BlockKind.LIST,
}
_MARKS = {
    "blockquote_open": _QUOTE_MARK,
    "dd_open": _DESCRIPTION_MARK,
    "footnote_reference_open": _FOOTNOTE_MARK,
    "list_item_open": _ITEM_MARK,
}


def _footnote(state: StateBlock, first: int, end: int, silent: bool) -> bool:
    """The plugin's rule, which does not tell the lines of a note."""
    number = len(state.tokens)
    found = footnote_def(state, first, end, silent)
    if found and not silent:
        state.tokens[number].map = [first, state.line]
    return found


@cache
def _block_parser() -> MarkdownIt:
    # Tables are found in the paragraphs: those here may begin without their column names.
    parser = MarkdownIt("commonmark", {"maxNesting": MAX_NESTING}).use(deflist_plugin)
    parser.block.ruler.before("reference", "footnote", _footnote, {"alt": ["paragraph", "reference"]})
    parser.core.ruler.enableOnly(["block"])
    return parser


def markdown_blocks(text: str) -> tuple[Block, ...]:
    """The blocks of a Markdown text."""
    start = _front_matter_end(text)
    front = plain_block(text, BlockKind.FRONT_MATTER, 0, start)
    # One for one, or the spans would not fit: the parser would make a line end of \r.
    source = text[start:].replace("\r", " ").replace("\0", "\ufffd")
    blocks = _Conversion(text, start, _block_parser().parse(source)).blocks()
    found = with_gaps(text, blocks, start, len(text), BlockKind.REFERENCE)
    return (front, *found) if front else found


def references_of(text: str) -> dict[str, Any]:
    """The targets of links that a text defines ([label]: url), as markdown-it keeps them."""
    env: dict[str, Any] = {}
    _block_parser().parse(text, env)
    found: dict[str, Any] = env.get("references", {})
    return found


def _front_matter_end(text: str) -> int:
    """Offset after the YAML that opens a text; 0 when none does."""
    if not text.startswith("---\n") or not _FRONT_MATTER_KEY.match(text, 4):
        return 0
    end = text.find("\n---", 3, MAX_FRONT_MATTER_CHARS)
    if end < 0:
        return 0
    stop = text.find("\n", end + 1)
    stop = len(text) if stop < 0 else stop
    return stop if text[end + 4 : stop].strip() == "" else 0


class _Conversion:
    """Walks the parser's tokens once."""

    def __init__(self, text: str, origin: int, tokens: Sequence[Token]) -> None:
        self._text = text
        self._tokens = tokens
        self._at = 0
        self._lines = [origin]
        while (end := text.find("\n", self._lines[-1])) >= 0:
            self._lines.append(end + 1)
        self._lines.append(len(text))

    def blocks(
        self, first: int = -1, first_start: int = 0, end: int | None = None, quotes: int = 0, lists: int = 0
    ) -> list[Block]:
        """The blocks up to the end of the container that was opened last.

        :param first: line on which the container begins. first_start: where its content does on that line.
        :param end: offset after the container; nothing in it goes further.
        :param quotes, lists: how many of them the container is inside of, itself included.
        """
        found: list[Block] = []
        end = len(self._text) if end is None else end
        # The lines that extensions give to their tokens may overlap.
        floor = first_start
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            self._at += 1
            if token.nesting < 0:
                break
            if token.map is None:
                continue
            top, bottom = token.map[0], max(token.map[1], token.map[0] + 1)
            start = first_start if top == first else self._line_start(top, quotes)
            stop = min(end, self._lines[min(bottom, len(self._lines) - 1)])
            start, stop = trim(self._text, max(start, floor), stop)
            if token.type in _KINDS:
                if block := self._container(token, start, stop, quotes, lists):
                    found.append(block)
                    floor = block.end
                continue
            if token.nesting > 0:
                self._at += 2  # its text, and its end
            if stop > start:
                found.extend(self._leaf(token, start, stop, quotes))
                floor = max(floor, stop)
        return found

    def _line_start(self, line: int, quotes: int) -> int:
        """Where a line begins behind the marks of the quotes that it is in."""
        at, end = self._lines[line], self._lines[min(line + 1, len(self._lines) - 1)]
        for _ in range(quotes):
            place = self._skip_blanks(at, end)
            if place >= end or self._text[place] != ">":
                break
            at = place + 1
        return self._skip_blanks(at, end)

    def _skip_blanks(self, at: int, end: int) -> int:
        while at < end and self._text[at] in " \t":
            at += 1
        return at

    def _container(self, token: Token, start: int, end: int, quotes: int, lists: int) -> Block | None:
        kind = _KINDS[token.type]
        mark = _MARKS.get(token.type)
        opening = mark.match(self._text, start, end) if mark else None
        content = opening.end() if opening else start
        quotes += kind is BlockKind.QUOTE
        assert token.map is not None
        is_list = kind is BlockKind.LIST
        children = self.blocks(token.map[0], content, end, quotes, lists + is_list)
        if quotes:
            children = [replace(child, margin=">") for child in children]
        if end <= start:
            return None
        if kind is BlockKind.DEFINITIONS:
            children = _paired(children)
        if kind is BlockKind.TERM:
            children = []
        return Block(
            kind,
            start,
            end,
            min(content, end),
            end,
            level=lists if is_list else 0,
            ordered=token.type == "ordered_list_open",
            children=tuple(children),
        )

    def _leaf(self, token: Token, start: int, end: int, quotes: int) -> list[Block]:
        assert token.map is not None
        if token.type == "paragraph_open":
            return self._paragraph(token.map[0], token.map[1], start, end, quotes)
        if token.type == "heading_open":
            return [self._heading(token, start, end)]
        if token.type == "fence":
            return [self._fence(token, start, end, quotes)]
        if token.type == "code_block":
            return [Block(BlockKind.CODE, start, end, start, end)]
        if token.type == "html_block":
            return [Block(BlockKind.HTML, start, end, start, end)]
        if token.type == "hr":
            return [Block(BlockKind.RULE, start, end, start, end)]
        # The text of a paragraph, a heading or a term: they have it already.
        return []

    def _heading(self, token: Token, start: int, end: int) -> Block:
        text, level = self._text, int(token.tag[1:])
        if token.markup[0] != "#":
            underline = text.rfind("\n", start, end)
            if underline < 0:
                # The title is made of white space that only Unicode knows.
                return Block(BlockKind.RULE, start, end, start, end)
            return Block(BlockKind.HEADING, start, end, *trim(text, start, underline), level=level)
        inner = start + len(token.markup)
        closing = end
        while closing > inner and text[closing - 1] == "#":
            closing -= 1
        if closing > inner and not text[closing - 1].isspace():
            closing = end
        inner, closing = trim(text, inner, closing)
        return Block(BlockKind.HEADING, start, end, inner, closing, level=level)

    def _fence(self, token: Token, start: int, end: int, quotes: int) -> Block:
        assert token.map is not None
        first, last = token.map[0] + 1, token.map[1] - 1
        info = token.info.strip()[:80]
        inner = min(self._lines[min(first, len(self._lines) - 1)], end)
        closing = end
        if last >= first:
            at = self._line_start(last, quotes)
            line = self._text[at : self._lines[min(last + 1, len(self._lines) - 1)]].strip()
            if len(line) >= len(token.markup) and set(line) == {token.markup[0]}:
                closing = max(inner, self._lines[last] - 1)
        return Block(BlockKind.CODE, start, end, inner, closing, info=info)

    def _paragraph(self, top: int, bottom: int, start: int, end: int, quotes: int) -> list[Block]:
        if "|" not in self._text[start:end]:
            return [Block(BlockKind.PARAGRAPH, start, end, start, end)]
        lines: list[tuple[int, int]] = []
        for number in range(top, bottom):
            left = start if number == top else self._line_start(number, quotes)
            right = min(end, self._lines[min(number + 1, len(self._lines) - 1)])
            left, right = trim(self._text, left, right)
            if right > left:
                lines.append((left, right))
        return split_rows(self._text, lines)


def _paired(children: Sequence[Block]) -> list[Block]:
    """Definitions: each term with the descriptions below it."""
    found: list[Block] = []
    held: list[Block] = []
    for child in [*children, None]:
        begins = child is None or (
            child.kind is BlockKind.TERM and any(each.kind is not BlockKind.TERM for each in held)
        )
        if begins and held:
            start, end = held[0].start, held[-1].end
            found.append(Block(BlockKind.DEFINITION, start, end, start, end, children=tuple(held)))
            held = []
        if child is not None:
            held.append(child)
    return found
