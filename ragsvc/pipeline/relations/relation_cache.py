"""Relations of corpora, kept in memory: a new commit costs the reading of new texts alone."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from ragsvc.domain import Caller, Corpus, I32Vector, VersionId
from ragsvc.lru_cache import LruCache
from ragsvc.pipeline.relations.entities import FIELDS, EntityDrafts
from ragsvc.pipeline.relations.names import NameFinder
from ragsvc.pipeline.relations.relation_index import RelationIndex, index_of
from ragsvc.store.catalog import Catalog

_INDEXES_KEPT = 8
_CORPORA_KEPT = 8
# What was found in versions that live no more is kept for as long as it is no more than what lives.
_SPARE = 2


class RelationCache:
    """Gives the relations of a corpus at a commit. Safe between threads."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._indexes: LruCache[str, RelationIndex] = LruCache(_INDEXES_KEPT)
        self._readings: LruCache[str, _FoundNames] = LruCache(_CORPORA_KEPT)

    def index(self, caller: Caller, corpus: Corpus) -> RelationIndex:
        """The relations at the commit of `corpus` among the documents that the caller may read.

        :raises StaleContent: if gc takes the commit meanwhile.
        """
        who = (caller.principal, sorted(caller.groups), caller.tenant)
        key = repr((corpus.uid, int(corpus.commit), corpus.commit_uid, who))
        return self._indexes.get_or_make(key, lambda: self._made(caller, corpus))

    def _made(self, caller: Caller, corpus: Corpus) -> RelationIndex:
        catalog = self._catalog
        documents = catalog.relations.documents(caller, corpus, FIELDS)
        versions = list(dict.fromkeys(each.version for each in documents))
        mentions = catalog.relations.mentions(versions)
        drafts = EntityDrafts(documents, mentions)
        reading = self._readings.get_or_make(corpus.uid, lambda: _FoundNames(catalog))
        spellings, found = reading.found(list(drafts.spellings()), versions)
        catalog.history.check_kept(corpus)
        return index_of(documents, mentions, drafts, spellings, found)


class _FoundNames:
    """Which names the versions of one corpus hold, as far as they were read."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._lock = threading.Lock()
        self._spellings: list[str] = []
        self._numbers: dict[str, int] = {}
        self._found: dict[VersionId, I32Vector] = {}

    def found(
        self, spellings: Sequence[str], versions: Sequence[VersionId]
    ) -> tuple[Sequence[str], dict[VersionId, I32Vector]]:
        """Which names some versions hold: old versions are read for new names, new ones for all.

        :return: the names by number, and the numbers in each version; there may be more names than asked for.
        """
        with self._lock:
            fresh = [each for each in spellings if each not in self._numbers]
            first = len(self._spellings)
            known = [each for each in versions if each in self._found]
            unread = [each for each in versions if each not in self._found]
            if fresh and known:
                self._read(known, list(enumerate(fresh, first)))
            self._spellings += fresh
            self._numbers |= {each: first + at for at, each in enumerate(fresh)}
            if unread:
                self._read(unread, list(enumerate(self._spellings)))
            found = {version: self._found[version] for version in versions}
            if fresh or len(self._found) > _SPARE * len(found):
                # Those that live no more were not read for the new names.
                self._found = dict(found)
            return list(self._spellings), found

    def _read(self, versions: Sequence[VersionId], names: Sequence[tuple[int, str]]) -> None:
        finder = NameFinder(names)
        for version in self._catalog.versions.texts(versions):
            more = finder.found(version.text)
            before = self._found.get(version.id)
            self._found[version.id] = more if before is None else np.concatenate([before, more])
