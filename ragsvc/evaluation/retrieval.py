"""How well documents and spans are found: one item for each judged question."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ragsvc.evaluation import retrieval_metrics
from ragsvc.evaluation.citation_metrics import Place, span_overlap
from ragsvc.evaluation.questions import Question
from ragsvc.evaluation.report import Item

DEEP = 100
SPAN_HITS = 5
LISTED = 10


@dataclass(frozen=True, slots=True)
class RetrievedChunk:
    """A chunk that was found: higher scores are better; start and end are code points of the document."""

    document_id: str
    start: int
    end: int
    score: float


Search = Callable[[Question], Sequence[RetrievedChunk]]
"""Finds the best chunks for a question, best first; the same text may come more than once."""


def retrieval_item(
    question: Question, systems: Mapping[str, Search], k: int, gold: Sequence[Place] = ()
) -> Item:
    """Search with every system, and score what each finds by trec_eval's conventions.

    A document's score is that of its best chunk.

    :param question: with judgements.
    :param systems: by name, such as "hybrid".
    :param k: at least 1, where ndcg, recall and precision are cut.
    :param gold: where the answer stands; () when that is not known.
    """
    judgements = question.judgements
    values: dict[str, float] = {}
    listed: dict[str, list[str]] = {}
    for name, search in systems.items():
        found = search(question)
        run = best_chunks(found)
        scores = retrieval_metrics.evaluate(run, judgements, k)
        order = retrieval_metrics.ranked(run)
        values |= {
            f"{name}.ndcg@{k}": scores.ndcg,
            f"{name}.recall@{k}": scores.recall,
            f"{name}.precision@{k}": scores.precision,
            f"{name}.mrr": scores.reciprocal_rank,
            f"{name}.recall@{DEEP}": retrieval_metrics.recall(order, judgements, DEEP),
        }
        if gold:
            places = [(each.document_id, each.start, each.end) for each in found[:SPAN_HITS]]
            recall, iou = span_overlap(places, gold)
            values |= {f"{name}.span_recall@{SPAN_HITS}": recall, f"{name}.span_iou@{SPAN_HITS}": iou}
        listed[name] = order[:LISTED]
    wanted = sorted((name for name, grade in judgements.items() if grade > 0), key=lambda n: -judgements[n])
    return Item(question.id, question.text, values, {"wanted": wanted[:LISTED], "found": listed})


def best_chunks(found: Sequence[RetrievedChunk]) -> dict[str, float]:
    """The score of each document's best chunk."""
    run: dict[str, float] = {}
    for each in found:
        run[each.document_id] = max(run.get(each.document_id, each.score), each.score)
    return run


def pairs_of(systems: Sequence[str], k: int) -> list[tuple[str, str]]:
    """The tests worth making: the first system against each of the others."""
    return [(f"{systems[0]}.ndcg@{k}", f"{other}.ndcg@{k}") for other in systems[1:]]
