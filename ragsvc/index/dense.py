"""The dense leg: exact cosine search over segments of vectors. The only file that knows faiss."""

from __future__ import annotations

from collections.abc import Sequence

import faiss
import numpy as np

from ragsvc.domain import BoolVector, F32Matrix, F32Vector, I64Vector
from ragsvc.errors import InternalError
from ragsvc.index.rank_order import SCORE_STEP, best, boundary

# Rows asked for beyond the depth, so that one pass nearly always shows the end of the last tie.
_MARGIN = 32
# FAISS sums in float32: how far its scores may lie from the exact ones, in steps of 1e-6.
_SLACK_STEPS = 10.0
_BLOCK_ROWS = 4096

Segment = tuple[int, F32Matrix]  # first row of the corpus that it holds, vectors


def nearest(
    segments: Sequence[Segment],
    query: F32Vector,
    allowed: BoolVector,
    ids: I64Vector,
    depth: int,
) -> tuple[I64Vector, F32Vector]:
    """Find the rows most similar to a query, with every row that ties with the last one.

    FAISS proposes rows; their scores are then computed anew in float64, row by row, so that the
    result does not depend on where a row lies or how many others were searched with it.

    :param segments: (first row, (rows, dim) float32 L2-normalised, C-contiguous), adjacent.
    :param query: (dim,) float32, L2-normalised.
    :param allowed: (n,) rows that may be returned.
    :param ids: (n,) int64 that order ties.
    :param depth: how many are wanted; more come back on a tie, fewer when fewer are allowed.
    :return: rows (m,) int64 and cosine similarities (m,) float32 in [-1, 1], best first.
    :raises InternalError: if the query has another dimension or is not finite.
    """
    rows, scores = np.empty(0, np.int64), np.empty(0, np.float32)
    if depth <= 0 or not segments:
        return rows, scores
    _check_query(query, segments[0][1].shape[1])
    pending = [(first, vectors, _Mask(allowed[first : first + len(vectors)])) for first, vectors in segments]
    found: dict[int, tuple[I64Vector, F32Vector]] = {}
    wanted = depth + _MARGIN
    while pending:
        last = {}
        for first, vectors, mask in pending:
            local, approximate = _search(vectors, query, mask, wanted)
            found[first] = (first + local, similarities([(0, vectors)], query, local))
            last[first] = float(approximate[-1]) / SCORE_STEP if len(local) == wanted else -np.inf
        rows = np.concatenate([found[first][0] for first, _ in segments])
        scores = np.concatenate([found[first][1] for first, _ in segments])
        # A segment is done when what it did not return cannot reach the last tie.
        end = boundary(scores, depth) - _SLACK_STEPS
        pending = [part for part in pending if last[part[0]] > -np.inf and last[part[0]] >= end]
        wanted *= 2
    order = best(scores, ids[rows], depth)
    return rows[order], scores[order]


def similarities(segments: Sequence[Segment], query: F32Vector, rows: I64Vector) -> F32Vector:
    """Compute the exact cosine of given rows: float64 sums, rounded once to float32.

    :param segments: as in `nearest`.
    :param query: (dim,) float32, L2-normalised.
    :param rows: (m,) int64, any order.
    :return: (m,) float32 in [-1, 1], in the order of `rows`; the same bits for the same vector
        wherever it lies.
    """
    scores = np.empty(len(rows), np.float32)
    wide = query.astype(np.float64)
    for first, vectors in segments:
        places = np.flatnonzero((rows >= first) & (rows < first + len(vectors)))
        for start in range(0, len(places), _BLOCK_ROWS):
            block = places[start : start + _BLOCK_ROWS]
            # einsum sums each row by itself; a matrix product may group rows in other ways.
            product = np.einsum("ij,j->i", vectors[rows[block] - first].astype(np.float64), wide)
            scores[block] = np.clip(product, -1.0, 1.0)
    return scores


class _Mask:
    """The allowed rows of one segment as FAISS wants them: packed bits, or nothing when all are."""

    __slots__ = ("_bits", "count", "selector")

    def __init__(self, allowed: BoolVector) -> None:
        self.count = int(np.count_nonzero(allowed))
        # The selector borrows the memory of the bits, so both live as long as the mask.
        self._bits = np.packbits(allowed, bitorder="little")
        pointer = faiss.swig_ptr(self._bits)
        everything = self.count == len(allowed)
        self.selector = None if everything else faiss.IDSelectorBitmap(len(self._bits), pointer)


def _search(vectors: F32Matrix, query: F32Vector, mask: _Mask, wanted: int) -> tuple[I64Vector, F32Vector]:
    """Ask FAISS for the best allowed rows of one segment: rows and scores, best first.

    This is the kernel behind IndexFlatIP.search, called on our own memory: nothing is copied,
    and there is no index object to mutate.
    """
    wanted = min(wanted, mask.count)
    scores, rows = np.empty(wanted, np.float32), np.empty(wanted, np.int64)
    if wanted == 0:
        return rows, scores
    pointer = faiss.swig_ptr
    size, dimension = vectors.shape
    faiss.knn_inner_product(
        pointer(query),
        pointer(vectors),
        dimension,
        1,
        size,
        wanted,
        pointer(scores),
        pointer(rows),
        mask.selector,
    )
    real = rows >= 0
    return rows[real], scores[real]


def _check_query(query: F32Vector, dimension: int) -> None:
    if query.shape != (dimension,) or query.dtype != np.float32 or not query.flags.c_contiguous:
        raise InternalError(f"a query must be ({dimension},) float32, got {query.shape} {query.dtype}")
    if not np.isfinite(query).all():
        raise InternalError("a query vector must be finite")
