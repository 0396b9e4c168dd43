"""Whether a text means about what a sentence says, where the words do not decide."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

from ragsvc.domain import EmbedderSpec, Span
from ragsvc.pipeline.word_coverage import TextVectors

# Cosines of other embedders are on other scales.
FITTED_TO = "bundled:all-MiniLM-L6-v2"
# Chosen on half 0 of `benchmarks.support`, as what passes fewer of the unfaithful than of the faithful.
NEAR = 0.7
SOME_SHARE = 0.2
"""Of the terms of a sentence, what a text must hold to be compared at all."""
KNOWN_SHARE = 0.5
"""And what its passages must hold."""
_MOST = 4
# A text that says more than the sentence comes after one that says as much of it in fewer words.
_LENGTH_WEIGHT = 0.3


@dataclass(frozen=True, slots=True)
class PassagePart:
    """A part of a passage: one of its sentences, or two neighbours. number: of the passage, from 1."""

    number: int
    span: Span
    text: str
    terms: Set[str]


class SemanticMatch:
    """Compares by one embedder's vectors."""

    def __init__(self, vectors: TextVectors) -> None:
        self._vectors = vectors

    def near(self, sentence: str, terms: Set[str], places: Sequence[PassagePart]) -> list[PassagePart]:
        """The places that mean about the same, nearest first; few are looked at.

        :param terms: of the sentence; a place must hold `SOME_SHARE` of them.
        """
        wanted = [place for place in places if len(terms & place.terms) >= SOME_SHARE * len(terms)]
        wanted.sort(
            key=lambda place: -len(terms & place.terms) / (len(terms) + _LENGTH_WEIGHT * len(place.terms))
        )
        wanted = wanted[:_MOST]
        if not wanted:
            return []
        matrix = self._vectors.of([sentence, *(place.text for place in wanted)])
        cosines = (matrix[1:] @ matrix[0]).tolist()
        ranked = sorted(zip(cosines, wanted, strict=True), key=lambda pair: -pair[0])
        return [place for cosine, place in ranked if cosine >= NEAR]


def nearness_of(vectors: TextVectors, spec: EmbedderSpec) -> SemanticMatch | None:
    """What compares by this embedder's vectors; None when nothing is known of its cosines."""
    return SemanticMatch(vectors) if spec.name == FITTED_TO else None
