"""Verification: what is stored compared with what it was made from, and the index files with the catalog."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from ragsvc.domain import (
    Caller,
    ChunkBatch,
    Corpus,
    I64Vector,
    Profile,
    Progress,
    VerifyProblem,
    VerifyReport,
    VersionId,
)
from ragsvc.errors import IndexDamaged, ModelError, ProfileMismatch, StaleContent
from ragsvc.generative import model_upkeep
from ragsvc.index import index_reader
from ragsvc.index.corpus_index import CorpusIndex
from ragsvc.pipeline.index_files import folder_of, is_ours
from ragsvc.pipeline.profile_parts import ProfileParts
from ragsvc.store.catalog import Catalog

LISTED = 20
_GROUP = 512
RESTORE = "restore catalog.db from a backup"


class Verification:
    """One look at everything; commits that are made meanwhile do no harm."""

    def __init__(
        self,
        catalog: Catalog,
        parts_of: Callable[[Profile], ProfileParts],
        progress: Callable[[Progress], None],
    ) -> None:
        """
        :param parts_of: loads the parts of a profile; raises ModelError when its model is not to be had.
        """
        self._catalog = catalog
        self._parts_of = parts_of
        self._progress = progress
        self._started = time.perf_counter()
        self._problems: list[VerifyProblem] = []
        self._checked = dict.fromkeys(("corpora", "texts", "chunks", "index_files"), 0)

    def run(self, caller: Caller, names: Sequence[str], *, models: bool = False) -> VerifyReport:
        """Check the database file and some corpora.

        :param models: whether the files of trained models are looked at too.
        :raises CorpusNotFound: if one does not exist.
        """
        corpora = [self._catalog.corpora.get(caller, name) for name in names]
        for line in self._catalog.integrity.damaged_database():
            self._add("", "catalog", f"the catalog {self._catalog.home.catalog}: {line}", RESTORE)
        for corpus in corpora:
            self._corpus(corpus)
        if models and (known := self._catalog.models.all(caller)):
            self._checked["models"] = len(known)
            self._problems.extend(model_upkeep.faults(self._catalog.home, known))
        return VerifyReport(self._checked, tuple(self._problems), time.perf_counter() - self._started)

    def _corpus(self, corpus: Corpus) -> None:
        self._checked["corpora"] += 1
        seen: set[VersionId] = set()
        for profile in self._catalog.integrity.kept_profiles(corpus.id):
            self._model(corpus, profile)
            seen |= self._profile(corpus, profile, seen)
        self._checked["texts"] += len(seen)
        faults = self._catalog.integrity.field_faults(corpus.id)
        for _, document_id in faults[:LISTED]:
            message = f"the filter fields of {document_id} are not those of its metadata"
            self._add(corpus.name, "fields", message, _rebuild(corpus))
        self._more(corpus, "fields", len(faults) - LISTED, _rebuild(corpus))
        if corpus.commit:
            self._files(corpus)

    def _model(self, corpus: Corpus, profile: Profile) -> None:
        try:
            self._parts_of(profile)
        except ModelError as error:
            which = "" if profile.id == corpus.profile.id else " that earlier commits need"
            message = f"the model {profile.spec.embedder.name}{which}: {error.message}"
            self._add(corpus.name, error.code, message, error.hint)

    def _profile(self, corpus: Corpus, profile: Profile, seen: set[VersionId]) -> set[VersionId]:
        """Check what lives at the kept commits of a profile; gives its versions.

        :param seen: versions whose texts were checked already.
        """
        catalog = self._catalog
        needed = [VersionId(i) for i in catalog.integrity.needed_versions(corpus.id, profile.id).tolist()]
        texts = catalog.integrity.text_faults([version for version in needed if version not in seen])
        self._report(corpus, profile, "text", texts, RESTORE)
        done = 0

        def more(count: int) -> None:
            nonlocal done
            done += count
            self._progress(Progress(f"verifying {corpus.name}", done, len(needed), "texts"))

        chunks = catalog.integrity.chunk_faults(profile.id, needed, more)
        self._checked["chunks"] += sum(catalog.chunks.chunk_counts(profile.id, needed).values())
        self._report(corpus, profile, "chunks", chunks, _rebuild(corpus))
        return set(needed)

    def _report(
        self, corpus: Corpus, profile: Profile, code: str, faults: dict[VersionId, str], repair: str
    ) -> None:
        if not faults:
            return
        # gc may have taken versions since they were listed.
        still = set(self._catalog.integrity.needed_versions(corpus.id, profile.id).tolist())
        found = [(version, fault) for version, fault in sorted(faults.items()) if version in still]
        for version, fault in found[:LISTED]:
            document = self._catalog.integrity.document_of(corpus.id, version)
            self._add(
                corpus.name,
                code,
                f"document {document} (profile {profile.fingerprint[:12]}): {fault}",
                repair,
            )
        self._more(corpus, code, len(found) - LISTED, repair)

    def _files(self, corpus: Corpus) -> None:
        folder = folder_of(self._catalog, corpus)
        repair = _rebuild(corpus)
        try:
            index, written = index_reader.load(
                folder,
                profile=corpus.profile.fingerprint,
                dimension=corpus.profile.spec.embedder.dimension,
            )
        except (IndexDamaged, ProfileMismatch) as error:
            if self._catalog.corpora.newest(corpus).profile.id == corpus.profile.id:
                code = "index_damaged" if index_reader.is_written(folder) else "index_missing"
                self._add(corpus.name, code, error.message, repair)
            return
        self._checked["index_files"] += len(index.segments)
        if not is_ours(self._catalog, corpus, written):
            message = f"the index in {folder} is of another state of the catalog"
            self._add(corpus.name, "index_stale", message, repair)
            return
        wrong = self._differing(corpus, index)
        if wrong:
            message = f"the index in {folder} differs from the catalog in {wrong} texts"
            self._add(corpus.name, "index_differs", message, repair)

    def _differing(self, corpus: Corpus, index: CorpusIndex) -> int:
        """How many versions have other rows in the files than in the catalog; dead rows do not count."""
        wrong = 0
        held = np.unique(index.versions)
        needed = self._catalog.integrity.needed_versions(corpus.id, corpus.profile.id)
        common = np.intersect1d(held, needed)
        rows = _RowsOf(index)
        for start in range(0, len(common), _GROUP):
            group = common[start : start + _GROUP]
            try:
                batch = self._catalog.chunks.batch(corpus.profile.id, group)
            except StaleContent:
                continue  # told of already, as a fault of chunks
            wrong += len(np.unique(rows.differing(batch, group)))
        return wrong

    def _more(self, corpus: Corpus, code: str, count: int, repair: str) -> None:
        if count > 0:
            self._add(corpus.name, code, f"and {count} more", repair)

    def _add(self, corpus: str, code: str, message: str, repair: str) -> None:
        self._problems.append(VerifyProblem(corpus, code, message, repair))


def _rebuild(corpus: Corpus) -> str:
    return f"ragsvc rebuild {corpus.name}"


class _RowsOf:
    """An index by row, to be compared with columns of the catalog."""

    def __init__(self, index: CorpusIndex) -> None:
        self._index = index
        postings = index.segments[0].postings if index.segments else None
        if postings is None:
            return
        # Entries ordered by row, then term: the order in which the catalog stores them.
        order = np.lexsort((postings.entry_terms, postings.rows))
        self._terms = postings.entry_terms[order]
        self._counts = postings.counts[order]
        self._offsets = np.searchsorted(postings.rows[order], np.arange(index.rows + 1))

    def differing(self, batch: ChunkBatch, versions: I64Vector) -> I64Vector:
        """Versions of the batch whose rows are not the same in the index: (m,) int64."""
        index = self._index
        rows = np.flatnonzero(np.isin(index.versions, versions))
        rows = rows[np.argsort(index.chunk_ids[rows], kind="stable")]
        if len(rows) != len(batch.chunk_ids) or not np.array_equal(index.chunk_ids[rows], batch.chunk_ids):
            return versions
        base = index.segments[0]
        wrong = (index.versions[rows] != batch.versions) | (index.lengths[rows] != batch.lengths)
        wrong |= (base.vectors.vectors_of(rows) != batch.vectors).any(axis=1)
        wrong |= (base.signatures[rows] != batch.signatures).any(axis=1)
        for i, row in enumerate(rows.tolist()):
            mine = slice(int(self._offsets[row]), int(self._offsets[row + 1]))
            theirs = slice(int(batch.term_offsets[i]), int(batch.term_offsets[i + 1]))
            if not (
                np.array_equal(self._terms[mine], batch.terms[theirs])
                and np.array_equal(self._counts[mine], batch.counts[theirs])
            ):
                wrong[i] = True
        found: I64Vector = batch.versions[wrong]
        return found
