"""Whether the passages answer the question: a fitted probability with a stated operating point."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ragsvc.domain import Evidence, Hit
from ragsvc.pipeline.retrieve import Looked
from ragsvc.pipeline.wording import content_words, soft_coverage, word_weights
from ragsvc.protocols import Analyser

MODEL_FILE = Path(__file__).with_name("answerability.json")
MARGIN_SENTENCES = 8


@dataclass(frozen=True, slots=True)
class AnswerabilityModel:
    """Logistic regression over the features of `features_of`; docs/answerability.md has its report.

    thresholds: (share of answerable questions refused on held-out folds of the fitting data,
        probability below which to refuse), ascending.
    """

    intercept: float
    weights: Mapping[str, float]
    means: Mapping[str, float]
    scales: Mapping[str, float]
    thresholds: Sequence[tuple[float, float]]

    def confidence(self, features: Mapping[str, float]) -> float:
        """Fitted probability in [0, 1] that the passages hold the answer."""
        total = self.intercept + sum(
            weight * (features[name] - self.means[name]) / self.scales[name]
            for name, weight in self.weights.items()
        )
        return 1.0 / (1.0 + math.exp(-max(-40.0, min(40.0, total))))

    def threshold(self, max_false_refusals: float) -> float:
        """The probability below which to refuse.

        :param max_false_refusals: [0, 1], share of answerable questions that may be refused.
        """
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
    """What is known about a question and what was found for it.

    Cosines say whether the passages are about the subject. The coverages say whether they speak of
    what is asked about it: by the question's terms, and by words near to them.

    :param passages: at least one. evidence: at least one, best first.
    """
    snapshot, analyser, vector = looked.snapshot, looked.parts.analyser, looked.query.vector
    assert vector is not None
    memory: dict[str, float] = {}

    def weight_of(term: str) -> float:
        if term not in memory:
            memory[term] = snapshot.lexical.weight(looked.term_ids.get(term, -1))
        return memory[term]

    terms = sorted(set(looked.query.terms))
    total = sum(map(weight_of, terms)) or 1.0
    rows = np.flatnonzero(np.isin(snapshot.index.chunk_ids, [hit.passage.chunk for hit in passages]))
    cosines = sorted((item.cosine for item in evidence), reverse=True)
    words = content_words([looked.query.text], analyser)
    weights = word_weights(words, analyser, weight_of)
    vectors = looked.parts.text_vectors
    of_passage = soft_coverage(words, weights, [passages[0].passage.text], vectors, analyser)
    of_evidence = soft_coverage(words, weights, [item.text for item in evidence[:3]], vectors, analyser)
    covered = max(_held(terms, _context(hit), analyser, weight_of) for hit in passages[:3])
    return {
        "passage_cosine": float(snapshot.index.similarities(vector, rows).max()),
        "passage_score": passages[0].score,
        "passage_margin": passages[0].score - passages[-1].score,
        "sentence_cosine": cosines[0],
        "sentence_cosine_top3": float(np.mean(cosines[:3])),
        "sentence_margin": cosines[0] - float(np.mean(cosines[:MARGIN_SENTENCES])),
        "term_coverage": covered / total,
        "unknown_terms": sum(weight_of(term) for term in terms if term not in looked.term_ids) / total,
        "passage_words": of_passage[0],
        "passage_least_word": of_passage[1],
        "evidence_words": of_evidence[0],
        "evidence_least_word": of_evidence[1],
    }


def _held(terms: Sequence[str], text: str, analyser: Analyser, weight_of: Callable[[str], float]) -> float:
    held = set(analyser.terms(text))
    return sum(weight_of(term) for term in terms if term in held)


def _context(hit: Hit) -> str:
    return "\n".join((hit.passage.title, *hit.passage.headings, hit.passage.text))
