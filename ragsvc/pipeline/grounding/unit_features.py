"""What is known of a unit as an answer to a question, as numbers that a fitted model weighs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ragsvc.domain import ReaderFinding
from ragsvc.pipeline.grounding.answer_shape import SHORT_ANSWERS, AnswerShape
from ragsvc.pipeline.grounding.units import Unit, UnitKind
from ragsvc.protocols import Analyser

MODEL_FILE = Path(__file__).with_name("unit_scores.json")
LONG_CHARS = 600
SHORT_CHARS = 60
NEW_TERMS = 3
# How a reader's margins, which are differences of logits, are squeezed into (0, 1).
MARGIN_SPREAD = 2.0
_SEVERAL = (AnswerShape.STEPS, AnswerShape.LIST)
COMPOSITE = frozenset({UnitKind.LIST, UnitKind.SECTION})
"""Wholes of other units."""


@dataclass(frozen=True, slots=True)
class UnitModel:
    """Linear weights by the names of features; what has none counts nothing."""

    weights: Mapping[str, float]

    def score(self, features: Mapping[str, float]) -> float:
        """Log odds of one unit against another: higher is better, comparable within a question."""
        return sum(self.weights.get(name, 0.0) * value for name, value in features.items())


@cache
def unit_model(name: str) -> UnitModel:
    """The shipped model of what is known: "text" before a reader has read, "spans" after it has read the
    passages, "read" after it has read the unit."""
    return UnitModel(json.loads(MODEL_FILE.read_text("utf-8"))["models"][name])


def text_features(
    unit: Unit, wanted: frozenset[str], analyser: Analyser, shape: AnswerShape
) -> dict[str, float]:
    """Of the unit's kind and words.

    :param wanted: terms of the question.
    """
    kind = unit.kind.value
    found = {
        f"kind:{kind}": 1.0,
        "long": min(1.0, len(unit.text) / LONG_CHARS),
        "short": max(0.0, 1.0 - len(unit.text) / SHORT_CHARS),
        "titled": float(_is_titled(unit, wanted, analyser)),
    }
    if shape in _SEVERAL:
        found[f"several:{kind}"] = 1.0
    elif shape not in SHORT_ANSWERS:
        found[f"{shape.value}:{kind}"] = 1.0
    if unit.kind not in COMPOSITE:
        new = set(analyser.terms(unit.text)).difference(wanted)
        found["echo"] = max(0, NEW_TERMS - len(new)) / NEW_TERMS
    return found


def span_features(read: float, kind: UnitKind, shape: AnswerShape) -> dict[str, float]:
    """Of the best answer that a reader finds in a passage and that the unit holds: `read` in [0, 1)."""
    found = {"span": read}
    if shape not in SHORT_ANSWERS:
        # It was trained on short answers: of lists, steps and code it says less.
        found["span_several"] = read
    if kind in COMPOSITE:
        found["span_composite"] = read
    return found


def alone_features(finding: ReaderFinding, shape: AnswerShape) -> dict[str, float]:
    """Of what a reader says of the unit alone."""
    answers = squeezed(2.0 * finding.answerable)
    found = {
        "alone": 1.0,
        "answers": answers,
        "relevant": squeezed(2.0 * finding.relevance),
        "margin": squeezed(finding.margin),
    }
    if shape not in SHORT_ANSWERS:
        found["answers_several"] = answers
    return found


def squeezed(margin: float) -> float:
    """A difference of logits in (0, 1)."""
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, margin / MARGIN_SPREAD))))


def _is_titled(unit: Unit, wanted: frozenset[str], analyser: Analyser) -> bool:
    """Whether the question names the title right over a unit: all of its words."""
    if not unit.path:
        return False
    terms = analyser.terms(unit.path[-1])
    return bool(terms) and wanted.issuperset(terms)
