"""A corpus as it was at one commit, in memory: the index, and which of its rows are alive.

A snapshot never changes; a newer commit makes a newer snapshot that shares the old one's segments.
Both legs of a query read one snapshot, so an answer never mixes two commits.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import numpy as np

from ragsvc.domain import BoolVector, Caller, CommitId, Corpus, Profile
from ragsvc.errors import IndexDamaged, ProfileMismatch, StorageError, WriterBusy
from ragsvc.index import loading
from ragsvc.index.corpus_index import CorpusIndex
from ragsvc.index.lexical import LexicalView
from ragsvc.pipeline.base import folder_of, is_ours, rebase
from ragsvc.store.catalog import Catalog
from ragsvc.store.filters import Filter

log = logging.getLogger(__name__)

FILTERS_KEPT = 64
PAST_KEPT = 4


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One corpus at one commit.

    alive: (rows,) bool, which rows belong to a live document.
    lexical: BM25 with the statistics of the alive rows.
    base: the files that it was loaded from; None when built from the catalog.
    """

    corpus: Corpus
    commit: CommitId
    index: CorpusIndex
    alive: BoolVector
    lexical: LexicalView
    base: loading.Written | None
    masks: MaskCache = field(compare=False)

    def allowed(self, catalog: Catalog, where: Filter | None, caller: Caller) -> BoolVector:
        """Rows that are alive and that filter and permission let through: the one bitmap.

        :return: (rows,) bool.
        """
        if where is None:
            return self.alive
        key = repr((where, caller.principal, sorted(caller.groups), caller.tenant))
        return self.masks.get(
            key,
            lambda: (
                self.alive
                & np.isin(
                    self.index.versions, catalog.allowed_versions(self.corpus.id, self.commit, where, caller)
                )
            ),
        )


class MaskCache:
    """The last few filter bitmaps of one snapshot."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._masks: OrderedDict[str, BoolVector] = OrderedDict()

    def get(self, key: str, make: Callable[[], BoolVector]) -> BoolVector:
        """The cached bitmap of `key`, made once."""
        with self._lock:
            found = self._masks.get(key)
            if found is not None:
                self._masks.move_to_end(key)
                return found
        made = make()
        with self._lock:
            self._masks[key] = made
            while len(self._masks) > FILTERS_KEPT:
                self._masks.popitem(last=False)
        return made


class SnapshotKeeper:
    """Holds the newest snapshot of each corpus and brings it up to date from the catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._lock = threading.Lock()
        self._held: dict[str, Snapshot] = {}
        self._past_lock = threading.Lock()
        self._past: OrderedDict[str, Snapshot] = OrderedDict()

    def current(self, corpus: Corpus) -> Snapshot:
        """A snapshot of the corpus's head, or of a later one when another thread has seen it.

        Replays the commits since the last snapshot.

        :raises StorageError: if neither the files nor the catalog can be read.
        :raises CorpusNotFound: if the corpus was deleted meanwhile.
        """
        held = self._held.get(corpus.uid)
        if held is not None and _covers(held, corpus):
            return held
        with self._lock:
            held = self._held.get(corpus.uid)
            if held is None or not _covers(held, corpus):
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
        with self._past_lock:
            made = self._past.get(corpus.commit_uid)
            if made is None:
                if held is not None and held.corpus.profile.id == corpus.profile.id:
                    index = held.index
                else:
                    loaded = _read_files(self._catalog, corpus)
                    index = loaded[0] if loaded else _nothing(corpus)
                made = _settled(self._catalog, index, corpus, None)
                self._past[corpus.commit_uid] = made
            self._past.move_to_end(corpus.commit_uid)
            while len(self._past) > PAST_KEPT:
                self._past.popitem(last=False)
            return made

    def held(self, uid: str) -> Snapshot | None:
        """The snapshot in memory, whatever the head is now."""
        return self._held.get(uid)

    def profiles(self) -> list[Profile]:
        """The profiles of all snapshots in memory."""
        with self._lock, self._past_lock:
            return [held.corpus.profile for held in (*self._held.values(), *self._past.values())]

    def forget(self, live: Collection[str]) -> None:
        """Drop snapshots of corpora that are gone; `live` has the uids of the others."""
        with self._lock:
            for uid in [uid for uid in self._held if uid not in live]:
                del self._held[uid]
        with self._past_lock:
            for key in [key for key, made in self._past.items() if made.corpus.uid not in live]:
                del self._past[key]

    def _advance(self, held: Snapshot | None, corpus: Corpus) -> Snapshot:
        newest = self._catalog.newest(corpus)
        if held is None or held.corpus.profile.id != newest.profile.id or self._rebased(held, newest):
            return self._load(newest)
        return replay(self._catalog, held, newest)

    def _rebased(self, held: Snapshot, corpus: Corpus) -> bool:
        """Whether another base was written: a long delta in memory, or rows that were mended, can go."""
        newest = loading.written(folder_of(self._catalog, corpus))
        return newest is not None and newest != held.base

    def _load(self, corpus: Corpus) -> Snapshot:
        loaded = None
        if corpus.commit:
            loaded = _read_files(self._catalog, corpus) or self._mend(corpus)
        index, base = loaded or (_nothing(corpus), None)
        # Read after the files: a writer may have replaced them since the caller looked.
        newest = self._catalog.newest(corpus)
        if newest.profile.id != corpus.profile.id:
            return self._load(newest)
        return _settled(self._catalog, index, newest, base)

    def _mend(self, corpus: Corpus) -> tuple[CorpusIndex, loading.Written] | None:
        """Write missing or damaged files anew, unless a writer is at work, who may do the same."""
        try:
            with self._catalog.lock.hold(0):
                loaded = _read_files(self._catalog, corpus)
                if loaded is None:
                    newest = self._catalog.newest(corpus)
                    if newest.profile.id != corpus.profile.id:
                        return None
                    rebase(self._catalog, newest, force=True)
                    loaded = _read_files(self._catalog, newest)
            return loaded
        except (WriterBusy, StorageError) as error:
            log.info("the index of %s is rebuilt in memory alone: %s", corpus.name, error.message)
            return None


