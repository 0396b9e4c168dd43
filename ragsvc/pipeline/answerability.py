"""Whether the passages answer the question: a fitted probability with a stated operating point."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ragsvc.domain import Evidence, Hit
from ragsvc.pipeline.retrieve import Looked

MODEL_FILE = Path(__file__).with_name("answerability.json")
FEATURES = (
    "passage_cosine",
    "sentence_cosine",
    "sentence_coverage",
    "passage_coverage",
    "document_coverage",
    "unknown_share",
)


@dataclass(frozen=True, slots=True)
class AnswerabilityModel:
    """Logistic regression over FEATURES.

    thresholds: share of answerable questions refused on the fitting data -> probability below which
        a question is refused, ascending.
    """

    intercept: float
    weights: Mapping[str, float]
    means: Mapping[str, float]
    scales: Mapping[str, float]
    thresholds: Sequence[tuple[float, float]]

    def confidence(self, features: Mapping[str, float]) -> float:
        """Fitted probability in [0, 1] that the passages hold the answer."""
        total = self.intercept + sum(
            self.weights[name] * (features[name] - self.means[name]) / self.scales[name]
            for name in self.weights
        )
        return 1.0 / (1.0 + math.exp(-max(-40.0, min(40.0, total))))

    def threshold(self, max_false_refusals: float) -> float:
        """The probability below which to refuse, so that at most this share of answerable ones is refused."""
        shares = [share for share, _ in self.thresholds]
        values = [value for _, value in self.thresholds]
        return float(np.interp(max_false_refusals, shares, values))


@cache
def load_model() -> AnswerabilityModel:
    """The model that ships with ragsvc."""
    stored = json.loads(MODEL_FILE.read_text("utf-8"))
    return AnswerabilityModel(
        stored["intercept"],
        stored["weights"],
        stored["means"],
        stored["scales"],
        [(share, value) for share, value in stored["thresholds"]],
    )


def features_of(looked: Looked, passages: Sequence[Hit], evidence: Sequence[Evidence]) -> dict[str, float]:
    """What is known about a question and what was found for it; every value is in [-1, 1].

    Coverage is the share of the question's terms, weighted by inverse frequency, that the best text
    holds: a question about something the corpus never mentions has a rare term that nothing covers.
    """
    snapshot, analyser, vector = looked.snapshot, looked.parts.analyser, looked.query.vector
    term_ids = looked.term_ids
    weight = {
        term: snapshot.lexical.weight(term_ids.get(term, -1)) for term in sorted(set(looked.query.terms))
    }
    total = sum(weight.values()) or 1.0

    def coverage(texts: Sequence[str]) -> float:
        held = [set(analyser.terms(text)) for text in texts]
        return max((sum(weight[t] for t in weight if t in terms) for terms in held), default=0.0) / total

    rows = np.flatnonzero(np.isin(snapshot.index.chunk_ids, [hit.passage.chunk for hit in passages]))
    cosines = snapshot.index.similarities(vector, rows) if vector is not None and rows.size else np.zeros(1)
    contexts = [_context(hit) for hit in passages]
    documents: dict[str, list[str]] = {}
    for hit, context in zip(passages, contexts, strict=True):
        documents.setdefault(hit.passage.document_id, []).append(context)
    return {
        "passage_cosine": float(cosines.max()),
        "sentence_cosine": max((item.cosine for item in evidence), default=0.0),
        "sentence_coverage": coverage([item.text for item in evidence[:8]]),
        "passage_coverage": coverage(contexts[:3]),
        "document_coverage": coverage(["\n".join(texts) for texts in documents.values()]),
        "unknown_share": sum(value for term, value in weight.items() if term not in term_ids) / total,
    }


def _context(hit: Hit) -> str:
    return "\n".join((hit.passage.title, *hit.passage.headings, hit.passage.text))
