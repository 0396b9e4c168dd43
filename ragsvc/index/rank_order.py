"""What both legs mean by "the best rows": scores equal to 1e-6 are ties, and a cut keeps all of them."""

from __future__ import annotations

import numpy as np

from ragsvc.domain import BoolVector, F32Vector, F64Vector, I64Vector

SCORE_STEP = 1e-6


def rounded(scores: F32Vector | F64Vector) -> F64Vector:
    """Scores as whole multiples of 1e-6, (n,) float64, so that ties compare equal."""
    return np.rint(np.asarray(scores, dtype=np.float64) / SCORE_STEP)


def boundary(scores: F32Vector | F64Vector, depth: int) -> float:
    """The rounded score, in steps of 1e-6, of the depth-th best; -inf when there are fewer."""
    if depth > len(scores):
        return -np.inf
    return float(np.partition(rounded(scores), len(scores) - depth)[len(scores) - depth])


def best(scores: F32Vector | F64Vector, ids: I64Vector, depth: int) -> I64Vector:
    """Find the positions of the best scores.

    The cut falls between different scores, never inside a tie, and ties are ordered by id, so
    neither depends on the order in which rows were added.

    :param scores: (n,) finite, higher is better.
    :param ids: (n,) int64, the stable ids that order ties.
    :param depth: how many are wanted; more come back when the last one is tied.
    :return: positions (m,) int64, best first.
    """
    if depth <= 0 or len(scores) == 0:
        return np.empty(0, np.int64)
    steps = rounded(scores)
    chosen = np.flatnonzero(steps >= boundary(scores, depth))
    return chosen[np.lexsort((ids[chosen], -steps[chosen]))]


def marked(rows: I64Vector, some: I64Vector) -> BoolVector:
    """Tell which rows are among some of them: (n,) bool.

    :param rows: (n,) ascending, each once. some: (m,) of these, in any order.
    """
    marks = np.zeros(len(rows), dtype=np.bool_)
    marks[np.searchsorted(rows, some)] = True
    return marks
