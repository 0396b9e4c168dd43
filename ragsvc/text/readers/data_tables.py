"""Tables whose columns have types, of databases, dumps and Parquet files: written as CSV is."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from ragsvc.domain import Caveat, ParsedDocument, ParsedPart
from ragsvc.errors import DocumentError, DocumentTooLarge, NoText
from ragsvc.text.delimited_text import table_line
from ragsvc.text.file_types import MARKDOWN
from ragsvc.text.normalisation import normalise
from ragsvc.text.readers.attachments import count_of, distinct_name, safe_name, shown

_MAX_TABLES = 500
_MAX_NAME_CHARS = 300
# Beyond that a number is said with its exponent.
_MAX_PLACES = 30
# Read as a number of thousands by whoever writes decimals with a comma.
_UNCLEAR = re.compile(r"-?[1-9]\d{0,2}\.\d{3}")
_FIRST_WORD = re.compile(r"[ (]")
_TRUTHS = {
    **dict.fromkeys(("1", "t", "true"), "true"),
    **dict.fromkeys(("0", "f", "false"), "false"),
}
_NUMBERS = frozenset(
    {
        *("int", "integer", "bigint", "smallint", "mediumint", "tinyint", "int2", "int4", "int8"),
        *("serial", "bigserial", "smallserial", "real", "double", "float", "float4", "float8"),
        *("numeric", "decimal", "dec", "number", "money", "smallmoney"),
    }
)
# Moments counted from 1970: seconds from 1973 on, milliseconds likewise. 20240305 is neither.
_SECONDS = range(10**8, 10**10)
_MILLISECONDS = range(10**11, 10**13)
# Tables in which a virtual one of SQLite keeps what it holds: of the full-text and the geometric index.
_SHADOWS = (
    "content", "data", "idx", "docsize", "config", "segments", "segdir", "stat", "node", "parent", "rowid",
)  # fmt: skip


class ColumnType(StrEnum):
    """What the schema says of a column, as far as it changes how a value is written."""

    ANY = "any"
    BOOLEAN = "boolean"
    DATE = "date"
    MOMENT = "moment"
    NUMBER = "number"
    BINARY = "binary"


@dataclass(frozen=True, slots=True)
class DataColumn:
    """refers_to: the column of another table that its values are in, "customers.id"; "" for none."""

    name: str
    type: ColumnType = ColumnType.ANY
    refers_to: str = ""


@dataclass(frozen=True, slots=True)
class DataTable:
    """rows: values of Python, aligned with the columns; reading them may raise a DocumentError."""

    name: str
    columns: Sequence[DataColumn]
    rows: Iterable[Sequence[object]]


def column_type(declared: str) -> ColumnType:
    """What a type as it is declared in SQL means here: "tinyint(1)", "timestamp with time zone"."""
    said = " ".join(declared.lower().split())
    if said.startswith("bool") or said == "tinyint(1)":
        return ColumnType.BOOLEAN
    if said.startswith(("datetime", "timestamp")):
        return ColumnType.MOMENT
    if said == "date":
        return ColumnType.DATE
    if said == "bytea":
        return ColumnType.BINARY
    return ColumnType.NUMBER if _FIRST_WORD.split(said, maxsplit=1)[0] in _NUMBERS else ColumnType.ANY


def shadow_names(virtual: Iterable[str]) -> set[str]:
    """Names of the tables in which virtual tables of SQLite keep what they hold."""
    return {f"{name}_{ending}" for name in virtual for ending in _SHADOWS}


def table_text(table: DataTable, most_chars: int) -> str:
    """A table as Markdown; "" for one without rows.

    :raises DocumentTooLarge: if it has more characters than that; and what its rows raise.
    """
    width = len(table.columns)
    names = [
        column.name if column.name.strip() else f"column {n}" for n, column in enumerate(table.columns, 1)
    ]
    types = [column.type for column in table.columns]
    lines = [table_line(names), "|" + " --- |" * width]
    head, size = len(lines), sum(map(len, lines))
    # A decimal point that may be one between thousands is clear where another of the table is.
    unclear: tuple[int, list[str], int] | None = None
    has_clear = False
    for row in table.rows:
        cells = [_cell(value, kind) for value, kind in zip(row, types, strict=True)]
        for place, (value, kind) in enumerate(zip(row, types, strict=True)):
            if "." in cells[place] and _is_fraction(value, kind):
                if not _UNCLEAR.fullmatch(cells[place]):
                    has_clear = True
                elif unclear is None:
                    unclear = len(lines), cells, place
        lines.append(table_line(cells))
        size += len(lines[-1]) + 1
        if size > most_chars:
            raise DocumentTooLarge(
                f"{table.name} holds more than {most_chars} characters",
                hint="Split it, or export a part of it.",
            )
    if len(lines) == head or not width:
        return ""
    if unclear is not None and not has_clear:
        number, cells, place = unclear
        cells[place] = cells[place][:-1] if cells[place].endswith("0") else cells[place] + "0"
        lines[number] = table_line(cells)
    return normalise("\n".join(lines) + "\n")[0]


def database_document(
    name: str, tables: Iterable[DataTable], most_chars: int, *, text: str = "", unread: Iterable[str] = ()
) -> ParsedDocument:
    """A document that names the tables of a file, and one for each that has rows.

    :param tables: in the order of their names, so that two that would be alike keep theirs.
    :param text: what the document itself says; "": it lists the tables. unread: what was not read before.
    :raises DocumentError: if no table can be read.
    """
    most_chars -= len(text)
    parts: list[ParsedPart] = []
    listed: list[str] = []
    lost = list(unread)
    first: DocumentError | None = None
    taken: set[str] = set()
    for table in tables:
        listed.append(_listed(table))
        if len(parts) >= _MAX_TABLES:
            lost.append(f"{table.name} (more than {_MAX_TABLES} tables)")
            continue
        try:
            written = table_text(table, most_chars)
        except DocumentError as error:
            first = first or error
            lost.append(f"{table.name} ({error.code})")
            continue
        if written:
            most_chars -= len(written)
            title = normalise(" ".join(table.name.split())[:_MAX_NAME_CHARS])[0]
            document = ParsedDocument(title=title, text=written, media_type=MARKDOWN.media_type)
            parts.append(ParsedPart(f"#{distinct_name(safe_name(table.name), taken)}", "", document))
    if not parts:
        raise first or NoText(f"{name} holds no table with rows", hint="Views and indexes are not read.")
    warnings: tuple[Caveat, ...] = ()
    if lost:
        warnings = (Caveat("tables_unread", f"{count_of(lost, 'table')} not read: {shown(lost)}"),)
    return ParsedDocument(
        title="",
        text=text or normalise("Tables of this database:\n\n" + "\n".join(listed) + "\n")[0],
        media_type="text/x-sql" if text else MARKDOWN.media_type,
        warnings=warnings,
        parts=tuple(parts),
    )


def _listed(table: DataTable) -> str:
    columns = ", ".join(
        column.name + (f" (refers to {column.refers_to})" if column.refers_to else "")
        for column in table.columns
    )
    return " ".join(f"- {table.name}: {columns}".split())


def _is_fraction(value: object, kind: ColumnType) -> bool:
    return isinstance(value, float | Decimal) or (isinstance(value, str) and kind is ColumnType.NUMBER)


def _cell(value: object, kind: ColumnType) -> str:
    """A value as its cell says it."""
    if value is None:
        return ""
    if isinstance(value, str):
        if kind is ColumnType.BOOLEAN:
            return _TRUTHS.get(value, value)
        if kind is ColumnType.BINARY and value.startswith("\\x"):
            return f"({len(value) // 2 - 1} bytes)"
        return value.replace("\r\n", "\n").replace("\r", "\n") if "\r" in value else value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return _whole(value, kind)
    if isinstance(value, float):
        return _real(value)
    if isinstance(value, bytes):
        return f"({len(value)} bytes)"
    return _other(value)


def _whole(value: int, kind: ColumnType) -> str:
    if kind is ColumnType.BOOLEAN:
        return _TRUTHS.get(str(value), str(value))
    if kind in (ColumnType.DATE, ColumnType.MOMENT) and (value in _SECONDS or value in _MILLISECONDS):
        seconds, milliseconds = divmod(value, 1000) if value in _MILLISECONDS else (value, 0)
        moment = dt.datetime.fromtimestamp(seconds, dt.UTC).replace(microsecond=milliseconds * 1000)
        return moment.date().isoformat() if kind is ColumnType.DATE else _other(moment)
    return str(value)


def _real(value: float) -> str:
    return decimal_text(Decimal(repr(value))) if math.isfinite(value) else str(value)


def decimal_text(value: Decimal) -> str:
    """A number with all of its digits, and without an exponent where it is of a usual size."""
    if not value.is_finite() or abs(value.adjusted()) > _MAX_PLACES:
        return str(value)
    return format(value, "f")


def _other(value: object) -> str:
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, dt.datetime):
        said = value.isoformat(sep=" ")
        return said.removesuffix("+00:00") + "Z" if said.endswith("+00:00") else said
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, dict | list | tuple):
        return json.dumps(_nested(value), ensure_ascii=False, separators=(", ", ": "))
    return str(value)


def _nested(value: object) -> object:
    """A nested value of what JSON has: its leaves as cells say them, but for numbers and truths."""
    if isinstance(value, dict):
        return {str(key): _nested(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_nested(item) for item in value]
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return _cell(value, ColumnType.ANY)
