"""Spreadsheets by openpyxl: values as the sheet shows them, under the names of their columns."""

from __future__ import annotations

import io
import re
import zipfile
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import openpyxl
from openpyxl.utils import get_column_letter

from ragsvc.domain import Caveat
from ragsvc.text.delimited_text import table_line
from ragsvc.text.readers.attachments import count_of, shown
from ragsvc.text.readers.number_format import shown_value

_MAX_SHEET_BYTES = 16 << 20
_THREAD = re.compile(r"^\[Threaded comment\].*?Comment:\s*", re.DOTALL)
_MAX_HEAD_ROWS = 4
# A table of more columns than that has none that anybody names across.
_MAX_NAMED = 2000


class SheetTooLarge(ValueError):
    """A sheet that would take too long here; another reader takes its values as they are stored."""


@dataclass(frozen=True, slots=True)
class Workbook:
    """What a workbook says. properties: title, authors and the like."""

    text: str
    properties: dict[str, Any]
    warnings: tuple[Caveat, ...]


@dataclass(slots=True)
class _Cell:
    """text: as shown, with its comment. is_word: whether it can name a column."""

    text: str
    is_word: bool


@dataclass(slots=True)
class _Grid:
    """The filled cells of a sheet.

    rows: row number -> column number -> cell. merged: ranges as (first row, first column, last row, last
        column), by first row, of those rows that hold something.
    """

    rows: dict[int, dict[int, _Cell]]
    merged: dict[int, list[tuple[int, int, int, int]]]


@dataclass(slots=True)
class _Account:
    formulas: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)

    def caveats(self) -> Iterator[Caveat]:
        if self.formulas:
            what = count_of(self.formulas, "formula")
            words = f"{what} without a stored value, the formula is kept: {shown(self.formulas)}"
            yield Caveat("formula_without_value", words)
        if self.hidden:
            yield Caveat("hidden_text", f"{count_of(self.hidden, 'hidden sheet')} read: {shown(self.hidden)}")


def read_workbook(data: bytes) -> Workbook:
    """Read all sheets, one below the other, each under its name.

    :raises TooLarge: if it holds too many cells.
    :raises Exception: whatever openpyxl raises for a file that it does not understand.
    """
    has_formulas = _look_into(data)
    values = openpyxl.load_workbook(io.BytesIO(data), data_only=True, keep_links=False)
    formulas = openpyxl.load_workbook(io.BytesIO(data), keep_links=False) if has_formulas else None
    account = _Account()
    parts: list[str] = []
    for sheet in values.worksheets:
        grid = _grid(sheet, formulas[sheet.title] if formulas else None, account)
        name = sheet.title
        if sheet.sheet_state != "visible" and grid.rows:
            account.hidden.append(name)
            name = f"{name} (hidden sheet)"
        if grid.rows:
            parts.append(f"## {name}\n\n" + "\n\n".join(_blocks(grid)))
    return Workbook("\n\n".join(parts) + "\n" if parts else "", _properties(values), tuple(account.caveats()))


def _look_into(data: bytes) -> bool:
    """Whether there are formulas."""
    found = False
    with zipfile.ZipFile(io.BytesIO(data)) as container:
        sheets = [entry for entry in container.infolist() if entry.filename.startswith("xl/worksheets/")]
        if sum(entry.file_size for entry in sheets) > _MAX_SHEET_BYTES:
            raise SheetTooLarge("it holds too many cells")
        for entry in sheets:
            content = container.read(entry)
            found = found or b"<f>" in content or b"<f " in content or b":f>" in content
    return found


def _grid(sheet: Any, formulas: Any, account: _Account) -> _Grid:
    """:param formulas: the same sheet with formulas in place of their values; None when there are none."""
    rows: dict[int, dict[int, _Cell]] = {}
    # Not by rows and columns: one cell far out would make millions of empty ones.
    for (row, column), cell in sorted(sheet._cells.items()):
        value = cell.value
        if value is None and formulas is not None:
            formula = formulas.cell(row, column).value
            formula = getattr(formula, "text", formula)
            if isinstance(formula, str) and formula.startswith("="):
                value = formula
                account.formulas.append(f"{sheet.title}!{get_column_letter(column)}{row}")
        text = shown_value(value, cell.number_format).strip()
        comment = _THREAD.sub("", cell.comment.text or "") if cell.comment else ""
        if comment.strip():
            text = f"{text} [comment: {' '.join(comment.split())}]".strip()
        if text:
            rows.setdefault(row, {})[column] = _Cell(text, isinstance(value, str) and value != "")
    merged: dict[int, list[tuple[int, int, int, int]]] = {}
    for area in sheet.merged_cells.ranges:
        if area.min_row in rows:
            found = (area.min_row, area.min_col, area.max_row, area.max_col)
            merged.setdefault(area.min_row, []).append(found)
    grid = _Grid(rows, merged)
    _fill_down(grid)
    return grid


