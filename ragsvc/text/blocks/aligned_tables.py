"""Tables of plain text: columns below a rule of dashes, in a grid, or simply aligned."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from statistics import mode

from ragsvc.text.blocks.block import Block, BlockKind, Cell, trim
from ragsvc.text.blocks.lines import HEAD_CHARS, Line, is_option, is_stamped, mark_of
from ragsvc.text.blocks.rows import cells_of
from ragsvc.text.blocks.scan import FoundBlock, Scan

# Fewer lines may be aligned by chance.
MIN_ALIGNED_LINES = 3
MIN_ALIGNED_COLUMNS = 3
MIN_BARRED_COLUMNS = 2

_COLUMN_RULE = re.compile(r"[|+ \t]*[-=]{2,}(?:[|+ \t]+[-=]{2,})+[|+ \t]*")
_GRID_RULE = re.compile(r"\+(?:[-=]+\+)+")
_GROUP = re.compile(r"[-=]{2,}")
_FIELD = re.compile(r"\S+(?: \S+)*")
_FIGURE = re.compile(r"[^\w\s]?\d")


def table_at(scan: Scan, lines: Sequence[Line], at: int) -> FoundBlock | None:
    """The table that the lines between two blank ones are."""
    if lines[at].end - lines[at].first > HEAD_CHARS or (at > 0 and not lines[at - 1].is_blank):
        return None
    stop = at
    while stop < len(lines) and not lines[stop].is_blank:
        stop += 1
    here = lines[at:stop]
    block = _grid(scan, here) or _ruled(scan, here) or _barred(scan, here) or _aligned(scan, here)
    return FoundBlock(block, stop) if block else None


def _grid(scan: Scan, lines: Sequence[Line]) -> Block | None:
    """A grid of +---+ and bars."""
    text = scan.text
    if len(lines) < MIN_ALIGNED_LINES or not _GRID_RULE.fullmatch(text, lines[0].first, lines[0].end):
        return None
    if any(text[line.first] not in "+|" for line in lines):
        return None
    named = any("=" in text[line.first : line.end] for line in lines if text[line.first] == "+")
    rows: list[Block] = []
    for line in lines:
        if text[line.first] == "+":
            named = named and "=" not in text[line.first : line.end]
            rows.append(Block(BlockKind.RULE, line.first, line.end, line.first, line.end))
        else:
            rows.append(_row(line, cells_of(text, line.first, line.end), header=named))
    return _table(rows)


def _ruled(scan: Scan, lines: Sequence[Line]) -> Block | None:
    """Columns that a rule of several parts gives, as its first or second line."""
    text = scan.text
    rules = [
        number
        for number, line in enumerate(lines)
        if _COLUMN_RULE.fullmatch(text, line.first, min(line.end, line.first + 10 * HEAD_CHARS))
    ]
    if not rules or rules[0] > 1 or len(lines) < MIN_ALIGNED_LINES or len(rules) == len(lines):
        return None
    ruling = frozenset(rules)
    rule = lines[rules[0]]
    starts = [rule.indent + group.start() for group in _GROUP.finditer(text[rule.first : rule.end])]
    head = rules[0] - 1 if rules[0] else (1 if 2 in ruling else -1)
    rows: list[Block] = []
    for number, line in enumerate(lines):
        if number in ruling:
            rows.append(Block(BlockKind.RULE, line.first, line.end, line.first, line.end))
            continue
        cells = _cut(text, line, starts)
        if cells is None:
            return None
        rows.append(_row(line, cells, header=number == head))
    return _table(rows)


def _cut(text: str, line: Line, starts: Sequence[int]) -> tuple[Cell, ...] | None:
    """The cells of a line whose columns begin at `starts`; None where a word crosses into another."""
    offsets = [max(line.first, line.first + start - line.indent) for start in starts]
    if any(line.first < at < line.end and text[at - 1] not in " |\t" for at in offsets[1:]):
        return None
    edges = [*offsets[1:], line.end]
    cells: list[Cell] = []
    for left, right in zip(offsets, edges, strict=True):
        left, right = trim(text, min(left, line.end), min(max(right, left), line.end))
        while right > left and text[right - 1] in "| \t":
            right -= 1
        cells.append(Cell(left, right))
    return tuple(cells)


def _barred(scan: Scan, lines: Sequence[Line]) -> Block | None:
    """Bars at the start of every line and behind every cell; a line may say more behind its last bar."""
    text = scan.text
    if len(lines) < MIN_ALIGNED_LINES or any(text[line.first] != "|" for line in lines):
        return None
    said = [cells_of(text, line.first, line.end) for line in lines]
    columns = mode(len(cells) for cells in said)
    if columns < MIN_BARRED_COLUMNS or any(len(cells) not in (columns, columns + 1) for cells in said):
        return None
    said[0] = said[0][:columns]
    rows = [_row(line, cells, header=False) for line, cells in zip(lines, said, strict=True)]
    return _table([replace(rows[0], header=_is_named(text, said)), *rows[1:]])


def _is_named(text: str, said: Sequence[Sequence[Cell]]) -> bool:
    """Whether the first row of a table names its columns: it holds no figures, and those below it do."""
    first, *below = ([bool(_FIGURE.match(text, cell.start, cell.end)) for cell in cells] for cells in said)
    return not any(first) and any(map(any, below))


def _aligned(scan: Scan, lines: Sequence[Line]) -> Block | None:
    """Lines of as many fields, those of each column beginning, or ending, at one place."""
    text = scan.text
    if len(lines) < MIN_ALIGNED_LINES or any(
        mark_of(text, lines[0]) or is_stamped(text, line) or is_option(text, line) for line in lines[:2]
    ):
        return None
    fields = [_fields(text, line) for line in lines[:MIN_ALIGNED_LINES]]
    if len(fields[0]) < MIN_ALIGNED_COLUMNS or len({len(each) for each in fields}) > 1:
        return None
    fields += [_fields(text, line) for line in lines[MIN_ALIGNED_LINES:]]
    if len({len(each) for each in fields}) > 1:
        return None
    for column in zip(*fields, strict=True):
        if len({start for start, _ in column}) > 1 and len({end for _, end in column}) > 1:
            return None
    said = [
        tuple(Cell(line.first + start - line.indent, line.first + end - line.indent) for start, end in each)
        for line, each in zip(lines, fields, strict=True)
    ]
    rows = [_row(line, cells, header=False) for line, cells in zip(lines, said, strict=True)]
    return _table([replace(rows[0], header=_is_named(text, said)), *rows[1:]])


def _fields(text: str, line: Line) -> list[tuple[int, int]]:
    """Columns at which the fields of a line begin and end; two blanks part them."""
    written = text[line.first : min(line.end, line.first + 4 * HEAD_CHARS)]
    return [(line.indent + found.start(), line.indent + found.end()) for found in _FIELD.finditer(written)]


def _row(line: Line, cells: tuple[Cell, ...], *, header: bool) -> Block:
    return Block(BlockKind.ROW, line.first, line.end, line.first, line.end, cells=cells, header=header)


def _table(rows: Sequence[Block]) -> Block:
    start, end = rows[0].start, rows[-1].end
    return Block(BlockKind.TABLE, start, end, start, end, children=tuple(rows))
