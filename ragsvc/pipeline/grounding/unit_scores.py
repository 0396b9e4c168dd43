"""How well units of the documents that were found answer a question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from rank_bm25 import BM25Plus

from ragsvc.domain import F32Vector, F64Vector, Hit
from ragsvc.pipeline.grounding.answer_shape import AnswerShape
from ragsvc.pipeline.grounding.documents import DocumentPart
from ragsvc.pipeline.grounding.identifier_matches import held_identifiers, is_about
from ragsvc.pipeline.grounding.identifiers import identifiers_in
from ragsvc.pipeline.grounding.scored_unit import SHOWN_TITLES, ScoredUnit, best_first, under_titles
from ragsvc.pipeline.grounding.unit_features import text_features, unit_model
from ragsvc.pipeline.grounding.units import COMPARED_CHARS, Unit, UnitKind, units_of
from ragsvc.pipeline.word_coverage import TextVectors
from ragsvc.protocols import Analyser

MOST_UNITS = 140
# A title of so many words drowns the sentence under it.
LONG_HEADER_WORDS = 10


def score_units(
    question: str,
    vector: F32Vector,
    passages: Sequence[Hit],
    parts: Mapping[int, DocumentPart],
    vectors: TextVectors,
    analyser: Analyser,
    shape: AnswerShape,
) -> list[ScoredUnit]:
    """Score the units of the passages, and of the sections that they stand in, by the fitted model.

    :param vector: (dim,) float32, the embedded question. passages: of one corpus; ranks may have gaps.
    :return: best first; those that hold the identifiers of the question before all others.
    """
    found = _candidates(passages, parts)
    if not found:
        return []
    cosines = _cosines(vector, found, vectors)
    terms = frozenset(analyser.terms(question))
    lexical = _lexical(sorted(terms), [analyser.terms(_under(each.unit, each.part.title)) for each in found])
    score_of = {hit.rank: hit.score for hit in passages}
    best = max(score_of.values())
    named = identifiers_in(question)
    held = held_identifiers(named, passages, found)
    # A plain number may count anything: it is a hint, and does not bind.
    numbers = frozenset(name for name in named if name.isdigit())
    most = max(len(each - numbers) for each in held)
    model = unit_model("text")
    scored = []
    for place, each in enumerate(found):
        features = text_features(each.unit, terms, analyser, shape)
        features |= {
            "cosine": float(cosines[place]),
            "lexical": float(lexical[place]),
            "passage": max(0.0, score_of[each.number] / best) if best > 0.0 else 0.0,
            "about": float(bool(named) and is_about(each.unit, named)),
            "numbers": len(held[place] & numbers) / len(numbers) if numbers else 0.0,
        }
        if each.unit.kind is UnitKind.ROW:
            features["row_lexical"] = float(lexical[place])
        scored.append(
            replace(
                each,
                score=model.score(features),
                cosine=float(cosines[place]),
                bound=len(held[place] - numbers) == most,
                held=held[place],
                features=features,
            )
        )
    return sorted(scored, key=best_first)


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
