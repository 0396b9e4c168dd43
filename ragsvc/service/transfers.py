"""Exports and imports. What they need beside the catalog is imported only for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ragsvc.domain import Caller, CarryReport, Progress
from ragsvc.settings import Settings
from ragsvc.store.catalog import Catalog


class TransferService:
    """Carries corpora out of this home and into it."""

    def __init__(self, catalog: Catalog, settings: Settings) -> None:
        self._catalog = catalog
        self._settings = settings

    def leave(
        self,
        caller: Caller,
        corpus: str,
        folder: Path,
        at: str,
        progress: Callable[[Progress], None] | None,
    ) -> CarryReport:
        """See `MaintenanceService.export_corpus`."""
        from ragsvc.pipeline.transfer.corpus_export import CorpusExport

        return CorpusExport(self._catalog, caller, progress or (lambda _: None)).run(corpus, folder, at)

    def bring(
        self,
        caller: Caller,
        folder: Path,
        name: str | None,
        progress: Callable[[Progress], None] | None,
        on_wait: Callable[[str], None] | None,
    ) -> CarryReport:
        """See `MaintenanceService.import_corpus`."""
        from ragsvc.pipeline.transfer.corpus_import import CorpusImport, ImportTools

        tools = ImportTools(
            catalog=self._catalog,
            lock_timeout_s=self._settings.lock_timeout_s,
            progress=progress or (lambda _: None),
            on_wait=on_wait or (lambda _: None),
        )
        return CorpusImport(tools, caller, folder).run(name)