def _nothing(corpus: Corpus) -> CorpusIndex:
    return CorpusIndex.empty(corpus.profile.spec.embedder.dimension)


def _read_files(catalog: Catalog, corpus: Corpus) -> tuple[CorpusIndex, loading.Written] | None:
    """The index in the files of a corpus; None when they cannot be used."""
    folder = folder_of(catalog, corpus)
    if not loading.is_written(folder):
        return None
    profile = corpus.profile
    try:
        index, written = loading.load(
            folder, profile=profile.fingerprint, dimension=profile.spec.embedder.dimension
        )
    except (IndexDamaged, ProfileMismatch) as error:
        log.warning("the index of %s is rebuilt from the catalog: %s", corpus.name, error.message)
        return None
    if not is_ours(catalog, corpus, written):
        log.warning("the index of %s is of another state of the catalog and is rebuilt", corpus.name)
        return None
    return index, written


def _snapshot(
    corpus: Corpus, index: CorpusIndex, alive: BoolVector, base: loading.Written | None
) -> Snapshot:
    return Snapshot(corpus, corpus.commit, index, alive, index.lexical_view(alive), base, MaskCache())


def _covers(held: Snapshot, corpus: Corpus) -> bool:
    return held.commit >= corpus.commit


def _settled(catalog: Catalog, index: CorpusIndex, corpus: Corpus, base: loading.Written | None) -> Snapshot:
    """The snapshot of `corpus.commit`, from any index of its profile.

    :raises StaleContent: if gc took the commit meanwhile.
    """
    live = catalog.live_versions(corpus.id, corpus.commit)
    absent = np.setdiff1d(live, index.versions)
    if absent.size:
        index = index.extended(catalog.batch(corpus.profile.id, absent))
    alive = np.isin(index.versions, live)
    catalog.check_kept(corpus.id, corpus.commit)
    return _snapshot(corpus, index, alive, base)


def replay(catalog: Catalog, held: Snapshot, corpus: Corpus) -> Snapshot:
    """The snapshot of `corpus.commit`, from an older one and the commits in between."""
    touched = catalog.touched_versions(corpus.id, held.commit, corpus.commit)
    live = catalog.live_among(corpus.id, corpus.commit, touched)
    if not catalog.is_kept(corpus.id, held.commit):
        # gc took rows that would tell what died in between.
        return _settled(catalog, held.index, corpus, held.base)
    index = held.index
    unseen = np.setdiff1d(live, index.versions)
    if unseen.size:
        index = index.extended(catalog.batch(corpus.profile.id, unseen))
    alive = np.zeros(index.rows, dtype=np.bool_)
    alive[: held.index.rows] = held.alive
    alive[np.isin(index.versions, touched)] = False
    alive[np.isin(index.versions, live)] = True
    return _snapshot(corpus, index, alive, held.base)
