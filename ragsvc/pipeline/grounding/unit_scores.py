"""How well units of the documents that were found answer a question."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from rank_bm25 import BM25Plus

from ragsvc.domain import Evidence, F32Vector, F64Vector, Hit, Passage, ReaderFinding, ReaderText
from ragsvc.pipeline.grounding.answer_shape import AnswerShape
from ragsvc.pipeline.grounding.documents import DocumentPart
from ragsvc.pipeline.grounding.identifiers import holds, identifiers_in, plainly
from ragsvc.pipeline.grounding.rows import without_columns
from ragsvc.pipeline.grounding.units import COMPARED_CHARS, Unit, UnitKind, units_of
from ragsvc.pipeline.wording import TextVectors
from ragsvc.protocols import Analyser, Reader

MOST_UNITS = 140
# A title of so many words drowns the sentence under it.
LONG_HEADER_WORDS = 10
SEMANTIC_SHARE = 0.8
PASSAGE_SHARE = 0.1
_SHOWN_TITLES = 3
# What a unit that says nothing but the question's own words loses: a title names a subject and tells nothing.
ECHO_LOSS = 0.12
NEW_TERMS = 3
# What a unit that begins with a name of the question gains: there it is explained.
NAMED_BONUS = 0.1
# What a unit gains under a title all of whose words the question has, and a row by words of the question.
TITLE_BONUS = 0.08
ROW_WORDS = 0.1
# What the best answer that a reader finds in a passage is worth, how it tells good ones apart, how many units
# it reads alone, and what being an answer alone is worth.
SPAN_SHARE = 0.6
READER_SPREAD = 2.0
READ_UNITS = 8
UNIT_SHARE = 0.3
# It was trained on short answers: of lists, steps and code it says less.
LONG_TRUST = 0.33
_READ_TITLES = 2
# Of a unit that is longer than this a short answer is a part; each further character costs a little.
SHORT_CHARS = 250
LENGTH_LOSS = 0.0003
MOST_LENGTH_LOSS = 0.15
_SHORT = frozenset({AnswerShape.FACT, AnswerShape.COUNT, AnswerShape.YES_NO, AnswerShape.DEFINITION})
COMPOSITE = frozenset({UnitKind.LIST, UnitKind.SECTION})
"""Wholes of other units."""

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


@dataclass(frozen=True, slots=True)
class ScoredUnit:
    """A unit with the passage that led to it.

    number: rank of the passage's hit. score: higher is better, comparable within a question.
    cosine: of question and unit, in [-1, 1]. bound: whether it holds all identifiers of the question that
    any unit holds, by itself or by what stands over it. read: how much better than none a reader finds the
    answer that it holds, in [0, 1). held: those of the question's identifiers that it is bound by.
    """

    unit: Unit
    number: int
    part: DocumentPart
    score: float
    cosine: float
    bound: bool = True
    read: float = 0.0
    held: frozenset[str] = frozenset()


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
    held = _held(named, passages, found)
    most = max(map(len, held))
    scored = []
    for place, each in enumerate(found):
        share = max(0.0, score_of[each.number] / best) if best > 0.0 else 0.0
        score = SEMANTIC_SHARE * cosines[place] + (1.0 - SEMANTIC_SHARE) * lexical[place]
        score += PASSAGE_SHARE * share + bonus.get(each.unit.kind, 0.0)
        if named and _is_about(each.unit, named):
            score += NAMED_BONUS
        if each.unit.kind is UnitKind.ROW:
            score += ROW_WORDS * float(lexical[place])
        if shape in _SHORT:
            score -= min(MOST_LENGTH_LOSS, LENGTH_LOSS * max(0, len(each.unit.text) - SHORT_CHARS))
        if _is_titled(each.unit, frozenset(wanted), analyser):
            score += TITLE_BONUS
        if each.unit.kind is UnitKind.SENTENCE:
            new = set(analyser.terms(each.unit.text)).difference(wanted)
            score -= ECHO_LOSS * max(0, NEW_TERMS - len(new)) / NEW_TERMS
        scored.append(
            replace(
                each,
                score=float(score),
                cosine=float(cosines[place]),
                bound=len(held[place]) == most,
                held=held[place],
            )
        )
    return sorted(scored, key=_order)


def _is_titled(unit: Unit, wanted: frozenset[str], analyser: Analyser) -> bool:
    """Whether the question names the title right over a unit: all of its words."""
    if not unit.path:
        return False
    terms = analyser.terms(unit.path[-1])
    return bool(terms) and wanted.issuperset(terms)


def _is_about(unit: Unit, named: Sequence[str]) -> bool:
    """Whether a unit, or what stands right over it, begins with one of the names, or a cell of it is one."""
    if unit.kind is UnitKind.ROW:
        cells = {cell.rpartition(": ")[2] for cell in plainly(unit.text).split("; ")}
        return not cells.isdisjoint(named)
    heads = [plainly(unit.text), *(plainly(title) for title in unit.path[-1:])]
    return any(head.startswith(name) and holds(head, name) for head in heads for name in named)


def under_titles(unit: Unit, title: str) -> str:
    """A unit as it is compared with a question: after the titles over it and what announces it.

    :param title: of the document, for a unit without headings.
    """
    titles = " > ".join(unit.path[-_SHOWN_TITLES:]) or title
    said = unit.whole[:COMPARED_CHARS]
    return f"{titles}: {said}" if titles else said


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
        if len(" ".join(each.unit.path[-_SHOWN_TITLES:]).split()) > LONG_HEADER_WORDS
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


def _held(
    wanted: Sequence[str], passages: Sequence[Hit], found: Sequence[ScoredUnit]
) -> list[frozenset[str]]:
    """Which of the question's identifiers each unit holds, by itself or by what stands over it."""
    if not wanted:
        return [frozenset()] * len(found)
    names = {hit.rank: _name_of(hit.passage) for hit in passages}
    return [
        frozenset(each for each in wanted if holds(text, each) or holds(names[unit.number], each))
        for text, unit in zip(_contexts(found), found, strict=True)
    ]


