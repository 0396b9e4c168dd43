"""The newest snapshot of each corpus, brought up to date from the catalog, and a few earlier ones."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection
from dataclasses import replace

from ragsvc.domain import Corpus, Profile
from ragsvc.errors import StorageError, WriterBusy
from ragsvc.index import index_reader
from ragsvc.index.corpus_index import CorpusIndex
from ragsvc.lru_cache import LruCache
from ragsvc.pipeline.index_files import folder_of, rebase
from ragsvc.pipeline.retrieval.snapshot import Snapshot, empty_index, is_current, read_files, replay, settled
from ragsvc.store.catalog import Catalog

log = logging.getLogger(__name__)

PAST_KEPT = 4


class SnapshotCache:
    """Holds the newest snapshot of each corpus and brings it up to date from the catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._lock = threading.Lock()
        self._held: dict[str, Snapshot] = {}
        self._past_building = threading.Lock()
        self._past: LruCache[str, Snapshot] = LruCache(PAST_KEPT)

    def current(self, corpus: Corpus) -> Snapshot:
        """A snapshot of the corpus's head, or of a later one when another thread has seen it.

        Replays the commits since the last snapshot.

        :raises StorageError: if neither the files nor the catalog can be read.
        :raises CorpusNotFound: if the corpus was deleted meanwhile.
        """
        held = self._held.get(corpus.uid)
        if held is not None and self._covers(held, corpus):
            return held
        with self._lock:
            held = self._held.get(corpus.uid)
            if held is None or not self._covers(held, corpus):
                held = self._advance(held, corpus)
                self._held[corpus.uid] = held
            return held

    def past(self, corpus: Corpus) -> Snapshot:
        """A snapshot of exactly the commit of `corpus`; the last few are kept.

        :raises StaleContent: if gc took the commit meanwhile.
        """
        held = self._held.get(corpus.uid)
        if held is not None and held.corpus.commit_uid == corpus.commit_uid:
            return held
        # One at a time: each may hold all that the head has not.
        with self._past_building:
            return self._past.get_or_make(
                corpus.commit_uid,
                lambda: settled(self._catalog, self._index_for(corpus, held), corpus, None),
            )

    def _index_for(self, corpus: Corpus, held: Snapshot | None) -> CorpusIndex:
        """An index of the profile of `corpus` to begin with: what is held, what is in files, or nothing."""
        if held is not None and held.corpus.profile.id == corpus.profile.id:
            live = self._catalog.memberships.live_versions(corpus.id, corpus.commit)
            return held.index if is_current(self._catalog, corpus, held.index, live) else empty_index(corpus)
        loaded = read_files(self._catalog, corpus)
        return loaded[0] if loaded else empty_index(corpus)

    def held(self, uid: str) -> Snapshot | None:
        """The snapshot in memory, whatever the head is now."""
        return self._held.get(uid)

    def profiles(self) -> list[Profile]:
        """The profiles of all snapshots in memory."""
        with self._lock:
            return [held.corpus.profile for held in (*self._held.values(), *self._past.values())]

    def check_files(self) -> None:
        """Look whether the files of what is held are as they were read, and write damaged ones anew.

        What is held is in memory and serves in any case.
        """
        for uid, held in list(self._held.items()):
            folder = folder_of(self._catalog, held.corpus)
            if held.base is None or index_reader.is_untouched(folder, held.base):
                continue
            if index_reader.written(folder) not in (None, held.base):
                continue  # another process wrote others, which the next commit brings
            log.warning("index files of %s were touched; they are checked", held.corpus.name)
            mended = self._mend(held.corpus)
            with self._lock:
                if mended is not None and self._held.get(uid) is held:
                    self._held[uid] = replace(held, base=mended[1])

    def forget(self, live: Collection[str]) -> None:
        """Drop snapshots of corpora that are gone and of commits that gc took.

        :param live: uids of the corpora that are there.
        """
        with self._lock:
            for uid in [uid for uid in self._held if uid not in live]:
                del self._held[uid]
        gone = [
            made
            for made in self._past.values()
            if made.corpus.uid not in live or not self._catalog.history.is_kept(made.corpus)
        ]
        self._drop_past(gone)

    def _drop_past(self, gone: Collection[Snapshot]) -> None:
        self._past.drop(made.corpus.commit_uid for made in gone)

    def _covers(self, held: Snapshot, corpus: Corpus) -> bool:
        if held.commit > corpus.commit:
            # Another thread saw a later commit, unless the catalog was put back to an older state.
            return self._catalog.history.has_commit(corpus.id, held.corpus.commit_uid)
        return held.corpus.commit_uid == corpus.commit_uid

    def _advance(self, held: Snapshot | None, corpus: Corpus) -> Snapshot:
        newest = self._catalog.corpora.newest(corpus)
        if held is not None and held.commit and not self._is_known(held):
            held = None
        if held is None or held.corpus.profile.id != newest.profile.id or self._rebased(held, newest):
            self._drop_past([made for made in self._past.values() if made.corpus.uid == corpus.uid])
            return self._load(newest)
        return replay(self._catalog, held, newest)

    def _is_known(self, held: Snapshot) -> bool:
        """Whether the catalog has the commit that is held; one that was put back gives ids out again."""
        known = self._catalog.history.has_commit(held.corpus.id, held.corpus.commit_uid)
        if not known:
            log.warning("the catalog was put back to another state: %s is read anew", held.corpus.name)
            self._catalog.forget_caches()
        return known

    def _rebased(self, held: Snapshot, corpus: Corpus) -> bool:
        """Whether another base was written: a long delta in memory, or rows that were mended, can go."""
        newest = index_reader.written(folder_of(self._catalog, corpus))
        return newest is not None and newest != held.base

    def _load(self, corpus: Corpus) -> Snapshot:
        loaded = None
        if corpus.commit:
            loaded = read_files(self._catalog, corpus) or self._mend(corpus)
        index, base = loaded or (empty_index(corpus), None)
        # Read after the files: a writer may have replaced them since the caller looked.
        newest = self._catalog.corpora.newest(corpus)
        if newest.profile.id != corpus.profile.id:
            return self._load(newest)
        return settled(self._catalog, index, newest, base)

    def _mend(self, corpus: Corpus) -> tuple[CorpusIndex, index_reader.WrittenIndex] | None:
        """Write missing or damaged files anew, unless a writer is at work, who may do the same."""
        try:
            with self._catalog.lock.hold(0):
                loaded = read_files(self._catalog, corpus)
                if loaded is None:
                    newest = self._catalog.corpora.newest(corpus)
                    if newest.profile.id != corpus.profile.id:
                        return None
                    rebase(self._catalog, newest, force=True)
                    loaded = read_files(self._catalog, newest)
            return loaded
        except (WriterBusy, StorageError) as error:
            log.info("the index of %s is rebuilt in memory alone: %s", corpus.name, error.message)
            return None
