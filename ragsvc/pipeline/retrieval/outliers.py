"""The report of outliers: which live documents of a corpus are least like the others, by what they say.

The measure is the plain one that finds foreign documents best, see docs/generative-figures.md.
"""

from __future__ import annotations

import numpy as np

from ragsvc.domain import Caller, F32Matrix, I64Vector, Outlier
from ragsvc.index.corpus_index import CorpusIndex
from ragsvc.index.neighbours import nearest_rows
from ragsvc.pipeline.retrieval.snapshot import Snapshot
from ragsvc.store.catalog import Catalog

NEIGHBOURS = 5
# Of more documents each is compared with so many drawn: the time grows with the number, not its square.
_COMPARED = 20_000
_BATCH = 16_384
_SEED = 0


def find_outliers(catalog: Catalog, snapshot: Snapshot, caller: Caller, limit: int) -> list[Outlier]:
    """The documents that are farthest from their five nearest, farthest first.

    A document is the mean of its chunks' vectors. Copies of one text are one, listed by their first id.

    :param limit: at least 1.
    :return: none where fewer than three different texts may be read.
    """
    documents = catalog.relations.documents(caller, snapshot.corpus, ())
    names = {int(each.version): each.document_id for each in reversed(documents)}
    held = np.flatnonzero(snapshot.alive & np.isin(snapshot.index.versions, list(names)))
    versions, means = _means(snapshot.index, held)
    if len(versions) <= 2:
        return []
    compared = np.arange(len(versions))
    if len(compared) > _COMPARED:
        compared = np.sort(np.random.default_rng(_SEED).choice(compared, _COMPARED, replace=False))
    near, rows = nearest_rows(means, means[compared], min(NEIGHBOURS + 1, len(compared)))
    others = compared[rows]
    # Its own place, or the last where it is not among those compared, is no neighbour.
    own = others == np.arange(len(versions))[:, None]
    own[~own.any(axis=1), -1] = True
    distances = np.ma.masked_array(near, own).mean(axis=1).filled(0.0)
    first = np.argmax(~own, axis=1)
    farthest = np.lexsort((versions, -distances))[:limit]
    return [
        Outlier(
            document_id=names[int(versions[place])],
            distance=float(distances[place]),
            nearest=names[int(versions[others[place, first[place]]])],
        )
        for place in farthest
    ]


def _means(index: CorpusIndex, rows: I64Vector) -> tuple[I64Vector, F32Matrix]:
    """Versions (v,), ascending, and the mean vector of each one's rows, of length 1: (v, dim)."""
    versions, owner = np.unique(index.versions[rows], return_inverse=True)
    sums = np.zeros((len(versions), index.dimension), np.float32)
    for start in range(0, len(rows), _BATCH):
        part = slice(start, start + _BATCH)
        np.add.at(sums, owner[part], index.vectors_of(rows[part]))
    return versions, sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
