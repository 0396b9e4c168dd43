"""Which passages of a corpus lie nearest to vectors that a model made: what those would say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ragsvc.domain import Caller, Corpus, F32Matrix, F32Vector, I64Vector, NearPassage, Passage
from ragsvc.errors import DocumentNotFound
from ragsvc.store.catalog import Catalog

_LEAST_NORM = 1e-12


class Neighbourhood:
    """The live chunks of a corpus at one commit, with their vectors."""

    def __init__(self, catalog: Catalog, corpus: Corpus, vectors: F32Matrix, chunk_ids: I64Vector) -> None:
        self._catalog = catalog
        self.corpus = corpus
        self._units = _units(vectors)
        self._chunk_ids = chunk_ids

    @classmethod
    def of_head(cls, catalog: Catalog, caller: Caller, corpus: str) -> Neighbourhood:
        """Read a corpus as it is now.

        :raises CorpusNotFound: if there is none of this name.
        """
        found = catalog.corpora.get(caller, corpus)
        versions = catalog.memberships.live_versions(found.id, found.commit)
        batch = catalog.chunks.batch(found.profile.id, versions)
        return cls(catalog, found, np.asarray(batch.vectors, np.float32), batch.chunk_ids)

    def is_of(self, embedder: str, width: int) -> bool:
        """Whether its vectors can be compared with those of an embedder; others may have their width too.

        :param embedder: fingerprint; "" where it is not known. width: numbers in a vector.
        """
        same = embedder in ("", self.corpus.profile.embedder_fingerprint)
        return same and int(self._units.shape[1]) == width

    def nearest(self, caller: Caller, rows: F32Matrix, k: int) -> list[tuple[NearPassage, ...]]:
        """Of each row the passages with the highest cosines, best first, ties by chunk id.

        :param rows: (n, width) float32, of any length. k: at least 1.
        """
        if not len(self._chunk_ids):
            return [() for _ in rows]
        scores = _units(rows) @ self._units.T
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        passages = self._passages(caller, self._chunk_ids[np.unique(order)].tolist())
        return [
            tuple(
                NearPassage(round(float(scores[row, column]), 6), passages[chunk])
                for column in columns.tolist()
                if (chunk := int(self._chunk_ids[column])) in passages
            )
            for row, columns in enumerate(order)
        ]

    def document_vector(self, document_id: str) -> F32Vector:
        """The direction of a live document: the mean of its chunks' vectors, (width,) of length 1.

        :raises DocumentNotFound: if no live document with text has this id.
        """
        live = self._catalog.memberships.live(self.corpus.id).get(document_id)
        batch = (
            None if live is None else self._catalog.chunks.batch(self.corpus.profile.id, [live.version_id])
        )
        if batch is None or not len(batch.chunk_ids):
            raise DocumentNotFound(
                f"{self.corpus.name} has no document {document_id[:200]!r} with text",
                hint=f"ragsvc documents list {self.corpus.name} shows their ids",
            )
        mean: F32Vector = _units(np.asarray(batch.vectors, np.float32).mean(0, keepdims=True))[0]
        return mean

    def _passages(self, caller: Caller, chunk_ids: Sequence[int]) -> dict[int, Passage]:
        found: dict[int, Passage] = {}
        for passage in self._catalog.passages.read(self.corpus, self.corpus.commit, chunk_ids, None, caller):
            # Several documents may share a chunk; the first by id stands for all.
            found.setdefault(int(passage.chunk), passage)
        return found


def _units(rows: F32Matrix) -> F32Matrix:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, _LEAST_NORM), np.float32)
