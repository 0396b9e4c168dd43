"""How well units of the documents that were found answer a question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from rank_bm25 import BM25Plus

from ragsvc.domain import F32Vector, F64Vector, Hit
from ragsvc.pipeline.grounding.answer_shape import SHORT_ANSWERS, AnswerShape
from ragsvc.pipeline.grounding.documents import DocumentPart
from ragsvc.pipeline.grounding.identifier_matches import held_identifiers, is_about
from ragsvc.pipeline.grounding.identifiers import identifiers_in
from ragsvc.pipeline.grounding.scored_unit import SHOWN_TITLES, ScoredUnit, best_first, under_titles
from ragsvc.pipeline.grounding.units import COMPARED_CHARS, Unit, UnitKind, units_of
from ragsvc.pipeline.wording import TextVectors
from ragsvc.protocols import Analyser

MOST_UNITS = 140
# A title of so many words drowns the sentence under it.
LONG_HEADER_WORDS = 10
SEMANTIC_SHARE = 0.8
PASSAGE_SHARE = 0.1
# What a unit that says nothing but the question's own words loses: a title names a subject and tells nothing.
ECHO_LOSS = 0.12
NEW_TERMS = 3
# A line that names the whole document answers little but what the document is about.
TITLE_LOSS = 0.2
# What a unit gains that holds the plain numbers of the question: they may count anything, and do not bind.
NUMBER_BONUS = 0.15
# What a unit that begins with a name of the question gains: there it is explained.
NAMED_BONUS = 0.1
# What a unit gains under a title all of whose words the question has, and a row by words of the question.
TITLE_BONUS = 0.08
ROW_WORDS = 0.1
# Of a unit that is longer than this a short answer is a part; each further character costs a little.
SHORT_CHARS = 250
LENGTH_LOSS = 0.0003
MOST_LENGTH_LOSS = 0.15

# What a question of a shape wants to see. Chosen on the tuning half of the asked questions.
_BONUS: Mapping[AnswerShape, Mapping[UnitKind, float]] = {
    AnswerShape.STEPS: {
        UnitKind.LIST: 0.12,
        UnitKind.ITEM: 0.05,
        UnitKind.CODE: 0.04,
        UnitKind.SECTION: 0.04,
    },
    AnswerShape.LIST: {UnitKind.LIST: 0.12, UnitKind.ITEM: 0.04, UnitKind.SECTION: 0.05},
    AnswerShape.CODE: {UnitKind.CODE: 0.15, UnitKind.SECTION: 0.02},
    AnswerShape.DEFINITION: {
        UnitKind.DEFINITION: 0.06,
        UnitKind.SECTION: 0.03,
        UnitKind.CODE: -0.1,
        UnitKind.LIST: -0.05,
    },
    AnswerShape.YES_NO: {UnitKind.SECTION: 0.05, UnitKind.CODE: -0.1, UnitKind.LIST: -0.08},
    AnswerShape.FACT: {UnitKind.LIST: -0.1, UnitKind.CODE: -0.1, UnitKind.SECTION: -0.02},
    AnswerShape.COUNT: {UnitKind.LIST: -0.05, UnitKind.CODE: -0.1},
    AnswerShape.COMPARISON: {UnitKind.ROW: 0.04},
}


def score_units(
    question: str,
    vector: F32Vector,
    passages: Sequence[Hit],
    parts: Mapping[int, DocumentPart],
    vectors: TextVectors,
    analyser: Analyser,
    shape: AnswerShape,
) -> list[ScoredUnit]:
    """Score the units of the passages, and of the sections that they stand in.

    score = s * cosine + (1 - s) * BM25 among the units / its maximum, plus a share of the passage's own
    score, and what units of its kind are worth to a question of this shape.

    :param vector: (dim,) float32, the embedded question. passages: of one corpus; ranks may have gaps.
    :return: best first; those that hold the identifiers of the question before all others.
    """
    found = _candidates(passages, parts)
    if not found:
        return []
    cosines = _cosines(vector, found, vectors)
    wanted = sorted(set(analyser.terms(question)))
    lexical = _lexical(wanted, [analyser.terms(_under(each.unit, each.part.title)) for each in found])
    score_of = {hit.rank: hit.score for hit in passages}
    best = max(score_of.values())
    bonus = _BONUS.get(shape, {})
    named = identifiers_in(question)
    held = held_identifiers(named, passages, found)
    numbers = frozenset(name for name in named if name.isdigit())
    most = max(len(each - numbers) for each in held)
    terms = frozenset(wanted)
    scored = []
    for place, each in enumerate(found):
        share = max(0.0, score_of[each.number] / best) if best > 0.0 else 0.0
        score = SEMANTIC_SHARE * cosines[place] + (1.0 - SEMANTIC_SHARE) * lexical[place]
        score += PASSAGE_SHARE * share + bonus.get(each.unit.kind, 0.0)
        if named and is_about(each.unit, named):
            score += NAMED_BONUS
        if numbers:
            score += NUMBER_BONUS * len(held[place] & numbers) / len(numbers)
        if each.unit.kind is UnitKind.TITLE:
            score -= TITLE_LOSS
        if each.unit.kind is UnitKind.ROW:
            score += ROW_WORDS * float(lexical[place])
        if shape in SHORT_ANSWERS:
            score -= min(MOST_LENGTH_LOSS, LENGTH_LOSS * max(0, len(each.unit.text) - SHORT_CHARS))
        if _is_titled(each.unit, terms, analyser):
            score += TITLE_BONUS
        if each.unit.kind is UnitKind.SENTENCE:
            new = set(analyser.terms(each.unit.text)).difference(wanted)
            score -= ECHO_LOSS * max(0, NEW_TERMS - len(new)) / NEW_TERMS
        scored.append(
            replace(
                each,
                score=float(score),
                cosine=float(cosines[place]),
                bound=len(held[place] - numbers) == most,
                held=held[place],
            )
        )
    return sorted(scored, key=best_first)


def _is_titled(unit: Unit, wanted: frozenset[str], analyser: Analyser) -> bool:
    """Whether the question names the title right over a unit: all of its words."""
    if not unit.path:
        return False
    terms = analyser.terms(unit.path[-1])
    return bool(terms) and wanted.issuperset(terms)


def _candidates(passages: Sequence[Hit], parts: Mapping[int, DocumentPart]) -> list[ScoredUnit]:
    """Units that overlap a passage, best passage first, then the others of the same sections."""
    units: dict[int, tuple[Unit, ...]] = {}
    seen: set[tuple[int, int, int, UnitKind]] = set()
    inside: list[ScoredUnit] = []
    beside: list[ScoredUnit] = []
    for hit in passages:
        part, passage = parts[hit.rank], hit.passage
        key = id(part)
        if key not in units:
            units[key] = units_of(part)
        near = {u.section for u in units[key] if u.start < passage.end and u.end > passage.start}
        for unit in units[key]:
            mark = (key, unit.start, unit.end, unit.kind)
            overlaps = unit.start < passage.end and unit.end > passage.start
            if mark in seen or not (overlaps or unit.section in near):
                continue
            if overlaps:
                seen.add(mark)
            (inside if overlaps else beside).append(ScoredUnit(unit, hit.rank, part, 0.0, 0.0))
    for each in beside:
        mark = (id(each.part), each.unit.start, each.unit.end, each.unit.kind)
        if mark not in seen and len(inside) < MOST_UNITS:
            seen.add(mark)
            inside.append(each)
    return inside[:MOST_UNITS]


def _cosines(vector: F32Vector, found: Sequence[ScoredUnit], vectors: TextVectors) -> F64Vector:
    """Of the question and each unit under its titles; where these are long, or without, whichever is more."""
    texts = [under_titles(each.unit, each.part.title) for each in found]
    bare = [
        place
        for place, each in enumerate(found)
        if len(" ".join(each.unit.path[-SHOWN_TITLES:]).split()) > LONG_HEADER_WORDS
    ]
    matrix = vectors.of([*texts, *(found[place].unit.whole[:COMPARED_CHARS] for place in bare)])
    cosines: F64Vector = (matrix @ vector).astype(np.float64)
    for row, place in enumerate(bare, start=len(found)):
        cosines[place] = max(cosines[place], cosines[row])
    return cosines[: len(found)]


def _under(unit: Unit, title: str) -> str:
    return " ".join((title, *unit.path, unit.whole))


def _lexical(wanted: Sequence[str], documents: Sequence[Sequence[str]]) -> F64Vector:
    if not wanted or not any(documents):
        return np.zeros(len(documents))
    scores = np.asarray(BM25Plus(documents, delta=0.0).get_scores(wanted), dtype=np.float64)
    top = float(scores.max())
    return scores / top if top > 0 else np.zeros(len(documents))
