"""The tables of an export as Parquet files."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ragsvc.crashpoints import crash_point
from ragsvc.errors import ExportDamaged
from ragsvc.pipeline.transfer.export_manifest import COPY_AGAIN, FORMAT, FileFacts, Table

Columns = Mapping[str, Any]
"""Values by column: lists, or for vectors (n, dim) float32."""

ROW_GROUP_BYTES = 8 * 2**20
RECORD_GROUP = 1000
# Far more than any row group of ours; a file that says more is not one of ours.
_MOST_BYTES = 2**30
HASH_BYTES = 32
# Exports of format 1 lack the first, those of format 2 the second.
_WARNINGS, _PLACES = "warnings", "places"


def schema(table: Table, dimension: int, version: int = FORMAT) -> Any:
    """Columns of a table, in order.

    :param dimension: of the vectors. version: of the format.
    """
    text, whole = pa.string(), pa.int32()
    columns: dict[Table, list[tuple[str, Any]]] = {
        Table.DOCUMENTS: [
            (name, text)
            for name in (
                "document_id",
                "version",
                "title",
                "source",
                "origin",
                "root",
                "owner",
                "media_type",
                "ingested_at",
                "metadata",
                *((_WARNINGS,) if version >= 2 else ()),
            )
        ],
        Table.VERSIONS: [
            ("version", text),
            ("title", text),
            ("text", text),
            ("media_type", text),
            ("pages", pa.list_(pa.field("element", whole, nullable=False))),
            ("signature", pa.binary()),
            *(((_PLACES, text),) if version >= 3 else ()),
        ],
        Table.CHUNKS: [
            ("version", text),
            ("ordinal", whole),
            ("start", whole),
            ("end", whole),
            ("page", whole),
            ("headings", pa.list_(pa.field("element", text, nullable=False))),
            ("embedded_hash", pa.binary(HASH_BYTES)),
            ("terms", pa.list_(pa.field("element", text, nullable=False))),
            ("counts", pa.list_(pa.field("element", whole, nullable=False))),
            ("length", whole),
            ("signature", pa.binary()),
        ],
        Table.VECTORS: [
            ("embedded_hash", pa.binary(HASH_BYTES)),
            ("vector", pa.list_(pa.field("element", pa.float32(), nullable=False), dimension)),
        ],
    }
    return pa.schema([pa.field(name, kind, nullable=name == "page") for name, kind in columns[table]])


class _HashingFile(io.RawIOBase):
    """A new file; counts and hashes what passes."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file = path.open("xb")
        self.digest = hashlib.sha256()
        self.size_bytes = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        crash_point("pipeline.export.before_write")
        view = memoryview(data)
        self.digest.update(view)
        self.size_bytes += view.nbytes
        return self._file.write(view)

    def flush(self) -> None:
        if not self._file.closed:
            self._file.flush()

    def fileno(self) -> int:
        return self._file.fileno()

    def close(self) -> None:
        self._file.close()
        super().close()


class TableWriter:
    """Writes one table, row group by row group; what it holds in memory is bounded."""

    def __init__(self, folder: Path, table: Table, dimension: int) -> None:
        self._schema = schema(table, dimension)
        self._file = _HashingFile(folder / table.value)
        # Numbers of a vector do not compress; texts and the words of chunks do, several times.
        packed = table is not Table.VECTORS
        self._writer = pq.ParquetWriter(
            self._file,
            self._schema,
            compression="zstd" if packed else "none",
            use_dictionary=packed,
            write_statistics=[name for name in self._schema.names if name in ("document_id", "version")],
        )
        self._held: list[Any] = []
        self._held_bytes = 0
        self.rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A writer that is thrown away would write its footer, to a disk that may be full.
        self._writer.is_open = False
        self._file.close()

    def write(self, columns: Columns) -> None:
        """Add rows, all columns of one length."""
        arrays = [_array(columns[field.name], field.type) for field in self._schema]
        batch = pa.record_batch(arrays, schema=self._schema)
        self._held.append(batch)
        self._held_bytes += batch.nbytes
        self.rows += batch.num_rows
        if self._held_bytes >= ROW_GROUP_BYTES:
            self._put()

    def finish(self) -> FileFacts:
        """Write what is held and the footer; all of it is on the disk then."""
        self._put()
        self._writer.close()
        self._file.flush()
        crash_point("pipeline.export.before_fsync")
        os.fsync(self._file.fileno())
        return FileFacts(self._file.digest.hexdigest(), self._file.size_bytes, self.rows)

    def _put(self) -> None:
        if self._held:
            rows = pa.Table.from_batches(self._held, schema=self._schema).combine_chunks()
            self._writer.write_table(rows, row_group_size=max(rows.num_rows, 1))
            self._held, self._held_bytes = [], 0


