"""Two rankings become one."""

from __future__ import annotations

import numpy as np

from ragsvc.domain import F64Vector

SCORE_DECIMALS = 6


def convex(dense: F64Vector, lexical: F64Vector, lexical_max: float, dense_weight: float) -> F64Vector:
    """Convex combination of both legs, true scores of both known for every candidate.

    score = w * 2 * cosine + (1 - w) * bm25 / max(bm25). The cosine of a good match lies near one half
    with sentence encoders, so doubling puts both legs on one scale without a min-max window, whose
    end points would depend on which candidates happen to be in it.

    :param dense: (n,) cosine similarities in [-1, 1].
    :param lexical: (n,) BM25 scores >= 0.
    :param lexical_max: the highest BM25 score of any allowed chunk; 0 when no term matched.
    :param dense_weight: [0, 1].
    :return: (n,) float64, higher is better.
    """
    scaled = lexical / lexical_max if lexical_max > 0 else np.zeros_like(lexical)
    return np.asarray(dense_weight * 2.0 * dense + (1.0 - dense_weight) * scaled, dtype=np.float64)


def reciprocal_rank(dense_rank: F64Vector, lexical_rank: F64Vector, constant: float = 60.0) -> F64Vector:
    """Reciprocal rank fusion (Cormack, Clarke and Buettcher, SIGIR 2009).

    :param dense_rank: (n,) ranks from 1; infinity for a candidate that the leg did not find.
    :return: (n,) float64, higher is better.
    """
    return np.asarray(1.0 / (constant + dense_rank) + 1.0 / (constant + lexical_rank), dtype=np.float64)


def competition_rank(scores: F64Vector, found: np.ndarray) -> F64Vector:
    """Ranks from 1, equal scores share the better rank, infinity where not found.

    :param scores: (n,) higher is better.
    :param found: (n,) bool.
    """
    ranks = np.full(scores.shape[0], np.inf)
    held = np.sort(-np.round(scores[found], SCORE_DECIMALS))
    ranks[found] = np.searchsorted(held, -np.round(scores[found], SCORE_DECIMALS), side="left") + 1.0
    return ranks
