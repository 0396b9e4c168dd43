"""Blocks of plain text, line by line: layout tells them, for the marks of Markdown mean nothing here."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from ragsvc.text.blocks.aligned_tables import table_at
from ragsvc.text.blocks.block import Block, BlockKind, with_gaps
from ragsvc.text.blocks.code_signs import looks_like_code
from ragsvc.text.blocks.definitions import (
    begins_options,
    begins_settings,
    columns_at,
    log_at,
    options_at,
    pairs_at,
    terms_at,
)
from ragsvc.text.blocks.lines import Line, is_option, is_rule, stretch
from ragsvc.text.blocks.lists import begins_list, begins_quote, is_barred, list_at, quote_at
from ragsvc.text.blocks.plain_headings import inlaid, titled, underlined
from ragsvc.text.blocks.scan import MAX_DEPTH, FoundBlock, scan_of

_FENCES = ("```", "~~~")
_LEAD_INS = (":", "：")


def plain_blocks(text: str) -> tuple[Block, ...]:
    """The blocks of a text that is not Markdown."""
    reader = _PlainReader(text)
    return with_gaps(text, reader.blocks(), 0, len(text), BlockKind.PARAGRAPH)


class _PlainReader:
    def __init__(self, text: str) -> None:
        self._scan, self._lines = scan_of(text, self._region)
        self._closing = {
            sign: [line.number for line in self._lines if self._is_fence(line, sign, bare=True)]
            for sign in _FENCES
        }

    def blocks(self) -> list[Block]:
        return self._region(self._lines, 0)

    def _region(self, lines: Sequence[Line], depth: int) -> list[Block]:
        found: list[Block] = []
        at = 0
        while at < len(lines):
            if lines[at].is_blank:
                at += 1
                continue
            for each in self._blocks_at(lines, at, depth, found[-1] if found else None):
                found.append(each.block)
                at = each.stop
        return found

    def _blocks_at(
        self, lines: Sequence[Line], at: int, depth: int, above: Block | None
    ) -> Sequence[FoundBlock]:
        if depth >= MAX_DEPTH:
            return [self._paragraph(lines, at, depth)]
        scan, line = self._scan, lines[at]
        # Options and columns look like code by their signs.
        one = options_at(scan, lines, at, depth) if is_option(scan.text, line) else None
        if one is None and line.indent > lines[0].indent and not self._is_literal(above):
            one = columns_at(scan, lines, at, depth)
        if one:
            return [one]
        one = table_at(scan, lines, at) or self._code(lines, at, above) or underlined(scan, lines, at)
        if one is None and is_rule(scan.text, line):
            one = FoundBlock(scan.span(BlockKind.RULE, [line]), at + 1)
        one = one or titled(scan, lines, at, depth) or inlaid(scan, lines, at, depth)
        if one:
            return [one]
        if several := log_at(scan, lines, at):
            return several
        if begins_list(scan, lines, at, fresh=True):
            return [list_at(scan, lines, at, depth)]
        if begins_quote(scan, lines, at, fresh=True):
            return [quote_at(scan, lines, at, depth)]
        if several := pairs_at(scan, lines, at):
            return several
        one = columns_at(scan, lines, at, depth) or terms_at(scan, lines, at, depth)
        return [one or self._paragraph(lines, at, depth)]

    def _code(self, lines: Sequence[Line], at: int, above: Block | None) -> FoundBlock | None:
        scan, line = self._scan, lines[at]
        if self._is_fence(line):
            return self._fenced(lines, at)
        if scan.text.startswith(">>> ", line.first):
            stop = at
            while stop < len(lines) and not lines[stop].is_blank:
                stop += 1
            return FoundBlock(scan.span(BlockKind.CODE, lines[at:stop]), stop)
        stop = self._announced_end(lines, at, above) or self._code_end(lines, at)
        return FoundBlock(scan.span(BlockKind.CODE, lines[at:stop]), stop) if stop else None

    def _is_literal(self, above: Block | None) -> bool:
        """Whether a paragraph announces text that is to be taken as it is."""
        return above is not None and self._scan.text.endswith("::", above.start, above.end)

    def _announced_end(self, lines: Sequence[Line], at: int, above: Block | None) -> int:
        """Number of the line after code that a paragraph ending in a colon announces; 0 for none."""
        text, line = self._scan.text, lines[at]
        if above is None or not text.endswith(_LEAD_INS, above.start, above.end):
            return 0
        margin = above.start - text.rfind("\n", 0, above.start) - 1
        if line.indent <= margin:
            return 0
        stop = stretch(lines, at, margin + 1)
        return stop if self._is_literal(above) or looks_like_code(text, lines[at:stop]) else 0

    def _code_end(self, lines: Sequence[Line], at: int) -> int:
        """Number of the line after indented lines that look like code without being announced; 0 for none."""
        line = lines[at]
        if line.indent < lines[0].indent + 2 or is_barred(self._scan, lines, at + 1):
            return 0
        stop = place = at
        while place < len(lines) and lines[place].indent >= line.indent and not lines[place].is_blank:
            first = place
            while place < len(lines) and not lines[place].is_blank:
                place += 1
            if not looks_like_code(self._scan.text, lines[first:place]):
                break
            stop = place
            while place < len(lines) and lines[place].is_blank:
                place += 1
        return stop if stop > at else 0

    def _is_fence(self, line: Line, sign: str | tuple[str, ...] = _FENCES, *, bare: bool = False) -> bool:
        text = self._scan.text
        if not text.startswith(sign, line.first, line.end):
            return False
        mark = text[line.first]
        rest = text[line.first : min(line.end, line.first + 40)].lstrip(mark)
        return not rest if bare else len(rest.split()) < 2 and mark not in rest

    def _fenced(self, lines: Sequence[Line], at: int) -> FoundBlock | None:
        closing = self._closing[self._scan.text[lines[at].first] * 3]
        place = bisect_right(closing, lines[at].number)
        return self._between(lines, at, closing[place]) if place < len(closing) else None

    def _between(self, lines: Sequence[Line], at: int, closing: int) -> FoundBlock | None:
        stop = at + closing - lines[at].number
        if stop >= len(lines):
            return None
        text = self._scan.text
        block = self._scan.span(BlockKind.CODE, lines[at : stop + 1])
        inner = min(lines[at].end + 1, lines[stop].start)
        end = max(inner, lines[stop].start - 1)
        info = text[lines[at].first : lines[at].end].strip("`~ \t")
        return FoundBlock(Block(BlockKind.CODE, block.start, block.end, inner, end, info=info), stop + 1)

    def _paragraph(self, lines: Sequence[Line], at: int, depth: int) -> FoundBlock:
        stop = at + 1
        while stop < len(lines) and not lines[stop].is_blank and not self._interrupts(lines, stop, depth):
            stop += 1
        return FoundBlock(self._scan.span(BlockKind.PARAGRAPH, lines[at:stop]), stop)

    def _interrupts(self, lines: Sequence[Line], at: int, depth: int) -> bool:
        """Whether something else begins at a line that follows another without a blank one between."""
        if depth >= MAX_DEPTH:
            return False
        scan, line, above = self._scan, lines[at], lines[at - 1]
        announced = scan.text.endswith(_LEAD_INS, above.first, above.end)
        if announced and (line.indent > above.indent or log_at(scan, lines[at : at + 8], 0)):
            return True
        if self._is_fence(line) and self._fenced(lines, at):
            return True
        if scan.text.startswith(">>> ", line.first) or begins_settings(scan, lines, at):
            return True
        if begins_list(scan, lines, at, fresh=False) or begins_quote(scan, lines, at, fresh=False):
            return True
        return begins_options(scan, lines, at) or inlaid(scan, lines, at, depth) is not None
