"""Tables as they are stored, and questions asked of them without a service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from made_hits import hit_of

from ragsvc.domain import VersionId, VersionText
from ragsvc.pipeline.tables.computation import ComputedAnswer, computed_answer
from ragsvc.pipeline.tables.stored_tables import StoredTable, TableReader
from ragsvc.pipeline.tables.typed_table import TableColumn, TypedTable
from ragsvc.text.delimited_text import as_table, table_line


def markdown(names: Sequence[str], *rows: Sequence[str]) -> str:
    """A table as it is stored."""
    return "\n".join([table_line(names), "|" + " --- |" * len(names), *map(table_line, rows)]) + "\n"


def stored(text: str, document: str = "things.csv", number: int = 1) -> list[StoredTable]:
    """The tables of a stored text."""
    version = VersionText(id=VersionId(number), title="", text=text, media_type="text/markdown", pages=())
    hit = hit_of(number, text)
    named = replace(hit, passage=replace(hit.passage, document_id=document))
    return TableReader().tables([named], [version])


def of_csv(text: str, document: str) -> list[StoredTable]:
    """The table of a file of values."""
    table = as_table(text, ",;\t|")
    assert table is not None
    return stored(table, document)


def typed(names: Sequence[str], *rows: Sequence[str]) -> TypedTable:
    """A table with the types of its columns."""
    (found,) = stored(markdown(names, *rows))
    return found.table


def column(*cells: str, name: str = "Value") -> TableColumn:
    """A column of cells beside one of names."""
    return typed(("Thing", name), *((f"thing {place}", cell) for place, cell in enumerate(cells))).columns[1]


def ask(question: str, tables: Sequence[StoredTable]) -> ComputedAnswer | None:
    """What is computed, if anything."""
    return computed_answer(question, tables)
