"""A corpus over time: its history, going back, and the upkeep of what is stored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ragsvc.domain import (
    Caller,
    CarryReport,
    CollectReport,
    Commit,
    CommitId,
    CorpusDetails,
    DuplicateGroup,
    Outlier,
    Profile,
    Progress,
    RebuildReport,
    ReindexReport,
    RollbackReport,
    Tag,
    VerifyReport,
)
from ragsvc.pipeline.index_files import renew_files
from ragsvc.pipeline.ingestion.duplicates import find_duplicates
from ragsvc.pipeline.ingestion.listeners import Listener
from ragsvc.pipeline.ingestion.reindex import Reindex, ReindexTools
from ragsvc.pipeline.profile_parts import ProfileParts
from ragsvc.pipeline.retrieval.outliers import find_outliers
from ragsvc.pipeline.upkeep.gc import collect
from ragsvc.pipeline.upkeep.rebuild import Rebuild, RebuildTools
from ragsvc.pipeline.upkeep.verification import Verification
from ragsvc.service.browser import CorpusBrowser
from ragsvc.service.model_registry import ModelRegistry
from ragsvc.service.queries import QueryService
from ragsvc.settings import Settings
from ragsvc.store.catalog import Catalog
from ragsvc.store.lock_turns import LockTurns
from ragsvc.text.worker_pool import ParserPool

OnWait = Callable[[str], None]


class MaintenanceService:
    """What operators do with corpora; whatever writes takes the writer lock, and only to publish."""

    def __init__(
        self,
        catalog: Catalog,
        loader: ModelRegistry,
        asker: QueryService,
        settings: Settings,
        pool: ParserPool,
    ) -> None:
        self._catalog = catalog
        self._loader = loader
        self._asker = asker
        self._settings = settings
        self._pool = pool

    def details(self, caller: Caller, corpus: str) -> CorpusDetails:
        """A corpus with its profile, its last commits and its tags.

        :raises CorpusNotFound: if there is none of this name.
        """
        return CorpusBrowser(self._catalog, self._asker.relations).details(caller, corpus)

    def duplicates(self, caller: Caller, corpus: str) -> list[DuplicateGroup]:
        """Live documents that hold the same text, or nearly; see `pipeline.duplicates`.

        :raises CorpusNotFound: if there is none of this name.
        """
        return find_duplicates(self._catalog, caller, corpus)

    def outliers(self, caller: Caller, corpus: str, limit: int) -> list[Outlier]:
        """Live documents that are least like the others; see `pipeline.retrieval.outliers`.

        :param limit: at least 1.
        :raises CorpusNotFound: if there is none of this name.
        """
        return find_outliers(self._catalog, self._asker.snapshot(caller, corpus, None), caller, limit)

    def log(
        self, caller: Caller, corpus: str, *, limit: int = 20, before: CommitId | None = None
    ) -> list[Commit]:
        """Commits of a corpus, newest first.

        :param limit: at least 1.
        :raises CorpusNotFound: if there is none of this name.
        """
        return self._catalog.history.log(caller, corpus, limit, before)

    def tags(self, caller: Caller, corpus: str) -> list[Tag]:
        """Tags of a corpus, by name.

        :raises CorpusNotFound: if there is none of this name.
        """
        return self._catalog.history.tags(caller, corpus)

    def set_tag(self, caller: Caller, corpus: str, tag: str, *, at: str = "head", move: bool = False) -> Tag:
        """Name a commit, so that gc keeps what it needs.

        :param at: "head", "head~N", a commit number or a tag.
        :raises InvalidName: if this cannot be a tag.
        :raises TagExists: if it names another commit, unless it may move.
        :raises RefNotFound: if there is no such commit.
        :raises CommitCollected: if gc removed what the commit held.
        """
        return self._catalog.history.set_tag(caller, corpus, tag, at, move=move)

    def delete_tag(self, caller: Caller, corpus: str, tag: str) -> None:
        """Take a tag away; the commit stays until gc.

        :raises RefNotFound: if there is no such tag.
        """
        self._catalog.history.delete_tag(caller, corpus, tag)

    def rollback(
        self, caller: Caller, corpus: str, to: str, *, on_wait: OnWait | None = None
    ) -> RollbackReport:
        """Make a corpus what it was at a commit, its profile included, by a new commit.

        :param to: "head~N", a commit number or a tag.
        :raises RefNotFound: if there is no such commit.
        :raises CommitCollected: if gc removed what the commit held.
        :raises WriterBusy: if another writer held the lock for too long.
        """
        self._catalog.corpora.get(caller, corpus)
        with self._catalog.lock.hold(self._settings.lock_timeout_s, on_wait):
            report = self._catalog.publication.rollback(caller, corpus, to)
            renew_files(self._catalog, self._catalog.corpora.get(caller, corpus))
        self._asker.refresh(caller, corpus)
        return report

    def reindex(
        self,
        caller: Caller,
        corpus: str,
        *,
        embedder: str | None = None,
        chunk_tokens: int | None = None,
        chunk_overlap_tokens: int | None = None,
        progress: Callable[[Progress], None] | None = None,
        on_wait: OnWait | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> ReindexReport:
        """Give a corpus another embedder or chunking; it is searched under the old one until all is ready.

        What is None stays as the corpus has it; chunker and analyser become those of this version. When
        that changes nothing, nothing is done. What is stopped goes on where it was when it is run again.

        :raises CorpusNotFound: if there is none of this name.
        :raises ModelNotFound: if the embedder is not to be had.
        :raises InvalidRequest: if the sizes do not fit each other or the embedder.
        :raises WriterBusy: if another writer held the lock for too long.
        :raises Cancelled: when asked to stop.
        """

        def parts_of(profile: Profile) -> ProfileParts:
            # A model that cannot be loaded is found now, not by the servers that follow.
            self._loader.warm_up(profile)
            return self._loader.parts(profile)

        tools = ReindexTools(
            catalog=self._catalog,
            lock_timeout_s=self._settings.lock_timeout_s,
            spec_of=lambda base: self._loader.changed_spec(
                base, embedder, chunk_tokens, chunk_overlap_tokens
            ),
            parts_of=parts_of,
            pool=self._pool,
        )
        listener = Listener.of(progress, on_wait, cancelled)
        report = Reindex(tools, caller, listener).run(corpus)
        self._asker.refresh(caller, corpus)
        return report

    def collect(
        self,
        caller: Caller,
        corpus: str | None,
        *,
        keep: int | None = None,
        dry_run: bool = False,
        vacuum: bool = False,
        on_wait: OnWait | None = None,
    ) -> CollectReport:
        """Remove old commits and what only they needed; tagged ones stay, and what a process reads.

        Others write meanwhile: the writer lock is held for moments, but for the vacuum.

        :param corpus: whose commits may go; None: those of all corpora.
        :param keep: how many of the newest commits of a corpus stay, at least 1; None: as the settings say.
        :param vacuum: make the catalog's file smaller too, which takes as much room meanwhile.
        :raises CorpusNotFound: if there is none of this name.
        :raises WriterBusy: if another writer held the lock for too long; what was collected stays so.
        :raises DiskFull: if there is no room to vacuum; what was collected stays so.
        """
        number = self._settings.keep_commits if keep is None else keep
        turns = LockTurns(self._catalog.lock, self._settings.lock_timeout_s, on_wait)
        return collect(self._catalog, caller, corpus, number, dry_run=dry_run, vacuum=vacuum, turns=turns)

    def verify(
        self, caller: Caller, corpus: str | None, *, progress: Callable[[Progress], None] | None = None
    ) -> VerifyReport:
        """Compare what is stored with what it was made from; nothing is changed.

        :param corpus: None: all of them.
        :raises CorpusNotFound: if there is none of this name.
        """
        names = [one.name for one in self._catalog.corpora.summaries(caller)] if corpus is None else [corpus]
        show = progress or (lambda _: None)
        look = Verification(self._catalog, self._loader.parts, show)
        return look.run(caller, names, models=corpus is None)

    def rebuild(
        self,
        caller: Caller,
        corpus: str,
        *,
        progress: Callable[[Progress], None] | None = None,
        on_wait: OnWait | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> RebuildReport:
        """Make everything that derives from the stored texts anew; what is not damaged is not embedded.

        :raises CorpusNotFound: if there is none of this name.
        :raises ModelError: if the model of the corpus's profile cannot be loaded.
        :raises WriterBusy: if another writer held the lock for too long.
        :raises Cancelled: when asked to stop; run it again.
        """
        tools = RebuildTools(self._catalog, self._settings.lock_timeout_s, self._loader.parts, self._pool)
        listener = Listener.of(progress, on_wait, cancelled)
        report = Rebuild(tools, caller, listener).run(corpus)
        self._asker.refresh(caller, corpus)
        return report

    def export_corpus(
        self,
        caller: Caller,
        corpus: str,
        folder: Path,
        *,
        at: str = "head",
        progress: Callable[[Progress], None] | None = None,
    ) -> CarryReport:
        """Write a corpus as it was at a commit to a folder; see docs/export.md.

        :param folder: does not exist, or is empty.
        :param at: "head", "head~N", a commit number or a tag.
        :raises RefNotFound: if there is no such commit.
        :raises CommitCollected: if gc removed what the commit held.
        :raises TargetExists: if the folder holds something.
        :raises StorageError: if it cannot be written.
        """
        # What exports and imports need beside the catalog is imported only for them.
        from ragsvc.pipeline.transfer.corpus_export import CorpusExport

        return CorpusExport(self._catalog, caller, progress or (lambda _: None)).run(corpus, folder, at)

    def import_corpus(
        self,
        caller: Caller,
        folder: Path,
        *,
        name: str | None = None,
        progress: Callable[[Progress], None] | None = None,
        on_wait: OnWait | None = None,
    ) -> CarryReport:
        """Make a corpus from an exported folder; nothing is embedded, and no model is needed.

        :param name: None: the name that it had.
        :raises ExportDamaged: if the folder is not what an export made.
        :raises CorpusExists: if a corpus of the name has commits.
        :raises WriterBusy: if another writer held the lock for too long.
        """
        from ragsvc.pipeline.transfer.corpus_import import CorpusImport, ImportTools

        tools = ImportTools(
            catalog=self._catalog,
            lock_timeout_s=self._settings.lock_timeout_s,
            progress=progress or (lambda _: None),
            on_wait=on_wait or (lambda _: None),
        )
        return CorpusImport(tools, caller, folder).run(name)
