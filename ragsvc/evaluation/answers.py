"""How good answers are: one item for each question, and the figures of confidence over all of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from ragsvc.domain import Answer, BoolVector, Citation, F64Vector, Passage
from ragsvc.evaluation import answer_metrics
from ragsvc.evaluation.calibration import (
    auroc,
    bootstrap_of,
    expected_calibration_error,
    refusal_recall,
    reliability,
)
from ragsvc.evaluation.citation_metrics import Place, citation_scores, supported
from ragsvc.evaluation.figures import figure
from ragsvc.evaluation.intervals import widened
from ragsvc.evaluation.outcome import Expectation, Outcome, judge, outcome_values
from ragsvc.evaluation.questions import Question
from ragsvc.evaluation.report import Bin, Figure, Item
from ragsvc.pipeline.generation.quotation import spoken
from ragsvc.pipeline.grounding.citations import ANY_MARKER

TOP = 3
REFUSED = "refused_"
AUROC_GOOD = "auroc_good"
NO_VERSIONS: Mapping[str, str] = MappingProxyType({})
# Only from the first blank on: in the midst of many it would be tried again at each.
_MARKERS = re.compile(rf"(?<!\s)\s*{ANY_MARKER.pattern}")
ANSWERABLE, UNANSWERABLE = f"{REFUSED}answerable", f"{REFUSED}unanswerable"


@dataclass(frozen=True, slots=True)
class AnswerOutcome:
    """What a question got. read_back: for each citation, whether the stored text there is its quote."""

    answer: Answer
    read_back: tuple[bool, ...]


def answer_item(
    question: Question,
    asked: AnswerOutcome,
    gold: Sequence[Place] = (),
    versions: Mapping[str, str] = NO_VERSIONS,
    *,
    graded: bool = False,
) -> Item:
    """Score an answer.

    Of documents that hold the same text one is shown and cited, so each is as right as the others. A refused
    answerable question counts 0 in what compares with references: a refusal is no right answer.
    What is said of citations is said of answered questions alone.

    :param gold: where the answer stands; () when that is not known.
    :param versions: of documents that are right or hold gold places, by id: the same text, the same version.
    :param graded: whether questions of this run have an `Expectation`: then one without an answer has an
        outcome, too, though nothing is expected but its refusal.
    """
    answer = asked.answer
    text = bare(spoken(answer)) if answer.answered else ""
    values = _decision(question, answer.answered)
    right = {name for name, grade in question.judgements.items() if grade > 0}
    if question.answerable:
        if right:
            first = [hit.passage for hit in answer.passages[:TOP]]
            values[f"document@{TOP}"] = float(any(_is_of(right, versions, each) for each in first))
        values |= _compared(question, text)
    if answer.answered:
        values["citation_reads_back"] = float(bool(asked.read_back) and all(asked.read_back))
        verdicts = supported(answer)
        if verdicts:
            values["supported"] = sum(verdicts) / len(verdicts)
        if right and question.answerable:
            cited = any(_is_of(right, versions, citation) for citation in answer.citations)
            values["cited_document"] = float(cited)
        if gold and question.answerable:
            scores = _citation_scores(answer.citations, gold, versions)
            values["citation_precision"], values["citation_recall"] = scores
    detail = {
        "answerable": question.answerable,
        "answered": answer.answered,
        "confidence": answer.confidence,
        "answer": text,
        "wanted": sorted(right)[:10],
        "accepted": [*question.phrases, *question.answers][:10],
        "found": [hit.passage.document_id for hit in answer.passages][:10],
        "cited": [citation.document_id for citation in answer.citations][:10],
    }
    if question.expected is not None or (graded and not question.answerable):
        _grade(question, text if answer.answered else None, values, detail)
    return Item(question.id, question.text, values, detail)


def _grade(question: Question, text: str | None, values: dict[str, float], detail: dict[str, Any]) -> None:
    """Add the outcome to an item's values, and why it is so to its detail."""
    expected = question.expected or Expectation()
    if question.answerable and not expected.accept:
        return
    verdict = judge(expected, question.kind, text, answerable=question.answerable)
    values |= outcome_values(verdict.outcome, question.kind)
    detail |= {"outcome": verdict.outcome.value, "kind": question.kind}
    if verdict.missing and question.answerable:
        detail["missing"] = list(verdict.missing)
    if verdict.rejected:
        detail["rejected"] = list(verdict.rejected)
    if verdict.surplus:
        detail["surplus"] = list(verdict.surplus)
    if verdict.too_long:
        detail["too_long"] = len(text or "")


