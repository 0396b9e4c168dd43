"""Rebuild: everything that derives from the stored texts, compared with what it should be, and mended."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from ragsvc.domain import Caller, CommitId, Corpus, Profile, Progress, RebuildReport, VersionId
from ragsvc.errors import ModelError
from ragsvc.index import index_reader, index_writer
from ragsvc.pipeline.index_files import folder_of, rebase
from ragsvc.pipeline.ingestion.indexer import Indexer, Window, rows_of
from ragsvc.pipeline.ingestion.listeners import Listener
from ragsvc.pipeline.profile_parts import ProfileParts
from ragsvc.store.catalog import Catalog
from ragsvc.store.history import new_uid
from ragsvc.text.worker_pool import ParserPool


@dataclass(frozen=True, slots=True)
class RebuildTools:
    """What a rebuild works with. parts_of: loads the parts of a profile. pool: cuts texts."""

    catalog: Catalog
    lock_timeout_s: float
    parts_of: Callable[[Profile], ProfileParts]
    pool: ParserPool


class Rebuild:
    """One rebuild of one corpus. Texts stay as they are; only what is missing or damaged is embedded."""

    def __init__(self, tools: RebuildTools, caller: Caller, listener: Listener) -> None:
        self._tools = tools
        self._caller = caller
        self._listener = listener
        self._embedded = self._rechunked = self._reread = self._chunks = 0
        self._outdated: list[Profile] = []
        self._uncut: list[str] = []

    def run(self, name: str) -> RebuildReport:
        """Cut and analyse every text again, mend what differs, and write the index files anew.

        :raises CorpusNotFound: if there is none of this name.
        :raises ModelError: if the model of the corpus's profile cannot be loaded.
        :raises Cancelled: when asked to stop; run it again.
        :raises WriterBusy: if another writer held the lock for too long.
        """
        started = time.perf_counter()
        catalog = self._tools.catalog
        corpus = catalog.corpora.get(self._caller, name)
        with catalog.pins.pinned(f"rebuild of {name}", corpus_id=corpus.id):
            texts, unmended = self._profiles(corpus)
            with catalog.lock.hold(self._tools.lock_timeout_s, self._listener.on_wait):
                commit = self._publish(catalog.corpora.newest(corpus))
        return RebuildReport(
            corpus=name,
            commit=commit,
            texts=texts,
            chunks=self._chunks,
            rechunked=self._rechunked,
            embedded=self._embedded,
            unmended=(*unmended, *self._uncut),
            seconds=time.perf_counter() - started,
        )

    def _publish(self, corpus: Corpus) -> CommitId:
        """Write the index files, and make a commit when anything is other than it was: servers look again."""
        catalog = self._tools.catalog
        fields = [number for number, _ in catalog.integrity.field_faults(corpus.id)]
        mended = bool(self._rechunked or self._reread or self._embedded or fields)
        if not corpus.commit:
            return corpus.commit
        for profile in self._outdated:
            # They hold what was damaged; whoever goes back to it reads the catalog.
            index_writer.remove(folder_of(catalog, replace(corpus, profile=profile)))
        folder = folder_of(catalog, corpus)
        before = index_reader.written(folder)
        uid = new_uid()
        # Files of what was mended bear the uid of the commit to come: without it they mean nothing.
        rebase(catalog, replace(corpus, commit_uid=uid) if mended else corpus, force=True)
        if not mended and index_reader.written(folder) == before:
            return corpus.commit
        stats = {"texts": self._rechunked, "embedded": self._embedded, "fields": len(fields)}
        return catalog.publication.mend(self._caller, corpus, fields, stats, uid)

    def _profiles(self, corpus: Corpus) -> tuple[int, list[str]]:
        """Mend the head's profile, then those of earlier commits as far as their models are to be had.

        :return: texts under the head's profile, and what could not be mended.
        """
        texts = 0
        unmended: list[str] = []
        for profile in self._tools.catalog.integrity.kept_profiles(corpus.id):
            is_head = profile.id == corpus.profile.id
            mended = self._rechunked + self._embedded
            try:
                count = self._profile(corpus, profile)
            except ModelError as error:
                if is_head:
                    raise
                unmended.append(f"profile {profile.fingerprint[:12]} of earlier commits: {error.message}")
                continue
            texts += count if is_head else 0
            if not is_head and self._rechunked + self._embedded > mended:
                self._outdated.append(profile)
        return texts, unmended

    def _profile(self, corpus: Corpus, profile: Profile) -> int:
        catalog = self._tools.catalog
        versions = [VersionId(i) for i in catalog.integrity.needed_versions(corpus.id, profile.id).tolist()]
        indexer = Indexer(
            catalog,
            self._tools.parts_of(profile),
            self._tools.pool,
            progress=self._listener.progress,
            cancelled=self._listener.cancelled,
        )
        done = 0
        for window in indexer.windows(catalog.versions.texts(versions)):
            self._window(profile, indexer, window)
            done += len(window.versions)
            self._listener.progress(Progress("rebuilding", done, len(versions), "texts"))
        self._embedded += indexer.embedded
        for failure in indexer.failures.values():
            self._uncut.append(f"a text that cannot be cut, {failure.source!r}: {failure.error}")
        return len(versions)

    def _window(self, profile: Profile, indexer: Indexer, window: Window) -> None:
        catalog = self._tools.catalog
        embedder, dimension = profile.embedder_fingerprint, profile.spec.embedder.dimension
        texts = window.texts()
        damaged = catalog.vectors.damaged(embedder, dimension, list(texts))
        if damaged:
            catalog.vectors.drop(embedder, sorted(damaged))
        indexer.embed(texts, catalog.vectors.missing(embedder, list(texts)))
        rows = [(version.id, rows_of(made)) for version, made in window.versions]
        wrong = catalog.chunks.differing(profile.id, rows)
        mentions = {version.id: made.mentions for version, made in window.versions}
        stored = catalog.relations.mentions(list(mentions))
        reread = {version: made for version, made in mentions.items() if stored.get(version) != made}
        if wrong or reread:
            signatures = {v.id: made.signature for v, made in window.versions if v.id in wrong}
            mended = [(version, made) for version, made in rows if version in wrong]
            catalog.chunks.put(profile.id, mended, signatures, replaced=wrong, mentions=reread)
        self._rechunked += len(wrong)
        self._reread += len(reread)
        self._chunks += sum(len(made) for _, made in rows)
