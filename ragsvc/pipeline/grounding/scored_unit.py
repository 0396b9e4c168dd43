"""A unit with its scores, and what is told of it to those that read evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ragsvc.domain import Evidence
from ragsvc.pipeline.grounding.documents import DocumentPart
from ragsvc.pipeline.grounding.unit_features import COMPOSITE
from ragsvc.pipeline.grounding.units import COMPARED_CHARS, Unit

SHOWN_TITLES = 3
"""So many of the titles over a unit are compared and read with it."""


@dataclass(frozen=True, slots=True)
class ScoredUnit:
    """A unit with the passage that led to it.

    number: rank of the passage's hit. score: log odds against another unit of the same question.
    cosine: of question and unit, in [-1, 1]. bound: whether it holds all identifiers of the question that
    any unit holds, by itself or by what stands over it. read: how much better than none a reader finds the
    answer that it holds, in [0, 1). held: those of the question's identifiers that it is bound by.
    features: what the score is made of.
    """

    unit: Unit
    number: int
    part: DocumentPart
    score: float
    cosine: float
    bound: bool = True
    read: float = 0.0
    held: frozenset[str] = frozenset()
    features: Mapping[str, float] = field(default_factory=dict, compare=False)


def best_first(scored: ScoredUnit) -> tuple[bool, float]:
    """What sorts the best units to the front."""
    return not scored.bound, -round(scored.score, 6)


def under_titles(unit: Unit, title: str) -> str:
    """A unit as it is compared with a question: after the titles over it and what announces it.

    :param title: of the document, for a unit without headings.
    """
    titles = " > ".join(unit.path[-SHOWN_TITLES:]) or title
    said = unit.whole[:COMPARED_CHARS]
    return f"{titles}: {said}" if titles else said


def evidence_of(scored: ScoredUnit) -> Evidence:
    """A unit as a generator and the model of answerability are told of it."""
    unit = scored.unit
    compared = under_titles(unit, scored.part.title)
    return Evidence(
        number=scored.number,
        start=unit.start,
        end=unit.end,
        text=unit.text,
        score=scored.score,
        cosine=scored.cosine,
        replies_to=unit.lead,
        compared=compared,
    )


def evidence_from(scored: Sequence[ScoredUnit]) -> list[Evidence]:
    """Units that are no wholes of others, best first: at least one."""
    parts = [each for each in scored if each.unit.kind not in COMPOSITE]
    return [evidence_of(each) for each in parts or scored]
