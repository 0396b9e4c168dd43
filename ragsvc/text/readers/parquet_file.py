"""Parquet files: one table each, read in small batches so that what it claims to hold costs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ragsvc.domain import ParsedDocument
from ragsvc.errors import BrokenDocument, DocumentError, DocumentTooLarge, EncryptedDocument, NoText
from ragsvc.text.file_types import MARKDOWN
from ragsvc.text.limits import ParseLimits
from ragsvc.text.readers.data_tables import DataColumn, DataTable, table_text

_ENCRYPTED_FOOTER = b"PARE"
_BATCH_ROWS = 1024
# The shortest row that can be written has so many characters a cell.
_LEAST_CELL_CHARS = 3
_TEXT = pa.string()


def read_parquet(data: bytes, name: str, limits: ParseLimits) -> ParsedDocument:
    """Read a Parquet file as one table.

    :raises DocumentError: encrypted, damaged, too large, or without rows.
    """
    if data[-4:] == _ENCRYPTED_FOOTER:
        raise EncryptedDocument(f"{name} is encrypted", hint="Export a copy without encryption.")
    try:
        with pq.ParquetFile(pa.BufferReader(data), memory_map=False, pre_buffer=False) as file:
            schema = file.schema_arrow
            if file.metadata.num_rows * len(schema) * _LEAST_CELL_CHARS > limits.max_text_chars:
                raise DocumentTooLarge(
                    f"{name} says that it holds {file.metadata.num_rows} rows, which are too many",
                    hint="Split it, or export a part of it.",
                )
            table = DataTable(name, [DataColumn(field.name) for field in schema], _rows(file))
            text = table_text(table, limits.max_text_chars)
    except (DocumentError, MemoryError):
        raise
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        if "crypt" in str(error):
            raise EncryptedDocument(
                f"{name} is encrypted", hint="Export a copy without encryption."
            ) from error
        raise BrokenDocument(f"{name} is damaged: {error}", hint="Export it again.") from error
    if not text:
        raise NoText(f"{name} holds no rows")
    return ParsedDocument(title="", text=text, media_type=MARKDOWN.media_type)


def _rows(file: Any) -> Iterator[tuple[object, ...]]:
    for batch in file.iter_batches(batch_size=_BATCH_ROWS, use_threads=False):
        batch.validate(full=True)
        yield from zip(*map(_values, batch.columns), strict=True)


def _values(column: Any) -> list[Any]:
    """The values of a column: dates and times in Arrow's own words, which Python's cannot always hold."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        zone = "Z" if kind.tz is not None else ""
        # Without the zone it is in UTC, and no list of the world's zones is needed.
        return [_trimmed(said, zone) for said in column.cast(pa.timestamp(kind.unit)).cast(_TEXT).to_pylist()]
    if pa.types.is_time(kind):
        return [_trimmed(said) for said in column.cast(_TEXT).to_pylist()]
    if pa.types.is_date(kind):
        return _list(column.cast(_TEXT))
    if pa.types.is_duration(kind):
        return [None if said is None else f"{said} {kind.unit}" for said in column.cast(_TEXT).to_pylist()]
    if pa.types.is_nested(kind) and (rough := _without_nanoseconds(kind)) != kind:
        column = column.cast(rough, safe=False)
    return _list(column)


def _trimmed(said: str | None, zone: str = "") -> str | None:
    """A time without a fraction of zeros."""
    return said and (said.rstrip("0").rstrip(".") if "." in said else said) + zone


def _list(column: Any) -> list[Any]:
    try:
        return list(column.to_pylist(maps_as_pydicts="strict"))
    except KeyError:  # a map that has a key twice
        return list(column.to_pylist())


def _without_nanoseconds(kind: Any) -> Any:
    """A nested type with leaves that Python's own types can hold."""
    if pa.types.is_map(kind):
        return pa.map_(_without_nanoseconds(kind.key_type), _without_nanoseconds(kind.item_type))
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(_without_nanoseconds(kind.value_type), kind.list_size)
    if pa.types.is_large_list(kind):
        return pa.large_list(_without_nanoseconds(kind.value_type))
    if pa.types.is_list(kind):
        return pa.list_(_without_nanoseconds(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, _without_nanoseconds(field.type)) for field in kind.fields])
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        return pa.timestamp("us", kind.tz)
    if pa.types.is_time(kind) and kind.unit == "ns":
        return pa.time64("us")
    return pa.duration("us") if pa.types.is_duration(kind) else kind
