"""Writes a corpus as it was at a commit to a folder that can be carried away; see docs/export.md.

Readers and writers go on meanwhile: the commit is pinned, and no transaction stays open between batches.
"""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from errno import EDQUOT, ENOSPC
from pathlib import Path
from typing import Any

import numpy as np

from ragsvc.crashpoints import crash_point
from ragsvc.domain import Caller, CarryReport, CommitId, Corpus, Progress, VersionId
from ragsvc.errors import DiskFull, StaleContent, StorageError, TargetExists
from ragsvc.pipeline.transfer.export_manifest import MANIFEST, ExportManifest, FileFacts, Table
from ragsvc.pipeline.transfer.parquet import HASH_BYTES, Columns, TableWriter
from ragsvc.store.catalog import Catalog
from ragsvc.store.columns import canonical_json
from ragsvc.store.engine import batches
from ragsvc.store.rows import ExportedChunk, ExportedDocument, ExportedVersion

# Of one batch, so that memory stays flat.
_VECTORS = 2000
_VERSIONS = 256
_CHARACTERS = 2_000_000


class CorpusExport:
    """One export of one corpus."""

    def __init__(self, catalog: Catalog, caller: Caller, progress: Callable[[Progress], None]) -> None:
        self._catalog = catalog
        self._caller = caller
        self._progress = progress

    def run(self, name: str, folder: Path, ref: str) -> CarryReport:
        """Write the folder; it appears whole or not at all.

        :param folder: does not exist, or is empty.
        :param ref: as in `Catalog.history.corpus_at`.
        :raises RefNotFound: if there is no such commit.
        :raises CommitCollected: if gc removed what the commit held.
        :raises StaleContent: if the corpus is deleted and made again meanwhile.
        :raises TargetExists: if the folder holds something.
        :raises DiskFull: if there is no room for it.
        :raises StorageError: if it cannot be written.
        """
        started = time.perf_counter()
        with _translated(folder):
            target = folder.resolve()
            _refuse_taken(target)
        catalog = self._catalog
        corpus = catalog.history.corpus_at(self._caller, name, ref)
        with (
            catalog.pins.pinned(f"export of {name}", corpus_id=corpus.id, commit_id=corpus.commit),
            _translated(folder),
            _partial(target) as partial,
        ):
            manifest = self._write(corpus, partial)
            catalog.history.check_kept(corpus)
            size = _put_manifest(partial, manifest)
            _sync_folder(partial)
            crash_point("pipeline.export.before_rename")
            partial.rename(target)
            crash_point("pipeline.export.after_rename")
            _sync_folder(target.parent)
        return CarryReport(
            corpus=name,
            commit=corpus.commit,
            folder=str(target),
            documents=manifest.files[Table.DOCUMENTS].rows,
            chunks=manifest.files[Table.CHUNKS].rows,
            vectors=manifest.files[Table.VECTORS].rows,
            size_bytes=size,
            seconds=time.perf_counter() - started,
        )

    def _write(self, corpus: Corpus, folder: Path) -> ExportManifest:
        catalog, caller = self._catalog, self._caller
        roots: set[str] = set()
        versions = catalog.exports.versions(caller, corpus)
        hashes = bytearray()

        def documents() -> Iterator[Columns]:
            for page in catalog.exports.documents(caller, corpus):
                roots.update(row.root for row in page)
                yield _columns(ExportedDocument, page)

        def chunks() -> Iterator[Columns]:
            for page in catalog.exports.chunks(corpus.profile, versions):
                hashes.extend(b"".join([row.embedded_hash for row in page]))
                yield _columns(ExportedChunk, page)

        files = {
            Table.DOCUMENTS: self._table(corpus, folder, Table.DOCUMENTS, documents()),
            Table.VERSIONS: self._table(corpus, folder, Table.VERSIONS, self._versions(versions)),
            Table.CHUNKS: self._table(corpus, folder, Table.CHUNKS, chunks()),
        }
        vectors = self._vectors(corpus, hashes)
        files[Table.VECTORS] = self._table(corpus, folder, Table.VECTORS, vectors)
        entries = catalog.history.log(caller, corpus.name, 1, CommitId(corpus.commit + 1))
        if not entries:
            raise StaleContent(
                f"{corpus.name} was deleted and made again meanwhile", hint="run the same again"
            )
        known = catalog.corpora.roots(corpus.id)
        return ExportManifest(
            corpus=corpus.name,
            commit=corpus.commit,
            created_at=entries[0].created_at,
            spec=corpus.profile.spec,
            roots={name: path for name, path in sorted(known.items()) if name in roots},
            files=files,
        )

    def _table(self, corpus: Corpus, folder: Path, table: Table, pages: Iterator[Columns]) -> FileFacts:
        stage = f"writing {table.value}"
        with TableWriter(folder, table, corpus.profile.spec.embedder.dimension) as writer:
            for page in pages:
                writer.write(page)
                self._progress(Progress(stage, writer.rows, 0, "rows"))
            facts = writer.finish()
        self._progress(Progress(stage, facts.rows, facts.rows, "rows"))
        return facts

    def _versions(self, versions: dict[str, VersionId]) -> Iterator[Columns]:
        names = {number: name for name, number in versions.items()}
        for some in batches(list(versions.values()), _VERSIONS):
            signatures = self._catalog.exports.version_signatures(some)
            places = self._catalog.versions.places(some)
            page: list[ExportedVersion] = []
            characters = 0
            for text in self._catalog.versions.texts(some):
                row = ExportedVersion(
                    version=names[text.id],
                    title=text.title,
                    text=text.text,
                    media_type=text.media_type,
                    pages=text.pages,
                    signature=signatures.get(text.id, b""),
                    places=canonical_json([place.row for place in places.get(text.id, ())]),
                )
                page.append(row)
                characters += len(text.text)
                if characters >= _CHARACTERS:
                    yield _columns(ExportedVersion, page)
                    page, characters = [], 0
            if page:
                yield _columns(ExportedVersion, page)

    def _vectors(self, corpus: Corpus, hashes: bytearray) -> Iterator[Columns]:
        # Fixed width: 32 bytes a chunk, where a set of bytes objects takes four times that.
        distinct = np.unique(np.frombuffer(hashes, dtype=f"S{HASH_BYTES}")).tobytes()
        digests = [distinct[at : at + HASH_BYTES] for at in range(0, len(distinct), HASH_BYTES)]
        for some in batches(digests, _VECTORS):
            yield {
                "embedded_hash": some,
                "vector": self._catalog.exports.vectors(corpus.profile, some),
            }


