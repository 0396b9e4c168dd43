"""Gives a corpus another embedder or chunking, beside the live one, without a reader noticing.

Chunking and embedding take no lock and are keyed by content, so a reindex that was stopped is simply run
again. Under the writer lock it catches up with the last few changes, writes the index files that servers
will map, and moves the head in one short transaction.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ragsvc.domain import Caller, CommitId, Corpus, Profile, ProfileSpec, Progress, ReindexReport, VersionId
from ragsvc.errors import Cancelled, StaleContent
from ragsvc.fingerprints import profile_fingerprint
from ragsvc.pipeline.index_files import renew_files
from ragsvc.pipeline.ingestion.indexer import Indexer, refuse_failures
from ragsvc.pipeline.ingestion.listeners import Listener
from ragsvc.pipeline.profile_parts import ProfileParts
from ragsvc.retries import retry_stale
from ragsvc.store.catalog import Catalog
from ragsvc.store.history import new_uid
from ragsvc.text.worker_pool import ParserPool

ATTEMPTS = 3
# Rounds of catching up with commits made meanwhile, and what may be left to do under the writer lock:
# about two hundred chunks.
ROUNDS = 8
LOCKED_CHARS = 100_000


@dataclass(frozen=True, slots=True)
class ReindexTools:
    """What a reindex works with.

    spec_of: the profile that a corpus is to have, given the one it has.
    parts_of: loads the parts of a stored profile. pool: cuts texts.
    """

    catalog: Catalog
    lock_timeout_s: float
    spec_of: Callable[[ProfileSpec], ProfileSpec]
    parts_of: Callable[[Profile], ProfileParts]
    pool: ParserPool


class Reindex:
    """One reindex of one corpus."""

    def __init__(self, tools: ReindexTools, caller: Caller, listener: Listener) -> None:
        self._tools = tools
        self._catalog = tools.catalog
        self._caller = caller
        self._listener = listener
        self._embedded = 0
        self._started = time.perf_counter()

    def run(self, name: str) -> ReindexReport:
        """Move a corpus to the profile that it is to have; nothing is done when it has it.

        :raises CorpusNotFound: if there is none of this name.
        :raises ModelNotFound: if the embedder is not to be had.
        :raises InvalidRequest: if the sizes do not fit each other or the embedder.
        :raises WriterBusy: if another writer held the lock for too long.
        :raises Cancelled: when asked to stop; what was embedded is kept.
        """
        # Another reindex may come first, or a deletion or gc take content away.
        return retry_stale(lambda _: self._once(self._catalog.corpora.get(self._caller, name)), ATTEMPTS)

    def _once(self, corpus: Corpus) -> ReindexReport:
        spec = self._tools.spec_of(corpus.profile.spec)
        if profile_fingerprint(spec) == corpus.profile.fingerprint:
            return self._report(corpus, corpus.profile, corpus.commit)
        profile = self._catalog.corpora.profile(spec)
        reason = f"reindex of {corpus.name}"
        with self._catalog.pins.pinned(reason, corpus_id=corpus.id, profile_id=profile.id):
            if self._catalog.corpora.profile(spec).id != profile.id:
                raise StaleContent("gc took the new profile before it was used", hint="run the same again")
            parts = self._tools.parts_of(profile)
            for number in range(ROUNDS):
                self._index(self._missing(corpus, profile), parts, "catching up" if number else "indexing")
                commit = self._move(corpus, parts, whatever_is_left=number + 1 == ROUNDS)
                if commit is not None:
                    return self._report(corpus, profile, commit)
        raise AssertionError("the last round moves the head or raises")

    def _missing(self, corpus: Corpus, profile: Profile) -> list[VersionId]:
        """Live versions that are not ready under the new profile."""
        head = self._catalog.corpora.head(corpus.id)
        live = self._catalog.memberships.live_versions(corpus.id, head).tolist()
        return self._catalog.chunks.unchunked(profile.id, [VersionId(version) for version in live])

    def _index(self, versions: Sequence[VersionId], parts: ProfileParts, stage: str) -> None:
        def show(progress: Progress) -> None:
            self._listener.progress(replace(progress, stage=stage))

        indexer = Indexer(
            self._catalog, parts, self._tools.pool, progress=show, cancelled=self._listener.cancelled
        )
        try:
            if self._listener.cancelled():
                raise Cancelled("stopped")
            indexer.index(versions)
            refuse_failures(indexer)
        except Cancelled as error:
            raise Cancelled(
                "the reindex was cancelled, nothing changed", hint="run it again: what was embedded is kept"
            ) from error
        finally:
            self._embedded += indexer.embedded

    def _move(self, corpus: Corpus, parts: ProfileParts, *, whatever_is_left: bool) -> CommitId | None:
        """Publish under the writer lock; None when too much is left to do it there."""
        tools, catalog, profile = self._tools, self._catalog, parts.profile
        with catalog.lock.hold(tools.lock_timeout_s, self._listener.on_wait):
            head = catalog.corpora.newest(corpus)
            if head.profile.id != corpus.profile.id:
                raise StaleContent(f"{corpus.name} was reindexed meanwhile", hint="run the same again")
            missing = self._missing(corpus, profile)
            if not whatever_is_left and self._is_much(missing):
                return None
            self._index(missing, parts, "catching up")
            # Before the head moves, so that servers find files to map instead of building an index
            # in memory. They bear the uid of the commit to come: without it they mean nothing.
            uid = new_uid()
            if head.commit:
                renew_files(catalog, replace(head, profile=profile, commit_uid=uid))
            commit = catalog.publication.move_head(self._caller, corpus, profile, uid)
            if not head.commit:
                renew_files(catalog, catalog.corpora.newest(corpus))
            return commit

    def _is_much(self, versions: Sequence[VersionId]) -> bool:
        total = 0
        for version in self._catalog.versions.texts(versions):
            total += len(version.text)
            if total > LOCKED_CHARS:
                return True
        return False

    def _report(self, corpus: Corpus, profile: Profile, commit: CommitId) -> ReindexReport:
        summary = self._catalog.corpora.summary(self._caller, corpus.name)
        return ReindexReport(
            corpus=corpus.name,
            commit=commit,
            profile=profile.fingerprint,
            previous=corpus.profile.fingerprint,
            embedder=profile.spec.embedder.name,
            documents=summary.documents,
            chunks=summary.chunks,
            embedded=self._embedded,
            seconds=time.perf_counter() - self._started,
        )
