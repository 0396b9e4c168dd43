"""A corpus as it was at one commit, in memory: the index, and which of its rows are alive.

A snapshot never changes; a newer commit makes a newer snapshot that shares the old one's segments.
Both legs of a query read one snapshot, so an answer never mixes two commits.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ragsvc.domain import BoolVector, Caller, CommitId, Corpus, I64Vector
from ragsvc.errors import IndexDamaged, ProfileMismatch
from ragsvc.index import index_reader
from ragsvc.index.corpus_index import CorpusIndex
from ragsvc.index.lexical import LexicalView
from ragsvc.lru_cache import LruCache
from ragsvc.pipeline.index_files import folder_of, is_ours
from ragsvc.store.catalog import Catalog
from ragsvc.store.filters import Filter

log = logging.getLogger(__name__)

FILTERS_KEPT = 64


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One corpus at one commit.

    alive: (rows,) bool, which rows belong to a live document.
    lexical: BM25 with the statistics of the alive rows.
    base: the files that it was loaded from; None when built from the catalog.
    masks: the bitmaps of the last few filters. vocabulary: made when first asked for.
    """

    corpus: Corpus
    index: CorpusIndex
    alive: BoolVector
    lexical: LexicalView
    base: index_reader.WrittenIndex | None
    masks: LruCache[str, BoolVector] = field(compare=False)
    vocabulary: VocabularyCache = field(compare=False)

    @property
    def commit(self) -> CommitId:
        """The commit that it shows."""
        return self.corpus.commit

    def allowed(self, catalog: Catalog, where: Filter | None, caller: Caller) -> BoolVector:
        """Rows that are alive and that filter and permission let through: the one bitmap.

        :return: (rows,) bool.
        """
        if where is None:
            return self.alive
        key = repr((where, caller.principal, sorted(caller.groups), caller.tenant))
        return self.masks.get_or_make(
            key,
            lambda: (
                self.alive
                & np.isin(
                    self.index.versions,
                    catalog.memberships.allowed_versions(self.corpus.id, self.commit, where, caller),
                )
            ),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """The terms of a snapshot that are words of letters: as text, and their numbers, (t,) int64."""

    terms: tuple[str, ...]
    numbers: I64Vector


class VocabularyCache:
    """The vocabulary of one snapshot."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: Vocabulary | None = None

    def get(self, make: Callable[[], Vocabulary]) -> Vocabulary:
        """The vocabulary, made once."""
        with self._lock:
            if self._made is None:
                self._made = make()
            return self._made


def empty_index(corpus: Corpus) -> CorpusIndex:
    """An index without rows for the profile of a corpus."""
    return CorpusIndex.empty(corpus.profile.spec.embedder.dimension)


def read_files(catalog: Catalog, corpus: Corpus) -> tuple[CorpusIndex, index_reader.WrittenIndex] | None:
    """The index in the files of a corpus; None when they cannot be used."""
    folder = folder_of(catalog, corpus)
    if not index_reader.is_written(folder):
        return None
    profile = corpus.profile
    try:
        index, written = index_reader.load(
            folder, profile=profile.fingerprint, dimension=profile.spec.embedder.dimension
        )
    except (IndexDamaged, ProfileMismatch) as error:
        log.warning("the index of %s is rebuilt from the catalog: %s", corpus.name, error.message)
        return None
    if not is_ours(catalog, corpus, written):
        log.warning("the index of %s is of another state of the catalog and is rebuilt", corpus.name)
        return None
    if not is_current(catalog, corpus, index, catalog.memberships.live_versions(corpus.id, corpus.commit)):
        log.warning("the index of %s holds chunks that were made anew since, and is rebuilt", corpus.name)
        return None
    return index, written


def _snapshot(
    corpus: Corpus, index: CorpusIndex, alive: BoolVector, base: index_reader.WrittenIndex | None
) -> Snapshot:
    return Snapshot(
        corpus, index, alive, index.lexical_view(alive), base, LruCache(FILTERS_KEPT), VocabularyCache()
    )


def is_current(catalog: Catalog, corpus: Corpus, index: CorpusIndex, versions: I64Vector) -> bool:
    """Whether the rows of those of some versions that an index holds are still the chunks of the catalog.

    gc removes chunks that no kept commit needs; when the text comes back, it is cut anew.
    """
    held = np.intersect1d(versions, index.versions)
    return np.array_equal(index.cuts(held), catalog.chunks.cuts(corpus.profile.id, held))


def settled(
    catalog: Catalog, index: CorpusIndex, corpus: Corpus, base: index_reader.WrittenIndex | None
) -> Snapshot:
    """The snapshot of `corpus.commit`, from any index of its profile.

    :raises StaleContent: if gc took the commit meanwhile.
    """
    live = catalog.memberships.live_versions(corpus.id, corpus.commit)
    absent = np.setdiff1d(live, index.versions)
    if absent.size:
        index = index.extended(catalog.chunks.batch(corpus.profile.id, absent))
    alive = np.isin(index.versions, live)
    catalog.history.check_kept(corpus)
    return _snapshot(corpus, index, alive, base)


def replay(catalog: Catalog, held: Snapshot, corpus: Corpus) -> Snapshot:
    """The snapshot of `corpus.commit`, from an older one and the commits in between."""
    touched = catalog.memberships.touched_versions(corpus.id, held.commit, corpus.commit)
    live = catalog.memberships.live_among(corpus.id, corpus.commit, touched)
    index = held.index
    if not catalog.history.is_kept(held.corpus):
        # gc took rows that would tell what died in between.
        live = catalog.memberships.live_versions(corpus.id, corpus.commit)
        index = index if is_current(catalog, corpus, index, live) else empty_index(corpus)
        return settled(catalog, index, corpus, held.base)
    if not is_current(catalog, corpus, index, live):
        return settled(catalog, empty_index(corpus), corpus, None)
    unseen = np.setdiff1d(live, index.versions)
    if unseen.size:
        index = index.extended(catalog.chunks.batch(corpus.profile.id, unseen))
    alive = np.zeros(index.rows, dtype=np.bool_)
    alive[: held.index.rows] = held.alive
    alive[np.isin(index.versions, touched)] = False
    alive[np.isin(index.versions, live)] = True
    return _snapshot(corpus, index, alive, held.base)
