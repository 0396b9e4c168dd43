"""Rebuild: everything that derives from the stored texts, compared with what it should be, and mended."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from ragsvc.domain import Caller, Corpus, Profile, Progress, RebuildReport, VersionId
from ragsvc.errors import ModelError
from ragsvc.pipeline.base import rebase
from ragsvc.pipeline.indexing import Indexer, ProfileParts, Window
from ragsvc.pipeline.ingest import Listener
from ragsvc.store.catalog import Catalog
from ragsvc.text.signature import signature


@dataclass(frozen=True, slots=True)
class RebuildTools:
    """What a rebuild works with. parts_of: loads the parts of a profile."""

    catalog: Catalog
    lock_timeout_s: float
    parts_of: Callable[[Profile], ProfileParts]


class Rebuild:
    """One rebuild of one corpus. Texts stay as they are; only what is missing or damaged is embedded."""

    def __init__(self, tools: RebuildTools, caller: Caller, listener: Listener) -> None:
        self._tools = tools
        self._caller = caller
        self._listener = listener
        self._embedded = self._rechunked = self._chunks = 0

    def run(self, name: str) -> RebuildReport:
        """Cut and analyse every text again, mend what differs, and write the index files anew.

        :raises CorpusNotFound: if there is none of this name.
        :raises ModelError: if the model of the corpus's profile cannot be loaded.
        :raises Cancelled: when asked to stop; run it again.
        :raises WriterBusy: if another writer held the lock for too long.
        """
        started = time.perf_counter()
        catalog = self._tools.catalog
        corpus = catalog.corpus(self._caller, name)
        with catalog.pinned(f"rebuild of {name}", corpus_id=corpus.id):
            documents, unmended = self._profiles(corpus)
            with catalog.lock.hold(self._tools.lock_timeout_s, self._listener.on_wait):
                corpus = catalog.newest(corpus)
                fields = [number for number, _ in catalog.field_faults(corpus.id)]
                catalog.mend_fields(fields)
                if corpus.commit:
                    rebase(catalog, corpus, force=True)
                commit = corpus.commit
                if self._rechunked or self._embedded or fields:
                    # After the files: servers that see the commit then take them in.
                    stats = {"documents": self._rechunked, "embedded": self._embedded, "fields": len(fields)}
                    commit = catalog.add_commit(self._caller, corpus, "rebuild", stats)
        return RebuildReport(
            corpus=name,
            commit=commit,
            documents=documents,
            chunks=self._chunks,
            rechunked=self._rechunked,
            embedded=self._embedded,
            unmended=tuple(unmended),
            seconds=time.perf_counter() - started,
        )

    def _profiles(self, corpus: Corpus) -> tuple[int, list[str]]:
        """Mend the head's profile, then those of earlier commits as far as their models are to be had."""
        documents = 0
        unmended: list[str] = []
        for profile in self._tools.catalog.kept_profiles(corpus.id):
            is_head = profile.id == corpus.profile.id
            try:
                count = self._profile(corpus, profile)
            except ModelError as error:
                if is_head:
                    raise
                unmended.append(f"profile {profile.fingerprint[:12]} of earlier commits: {error.message}")
                continue
            documents += count if is_head else 0
        return documents, unmended

    def _profile(self, corpus: Corpus, profile: Profile) -> int:
        catalog = self._tools.catalog
        versions = [VersionId(i) for i in catalog.needed_versions(corpus.id, profile.id).tolist()]
        indexer = Indexer(
            catalog,
            self._tools.parts_of(profile),
            progress=self._listener.progress,
            cancelled=self._listener.cancelled,
        )
        done = 0
        for window in indexer.windows(catalog.version_texts(versions)):
            self._window(profile, indexer, window)
            done += len(window.versions)
            self._listener.progress(Progress("rebuilding", done, len(versions), "documents"))
        self._embedded += indexer.embedded
        return len(versions)

    def _window(self, profile: Profile, indexer: Indexer, window: Window) -> None:
        catalog = self._tools.catalog
        embedder, dimension = profile.embedder_fingerprint, profile.spec.embedder.dimension
        texts = window.texts()
        damaged = catalog.damaged_vectors(embedder, dimension, list(texts))
        if damaged:
            catalog.drop_vectors(embedder, sorted(damaged))
        indexer.embed(texts, catalog.missing_vectors(embedder, list(texts)))
        rows = [(version.id, indexer.rows(version, drafts)) for version, drafts in window.versions]
        wrong = catalog.differing(profile.id, rows)
        if wrong:
            signatures = {v.id: signature(v.text) for v, _ in window.versions if v.id in wrong}
            mended = [(version, made) for version, made in rows if version in wrong]
            catalog.put_chunks(profile.id, mended, signatures, replaced=wrong)
        self._rechunked += len(wrong)
        self._chunks += sum(len(made) for _, made in rows)