def _columns(kind: type, rows: Sequence[Any]) -> Columns:
    return {field.name: [getattr(row, field.name) for row in rows] for field in fields(kind)}


def _refuse_taken(target: Path) -> None:
    if target.is_dir():
        if not any(target.iterdir()):
            return
    elif not os.path.lexists(target):
        return
    raise TargetExists(f"{target} is there already", hint="name a folder that does not exist yet")


@contextmanager
def _partial(target: Path) -> Iterator[Path]:
    """A new folder beside the target; what is still in it at the end goes away."""
    partial = target.with_name(f"{target.name}.partial-{secrets.token_hex(4)}")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial.mkdir()
    try:
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _put_manifest(folder: Path, manifest: ExportManifest) -> int:
    """Write the manifest; returns the size of the whole export."""
    raw = manifest.encode()
    with (folder / MANIFEST).open("xb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    return len(raw) + sum(facts.size_bytes for facts in manifest.files.values())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _translated(folder: Path) -> Iterator[None]:
    """Turn what the system says about writing into our errors."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in (ENOSPC, EDQUOT):
            raise DiskFull(
                f"no room on the disk for {folder}", hint="free some space, or name a folder on another disk"
            ) from error
        raise StorageError(
            f"{folder} cannot be written: {reason}", hint="name a folder that you may write to"
        ) from error
