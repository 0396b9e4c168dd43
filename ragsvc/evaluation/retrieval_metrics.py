"""Retrieval metrics over graded judgements, by the conventions of trec_eval.

A grade above 0 is relevant and is its own gain; an unjudged document has grade 0. Every metric lies in
[0, 1], higher is better, and is 0 for a query without relevant documents.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Run = Mapping[str, float]
Judgements = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Scores:
    """Metrics of one query, or their means over many."""

    ndcg: float
    recall: float
    precision: float
    reciprocal_rank: float


def ranked(run: Run) -> list[str]:
    """Order documents by score, highest first; equal scores by id, the last id first.

    trec_eval keeps scores as 32-bit floats, so scores that differ less than those can tell are equal.

    :param run: score of each retrieved document, finite.
    """
    keys = {document: (float(np.float32(score)), document.encode()) for document, score in run.items()}
    return sorted(keys, key=keys.__getitem__, reverse=True)


def ndcg(order: Sequence[str], judgements: Judgements, k: int) -> float:
    """Normalised discounted cumulative gain of the first k documents, with linear gain.

    :param order: retrieved documents, best first.
    :param k: at least 1.
    """
    ideal = sorted((grade for grade in judgements.values() if grade > 0), reverse=True)
    best = _discounted(ideal[:k])
    if best == 0.0:
        return 0.0
    return _discounted([max(judgements.get(document, 0), 0) for document in order[:k]]) / best


def recall(order: Sequence[str], judgements: Judgements, k: int) -> float:
    """Share of the relevant documents among the first k.

    :param order: retrieved documents, best first.
    :param k: at least 1.
    """
    relevant = sum(grade > 0 for grade in judgements.values())
    return _found(order, judgements, k) / relevant if relevant else 0.0


def precision(order: Sequence[str], judgements: Judgements, k: int) -> float:
    """Share of the first k places that hold a relevant document; a missing place holds none.

    :param order: retrieved documents, best first.
    :param k: at least 1.
    """
    return _found(order, judgements, k) / k


def reciprocal_rank(order: Sequence[str], judgements: Judgements) -> float:
    """One over the rank of the first relevant document; 0 when none was retrieved.

    :param order: retrieved documents, best first.
    """
    for rank, document in enumerate(order, start=1):
        if judgements.get(document, 0) > 0:
            return 1.0 / rank
    return 0.0


def evaluate(run: Run, judgements: Judgements, k: int) -> Scores:
    """Score one query; reciprocal rank looks at the whole run, the others at its first k.

    :param run: score of each retrieved document, finite.
    :param k: at least 1.
    """
    order = ranked(run)
    return Scores(
        ndcg=ndcg(order, judgements, k),
        recall=recall(order, judgements, k),
        precision=precision(order, judgements, k),
        reciprocal_rank=reciprocal_rank(order, judgements),
    )


def mean(scores: Sequence[Scores]) -> Scores:
    """Average over queries; all 0 when there are none."""
    count = max(len(scores), 1)
    return Scores(
        ndcg=math.fsum(score.ndcg for score in scores) / count,
        recall=math.fsum(score.recall for score in scores) / count,
        precision=math.fsum(score.precision for score in scores) / count,
        reciprocal_rank=math.fsum(score.reciprocal_rank for score in scores) / count,
    )


def _found(order: Sequence[str], judgements: Judgements, k: int) -> int:
    return sum(judgements.get(document, 0) > 0 for document in order[:k])


def _discounted(gains: Sequence[int]) -> float:
    return math.fsum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))
