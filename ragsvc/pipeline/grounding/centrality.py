"""The units of a document that together say most of what it says: what an extract is made of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ragsvc.pipeline.grounding.scored_unit import ScoredUnit
from ragsvc.pipeline.grounding.unit_features import COMPOSITE
from ragsvc.pipeline.grounding.units import COMPARED_CHARS, UnitKind, units_of
from ragsvc.pipeline.word_coverage import TextVectors

MOST_UNITS = 140
EXTRACTED = 7
# How much a unit loses for what an earlier one has said (maximal marginal relevance, Carbonell and
# Goldstein 1998), and what it gains for each section that had no unit yet.
REPEAT_LOSS = 0.5
SECTION_BONUS = 0.1
FEWEST_WORDS = 4
_KINDS = frozenset({UnitKind.SENTENCE, UnitKind.ITEM, UnitKind.DEFINITION, UnitKind.LINE, UnitKind.ROW})


def central_units(best: ScoredUnit, vectors: TextVectors) -> list[ScoredUnit]:
    """Units of the document of a unit, those first that are nearest to all of it and not to each other.

    :return: at most EXTRACTED; their scores are cosines with the mean of all.
    """
    parts = [unit for unit in units_of(best.part) if unit.kind not in COMPOSITE]
    units = [unit for unit in parts if unit.kind in _KINDS] or parts
    told = [unit for unit in units if len(unit.text.split()) >= FEWEST_WORDS] or units
    units = told[:: -(-len(told) // MOST_UNITS)] if told else []
    if not units:
        return [best]
    matrix = vectors.of([unit.text[:COMPARED_CHARS] for unit in units]).astype(np.float64)
    mean = matrix.mean(axis=0)
    central = matrix @ (mean / max(1e-9, float(np.linalg.norm(mean))))
    repeated, seen, chosen = np.zeros(len(units)), set[int](), list[int]()
    while len(chosen) < min(EXTRACTED, len(units)):
        fresh = np.array([unit.section not in seen for unit in units])
        gain = central - REPEAT_LOSS * repeated + SECTION_BONUS * fresh
        gain[chosen] = -np.inf
        place = int(gain.argmax())
        chosen.append(place)
        seen.add(units[place].section)
        repeated = np.maximum(repeated, matrix @ matrix[place])
    return [
        replace(best, unit=units[place], score=float(central[place]), bound=True, read=0.0)
        for place in chosen
    ]
