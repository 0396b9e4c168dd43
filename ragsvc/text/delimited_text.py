"""Comma- and tab-separated values as a Markdown table, so that each row keeps the names of its columns."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from io import StringIO
from typing import NamedTuple

SEPARATORS = {"text/csv": ",;\t|", "text/tab-separated-values": "\t"}
"""What may separate cells, by media type."""

# The module refuses longer cells, 128 KiB by default; files have a limit of their own.
_CELL_CHARS = 1 << 30
_SAMPLE_ROWS = 200
# Notes above the table and a total below it have other widths.
_ALIKE_SHARE = 0.8


def as_table(text: str, separators: str) -> str | None:
    """Write separated values as a Markdown table.

    The first row of the usual width names the columns; what stands before it becomes a paragraph each.

    :param text: with "\\n" as line end. separators: the characters to try.
    :return: None for a text that no separator cuts into rows of one width, with at least two columns.
    """
    fits = [(_fit(_rows(text, separator, _SAMPLE_ROWS)), separator) for separator in separators]
    # Of those that fit alike the first: max keeps it.
    fit, separator = max(fits, key=lambda row: row[0])
    if fit.width < 2:
        return None
    width = fit.width
    rows = _rows(text, separator)
    if not rows:
        return None
    # Spreadsheets fill up a note above the table with empty cells.
    first = next((place for place, row in enumerate(rows) if len(row) == width and _filled(row) > 1), 0)
    head = [" ".join(cell.strip() for cell in row if cell.strip()) for row in rows[:first]]
    lines = [table_line(rows[first]), "|" + " --- |" * width, *map(table_line, rows[first + 1 :])]
    return "\n\n".join([*filter(None, head), "\n".join(lines)]) + "\n"


def _rows(text: str, separator: str, most: int | None = None) -> list[list[str]]:
    """Rows that hold something; none when the quotes do not add up."""
    rows: list[list[str]] = []
    csv.field_size_limit(_CELL_CHARS)
    try:
        for row in csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True):
            if any(cell.strip() for cell in row):
                rows.append(row)
            if len(rows) == most:
                break
    except csv.Error:
        return []
    return rows


class _Fit(NamedTuple):
    """How well a separator cuts rows: ordered, best last.

    alike: share of the rows that have the usual width. from_top: whether the first row has it, as column
    names do; prices with a decimal comma are cut alike, and their names are not. width: cells of a row.
    """

    alike: float
    from_top: bool
    width: int


def _fit(rows: Sequence[Sequence[str]]) -> _Fit:
    if not rows:
        return _Fit(0.0, False, 0)
    width, count = Counter(map(len, rows)).most_common(1)[0]
    others = len(rows) - count
    if width < 2 or count < 2 or others > max(1, (1 - _ALIKE_SHARE) * len(rows)):
        return _Fit(0.0, False, 0)
    return _Fit(count / len(rows), len(rows[0]) == width, width)


def _filled(row: Sequence[str]) -> int:
    return sum(bool(cell.strip()) for cell in row)


def table_line(cells: Sequence[str]) -> str:
    """A row of a Markdown table."""
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(cell: str) -> str:
    lines = (" ".join(line.split()) for line in cell.strip().split("\n"))
    return "<br>".join(lines).replace("|", "\\|")
