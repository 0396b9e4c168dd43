"""The table rows of a passage, read with the names of their columns."""

from __future__ import annotations

from ragsvc.domain import Passage
from ragsvc.text.tables import columns_of, table_rows


def row_readings(passage: Passage) -> dict[int, str]:
    """What the rows of a passage's tables say, by the offsets in its text at which they begin."""
    columns = columns_of(passage.headings[-1]) if passage.headings else ()
    rows = table_rows(passage.text, columns=columns, from_start=passage.start == 0)
    return {row.start: row.reading for row in rows}


def without_columns(passage: Passage) -> tuple[str, ...]:
    """The headings over a passage, but for the column names of a table that it begins in the midst of."""
    headings = passage.headings
    return headings[:-1] if headings and columns_of(headings[-1]) else headings
