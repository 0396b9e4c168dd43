"""Finds the tables in a Markdown text and reads their rows with the names of their columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_LINE = re.compile(r"[^\n]*\n?")
_ROW = re.compile(r"[ \t]*\|")
_CELL_END = re.compile(r"(?<!\\)\|")
_RULE_CELL = re.compile(r":?-+:?")
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_HAS_WORD = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table below its column names.

    start, end: offsets of its line without white space at the ends.
    reading: "Plan: Team; Price: 20": what the row says, cell by cell.
    """

    start: int
    end: int
    reading: str


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    end: int
    cells: tuple[str, ...]

    @property
    def is_rule(self) -> bool:
        return bool(self.cells) and all(_RULE_CELL.fullmatch(cell) for cell in self.cells)


def table_rows(text: str, *, from_start: bool = True) -> list[Row]:
    """The rows of all tables of a text that say something, in order.

    The first row names the columns when the line below it is a rule (|---|---|). Without any rule it does
    so when the table has further rows, unless the text begins with the table and is itself cut out of a
    longer one: there the first row may be any.

    :param text: Markdown. from_start: whether nothing comes before the text in its document.
    """
    found: list[Row] = []
    for table in _tables(text):
        named, body = _split(table, whole=from_start or text[: table[0].start].strip() != "")
        found += [
            Row(line.start, line.end, reading) for line in body if (reading := read_row(line.cells, named))
        ]
    return found


def row_readings(text: str, *, from_start: bool = True) -> dict[int, str]:
    """The readings of `table_rows` by the offsets at which the rows begin."""
    return {row.start: row.reading for row in table_rows(text, from_start=from_start)}


def read_row(cells: Sequence[str], columns: Sequence[str]) -> str:
    """What a row says: "column: cell; column: cell"; "" for one without words.

    Empty cells are left out, and so are the names of columns that have none. Cells beyond the named columns
    stand by themselves.
    """
    parts: list[str] = []
    for place, cell in enumerate(cells):
        name = columns[place] if place < len(columns) else ""
        if _HAS_WORD.search(cell):
            parts.append(f"{name}: {cell}" if name and name != cell else cell)
    return "; ".join(parts)


def _tables(text: str) -> list[list[_Line]]:
    """Runs of lines that begin with a bar."""
    tables: list[list[_Line]] = []
    follows = False
    for match in _LINE.finditer(text):
        line = match.group()
        is_row = _ROW.match(line) is not None
        if is_row:
            start = match.start() + len(line) - len(line.lstrip())
            row = _Line(start, match.start() + len(line.rstrip()), _cells(line))
            if follows:
                tables[-1].append(row)
            else:
                tables.append([row])
        follows = is_row
    return tables


def _cells(line: str) -> tuple[str, ...]:
    inner = line.strip().removeprefix("|")
    parts = _CELL_END.split(inner)
    if not parts[-1].strip():
        parts.pop()
    return tuple(" ".join(_BREAK.sub(" ", part).replace("\\|", "|").split()) for part in parts)


def _split(table: Sequence[_Line], *, whole: bool) -> tuple[tuple[str, ...], Sequence[_Line]]:
    """The column names, none when unknown, and the rows below them."""
    rules = [place for place, line in enumerate(table) if line.is_rule]
    body = [line for line in table if not line.is_rule]
    if rules:
        names = table[0].cells if rules[0] == 1 else ()
    else:
        names = table[0].cells if whole and len(table) > 1 else ()
    return names, body[1:] if names else body
