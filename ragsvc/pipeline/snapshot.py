"""A corpus as it was at one commit, in memory: the index, and which of its rows are alive.

A snapshot never changes; a newer commit makes a newer snapshot that shares the old one's segments.
Both legs of a query read one snapshot, so an answer never mixes two commits.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ragsvc.domain import BoolVector, Caller, CommitId, Corpus, I64Vector
from ragsvc.errors import IndexDamaged, ProfileMismatch, StorageError, WriterBusy
from ragsvc.index import files
from ragsvc.index.corpus_index import CorpusIndex
from ragsvc.index.lexical import LexicalView
from ragsvc.store.catalog import Catalog
from ragsvc.store.filters import Filter

log = logging.getLogger(__name__)

REBUILD_SHARE = 0.10
FILTERS_KEPT = 64


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One corpus at one commit.

    alive: (rows,) bool, which rows belong to a live document.
    lexical: BM25 with the statistics of the alive rows.
    base_commit: the commit of the files it was loaded from; 0 when built from the catalog.
    """

    corpus: Corpus
    commit: CommitId
    index: CorpusIndex
    alive: BoolVector
    lexical: LexicalView
    base_commit: int
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

    def current(self, corpus: Corpus) -> Snapshot:
        """A snapshot of the corpus's head, or of a later one when another thread has seen it.

        Replays the commits since the last snapshot.

        :raises StorageError: if neither the files nor the catalog can be read.
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

    def held(self, uid: str) -> Snapshot | None:
        """The snapshot in memory, whatever the head is now."""
        return self._held.get(uid)

    def forget(self, live: Collection[str]) -> None:
        """Drop snapshots of corpora that are gone; `live` has the uids of the others."""
        with self._lock:
            for uid in [uid for uid in self._held if uid not in live]:
                del self._held[uid]

    def _advance(self, held: Snapshot | None, corpus: Corpus) -> Snapshot:
        if held is None or held.corpus.profile.id != corpus.profile.id or self._rebased(held, corpus):
            held = self._load(corpus)
        # Read after the files: a writer may have replaced them since the caller looked.
        return replay(self._catalog, held, replace(corpus, commit=self._catalog.head(corpus.id)))

    def _rebased(self, held: Snapshot, corpus: Corpus) -> bool:
        """Whether a newer base was written, so that a long delta in memory can be dropped."""
        newest = files.written_commit(folder_of(self._catalog, corpus))
        return newest is not None and newest > held.base_commit

    def _load(self, corpus: Corpus) -> Snapshot:
        index, commit = CorpusIndex.empty(corpus.profile.spec.embedder.dimension), CommitId(0)
        if corpus.commit:
            loaded = _read_files(self._catalog, corpus) or self._mend(corpus)
            index, commit = loaded or (index, commit)
        alive = np.isin(index.versions, self._catalog.live_versions(corpus.id, commit))
        return _snapshot(corpus, commit, index, alive, commit)

    def _mend(self, corpus: Corpus) -> tuple[CorpusIndex, CommitId] | None:
        """Write missing or damaged files anew, unless a writer is at work, who may do the same."""
        try:
            with self._catalog.lock.hold(0):
                loaded = _read_files(self._catalog, corpus)
                if loaded is None:
                    rebase(self._catalog, corpus, force=True)
                    loaded = _read_files(self._catalog, corpus)
            return loaded
        except (WriterBusy, StorageError) as error:
            log.info("the index of %s is rebuilt in memory alone: %s", corpus.name, error.message)
            return None


def _read_files(catalog: Catalog, corpus: Corpus) -> tuple[CorpusIndex, CommitId] | None:
    """The index in the files of a corpus and its commit; None when they cannot be used."""
    folder = folder_of(catalog, corpus)
    if not files.is_written(folder):
        return None
    profile = corpus.profile
    try:
        index, commit = files.load(
            folder, profile=profile.fingerprint, dimension=profile.spec.embedder.dimension
        )
    except (IndexDamaged, ProfileMismatch) as error:
        log.warning("the index of %s is rebuilt from the catalog: %s", corpus.name, error.message)
        return None
    if commit > catalog.head(corpus.id):
        # The catalog was put back to an older state than the files: only the catalog is true.
        log.warning("the index of %s is newer than the catalog and is rebuilt", corpus.name)
        return None
    return index, CommitId(commit)


def _snapshot(
    corpus: Corpus, commit: CommitId, index: CorpusIndex, alive: BoolVector, base_commit: int
) -> Snapshot:
    return Snapshot(corpus, commit, index, alive, index.lexical_view(alive), base_commit, MaskCache())


def _covers(held: Snapshot, corpus: Corpus) -> bool:
    return held.commit >= corpus.commit and held.corpus.profile.id == corpus.profile.id


def folder_of(catalog: Catalog, corpus: Corpus) -> Path:
    """Where the derived files of a corpus and its profile live."""
    return catalog.home / corpus.uid / corpus.profile.fingerprint[:16]


def replay(catalog: Catalog, held: Snapshot, corpus: Corpus) -> Snapshot:
    """The snapshot of `corpus.commit`, from an older one and the commits in between."""
    touched = catalog.touched_versions(corpus.id, held.commit, corpus.commit)
    live = catalog.live_among(corpus.id, corpus.commit, touched)
    index = held.index
    unseen = _absent(live, index.versions)
    if unseen.size:
        index = index.extended(catalog.batch(corpus.profile.id, unseen))
    alive = np.zeros(index.rows, dtype=np.bool_)
    alive[: held.index.rows] = held.alive
    alive[np.isin(index.versions, touched)] = False
    alive[np.isin(index.versions, live)] = True
    return _snapshot(corpus, corpus.commit, index, alive, held.base_commit)


def _absent(wanted: I64Vector, present: I64Vector) -> I64Vector:
    return np.setdiff1d(wanted, present)


def renew_files(catalog: Catalog, corpus: Corpus) -> None:
    """Rebase after a publish, which stands whether or not there is room for files."""
    try:
        rebase(catalog, corpus)
    except StorageError as error:
        log.warning("the index files of %s stay as they were: %s", corpus.name, error.message)


def rebase(catalog: Catalog, corpus: Corpus, *, force: bool = False) -> bool:
    """Rewrite the base files when the changes since the last base exceed a tenth of it.

    Must be called by the holder of the writer lock.

    :param corpus: with the commit that was just published.
    :param force: rewrite them in any case.
    :return: whether files were written.
    :raises StorageError: if they cannot be written; the old ones stay.
    """
    folder = folder_of(catalog, corpus)
    live = catalog.live_versions(corpus.id, corpus.commit)
    based = files.written_commit(folder)
    # Files of a commit that was not yet made come from a catalog that was put back: they go.
    if based is not None and based < corpus.commit and not force:
        touched = catalog.touched_versions(corpus.id, CommitId(based), corpus.commit)
        if touched.size <= REBUILD_SHARE * max(live.size, 1):
            return False
    index = CorpusIndex.empty(corpus.profile.spec.embedder.dimension)
    if live.size:
        index = index.extended(catalog.batch(corpus.profile.id, live))
    keep = np.ones(index.rows, dtype=np.bool_)
    files.save(index.compacted(keep), folder, commit=corpus.commit, profile=corpus.profile.fingerprint)
    return True
