"""Puts the tables of an export into the content caches, checking every row on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragsvc.crashpoints import crash_point
from ragsvc.domain import ParsedDocument, Profile, Progress, VersionId
from ragsvc.pipeline.transfer.export_checks import (
    check_ascending,
    check_chunks,
    check_document,
    check_vectors,
    check_version,
    check_warnings,
    demand,
    table_error,
)
from ragsvc.pipeline.transfer.export_manifest import ExportManifest, Table
from ragsvc.pipeline.transfer.parquet import HASH_BYTES, read_table
from ragsvc.store.catalog import Catalog
from ragsvc.store.rows import ChunkRow, ExportedChunk, ExportedDocument, ExportedVersion, NewMembership
from ragsvc.text.mentions import mentions_in

_WINDOW_CHUNKS = 1024
_WINDOW_CHARS = 4_000_000


@dataclass(frozen=True, slots=True)
class _StoredVersion:
    """A version that is stored: its id here, and what its documents show."""

    id: VersionId
    title: str
    media_type: str


class ImportRows:
    """Checks the tables and puts what they hold into the caches."""

    def __init__(
        self,
        catalog: Catalog,
        folder: Path,
        manifest: ExportManifest,
        profile: Profile,
        progress: Callable[[Progress], None],
    ) -> None:
        self._catalog = catalog
        self._folder = folder
        self._manifest = manifest
        self._profile = profile
        self._progress = progress
        self._used = bytearray()

    def fill(self) -> list[NewMembership]:
        """Store vectors, versions and chunks.

        :return: the documents, ready to be published.
        :raises ExportDamaged: if the tables do not fit together.
        """
        hashes = self._vectors()
        known = self._versions(hashes)
        distinct = np.unique(np.frombuffer(self._used, dtype=hashes.dtype))
        demand(len(distinct) == len(hashes), Table.VECTORS, "it has vectors that no chunk uses")
        born = self._documents(known)
        named = {row.version_id for row in born}
        demand(len(named) == len(known), Table.VERSIONS, "it has texts that no document uses")
        return born

    def _read(self, table: Table) -> Iterator[dict[str, Any]]:
        rows = self._manifest.files[table].rows
        done = 0
        dimension = self._profile.spec.embedder.dimension
        for columns in read_table(self._folder, table, dimension, self._manifest.version):
            done += len(next(iter(columns.values())))
            demand(done <= rows, table, f"it has more rows than the {rows} of the manifest")
            yield dict(columns)
            self._progress(Progress(f"reading {table.value}", done, rows, "rows"))
        demand(done == rows, table, f"it has {done} rows, not the {rows} of the manifest")

    def _vectors(self) -> NDArray[np.bytes_]:
        """Store vectors; returns their keys, ascending."""
        kind = np.dtype(f"S{HASH_BYTES}")
        keys: list[NDArray[np.bytes_]] = []
        embedder = self._profile.embedder_fingerprint
        for columns in self._read(Table.VECTORS):
            digests, matrix = columns["embedded_hash"], columns["vector"]
            check_vectors(matrix)
            keys.append(np.frombuffer(b"".join(digests), dtype=kind))
            for first in range(0, len(digests), _WINDOW_CHUNKS):
                some = slice(first, first + _WINDOW_CHUNKS)
                missing = self._catalog.vectors.missing(embedder, digests[some])
                fresh = [first + at for at, digest in enumerate(digests[some]) if digest in missing]
                self._catalog.vectors.put(embedder, [digests[at] for at in fresh], matrix[fresh])
        joined = np.concatenate(keys) if keys else np.empty(0, dtype=kind)
        demand(bool((joined[:-1] < joined[1:]).all()), Table.VECTORS, "rows are not in order, or repeated")
        return joined

    def _versions(self, hashes: NDArray[np.bytes_]) -> dict[str, _StoredVersion]:
        """Store versions with their chunks; both tables are sorted, so they are read side by side."""
        groups = groupby(self._chunks(hashes), key=lambda row: row.version)
        ahead = next(groups, None)
        known: dict[str, _StoredVersion] = {}
        window: list[tuple[ExportedVersion, ParsedDocument, list[ExportedChunk]]] = []
        chunks = characters = 0
        last = ""
        for columns in self._read(Table.VERSIONS):
            for values in zip(*columns.values(), strict=True):
                version = ExportedVersion(**dict(zip(columns, values, strict=True)))
                check_ascending(Table.VERSIONS, last, version.version)
                last = version.version
                document = check_version(version)
                rows: list[ExportedChunk] = []
                if ahead is not None and ahead[0] == last:
                    rows = list(ahead[1])
                    ahead = next(groups, None)
                check_chunks(version, rows)
                window.append((version, document, rows))
                chunks += len(rows)
                characters += len(version.text)
                if chunks >= _WINDOW_CHUNKS or characters >= _WINDOW_CHARS:
                    known.update(self._store(window))
                    window, chunks, characters = [], 0, 0
        known.update(self._store(window))
        demand(ahead is None, Table.CHUNKS, "it has chunks of texts that are not there, or not in order")
        return known

    def _chunks(self, hashes: NDArray[np.bytes_]) -> Iterator[ExportedChunk]:
        for columns in self._read(Table.CHUNKS):
            raw = b"".join(columns["embedded_hash"])
            keys = np.frombuffer(raw, dtype=hashes.dtype)
            at = np.searchsorted(hashes, keys)
            found = at < len(hashes)
            found[found] = hashes[at[found]] == keys[found]
            demand(bool(found.all()), Table.VECTORS, "vectors of chunks are missing")
            self._used += raw
            yield from (
                ExportedChunk(**dict(zip(columns, values, strict=True)))
                for values in zip(*columns.values(), strict=True)
            )

    def _store(
        self, window: Sequence[tuple[ExportedVersion, ParsedDocument, list[ExportedChunk]]]
    ) -> dict[str, _StoredVersion]:
        ids = self._catalog.versions.put([document for _, document, _ in window])
        crash_point("pipeline.import.between")
        fresh = set(self._catalog.chunks.unchunked(self._profile.id, ids))
        items = [
            (number, [_row(chunk) for chunk in chunks])
            for number, (_, _, chunks) in zip(ids, window, strict=True)
            if number in fresh
        ]
        if items:
            signatures = {
                number: version.signature
                for number, (version, _, _) in zip(ids, window, strict=True)
                if number in fresh and version.signature
            }
            mentions = {
                number: mentions_in(document.text, document.media_type)
                for number, (_, document, _) in zip(ids, window, strict=True)
                if number in fresh
            }
            self._catalog.chunks.put(self._profile.id, items, signatures, mentions=mentions)
        return {
            version.version: _StoredVersion(number, version.title, version.media_type)
            for number, (version, _, _) in zip(ids, window, strict=True)
        }

    def _documents(self, known: dict[str, _StoredVersion]) -> list[NewMembership]:
        born: list[NewMembership] = []
        last = ""
        for columns in self._read(Table.DOCUMENTS):
            for values in zip(*columns.values(), strict=True):
                row = ExportedDocument(**dict(zip(columns, values, strict=True)))
                check_ascending(Table.DOCUMENTS, last, row.document_id)
                last = row.document_id
                version = known.get(row.version)
                if version is None:
                    raise table_error(Table.VERSIONS, f"the text {row.version[:64]!r} is missing")
                born.append(
                    NewMembership(
                        document_id=row.document_id,
                        version_id=version.id,
                        metadata=check_document(row, version.title, version.media_type),
                        source=row.source,
                        origin=row.origin,
                        root=row.root,
                        owner=row.owner,
                        ingested_at=row.ingested_at,
                        warnings=check_warnings(row),
                    )
                )
        return born


def _row(chunk: ExportedChunk) -> ChunkRow:
    return ChunkRow(
        start=chunk.start,
        end=chunk.end,
        page=chunk.page,
        headings=tuple(chunk.headings),
        embedded_hash=chunk.embedded_hash,
        terms=dict(zip(chunk.terms, chunk.counts, strict=True)),
        signature=chunk.signature,
    )
