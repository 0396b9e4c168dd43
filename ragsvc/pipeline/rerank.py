"""The built-in second look at the best candidates: it needs no model and costs a few milliseconds."""

from __future__ import annotations

import numpy as np

from ragsvc.domain import BoolVector, Candidates, F64Vector
from ragsvc.pipeline.fusion import SCORE_DECIMALS, convex
from ragsvc.pipeline.proximity import Pairs
from ragsvc.protocols import Analyser

BUILT_IN = "built-in"
NO_RERANKER = "none"

# Candidates that are looked at again. It does not depend on k, so the hits for a small k begin those for
# a large one. 30 or 100 do as well.
CLOSE = 50

# Chosen by a sweep over seven collections, see docs/fusion.md; half and twice of each do about as well.
LEADERS = 5
SHARPNESS = 6.0
PULL = 0.3


class CloseReader:
    """Words of the question that stand together in a passage, and what the best passages have in common.

    The second is the oldest idea of relevance feedback (Rocchio 1971): a passage near to those that fit
    best is likelier to fit too. It is added to the score of the question instead of replacing it.
    """

    def __init__(self, analyser: Analyser, dense_weight: float) -> None:
        """
        :param dense_weight: [0, 1], of the convex fusion that gave the scores.
        """
        self._analyser = analyser
        self._dense_weight = dense_weight

    @property
    def name(self) -> str:
        """See Reranker."""
        return BUILT_IN

    def rescore(self, candidates: Candidates) -> F64Vector:
        """Add what is near to the lexical leg, fuse anew, then add what the leaders have in common."""
        pairs = Pairs.of(self._analyser.terms(candidates.question), candidates.weight_of)
        near = np.array(
            [pairs.score(self._analyser.terms(text)) if pairs.weights else 0.0 for text in candidates.texts]
        )
        lexical = candidates.lexical + near
        best = max(candidates.lexical_best, float(lexical.max(initial=0.0)))
        scores = convex(candidates.dense, lexical, best, self._dense_weight)
        return scores + PULL * _kinship(scores, candidates)


def _kinship(scores: F64Vector, candidates: Candidates) -> F64Vector:
    """Cosine of every candidate with each leader, meaned by how good the leaders are; at least 0: (m,)."""
    leading = _leaders(scores)
    weights = np.exp(SHARPNESS * (scores[leading] - scores.max()))
    centre = (weights / weights.sum()) @ candidates.vectors[leading].astype(np.float64)
    # Row by row, so that a score does not depend on where its row lies.
    cosines = np.einsum("ij,j->i", candidates.vectors.astype(np.float64), centre)
    return np.asarray(np.maximum(cosines, 0.0), dtype=np.float64)


def _leaders(scores: F64Vector) -> BoolVector:
    """The best 5, with all that tie with the last of them: a cut inside a tie would be arbitrary."""
    rounded = np.round(scores, SCORE_DECIMALS)
    last = np.sort(rounded)[-min(LEADERS, len(rounded))]
    return np.asarray(rounded >= last)
