"""Whether the rows of an export say something that can be: it may have been altered, or made by anyone."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ragsvc.domain import SIGNATURE_VALUES, Caveat, F32Matrix, ParsedDocument, Places, places_of
from ragsvc.errors import ExportDamaged
from ragsvc.pipeline.transfer.export_manifest import COPY_AGAIN, Table
from ragsvc.store.memberships import base_name
from ragsvc.store.rows import ExportedChunk, ExportedDocument, ExportedVersion
from ragsvc.store.versions import version_name
from ragsvc.text.normalisation import clean

_TIME = re.compile(r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9](\.[0-9]{1,6})?Z")
_SIGNATURE_BYTES = 2 * SIGNATURE_VALUES
_NORM_TOLERANCE = 1e-3
_MOST = 2**31 - 1


def check_version(row: ExportedVersion) -> ParsedDocument:
    """The document that a row of versions.parquet stores.

    :raises ExportDamaged: if its id is not that of its content, or the content cannot be.
    """
    pages = tuple(row.pages)
    document = ParsedDocument(
        title=row.title, text=row.text, media_type=row.media_type, pages=pages, places=_places(row)
    )
    _demand(version_name(document) == row.version, Table.VERSIONS, row.version, "its text is another")
    _demand(
        all(clean(value) == value for value in (row.title, row.text, row.media_type)),
        Table.VERSIONS,
        row.version,
        "it holds forbidden characters",
    )
    ascending = all(a <= b for a, b in pairwise(pages))
    sound = not pages or (pages[0] == 0 and ascending and pages[-1] <= len(row.text))
    _demand(sound, Table.VERSIONS, row.version, "its pages are not in order")
    _check_signature(Table.VERSIONS, row.version, row.signature)
    return document


def _places(row: ExportedVersion) -> Places:
    try:
        return places_of(json.loads(row.places, parse_constant=_refuse), len(row.text))
    except (ValueError, TypeError, RecursionError) as error:
        raise _error(Table.VERSIONS, row.version, f"its places cannot be: {error}") from error


def check_chunks(version: ExportedVersion, rows: Sequence[ExportedChunk]) -> None:
    """Compare the chunks of a version with its text.

    :raises ExportDamaged: if one of them cannot be.
    """
    for ordinal, row in enumerate(rows):
        where = f"{row.version}, ordinal {row.ordinal}"
        _demand(row.ordinal == ordinal, Table.CHUNKS, where, "chunks are missing or repeated")
        inside = 0 <= row.start < row.end <= len(version.text)
        _demand(inside, Table.CHUNKS, where, "its span is outside the text")
        pages = len(version.pages)
        paged = row.page is None if not pages else row.page is not None and 1 <= row.page <= pages
        _demand(paged, Table.CHUNKS, where, "the text has no such page")
        _demand(len(row.terms) == len(row.counts), Table.CHUNKS, where, "terms and counts are not aligned")
        distinct = all(a < b for a, b in pairwise(row.terms))
        _demand(distinct, Table.CHUNKS, where, "its terms are not in order")
        counted = all(count >= 1 for count in row.counts) and sum(row.counts) == row.length <= _MOST
        _demand(counted, Table.CHUNKS, where, "its length is not the sum of its counts")
        _check_signature(Table.CHUNKS, where, row.signature)


def check_vectors(matrix: F32Matrix) -> None:
    """Refuse vectors that no embedder of ours makes.

    :param matrix: (n, dim) float32.
    :raises ExportDamaged: unless all numbers are finite and all rows L2-normalised.
    """
    # In double: the square of a large single is infinite, which would be a warning besides.
    norms = np.sqrt(np.square(matrix, dtype=np.float64).sum(axis=1))
    sound = np.abs(norms - 1) <= _NORM_TOLERANCE
    if not sound.all():
        raise _error(Table.VECTORS, f"row {int(np.argmin(sound))} of a group", "it is not of length 1")


def check_document(row: ExportedDocument, title: str, media_type: str) -> dict[str, Any]:
    """The metadata of a row of documents.parquet.

    :param title, media_type: of its version.
    :raises ExportDamaged: if a field cannot be.
    """
    where = repr(row.document_id[:200])
    strings = (row.document_id, row.source, row.origin, row.root, row.owner)
    _demand(
        row.document_id != "" and not any("\x00" in value for value in strings),
        Table.DOCUMENTS,
        where,
        "it is empty or holds NUL",
    )
    _demand(
        row.title == (title or base_name(row.document_id)) and row.media_type == media_type,
        Table.DOCUMENTS,
        where,
        "its title or type is not that of its version",
    )
    _demand(bool(_TIME.fullmatch(row.ingested_at)), Table.DOCUMENTS, where, "ingested_at is no UTC time")
    try:
        metadata = json.loads(row.metadata, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise _error(Table.DOCUMENTS, where, f"its metadata is not JSON: {error}") from error
    _demand(isinstance(metadata, dict), Table.DOCUMENTS, where, "its metadata is not a JSON object")
    found: dict[str, Any] = metadata
    return found


def check_warnings(row: ExportedDocument) -> tuple[Caveat, ...]:
    """The warnings of a row of documents.parquet.

    :raises ExportDamaged: if they cannot be.
    """
    where = repr(row.document_id[:200])
    try:
        rows = json.loads(row.warnings, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise _error(Table.DOCUMENTS, where, f"its warnings are not JSON: {error}") from error
    sound = isinstance(rows, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(value, str) for value in pair)
        for pair in rows
    )
    _demand(sound, Table.DOCUMENTS, where, "its warnings are not pairs of a code and words")
    return tuple(Caveat(code, message) for code, message in rows)


def check_ascending(table: Table, last: str, value: str) -> None:
    """Refuse a key that is not after the one before: rows are sorted, and keys are unique.

    :raises ExportDamaged: unless last < value.
    """
    _demand(last < value, table, repr(value[:200]), "rows are not in order, or repeated")


def demand(holds: bool, table: Table, reason: str) -> None:
    """Refuse a table as a whole.

    :raises ExportDamaged: unless the condition holds.
    """
    if not holds:
        raise table_error(table, reason)


def table_error(table: Table, reason: str) -> ExportDamaged:
    """Make the error for a table that does not fit as a whole."""
    return ExportDamaged(f"{table.value} is damaged: {reason}", hint=COPY_AGAIN)


def _check_signature(table: Table, where: str, signature: bytes) -> None:
    _demand(len(signature) in (0, _SIGNATURE_BYTES), table, where, "its signature is of another size")


def _demand(holds: bool, table: Table, where: str, reason: str) -> None:
    if not holds:
        raise _error(table, where, reason)


def _error(table: Table, where: str, reason: str) -> ExportDamaged:
    return ExportDamaged(f"{table.value} is damaged at {where}: {reason}", hint=COPY_AGAIN)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
