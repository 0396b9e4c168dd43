"""The built-in second look at the best candidates: it needs no model and costs a few milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from ragsvc.domain import BoolVector, Candidates, F64Vector
from ragsvc.index.rank_order import boundary, rounded
from ragsvc.pipeline.retrieval.fusion import convex
from ragsvc.pipeline.retrieval.proximity import Pairs
from ragsvc.protocols import Analyser

BUILT_IN = "built-in"
NO_RERANKER = "none"

# Candidates that are looked at again. It does not depend on k, so the hits for a small k begin those for
# a large one. 50 or 100 do as well.
CLOSE = 30
# Analysed passages that are kept, and how long one may be: about 25 MiB, at most 100.
PASSAGES_KEPT = 8192
KEPT_CHARS = 4000

# Chosen by a sweep over seven collections, see docs/fusion.md; half and twice of each do about as well.
LEADERS = 5
SHARPNESS = 6.0
PULL = 0.2


class CloseReader:
    """Words of the question that stand together in a passage, and what the best passages have in common.

    The second is the oldest idea of relevance feedback (Rocchio 1971): a passage near to those that fit
    best is likelier to fit too. It is added to the score of the question instead of replacing it.
    """

    def __init__(self, analyser: Analyser) -> None:
        self._analyser = analyser
        self._kept: Callable[[str], tuple[str, ...]] = lru_cache(PASSAGES_KEPT)(
            lambda text: tuple(analyser.terms(text))
        )

    @property
    def name(self) -> str:
        """See Reranker."""
        return BUILT_IN

    def rescore(self, candidates: Candidates) -> F64Vector:
        """Add what is near to the lexical leg, fuse anew, then add what the leaders have in common."""
        pairs = Pairs.of(self._terms(candidates.question), candidates.weight_of)
        near = np.array([pairs.score(self._terms(text.whole)) for text in candidates.texts])
        lexical = candidates.lexical + near
        best = max(candidates.lexical_best, float(lexical.max(initial=0.0)))
        scores = convex(candidates.dense, lexical, best, candidates.dense_weight)
        return scores + PULL * _kinship(scores, candidates)

    def _terms(self, text: str) -> Sequence[str]:
        return self._kept(text) if len(text) <= KEPT_CHARS else self._analyser.terms(text)


def _kinship(scores: F64Vector, candidates: Candidates) -> F64Vector:
    """Cosine of every candidate with the other leaders, meaned by how good they are; at least 0: (m,).

    A leader is not its own kin: the only passage of a tiny corpus would gain most.
    """
    leading = np.flatnonzero(_leaders(scores))
    vectors = candidates.vectors.astype(np.float64)
    # Row by row, so that a score does not depend on where its row lies.
    cosines = np.maximum(np.einsum("id,jd->ij", vectors, vectors[leading]), 0.0)
    weights = np.tile(np.exp(SHARPNESS * (scores[leading] - scores.max())), (len(scores), 1))
    weights[leading, np.arange(len(leading))] = 0.0
    total = weights.sum(axis=1)
    return np.asarray((cosines * weights).sum(axis=1) / np.where(total > 0.0, total, 1.0), dtype=np.float64)


def _leaders(scores: F64Vector) -> BoolVector:
    """The best 5, with all that tie with the last of them: a cut inside a tie would be arbitrary."""
    return rounded(scores) >= boundary(scores, LEADERS)
