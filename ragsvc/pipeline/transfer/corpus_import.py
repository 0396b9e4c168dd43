"""Makes a corpus from an exported folder, without any model; see docs/export.md.

Like an ingest it fills caches that are keyed by content, in short transactions and without a lock, and then
publishes in one. So a killed import is simply run again.
"""

from __future__ import annotations

import hashlib
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ragsvc.domain import Caller, CarryReport, CommitId, Progress
from ragsvc.errors import ExportDamaged, InvalidName
from ragsvc.pipeline.index_files import renew_files
from ragsvc.pipeline.transfer.export_manifest import COPY_AGAIN, MANIFEST, ExportManifest, FileFacts, Table
from ragsvc.pipeline.transfer.import_rows import ImportRows
from ragsvc.retries import retry_stale
from ragsvc.store.catalog import Catalog

ATTEMPTS = 3
_BLOCK_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class ImportTools:
    """What an import works with, and how it speaks to whoever started it."""

    catalog: Catalog
    lock_timeout_s: float
    progress: Callable[[Progress], None]
    on_wait: Callable[[str], None]


class CorpusImport:
    """One import of one folder."""

    def __init__(self, tools: ImportTools, caller: Caller, folder: Path) -> None:
        self._tools = tools
        self._catalog = tools.catalog
        self._caller = caller
        self._folder = folder

    def run(self, name: str | None) -> CarryReport:
        """Make the corpus; content that is here already is used.

        :param name: None: the name that it had.
        :raises ExportDamaged: if the folder is not what an export made.
        :raises InvalidName: if no corpus can have the name.
        :raises CorpusExists: if a corpus of the name has commits.
        :raises WriterBusy: if another writer held the lock for too long.
        """
        started = time.perf_counter()
        manifest = ExportManifest.read(self._folder)
        chosen = self._name(manifest, name)
        self._check_files(manifest)
        with self._catalog.pins.pinned(f"import of {chosen}"):
            # A deletion may take content away between filling and publishing.
            commit = retry_stale(lambda _: self._fill_and_publish(manifest, chosen), ATTEMPTS)
        return CarryReport(
            corpus=chosen,
            commit=commit,
            folder=str(self._folder.resolve()),
            documents=manifest.files[Table.DOCUMENTS].rows,
            chunks=manifest.files[Table.CHUNKS].rows,
            vectors=manifest.files[Table.VECTORS].rows,
            size_bytes=(self._folder / MANIFEST).stat().st_size
            + sum(facts.size_bytes for facts in manifest.files.values()),
            seconds=time.perf_counter() - started,
        )

    def _name(self, manifest: ExportManifest, name: str | None) -> str:
        if name is not None:
            self._catalog.exports.check_free(self._caller, name)
            return name
        try:
            self._catalog.exports.check_free(self._caller, manifest.corpus)
        except InvalidName as error:
            raise ExportDamaged(f"{self._folder / MANIFEST}: {error.message}", hint=COPY_AGAIN) from error
        return manifest.corpus

    def _check_files(self, manifest: ExportManifest) -> None:
        """Read every byte before anything is written."""
        total = sum(facts.size_bytes for facts in manifest.files.values())
        done = 0
        for table, facts in manifest.files.items():
            for size in _checked(self._folder / table.value, facts):
                done += size
                self._tools.progress(Progress("checking", done, total, "bytes"))

    def _fill_and_publish(self, manifest: ExportManifest, name: str) -> CommitId:
        profile = self._catalog.corpora.profile(manifest.spec)
        born = ImportRows(self._catalog, self._folder, manifest, profile, self._tools.progress).fill()
        with self._catalog.lock.hold(self._tools.lock_timeout_s, self._tools.on_wait):
            corpus = self._catalog.exports.adopt(
                self._caller,
                name,
                profile,
                born=born,
                roots=manifest.roots,
                stats={"added": len(born), "changed": 0, "removed": 0},
            )
            renew_files(self._catalog, corpus)
        return corpus.commit


def _checked(path: Path, facts: FileFacts) -> Iterator[int]:
    """Compare a file with the manifest; yields the sizes of blocks read."""
    digest = hashlib.sha256()
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise ExportDamaged(f"{path} is not a file", hint=COPY_AGAIN)
        if found.st_size != facts.size_bytes:
            raise ExportDamaged(f"{path} has {found.st_size} bytes, not {facts.size_bytes}", hint=COPY_AGAIN)
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
                yield len(block)
    except OSError as error:
        raise ExportDamaged(f"{path} cannot be read: {error.strerror}", hint=COPY_AGAIN) from error
    if digest.hexdigest() != facts.sha256:
        raise ExportDamaged(f"{path} is not as it was written: its sha256 is another", hint=COPY_AGAIN)
