"""Statements of SQL in pieces: values are bound, names quoted, columns typed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from ragsvc.pipeline.tables.table_question import Bound
from ragsvc.pipeline.tables.typed_table import Cell, ColumnKind, TableColumn

_MAX_SCALE = 12
_MAX_DIGITS = 30
_TYPES = {ColumnKind.DATE: "DATE", ColumnKind.BOOLEAN: "BOOLEAN", ColumnKind.TEXT: "VARCHAR"}


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of a statement with a ? for each value that is bound to it."""

    text: str
    values: tuple[Bound | bool | int, ...] = ()

    def __add__(self, other: Sql) -> Sql:
        return Sql(self.text + other.text, self.values + other.values)

    @property
    def shown(self) -> str:
        """With its values in place of the ?, which stand in no name: names are put in afterwards."""
        parts = self.text.split("\0")
        literals = [literal(value) for value in self.values]
        return "".join(a + b for a, b in zip(parts, [*literals, ""], strict=True))

    @property
    def bound(self) -> str:
        """As it is run."""
        return self.text.replace("\0", "?")


def among(name: str, op: str, values: Sequence[Bound | bool]) -> Sql:
    marks = ", ".join("\0" for _ in values)
    return Sql(f"{name} {op.upper()} ({marks})", tuple(values))


def quoted(name: str) -> str:
    """A name as an identifier of SQL."""
    clean = name.replace("\0", " ")
    return '"' + clean.replace('"', '""') + '"'


def literal(value: Bound | bool | int) -> str:
    """A value as it could be typed."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def type_of(column: TableColumn) -> str:
    """The type of a column in DuckDB."""
    if column.kind is not ColumnKind.NUMBER:
        return _TYPES[column.kind]
    numbers = [value for value in column.known if isinstance(value, Decimal)]
    if not all(value.is_finite() for value in numbers):
        return "DOUBLE"
    scale = max((-int(value.as_tuple().exponent) for value in numbers), default=0)
    if scale > _MAX_SCALE or any(abs(value) >= 10 ** (_MAX_DIGITS - _MAX_SCALE) for value in numbers):
        return "DOUBLE"
    return f"DECIMAL({_MAX_DIGITS},{max(scale, 0)})"


def texts_of(values: Iterable[Cell]) -> list[str | None]:
    """Cells as they are handed to DuckDB."""
    return [
        None if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)
        for value in values
    ]
