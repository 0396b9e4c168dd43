"""What of the documents that were found may answer a question, and how likely it is that it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ragsvc.domain import Hit, ReaderFinding
from ragsvc.pipeline.grounding import cross_language as across
from ragsvc.pipeline.grounding import same_language as within
from ragsvc.pipeline.grounding.abbreviations import long_forms, spelt_out
from ragsvc.pipeline.grounding.answer_shape import FITTED_TO, AnswerShape, shape_model
from ragsvc.pipeline.grounding.answerability import features_of, load_model
from ragsvc.pipeline.grounding.centrality import central_units
from ragsvc.pipeline.grounding.documents import DocumentReader
from ragsvc.pipeline.grounding.identifiers import holds, identifiers_in, is_code, plainly
from ragsvc.pipeline.grounding.reader_scores import read_units
from ragsvc.pipeline.grounding.scored_unit import ScoredUnit, evidence_from
from ragsvc.pipeline.grounding.small_talk import small_talk_or_fact
from ragsvc.pipeline.grounding.unit_scores import score_units
from ragsvc.pipeline.retrieval.search import Retrieval
from ragsvc.protocols import Reader
from ragsvc.text.languages import ENGLISH, likely_language

# Passages that the reader reads; each costs as much as embedding fifty words.
READ_PASSAGES = 4
SUMMARY_THRESHOLD = 0.5


@dataclass(frozen=True, slots=True)
class Judgement:
    """What of the documents may answer.

    question: what the passages must speak of. units: best first. confidence: of the corpus that answers
    best, in [0, 1]. refused: whether that is below the operating point.
    """

    question: str
    shape: AnswerShape
    units: tuple[ScoredUnit, ...]
    confidence: float
    refused: bool


@dataclass(frozen=True, slots=True)
class Grounds:
    """What one corpus gave for a question: its units, best first, and what is known of them."""

    units: tuple[ScoredUnit, ...]
    features: Mapping[str, float]


def judge(
    found: Sequence[tuple[Retrieval, Sequence[Hit]]],
    shape: AnswerShape,
    documents: DocumentReader,
    reader: Reader | None,
    max_false_refusals: float,
) -> Judgement:
    """Find what answers in every corpus.

    :param found: what was found in each corpus, and those of its hits that are among the passages.
    :param max_false_refusals: [0, 1], share of answerable questions that may be refused.
    """
    model = load_model(with_reader=reader is not None)
    units: list[ScoredUnit] = []
    confidence, question = 0.0, found[0][0].query.text
    threshold = model.threshold(max_false_refusals)
    for looked, passages in found:
        grounds = grounds_of(looked, passages, shape, documents, reader)
        if grounds is None:
            continue
        found_units = grounds.units
        if within.is_for(looked):
            known = within.confidence(grounds.features, max_false_refusals, threshold)
        else:
            known = model.confidence(grounds.features)
        if across.is_in_another_language(looked, passages):
            # Vectors tell the passage that answers, hardly the sentence: no other passage adds to it.
            found_units = tuple(each for each in found_units if each.number == passages[0].rank)
            # On the scale of the model's confidence, so that corpora can be compared.
            odds = across.confidence_of(looked, passages) / across.OPERATING_POINT
            known = min(1.0, threshold * odds)
        units.extend(found_units)
        if known > confidence:
            # Each corpus reads slips by its own words.
            confidence, question = known, looked.query.text
    ordered = sorted(units, key=lambda each: (not each.bound, -each.score))
    if shape is AnswerShape.SUMMARY:
        # An extract answers nothing by itself: it is enough that the document is about what is asked.
        threshold *= SUMMARY_THRESHOLD
    refused = not units or confidence < threshold
    return Judgement(question, shape, tuple(ordered), confidence, refused)


def grounds_of(
    looked: Retrieval,
    passages: Sequence[Hit],
    shape: AnswerShape,
    documents: DocumentReader,
    reader: Reader | None,
) -> Grounds | None:
    """What one corpus gives; None where it gives nothing that could answer.

    :param passages: of this corpus; ranks may have gaps.
    """
    vector, parts, question = looked.query.vector, looked.parts, looked.query.text
    # A question without a word that the analyser keeps asks for nothing that could be found.
    if vector is None or not passages or not looked.query.terms or missing_codes(question, passages):
        return None
    meant = spelt_out(question, long_forms(hit.passage.text for hit in passages))
    if meant != question:
        question, vector = meant, parts.embedder.embed_queries([meant])[0]
    scored = score_units(
        question, vector, passages, documents.parts(passages), parts.text_vectors, parts.analyser, shape
    )
    if not scored:
        return None
    if within.is_for(looked):
        features = within.features_of(looked, passages, scored)
    else:
        features = features_of(looked, passages, evidence_from(scored))
        features |= _unit_features(identifiers_in(question), scored)
    if reader is not None:
        scored, findings = read_units(question, scored, passages[:READ_PASSAGES], reader, shape)
        features |= _reader_features(findings, scored)
    if shape is AnswerShape.SUMMARY:
        # Of the document that fits best as a whole, not the one with the best sentence.
        scored = central_units(min(scored, key=lambda each: each.number), parts.text_vectors)
    return Grounds(tuple(scored), features)


def _is_foreign(looked: Retrieval) -> bool:
    """Whether a question to documents in many languages is not in English."""
    return within.is_for(looked) and likely_language(looked.query.question, letters=1) not in (None, ENGLISH)


def shape_of(looked: Retrieval) -> AnswerShape:
    """What shape of answer is asked for: by the question's vector where the model can read it."""
    query = looked.query
    model = shape_model()
    foreign = _is_foreign(looked) or (within.is_for(looked) and not model.knows(query.question))
    if foreign:
        return small_talk_or_fact(looked)
    known = looked.parts.profile.spec.embedder.name == FITTED_TO and query.question == query.text
    return model.shape_of(query.question, query.vector if known else None)


def missing_codes(question: str, passages: Sequence[Hit]) -> tuple[str, ...]:
    """Codes that a question names and none of the passages, nor what stands over them, holds."""
    codes = [each for each in identifiers_in(question) if is_code(each)]
    if not codes:
        return ()
    texts = [
        plainly(" | ".join((h.passage.document_id, h.passage.title, *h.passage.headings, h.passage.text)))
        for h in passages
    ]
    return tuple(each for each in codes if not any(holds(text, each) for text in texts))


def _unit_features(named: Sequence[str], scored: Sequence[ScoredUnit]) -> dict[str, float]:
    """How sure the choice of the best unit is, and whether it is about the codes that are named."""
    codes = {each for each in named if is_code(each)}
    return {
        "unit_score": scored[0].score,
        "unit_chance": _chance(scored),
        "code_held": len(scored[0].held & codes) / len(codes) if codes else 0.0,
    }


def _chance(scored: Sequence[ScoredUnit]) -> float:
    """Of the best unit among all, by their log odds."""
    scores = np.array([each.score for each in scored])
    return float(1.0 / np.exp(scores - scores.max()).sum())


def _reader_features(findings: Sequence[ReaderFinding], scored: Sequence[ScoredUnit]) -> dict[str, float]:
    """What the reader says of the passages, and of the unit that would be quoted first."""
    return {
        "reader_margin": max(each.margin for each in findings),
        "reader_answerable": max(each.answerable for each in findings),
        "reader_relevance": max(each.relevance for each in findings),
        "reader_agrees": scored[0].read,
        "reader_unit_score": scored[0].score,
        "reader_unit_chance": _chance(scored),
    }
