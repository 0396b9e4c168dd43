"""Finds the tables in a Markdown text and reads their rows with the names of their columns."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

_LINE = re.compile(r"^[ \t]*\|[^\n]*", re.MULTILINE)
_CELL_END = re.compile(r"(?<!\\)\|")
_RULE_CELL = re.compile(r":?-+:?")
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_HAS_WORD = re.compile(r"\w")
# Names of columns that are longer together are no help in finding a row, and would crowd out its headings.
MAX_COLUMNS_CHARS = 300


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


class ColumnNames:
    """What names the columns at each place of a text: tables whose second line is a rule (|---|---|)."""

    def __init__(self, text: str) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._names: list[str] = []
        for table in _tables(text):
            names = "| " + " | ".join(cell.replace("|", "\\|") for cell in table[0].cells) + " |"
            if len(table) > 2 and table[1].is_rule and len(names) <= MAX_COLUMNS_CHARS:
                self._starts.append(table[1].start)
                self._ends.append(table[-1].end)
                self._names.append(names)

    def over(self, offset: int) -> str:
        """The names of the table that an offset below them is in, as its first row; "" elsewhere."""
        place = bisect_right(self._starts, offset) - 1
        return self._names[place] if place >= 0 and offset < self._ends[place] else ""


def columns_of(line: str) -> tuple[str, ...]:
    """The names that `ColumnNames.over` gave as a line; () for a line that is no row."""
    return _cells(line) if line.startswith("| ") and line.endswith(" |") else ()


def table_rows(text: str, *, columns: Sequence[str] = (), from_start: bool = True) -> list[Row]:
    """The rows of all tables of a text that say something, in order.

    The first row names the columns when the line below it is a rule. Without any rule it does so when the
    table has further rows, unless the text begins with the table and is itself cut out of a longer one:
    there the first row may be any.

    :param text: Markdown. columns: names for the table that the text begins with, when it was cut there.
    :param from_start: whether nothing comes before the text in its document.
    """
    found: list[Row] = []
    for table in _tables(text):
        opens = not text[: table[0].start].strip()
        body = [line for line in table if not line.is_rule]
        if opens and columns:
            names: Sequence[str] = columns
        else:
            names = _own_names(table, whole=from_start or not opens)
            body = body[1:] if names else body
        found += [
            Row(line.start, line.end, reading) for line in body if (reading := read_row(line.cells, names))
        ]
    return found


def read_row(cells: Sequence[str], columns: Sequence[str]) -> str:
    """What a row says: "column: cell; column: cell"; "" for one without words.

    Empty cells are left out. Cells beyond the named columns stand by themselves.
    """
    parts: list[str] = []
    for place, cell in enumerate(cells):
        name = columns[place] if place < len(columns) else ""
        if _HAS_WORD.search(cell):
            parts.append(f"{name}: {cell}" if name and name != cell else cell)
    return "; ".join(parts)


def _own_names(table: Sequence[_Line], *, whole: bool) -> tuple[str, ...]:
    rules = [place for place, line in enumerate(table) if line.is_rule]
    named = rules[0] == 1 if rules else whole and len(table) > 1
    return table[0].cells if named else ()


def _tables(text: str) -> list[list[_Line]]:
    """Runs of lines that begin with a bar."""
    tables: list[list[_Line]] = []
    last = -1
    for match in _LINE.finditer(text):
        line = match.group()
        start = match.end() - len(line.lstrip())
        row = _Line(start, match.start() + len(line.rstrip()), _cells(line))
        if match.start() == last + 1 and tables:
            tables[-1].append(row)
        else:
            tables.append([row])
        last = match.end()
    return tables


def _cells(line: str) -> tuple[str, ...]:
    parts = _CELL_END.split(line.strip().removeprefix("|"))
    if not parts[-1].strip():
        parts.pop()
    return tuple(" ".join(_BREAK.sub(" ", part).replace("\\|", "|").split()) for part in parts)