def _name_of(passage: Passage) -> str:
    """What names a whole document: a code in it is that of all its units."""
    return plainly(f"{passage.document_id} | {passage.title}")


def _contexts(found: Sequence[ScoredUnit]) -> Iterator[str]:
    """What binds each unit: its titles and its own text; of a whole with many parts only its titles.

    A sentence without identifiers goes on about those that its paragraph named last.
    """
    named, last = "", (-1, -1)
    for each in found:
        unit = each.unit
        over = plainly(" | ".join((each.part.title, *unit.path, unit.lead)))
        if unit.kind in COMPOSITE:
            yield over
            continue
        said = plainly(unit.text)
        place = (each.number, unit.position)
        if unit.kind is UnitKind.SENTENCE:
            if identifiers_in(said) or place != last:
                named, last = said, place
            else:
                said = f"{named} | {said}"
        yield f"{over} | {said}"


def read_units(
    question: str, scored: Sequence[ScoredUnit], passages: Sequence[Hit], reader: Reader, shape: AnswerShape
) -> tuple[list[ScoredUnit], list[ReaderFinding]]:
    """Score the units anew by the answers that a reader finds in some passages, then in the best units alone.

    :return: units, best first, and what was found in each passage.
    """
    trust = 1.0 if shape in _SHORT else LONG_TRUST
    findings = reader.read(question, [_passage_text(hit.passage) for hit in passages])
    spans = [
        (hit.passage.version_id, hit.passage.start + start, hit.passage.start + end, _odds(margin))
        for hit, finding in zip(passages, findings, strict=True)
        for start, end, margin in finding.spans
    ]
    version = {hit.rank: hit.passage.version_id for hit in passages}
    found = []
    for each in scored:
        unit = each.unit
        read = max(
            (
                share
                for of, start, end, share in spans
                if of == version.get(each.number) and unit.start < end and start < unit.end
            ),
            default=0.0,
        )
        weight = trust * (SPAN_SHARE / 2 if unit.kind in COMPOSITE else SPAN_SHARE)
        found.append(replace(each, score=each.score + weight * read, read=read))
    found.sort(key=_order)
    best, rest = found[:READ_UNITS], found[READ_UNITS:]
    texts = [ReaderText(" > ".join(each.unit.path[-_SHOWN_TITLES:]), each.unit.whole) for each in best]
    alone = reader.read(question, texts)
    best = [
        replace(each, score=each.score + trust * UNIT_SHARE * _odds(2.0 * finding.answerable))
        for each, finding in zip(best, alone, strict=True)
    ]
    lowest = min(each.score for each in best)
    # What was not read by itself stays behind what was.
    rest = [replace(each, score=min(each.score, lowest)) for each in rest]
    return sorted([*best, *rest], key=_order), findings


def _order(scored: ScoredUnit) -> tuple[bool, float]:
    return not scored.bound, -round(scored.score, 6)


def _passage_text(passage: Passage) -> ReaderText:
    titles = without_columns(passage)[-_READ_TITLES:] or (passage.title,)
    return ReaderText(" > ".join(titles), passage.text)


def _odds(margin: float) -> float:
    """A difference of logits in (0, 1)."""
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, margin / READER_SPREAD))))


def evidence_of(scored: ScoredUnit) -> Evidence:
    """A unit as a generator and the model of answerability are told of it."""
    unit = scored.unit
    compared = under_titles(unit, scored.part.title)
    return Evidence(
        scored.number, unit.start, unit.end, unit.text, scored.score, scored.cosine, unit.lead, compared
    )


def evidence_from(scored: Sequence[ScoredUnit]) -> list[Evidence]:
    """Units that are no wholes of others, best first: at least one."""
    parts = [each for each in scored if each.unit.kind not in COMPOSITE]
    return [evidence_of(each) for each in parts or scored]