def _is_of(names: Set[str], versions: Mapping[str, str], place: Passage | Citation) -> bool:
    """Whether something stands in one of these documents, or in one of the same text."""
    return place.document_id in names or any(versions.get(name) == place.version for name in names)


def _citation_scores(
    citations: Sequence[Citation], gold: Sequence[Place], versions: Mapping[str, str]
) -> tuple[float, float]:
    """As `citation_scores`, where documents of the same text are one."""
    names: dict[str, str] = {}
    for document, _, _ in gold:
        names.setdefault(versions.get(document, document), document)
    one = [replace(each, document_id=names.get(each.version, each.document_id)) for each in citations]
    places = [(names[versions.get(document, document)], start, end) for document, start, end in gold]
    return citation_scores(one, list(dict.fromkeys(places)))


def bare(text: str) -> str:
    """An answer without its markers and the blanks before them, on one line."""
    return " ".join(_MARKERS.sub("", text).split())


def _decision(question: Question, answered: bool) -> dict[str, float]:
    refused = float(not answered)
    if question.answerable:
        return {"answered": float(answered), ANSWERABLE: refused}
    own = f"{REFUSED}{question.kind}" if question.kind else UNANSWERABLE
    # A kind of the user's own must not pass for answerable questions.
    return {UNANSWERABLE: refused} | ({} if own == ANSWERABLE else {own: refused})


def _compared(question: Question, text: str) -> dict[str, float]:
    values: dict[str, float] = {}
    if question.phrases:
        values["phrase"] = float(answer_metrics.holds_phrase(text, question.phrases))
    if question.answers:
        # Of two texts without words, the empty one of a refusal and a "The", the script says they are equal.
        values["exact_match"] = answer_metrics.exact_match(text, question.answers) if text else 0.0
        values["token_f1"] = answer_metrics.token_f1(text, question.answers)
        values["rouge_l"] = answer_metrics.rouge_l(text, question.answers)
        values["bleu"] = answer_metrics.sentence_bleu(text, question.answers)
    return values


def figures_of_all(items: Sequence[Item], answers: Mapping[str, Sequence[str]]) -> dict[str, Figure]:
    """Figures that are no means of items.

    Those of confidence need answerable and unanswerable questions, and are left out without.

    :param answers: right answers by id of the question; () where there are none.
    """
    found: dict[str, Figure] = {}
    compared = [item for item in items if item.detail["answerable"] and answers.get(item.id)]
    if compared:
        texts = [item.detail["answer"] for item in compared]
        interval = answer_metrics.corpus_bleu_interval(texts, [answers[item.id] for item in compared])
        found["corpus_bleu"] = figure(widened(interval, len(compared)), len(compared))
    found |= _sureness_of_good(items)
    sure, truth = _confidence(items)
    if len(set(truth)) < 2:
        return found
    # What is sure of these hangs on the kind of which there are fewer questions.
    fewer = min(sum(truth), len(truth) - sum(truth))
    statistics = {
        "auroc": auroc,
        "refusal_recall@5%": _recall,
        "calibration_error": expected_calibration_error,
    }
    for name, statistic in statistics.items():
        found[name] = figure(widened(bootstrap_of(statistic, sure, truth), fewer), len(items))
    return found


def _sureness_of_good(items: Sequence[Item]) -> dict[str, Figure]:
    """Whether confidence is higher where the answer is good: of all graded questions, and of answers."""
    graded = [item for item in items if "outcome" in item.detail]
    answered = [item for item in graded if item.detail["answered"]]
    found = {}
    for name, some in ((AUROC_GOOD, graded), (f"{AUROC_GOOD}_answered", answered)):
        sure = [item.detail["confidence"] for item in some]
        good = [item.detail["outcome"] == Outcome.GOOD for item in some]
        if len(set(good)) == 2:
            fewer = min(sum(good), len(good) - sum(good))
            found[name] = figure(widened(bootstrap_of(auroc, sure, good), fewer), len(some))
    return found


def bins_of(items: Sequence[Item]) -> tuple[Bin, ...]:
    """Bins of confidence; () unless there are answerable and unanswerable questions."""
    sure, truth = _confidence(items)
    return reliability(sure, truth) if len(set(truth)) == 2 else ()


def _confidence(items: Sequence[Item]) -> tuple[list[float], list[bool]]:
    return [item.detail["confidence"] for item in items], [item.detail["answerable"] for item in items]


def _recall(confidence: F64Vector, answerable: BoolVector) -> float:
    return refusal_recall(confidence, answerable)[0]
