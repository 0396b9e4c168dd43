"""How near to each other the words of a question stand in a passage.

BM25 does not see order: a passage with "boundary" in its first line and "layer" in its last counts as one
about the boundary layer. Terms that are near in the question are looked for near each other in the passage,
after Rasolofo and Savoy (ECIR 2003) and Buettcher, Clarke and Lushman (SIGIR 2006).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

# Chosen by a sweep over seven collections, see docs/fusion.md; the plateau is wide.
QUESTION_REACH = 3
PASSAGE_REACH = 15
SHARE = 0.4
SATURATION = 0.9


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of different terms at most 3 places apart in a question, stop words not counted.

    weights: of each pair, in the order of its terms, the smaller of the two inverse frequencies.
    """

    terms: frozenset[str]
    weights: Mapping[tuple[str, str], float]

    @classmethod
    def of(cls, terms: Sequence[str], weight_of: Callable[[str], float]) -> Pairs:
        """The pairs of a question.

        :param terms: in the order of the question. weight_of: a term's inverse frequency, at least 0.
        """
        weights: dict[tuple[str, str], float] = {}
        for place, one in enumerate(terms):
            for other in terms[place + 1 : place + 1 + QUESTION_REACH]:
                if one != other:
                    weights.setdefault(_pair(one, other), min(weight_of(one), weight_of(other)))
        kept = {pair: weights[pair] for pair in sorted(weights) if weights[pair] > 0}
        return cls(frozenset(term for pair in kept for term in pair), kept)

    def score(self, terms: Sequence[str]) -> float:
        """Add up the pairs that a passage holds within 15 places; each meeting counts 1 / distance.

        :param terms: of the passage, in order.
        :return: at least 0, on the scale of BM25; a pair adds less than .4 of its weight.
        """
        wanted = self.terms
        if not wanted:
            return 0.0
        places = [(place, term) for place, term in enumerate(terms) if term in wanted]
        counts: dict[tuple[str, str], float] = {}
        for number, (place, one) in enumerate(places):
            for later, other in places[number + 1 :]:
                if later - place > PASSAGE_REACH:
                    break
                if one != other and (pair := _pair(one, other)) in self.weights:
                    counts[pair] = counts.get(pair, 0.0) + 1.0 / (later - place)
        # In one order for all passages, so that equal passages have equal sums.
        return SHARE * sum(
            weight * counts[pair] / (counts[pair] + SATURATION)
            for pair, weight in self.weights.items()
            if pair in counts
        )


def _pair(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one < other else (other, one)
