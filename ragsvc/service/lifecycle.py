"""A corpus over time: its history, going back, and the upkeep of what is stored."""

from __future__ import annotations

from collections.abc import Callable

from ragsvc.domain import Caller, Commit, CommitId, CorpusDetails, RollbackReport, Tag
from ragsvc.pipeline.base import renew_files
from ragsvc.service.asking import Asker
from ragsvc.service.browsing import Browser
from ragsvc.service.parts import PartsLoader
from ragsvc.settings import Settings
from ragsvc.store.catalog import Catalog

OnWait = Callable[[str], None]


class Lifecycle:
    """What operators do with corpora; whatever writes takes the writer lock, and only to publish."""

    def __init__(self, catalog: Catalog, loader: PartsLoader, asker: Asker, settings: Settings) -> None:
        self._catalog = catalog
        self._loader = loader
        self._asker = asker
        self._settings = settings

    def details(self, caller: Caller, corpus: str) -> CorpusDetails:
        """A corpus with its profile, its last commits and its tags.

        :raises CorpusNotFound: if there is none of this name.
        """
        return Browser(self._catalog).details(caller, corpus)

    def log(
        self, caller: Caller, corpus: str, *, limit: int = 20, before: CommitId | None = None
    ) -> list[Commit]:
        """Commits of a corpus, newest first.

        :param limit: at least 1.
        :raises CorpusNotFound: if there is none of this name.
        """
        return self._catalog.log(caller, corpus, limit, before)

    def tags(self, caller: Caller, corpus: str) -> list[Tag]:
        """Tags of a corpus, by name.

        :raises CorpusNotFound: if there is none of this name.
        """
        return self._catalog.tags(caller, corpus)

    def set_tag(self, caller: Caller, corpus: str, tag: str, *, at: str = "head", move: bool = False) -> Tag:
        """Name a commit, so that gc keeps what it needs.

        :param at: "head", "head~N", a commit number or a tag.
        :raises InvalidName: if this cannot be a tag.
        :raises TagExists: if it names another commit, unless it may move.
        :raises RefNotFound: if there is no such commit.
        :raises CommitCollected: if gc removed what the commit held.
        """
        return self._catalog.set_tag(caller, corpus, tag, at, move=move)

    def delete_tag(self, caller: Caller, corpus: str, tag: str) -> None:
        """Take a tag away; the commit stays until gc.

        :raises RefNotFound: if there is no such tag.
        """
        self._catalog.delete_tag(caller, corpus, tag)

    def rollback(
        self, caller: Caller, corpus: str, to: str, *, on_wait: OnWait | None = None
    ) -> RollbackReport:
        """Make a corpus what it was at a commit, its profile included, by a new commit.

        :param to: "head~N", a commit number or a tag.
        :raises RefNotFound: if there is no such commit.
        :raises CommitCollected: if gc removed what the commit held.
        :raises WriterBusy: if another writer held the lock for too long.
        """
        self._catalog.corpus(caller, corpus)
        with self._catalog.lock.hold(self._settings.lock_timeout_s, on_wait):
            report = self._catalog.rollback(caller, corpus, to)
            renew_files(self._catalog, self._catalog.corpus(caller, corpus))
        self._asker.refresh(caller, corpus)
        return report