def record_schema() -> Any:
    """Columns of exported records: the members of their JSON, nested as they are there.

    What clients send in `metadata` is of any shape, so it is JSON.
    """
    text, whole, real, truth = pa.string(), pa.int64(), pa.float64(), pa.bool_()
    place = [("corpus", text), ("document_id", text), ("version", text), ("start", whole), ("end", whole)]
    said = [("record", text), ("owner", text), ("created_at", text), ("score", real), ("label", text)]
    said += [("comment", text), ("corrected_answer", text), ("tags", pa.list_(text))]
    return pa.schema(
        [
            *((name, text) for name in ("id", "parent", "session", "owner", "created_at")),
            ("corpora", pa.list_(text)),
            *((name, text) for name in ("question", "searched", "answer")),
            *(("answered", truth), ("confidence", real), ("unsupported", whole), ("support", real)),
            ("far", truth),
            ("passages", pa.list_(pa.struct([("rank", whole), ("score", real), *place]))),
            ("citations", pa.list_(pa.struct([("marker", whole), *place, ("quote", text)]))),
            *(("commits", pa.map_(text, whole)), ("generator", text), ("timings_ms", pa.map_(text, real))),
            *(("latency_ms", real), ("metadata", text), ("origin", text)),
            ("feedback", pa.list_(pa.struct(said))),
        ]
    )


def write_records(file: BinaryIO, records: Iterable[Mapping[str, Any]]) -> int:
    """Write the JSON objects of records as Parquet, a row group at a time; gives their number."""
    kinds = record_schema()
    writer = pq.ParquetWriter(file, kinds, compression="zstd")
    number = 0
    try:
        rows = iter(records)
        while some := list(islice(rows, RECORD_GROUP)):
            columns = {field.name: [_cell(row[field.name], field.type) for row in some] for field in kinds}
            writer.write_table(pa.Table.from_pydict(columns, schema=kinds))
            number += len(some)
        writer.close()
    finally:
        # A writer that is thrown away would write its footer, to a disk that may be full.
        writer.is_open = False
    return number


def _cell(value: Any, kind: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return list(value.items()) if pa.types.is_map(kind) else json.dumps(value, ensure_ascii=False)


def _array(values: Any, kind: Any) -> Any:
    if pa.types.is_fixed_size_list(kind):
        flat = pa.array(np.ascontiguousarray(values, dtype=np.float32).reshape(-1), type=pa.float32())
        return pa.FixedSizeListArray.from_arrays(flat, type=kind)
    return pa.array(values, type=kind)


def read_table(folder: Path, table: Table, dimension: int, version: int = FORMAT) -> Iterator[Columns]:
    """Read a table back, a row group at a time.

    :raises ExportDamaged: if it is not such a table.
    """
    path = folder / table.value
    try:
        # Not mapped: a file that is cut short meanwhile would be a SIGBUS.
        with pq.ParquetFile(path, memory_map=False, pre_buffer=False) as file:
            _check_schema(path, file.schema_arrow.remove_metadata(), schema(table, dimension, version))
            for number in range(file.num_row_groups):
                if file.metadata.row_group(number).total_byte_size > _MOST_BYTES:
                    raise damaged(path, f"row group {number} is too large")
                rows = file.read_row_group(number, use_threads=False).combine_chunks()
                rows.validate(full=True)
                columns = {name: _values(path, name, rows.column(name)) for name in rows.column_names}
                if table is Table.DOCUMENTS:
                    columns.setdefault(_WARNINGS, ["[]"] * rows.num_rows)
                elif table is Table.VERSIONS:
                    columns.setdefault(_PLACES, ["[]"] * rows.num_rows)
                yield columns
    except ExportDamaged:
        raise
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, OverflowError, MemoryError) as error:
        raise damaged(path, str(error)) from error


def _check_schema(path: Path, found: Any, wanted: Any) -> None:
    if found.equals(wanted):
        return
    for field in wanted:
        if field.name not in found.names:
            raise damaged(path, f"it has no column {field.name}")
        other = found.field(field.name)
        if not other.equals(field):
            raise damaged(path, f"the column {field.name} is {other.type}, not {field.type}")
    raise damaged(path, "its columns are others, or in another order")


def _values(path: Path, name: str, column: Any) -> Any:
    """One column in Python: lists of values, or (n, dim) float32 for vectors."""
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], type=array.type)
    kind = array.type
    if array.null_count and name != "page":
        raise damaged(path, f"the column {name} has empty cells")
    if pa.types.is_fixed_size_list(kind):
        return _without_nulls(path, name, array.flatten()).to_numpy().reshape(-1, kind.list_size)
    if pa.types.is_list(kind):
        # The flat values at once: several times faster than list by list.
        values: list[Any] = _without_nulls(path, name, array.flatten()).to_pylist()
        ends: Sequence[int] = (array.offsets.to_numpy() - array.offsets[0].as_py()).tolist()
        return [values[a:b] for a, b in pairwise(ends)]
    return array.to_pylist()


def _without_nulls(path: Path, name: str, values: Any) -> Any:
    if values.null_count:
        raise damaged(path, f"the column {name} has empty elements")
    return values


def damaged(path: Path, reason: str) -> ExportDamaged:
    """Make the error for a file that is not as it was exported."""
    return ExportDamaged(f"{path} is damaged: {reason}", hint=COPY_AGAIN)
