"""Table rows with bars: where they stand among the lines of a paragraph, and the spans of their cells."""

from __future__ import annotations

from collections.abc import Sequence

from ragsvc.text.blocks.block import Block, BlockKind, Cell, trim

_RULE_SIGNS = frozenset("|-:+ \t")


def is_row_rule(line: str) -> bool:
    """Whether a line is the rule below the names of columns: |---|:--:|."""
    return "-" in line and "|" in line and _RULE_SIGNS.issuperset(line)


def cells_of(text: str, start: int, end: int) -> tuple[Cell, ...]:
    """The cells of a row that has bars between them and may have them around it; an escaped bar is none."""
    start, end = trim(text, start, end)
    at = start + 1 if text.startswith("|", start) else start
    cells: list[Cell] = []
    place = at
    while (place := text.find("|", place, end)) >= 0:
        if text[place - 1] != "\\" or place == at:
            cells.append(Cell(*trim(text, at, place)))
            at = place + 1
        place += 1
    if text[at:end].strip():
        cells.append(Cell(*trim(text, at, end)))
    return tuple(cells)


def split_rows(text: str, lines: Sequence[tuple[int, int]]) -> list[Block]:
    """Cut the lines of a paragraph into tables and paragraphs.

    Lines that begin with a bar are rows, whether or not there is a rule: a passage may be the middle of a
    table. Without bars at the start it takes a rule below the first row.

    :param lines: (start, end) of each, without white space.
    """
    blocks: list[Block] = []
    at = plain_from = 0
    while at < len(lines):
        stop = _table_end(text, lines, at)
        if stop == at:
            at += 1
            continue
        if plain_from < at:
            blocks.append(_paragraph(lines[plain_from][0], lines[at - 1][1]))
        blocks.append(_table(text, lines[at:stop]))
        at = plain_from = stop
    if plain_from < len(lines):
        blocks.append(_paragraph(lines[plain_from][0], lines[-1][1]))
    return blocks


def _table_end(text: str, lines: Sequence[tuple[int, int]], at: int) -> int:
    """Number of the line after the table that begins at line `at`; `at` itself where none does."""
    stop = at
    while stop < len(lines) and text[lines[stop][0]] == "|":
        stop += 1
    if stop > at or at + 1 >= len(lines) or "|" not in text[slice(*lines[at])]:
        return stop
    if not is_row_rule(text[slice(*lines[at + 1])]):
        return at
    stop = at + 2
    while stop < len(lines) and "|" in text[slice(*lines[stop])]:
        stop += 1
    return stop


def _paragraph(start: int, end: int) -> Block:
    return Block(BlockKind.PARAGRAPH, start, end, start, end)


def _table(text: str, lines: Sequence[tuple[int, int]]) -> Block:
    named = len(lines) > 1 and is_row_rule(text[slice(*lines[1])])
    rows = tuple(
        Block(BlockKind.RULE, start, end, start, end)
        if is_row_rule(text[start:end])
        else Block(
            BlockKind.ROW,
            start,
            end,
            start,
            end,
            cells=cells_of(text, start, end),
            header=named and number == 0,
        )
        for number, (start, end) in enumerate(lines)
    )
    start, end = lines[0][0], lines[-1][1]
    return Block(BlockKind.TABLE, start, end, start, end, children=rows)
