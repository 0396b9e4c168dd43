"""Finds the tables in a Markdown text and reads their rows with the names of their columns."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_LINE = re.compile(r"^[ \t]*\|[^\n]*", re.MULTILINE)
_CELL_END = re.compile(r"(?<!\\)\|")
_RULE_CELL = re.compile(r":?-+:?")
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_HAS_WORD = re.compile(r"\w")
# A quantity: a number with a fraction, thousands, a unit or many digits. Years and ranks name columns too.
_QUANTITY = re.compile(
    r"[^\w\s]?\s*(?:\d{5,}|\d+[.,]\d[\d.,]*|\d[\d.,]*\s*(?:[%€$£]|eur|usd))\s*", re.IGNORECASE
)
_HAS_DIGIT = re.compile(r"\d")
# Of a table with more than that in its first row, the rest of the rows is not given it.
MAX_COLUMNS_CHARS = 1000


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of a table below its column names.

    start, end: offsets of its line without white space at the ends. cells: as they read.
    reading: "Plan: Team; Price: 20": what the row says, cell by cell.
    """

    start: int
    end: int
    cells: tuple[str, ...]
    reading: str


@dataclass(frozen=True, slots=True)
class WholeTable:
    """A table under its column names.

    start, end: from its first line to its last. header: offsets of the line of the names. rows: below it,
    `reading` left empty.
    """

    start: int
    end: int
    header: tuple[int, int]
    names: tuple[str, ...]
    rows: tuple[TableRow, ...]


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    end: int
    cells: tuple[str, ...]

    @property
    def is_rule(self) -> bool:
        return bool(self.cells) and all(_RULE_CELL.fullmatch(cell) for cell in self.cells)

    @property
    def filled(self) -> int:
        """How many cells hold something."""
        return sum(map(bool, self.cells))

    @property
    def is_title(self) -> bool:
        """Whether it holds nothing but its first cell, of several."""
        return len(self.cells) > 1 and self.filled == 1 and bool(self.cells[0])


class ColumnNames:
    """What names the columns at each place of a text: tables whose second line is a rule (|---|---|)."""

    def __init__(self, text: str) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._names: list[str] = []
        for table in _tables(text):
            cells, body = _named(table, whole=True)
            names = "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
            if cells and body and table[1].is_rule and len(names) <= MAX_COLUMNS_CHARS:
                # The rule is below the names, but for a title that stands between them.
                self._starts.append(min(table[1].start, body[0].start))
                self._ends.append(table[-1].end)
                self._names.append(names)

    def over(self, offset: int) -> str:
        """The names of the table that an offset below them is in, as its first row; "" elsewhere."""
        place = bisect_right(self._starts, offset) - 1
        return self._names[place] if place >= 0 and offset < self._ends[place] else ""


def columns_of(line: str) -> tuple[str, ...]:
    """The names that `ColumnNames.over` gave as a line; () for a line that is no row."""
    return _cells(line) if line.startswith("| ") and line.endswith(" |") else ()


def table_rows(
    text: str,
    *,
    columns: Sequence[str] = (),
    from_start: bool = True,
    said: Callable[[str], str] = str,
) -> list[TableRow]:
    """The rows of all tables of a text that say something, in order.

    The first row names the columns when the line below it is a rule; without any rule, when the text begins
    its document and all rows are of one width. A row of one cell above it is the table's title. A row that
    holds quantities names nothing, and nor does the first row of pairs (Address | Park Road 1) with a digit.

    :param text: Markdown. columns: names for the table in which the text begins, where it was cut out of it;
        the rest of a row that was cut itself has none.
    :param from_start: whether nothing comes before the text in its document.
    :param said: what a cell says without its marks; as it is written by default.
    """
    found: list[TableRow] = []
    opening = len(text) - len(text.lstrip())
    for number, table in enumerate(_tables(text)):
        names, body = _named(table, whole=from_start)
        if columns and not names and number == 0 and "\n" not in text[: table[0].start].strip():
            names = tuple(columns)
        for line in body:
            is_rest = line.start == opening and len(line.cells) != len(columns)
            known = () if columns and is_rest else names
            cells = tuple(map(said, line.cells))
            if reading := read_row(cells, tuple(map(said, known))):
                found.append(TableRow(line.start, line.end, cells, reading))
    return found


def whole_tables(text: str) -> list[WholeTable]:
    """The tables of a whole stored text whose columns a rule below them says to be named, in order.

    :param text: Markdown.
    """
    found: list[WholeTable] = []
    for table in _tables(text):
        names, body = _named(table, whole=True)
        if not names or len(table) < 2 or not table[1].is_rule:
            continue
        place = next(place for place, line in enumerate(table) if line.start == body[0].start)
        # Below a title, which is the first line then, the names are the line above the rows.
        head = next(line for line in reversed(table[:place]) if not line.is_rule)
        rows = tuple(TableRow(line.start, line.end, line.cells, "") for line in body if line.filled)
        found.append(WholeTable(table[0].start, table[-1].end, (head.start, head.end), names, rows))
    return found


def read_row(cells: Sequence[str], columns: Sequence[str]) -> str:
    """What a row says: "column: cell; column: cell", or "key: value" for a pair without column names.

    Empty cells are left out, and "" is what a row without words says. Cells beyond the named columns stand
    by themselves.
    """
    said = [(place, cell) for place, cell in enumerate(cells) if _HAS_WORD.search(cell)]
    if not columns and len(cells) == len(said) == 2:
        return f"{cells[0].removesuffix(':')}: {cells[1]}"
    parts: list[str] = []
    for place, cell in said:
        name = columns[place] if place < len(columns) else ""
        parts.append(f"{name}: {cell}" if name and name != cell else cell)
    return "; ".join(parts)


def _named(table: list[_Line], *, whole: bool) -> tuple[tuple[str, ...], list[_Line]]:
    """The names of the columns, () when unknown, and the rows below them."""
    rules = [place for place, line in enumerate(table) if line.is_rule]
    body = [line for line in table if not line.is_rule]
    if not (rules[0] == 1 if rules else whole and len({len(line.cells) for line in body}) == 1):
        return (), body
    titles = 0
    while titles + 1 < len(body) and body[titles].is_title and body[titles + 1].filled > 1:
        titles += 1
    head, below = body[titles], body[titles + 1 :]
    if not below or _holds_data(head.cells):
        return (), body
    return head.cells, below


def _holds_data(cells: Sequence[str]) -> bool:
    if any(_QUANTITY.fullmatch(cell) for cell in cells):
        return True
    return len(cells) == 2 and _HAS_DIGIT.search(cells[1]) is not None


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