def _fill_down(grid: _Grid) -> None:
    """A cell merged over several rows counts for each of them that holds something else."""
    numbers = sorted(grid.rows)
    for first, left, last, _ in (area for areas in grid.merged.values() for area in areas):
        cell = grid.rows[first].get(left)
        if cell is None or last == first:
            continue
        for row in numbers[bisect_right(numbers, first) : bisect_right(numbers, last)]:
            grid.rows[row].setdefault(left, cell)


def _blocks(grid: _Grid) -> Iterator[str]:
    """Paragraphs and tables of a sheet, in order."""
    for numbers in _runs(grid):
        wide = next((place for place, number in enumerate(numbers) if len(grid.rows[number]) > 1), 0)
        for number in numbers[:wide]:
            yield next(iter(grid.rows[number].values())).text
        rest = numbers[wide:]
        if len(rest) == 1 and len(grid.rows[rest[0]]) == 1:
            yield next(iter(grid.rows[rest[0]].values())).text
        else:
            yield _table(grid, rest)


def _runs(grid: _Grid) -> list[list[int]]:
    """Row numbers of each table: a gap ends one only where names of columns follow."""
    runs: list[list[int]] = []
    last = -1
    numbers = sorted(grid.rows)
    for place, number in enumerate(numbers):
        following = numbers[place + 1] if place + 1 < len(numbers) else None
        if not runs or (number > last + 1 and _begins(grid, number, following)):
            runs.append([])
        runs[-1].append(number)
        last = number
    return runs


def _begins(grid: _Grid, number: int, following: int | None) -> bool:
    """Whether a row after a gap begins another table: names over values, or a title over names."""
    row = grid.rows[number]
    if following != number + 1:
        return len(row) == 1
    below = grid.rows[following]
    if len(row) == 1 and len(below) > 1:
        return _are_names(below)
    return len(row) > 1 and _are_names(row) and not _are_names(below)


def _are_names(row: dict[int, _Cell]) -> bool:
    texts = [cell.text for cell in row.values()]
    return all(cell.is_word for cell in row.values()) and len(set(texts)) == len(texts)


def _table(grid: _Grid, numbers: list[int]) -> str:
    columns = sorted({column for number in numbers for column in grid.rows[number]})
    heads = _head_rows(grid, numbers)
    names = [_name(grid, numbers[:heads], column) for column in columns[:_MAX_NAMED]]
    names += [""] * (len(columns) - len(names))
    lines = [table_line(names), "|" + " --- |" * len(columns)]
    for number in numbers[heads:]:
        row = grid.rows[number]
        lines.append(table_line([row[column].text if column in row else "" for column in columns]))
    return "\n".join(lines)


def _head_rows(grid: _Grid, numbers: list[int]) -> int:
    """How many rows name the columns: more than one where names are merged across or down."""
    first = numbers[0]
    last = first
    for top, left, bottom, right in grid.merged.get(first, []):
        if left in grid.rows[top]:
            last = max(last, bottom, first + 1 if right > left else first)
    heads = sum(number <= last for number in numbers)
    while heads > 1 and (heads >= len(numbers) or not _name_columns(grid, numbers[1:heads])):
        heads -= 1
    return min(max(heads, 1), _MAX_HEAD_ROWS)


def _name_columns(grid: _Grid, numbers: Sequence[int]) -> bool:
    return all(cell.is_word for number in numbers for cell in grid.rows[number].values())


def _name(grid: _Grid, heads: Sequence[int], column: int) -> str:
    """The name of a column from the top down: "Order Date" below an "Order" that is merged across."""
    parts: list[str] = []
    for number in heads:
        cell = grid.rows[number].get(column) or _across(grid, number, column)
        if cell is not None and cell.text not in parts:
            parts.append(cell.text)
    return " ".join(parts)


def _across(grid: _Grid, row: int, column: int) -> _Cell | None:
    for top, left, _, right in grid.merged.get(row, [])[:_MAX_NAMED]:
        if left < column <= right:
            return grid.rows[top].get(left)
    return None


def _properties(workbook: Any) -> dict[str, Any]:
    found = workbook.properties
    return {
        "title": found.title,
        "authors": [found.creator] if found.creator and found.creator != "openpyxl" else [],
        "subject": found.subject,
        "keywords": found.keywords,
        "description": found.description,
        "language": found.language,
        "created_at": _moment(found.created),
        "modified_at": _moment(found.modified),
        "sheet_names": [sheet.title for sheet in workbook.worksheets],
    }


def _moment(value: Any) -> str:
    return value.strftime("%Y-%m-%dT%H:%M:%SZ") if value is not None else ""
