"""Whether passages answer a question in their own language, whichever it is: by vectors and rare words.

Nothing here knows a language. The model is a logistic regression on half of the articles of XQuAD in
English, German and Chinese, in corpora of three to seventy passages, once with the passage that answers
among them and once without (training/languages/within.py); docs/languages.md says how well it does in others.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from ragsvc.domain import Hit
from ragsvc.models.bundled_models import MULTILINGUAL_EMBEDDER
from ragsvc.pipeline.grounding.answerability import stored_model
from ragsvc.pipeline.grounding.cross_language import above_others
from ragsvc.pipeline.grounding.scored_unit import ScoredUnit
from ragsvc.pipeline.retrieval.search import Retrieval

MODEL_FILE = Path(__file__).with_name("answerability_languages.json")


def is_for(looked: Retrieval) -> bool:
    """Whether a corpus has the embedder that the model was fitted to."""
    return looked.parts.profile.spec.embedder.name == MULTILINGUAL_EMBEDDER


def features_of(looked: Retrieval, passages: Sequence[Hit], scored: Sequence[ScoredUnit]) -> dict[str, float]:
    """What is known about a question and what was found for it.

    :param passages: at least one. scored: the units of these, at least one.
    """
    index, lexical, vector = looked.snapshot.index, looked.snapshot.lexical, looked.query.vector
    assert vector is not None
    rows = np.flatnonzero(np.isin(index.chunk_ids, [hit.passage.chunk for hit in passages]))
    cosines = np.asarray(index.similarities(vector, rows), dtype=np.float64)
    weights = {
        term: lexical.weight(looked.term_ids.get(term, -1)) for term in sorted(set(looked.query.terms))
    }
    analyser = looked.parts.analyser
    texts = ("\n".join((hit.passage.title, *hit.passage.headings, hit.passage.text)) for hit in passages)
    return {
        "above_others": above_others(cosines),
        "sentence_cosine": max(each.cosine for each in scored),
        "passage_terms": max(share_held(weights, analyser.terms(text)) for text in texts),
    }


def share_held(weights: Mapping[str, float], held: Collection[str]) -> float:
    """The share of the weight of a question's terms that a text holds: [0, 1]; 1 for a question without."""
    total, known = sum(weights.values()), set(held)
    # In the order of the question: another would end in other bits.
    return sum(weight for term, weight in weights.items() if term in known) / total if total else 1.0


def confidence(features: Mapping[str, float], max_false_refusals: float, threshold: float) -> float:
    """The probability that the passages answer, moved to where another model begins to answer: (0, 1).

    :param max_false_refusals: [0, 1], share of answerable questions that may be refused.
    :param threshold: (0, 1), of the other model; this one's own is moved there, so that corpora with
        different embedders can be compared.
    """
    model = stored_model(MODEL_FILE)
    own = model.threshold(max_false_refusals)
    odds = _log_odds(model.confidence(features)) - _log_odds(own) + _log_odds(threshold)
    return 1.0 / (1.0 + math.exp(-odds))


def _log_odds(probability: float) -> float:
    kept = min(max(probability, 1e-9), 1.0 - 1e-9)
    return math.log(kept / (1.0 - kept))
