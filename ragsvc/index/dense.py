"""The dense leg: cosine search over the vector indexes of adjacent segments, with exact scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ragsvc.domain import BoolVector, F32Vector, I64Vector
from ragsvc.index.rank_order import SCORE_STEP, best, boundary
from ragsvc.protocols import VectorIndex

# Rows asked for beyond the depth, so that one pass nearly always shows the end of the last tie.
_MARGIN = 32
# What proposes rows sums in float32: how far its scores may lie from the exact ones, in steps of 1e-6.
_SLACK_STEPS = 10.0
_BLOCK_ROWS = 4096

Segment = tuple[int, VectorIndex]  # first row of the corpus that it holds, vectors


def nearest(
    segments: Sequence[Segment],
    query: F32Vector,
    allowed: BoolVector,
    ids: I64Vector,
    depth: int,
) -> tuple[I64Vector, F32Vector]:
    """Find the rows most similar to a query, with every row that ties with the last one.

    The vector indexes propose rows; their scores are then computed anew in float64, row by row, so that the
    result does not depend on where a row lies or how many others were searched with it.

    :param segments: (first row, vectors), adjacent.
    :param query: (dim,) float32, L2-normalised.
    :param allowed: (n,) rows that may be returned.
    :param ids: (n,) int64 that order ties.
    :param depth: how many are wanted; more come back on a tie, fewer when fewer are allowed.
    :return: rows (m,) int64 and cosine similarities (m,) float32 in [-1, 1], best first.
    """
    rows, scores = np.empty(0, np.int64), np.empty(0, np.float32)
    if depth <= 0 or not segments:
        return rows, scores
    pending = [(first, vectors, allowed[first : first + vectors.rows]) for first, vectors in segments]
    found: dict[int, tuple[I64Vector, F32Vector]] = {}
    wanted = depth + _MARGIN
    while pending:
        last = {}
        for first, vectors, mask in pending:
            local, approximate = vectors.nearest(query, mask, wanted)
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
        places = np.flatnonzero((rows >= first) & (rows < first + vectors.rows))
        for start in range(0, len(places), _BLOCK_ROWS):
            block = places[start : start + _BLOCK_ROWS]
            # einsum sums each row by itself; a matrix product may group rows in other ways.
            product = np.einsum("ij,j->i", vectors.vectors_of(rows[block] - first).astype(np.float64), wide)
            scores[block] = np.clip(product, -1.0, 1.0)
    return scores
