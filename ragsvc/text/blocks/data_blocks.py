"""Blocks of data files: sections and pairs of INI, TOML and YAML, lines of JSON and of separated values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ragsvc.text.blocks.block import Block, BlockKind, Cell, trim, with_gaps
from ragsvc.text.blocks.lines import Line, lines_of

DATA_TYPES = frozenset({"text/x-ini", "text/x-json", "text/x-toml", "text/x-yaml"})
MAX_DEPTH = 6
MAX_KEY_CHARS = 120

_COMMENTS = ("#", ";", "//", "!")


def data_blocks(text: str, media_type: str) -> tuple[Block, ...]:
    """The blocks of a data file: a pair has the pairs below it as children."""
    signs = "=:" if media_type in ("text/x-ini", "text/x-toml") else ":"
    reader = _DataReader(text, signs)
    return with_gaps(text, reader.blocks(lines_of(text), 0), 0, len(text), BlockKind.LINE)


def line_blocks(text: str) -> tuple[Block, ...]:
    """Each line by itself."""
    return tuple(
        Block(BlockKind.LINE, line.first, line.end, line.first, line.end)
        for line in lines_of(text)
        if not line.is_blank
    )


class _DataReader:
    def __init__(self, text: str, signs: str) -> None:
        self._text = text
        self._signs = signs

    def blocks(self, lines: Sequence[Line], depth: int) -> list[Block]:
        filled = [line for line in lines if not line.is_blank]
        if not filled:
            return []
        base = min(line.indent for line in filled)
        found: list[Block] = []
        at = 0
        while at < len(filled):
            stop = at + 1
            while stop < len(filled) and filled[stop].indent > base:
                stop += 1
            found.append(self._entry(filled[at], filled[at + 1 : stop], depth))
            at = stop
        return found

    def _entry(self, line: Line, below: Sequence[Line], depth: int) -> Block:
        text = self._text
        end = below[-1].end if below else line.end
        kind = BlockKind.LINE
        cells: tuple[Cell, ...] = ()
        children: list[Block] = []
        if text[line.first] == "[" and text[line.end - 1] == "]" and "=" in self._signs and not below:
            inner, closing = trim(text, line.first + 1, line.end - 1)
            return Block(BlockKind.HEADING, line.first, end, inner, closing, level=1)
        if text.startswith(_COMMENTS, line.first, line.end):
            kind = BlockKind.PARAGRAPH
        elif pair := self._pair(line, end):
            kind, cells = BlockKind.KEY_VALUE, pair
        if below and depth < MAX_DEPTH:
            children = self.blocks(below, depth + 1)
        block = Block(kind, line.first, end, line.first, end, cells=cells, children=tuple(children))
        return replace(block, margin=text[line.first]) if kind is BlockKind.PARAGRAPH else block

    def _pair(self, line: Line, end: int) -> tuple[Cell, ...]:
        text = self._text
        first = line.first + 2 if text.startswith("- ", line.first, line.end) else line.first
        last = min(line.end, first + MAX_KEY_CHARS)
        quoted = text.find('"', first + 1, last) + 1 if text[first : first + 1] == '"' else first
        places = [at for sign in self._signs if (at := text.find(sign, max(quoted, first), last)) >= 0]
        if not places or (quoted == 0 and text[first] == '"'):
            return ()
        at = min(places)
        if at == first:
            return ()
        if text[at] == ":" and at + 1 < line.end and not text[at + 1].isspace():
            return ()
        return Cell(*trim(text, first, at)), Cell(*trim(text, at + 1, end))
