"""The built-in second look at the best candidates: it needs no model and costs a few milliseconds."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np

from ragsvc.domain import BoolVector, Candidates, ChunkText, F64Vector
from ragsvc.pipeline.evidence import under_headings
from ragsvc.pipeline.fusion import SCORE_DECIMALS, convex
from ragsvc.pipeline.proximity import Pairs
from ragsvc.pipeline.wording import TextVectors
from ragsvc.protocols import Analyser
from ragsvc.text.sentences import sentences

_WORD = re.compile(r"\w\w+")

BUILT_IN = "built-in"
SENTENCES = "sentences"
NO_RERANKER = "none"

# Candidates that are looked at again. It does not depend on k, so the hits for a small k begin those for
# a large one. 50 or 100 do as well.
CLOSE = 30
# Analysed passages that are kept: about 40 MiB.
PASSAGES_KEPT = 16_384

# Chosen by a sweep over seven collections, see docs/fusion.md; half and twice of each do about as well.
LEADERS = 5
SHARPNESS = 6.0
PULL = 0.3
SENTENCE_SHARE = 0.5


class CloseReader:
    """Words of the question that stand together in a passage, and what the best passages have in common.

    The second is the oldest idea of relevance feedback (Rocchio 1971): a passage near to those that fit
    best is likelier to fit too. It is added to the score of the question instead of replacing it.
    """

    def __init__(self, analyser: Analyser, dense_weight: float) -> None:
        """
        :param dense_weight: [0, 1], of the convex fusion, where a query does not ask for another.
        """
        self._terms: Callable[[str], tuple[str, ...]] = lru_cache(PASSAGES_KEPT)(
            lambda text: tuple(analyser.terms(text))
        )
        self._dense_weight = dense_weight

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
        asked = candidates.dense_weight
        scores = convex(candidates.dense, lexical, best, self._dense_weight if asked is None else asked)
        return scores + PULL * _kinship(scores, candidates)


class SentenceReader:
    """The built-in second look, with the best sentence of each passage beside the passage as a whole.

    A chunk says many things, and its one vector says them all at once; a question asks for one of them.
    Sentences are embedded when they are first looked at: the first searches take several times as long.
    """

    def __init__(self, reader: CloseReader, vectors: TextVectors) -> None:
        self._reader = reader
        self._vectors = vectors

    @property
    def name(self) -> str:
        """See Reranker."""
        return SENTENCES

    def rescore(self, candidates: Candidates) -> F64Vector:
        """Mean the cosine of each passage with that of its best sentence, then look as the built-in one."""
        dense = candidates.dense.copy()
        texts = [_sentences_of(text) for text in candidates.texts]
        flat = [sentence for some in texts for sentence in some]
        if flat:
            cosines = np.einsum(
                "ij,j->i", self._vectors.of(flat).astype(np.float64), candidates.vector.astype(np.float64)
            )
            ends = np.cumsum([len(some) for some in texts])
            for place, (some, end) in enumerate(zip(texts, ends.tolist(), strict=True)):
                if some:
                    best = float(cosines[end - len(some) : end].max())
                    dense[place] = (1.0 - SENTENCE_SHARE) * dense[place] + SENTENCE_SHARE * best
        return self._reader.rescore(replace(candidates, dense=dense))


@lru_cache(PASSAGES_KEPT)
def _sentences_of(text: ChunkText) -> tuple[str, ...]:
    """The sentences of a passage as evidence embeds them, so that an answer need not do it again."""
    found = (text.text[span.start : span.end] for span in sentences(text.text))
    return tuple(under_headings(text, sentence) for sentence in found if len(_WORD.findall(sentence)) >= 3)


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
