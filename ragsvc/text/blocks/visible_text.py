"""A text as its reader sees it: its own characters without the marks that are really marks."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from ragsvc.text.blocks.block import Block, BlockKind, leaves, walk
from ragsvc.text.blocks.block_parser import MARKDOWN, parse_blocks
from ragsvc.text.blocks.inline import inline_line, pieces_of
from ragsvc.text.blocks.markdown_blocks import references_of
from ragsvc.text.blocks.pieces import SeenPiece, literal, said_of, segments_of
from ragsvc.text.tables import read_row, table_rows

_FOOTNOTE_LABEL = re.compile(r"\[\^([^\[\]\s]{1,100})\]")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<[!?][^<>]*>")
_UNSEEN = frozenset({BlockKind.REFERENCE, BlockKind.RULE})


class VisibleText:
    """The blocks of a text, and what they say.

    Of Markdown the marks go; of any other text only the marks of list items, quotes and comments.
    """

    def __init__(
        self, text: str, media_type: str, *, columns: Sequence[str] = (), from_start: bool = True
    ) -> None:
        """Parse it once.

        :param text: as stored, or a part of it. media_type: as stored.
        :param columns: names for the table in which a part begins. from_start: whether nothing of the
            document comes before the text.
        """
        self.text = text
        self._columns = columns
        self._from_start = from_start
        self.media_type = media_type
        self.blocks: tuple[Block, ...] = parse_blocks(text, media_type)
        self._pieces: dict[int, list[SeenPiece]] = {}

    @cached_property
    def _leaves(self) -> tuple[Block, ...]:
        return tuple(leaves(self.blocks))

    @cached_property
    def _starts(self) -> list[int]:
        return [block.start for block in self._leaves]

    @cached_property
    def _env(self) -> dict[str, Any]:
        env: dict[str, Any] = {"references": {}, "footnotes": set()}
        for block in walk(self.blocks):
            if block.kind is BlockKind.REFERENCE:
                env["references"] |= references_of(self.text[block.start : block.end])
            elif block.kind is BlockKind.FOOTNOTE:
                label = _FOOTNOTE_LABEL.match(self.text, block.start)
                env["footnotes"] |= {label.group(1)} if label else set()
        return env

    @cached_property
    def _rows(self) -> dict[int, tuple[int, str]]:
        starts = {block.start for block in walk(self.blocks) if block.kind is BlockKind.ROW}
        if not starts:
            return {}
        if self.media_type != MARKDOWN:
            return _plain_rows(self.text, self.blocks)
        rows = table_rows(self.text, columns=self._columns, from_start=self._from_start, said=inline_line)
        return {row.start: (row.end, row.reading) for row in rows if row.start in starts}

    def line(self, start: int, end: int) -> str:
        """What text[start:end] says, as one line.

        :return: its own text where nothing of it is seen.
        """
        row = self._rows.get(start)
        if row and row[0] == end:
            return row[1]
        said = said_of(self.text, self._between(start, end), start, end)
        return said or " ".join(self.text[start:end].split())

    def seen(self, start: int, end: int) -> list[tuple[int, int]]:
        """The parts of text[start:end] that a reader sees, in order."""
        return [
            (max(piece.start, start), min(piece.end, end))
            for piece in self._between(start, end)
            if piece.start < end and piece.end > start
        ]

    def _between(self, start: int, end: int) -> Iterator[SeenPiece]:
        place = max(bisect_right(self._starts, start) - 1, 0)
        while place < len(self._leaves) and self._leaves[place].start < end:
            yield from self._of(self._leaves[place])
            place += 1

    def _of(self, block: Block) -> list[SeenPiece]:
        if block.start not in self._pieces:
            self._pieces[block.start] = self._read(block)
        return self._pieces[block.start]

    def _read(self, block: Block) -> list[SeenPiece]:
        if block.kind in _UNSEEN and self.media_type == MARKDOWN:
            return []
        segments = segments_of(self.text, block.content_start, block.content_end, block.margin)
        if block.kind in (BlockKind.CODE, BlockKind.FRONT_MATTER) or self.media_type != MARKDOWN:
            return literal(segments)
        if block.kind is BlockKind.HTML:
            return _without_tags(self.text, block)
        return pieces_of(segments, self._env)


def _plain_rows(text: str, blocks: Sequence[Block]) -> dict[int, tuple[int, str]]:
    """What the rows of aligned tables say, by their starts, with their ends."""
    found: dict[int, tuple[int, str]] = {}
    for table in walk(blocks):
        if table.kind is not BlockKind.TABLE:
            continue
        names: tuple[str, ...] = ()
        for row in table.children:
            cells = tuple(" ".join(text[cell.start : cell.end].split()) for cell in row.cells)
            if row.header:
                names = cells
            elif said := read_row(cells, names):
                found[row.start] = row.end, said
    return found


def _without_tags(text: str, block: Block) -> list[SeenPiece]:
    found: list[SeenPiece] = []
    at = said_from = block.start
    last_comment = text.rfind("-->", block.start, block.end)
    while (at := text.find("<", at, block.end)) >= 0:
        stop = text.index("-->", at) + 3 if text.startswith("<!--", at) and at < last_comment else -1
        if stop < 0:
            tag = _TAG.match(text, at, block.end)
            stop = tag.end() if tag else -1
        if stop < 0:
            at += 1
            continue
        if at > said_from:
            found.append(SeenPiece(said_from, at))
        at = said_from = stop
    if said_from < block.end:
        found.append(SeenPiece(said_from, block.end))
    return found
