"""Whether the passages answer the question: a fitted probability with a stated operating point.

What a question asks for, and whether a text has something of that kind, is told by English words.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ragsvc.domain import Evidence, F64Vector, Hit, Passage
from ragsvc.pipeline.retrieval.search import Retrieval
from ragsvc.pipeline.word_coverage import (
    TextVectors,
    content_words,
    names_in,
    nearest_words,
    soft_coverage,
    weighted_mean,
    word_weights,
)
from ragsvc.protocols import Analyser

MODEL_FILE = Path(__file__).with_name("answerability.json")
READER_MODEL_FILE = Path(__file__).with_name("answerability_reader.json")
# One sentence, with the headings over it, should cover all of a question: how many are tried.
JOINT_SENTENCES = 10
WEIGHED_SENTENCES = 5
# Mean similarity of words from which on a sentence is worded as the question is.
NEAR_COPY = 0.8
# Each word left out of a question is one more text to embed.
LEFT_OUT_WORDS = 12
_ASKING = re.compile(
    r"\b(how (?:many|much|long|old|far|often|large|big|tall)|when|where|who|whom|whose|why|which|what|how)\b",
    re.I,
)
_TIME_ASKED = re.compile(r"\b(?:what|which) (?:year|date|day|month|century|decade|time)", re.I)
_PLACE_ASKED = re.compile(r"\b(?:what|which) (?:country|city|place|state|region|continent|river)", re.I)
_CALENDAR = (
    "january|february|march|april|may|june|july|august|september|october|november|december|century|centuries|"
    "spring|summer|autumn|winter|monday|tuesday|wednesday|thursday|friday|saturday|sunday|bc|ad|years?|days?|"
    "months?|weeks?|decades?"
)
_TIME = re.compile(rf"\b(?:1[0-9]\d\d|20\d\d|[1-9]\d\d)s?\b|\b(?:{_CALENDAR})\b", re.I)
_NUMBER = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|hundred|"
    r"thousand|million|billion|dozen|half|third|quarter|percent|single|double|both|several|many|few)\b",
    re.I,
)
# A word with a capital after another word, an abbreviation, or a capital inside a word.
_NAME = re.compile(r"(?<=\S\s)[A-Z][\w\-]+|\b[A-Z]{2,}\b|(?<![a-z])[a-z]+[A-Z]\w+")
_NEGATION = re.compile(r"\b(?:not|no|never|none|nor|neither|cannot)\b|n['’]t\b", re.I)
_WORD = re.compile(r"\w+")


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


def load_model(*, with_reader: bool = False) -> AnswerabilityModel:
    """The model that ships with ragsvc: of what is known without a reader, or with the bundled one."""
    return stored_model(READER_MODEL_FILE if with_reader else MODEL_FILE)


@cache
def stored_model(file: Path) -> AnswerabilityModel:
    """A model as it was fitted and written."""
    stored = json.loads(file.read_text("utf-8"))
    return AnswerabilityModel(
        stored["intercept"],
        stored["weights"],
        stored["means"],
        stored["scales"],
        [(share, value) for share, value in stored["thresholds"]],
    )


def features_of(looked: Retrieval, passages: Sequence[Hit], evidence: Sequence[Evidence]) -> dict[str, float]:
    """What is known about a question and what was found for it.

    Cosines say whether the passages are about the subject. The coverages say whether they speak of
    what is asked about it: by words near to the question's, and by the very names that it holds.

    :param passages: at least one. evidence: at least one, best first.
    """
    snapshot, analyser, vector = looked.snapshot, looked.parts.analyser, looked.query.vector
    assert vector is not None
    vectors, text = looked.parts.text_vectors, looked.query.text

    @cache
    def weight_of(term: str) -> float:
        return snapshot.lexical.weight(looked.term_ids.get(term, -1))

    def is_unknown(term: str) -> bool:
        """Another corpus of the catalog may know it."""
        return not snapshot.lexical.frequency(looked.term_ids.get(term, -1))

    terms = sorted(set(looked.query.terms))
    total = sum(map(weight_of, terms)) or 1.0
    rows = np.flatnonzero(np.isin(snapshot.index.chunk_ids, [hit.passage.chunk for hit in passages]))
    words = content_words([text], analyser)
    weights = word_weights(words, analyser, weight_of)
    variants = _without_a_word(text, words, weights)
    near = [(item.said, *_over(_passage_of(item, passages))) for item in evidence[:JOINT_SENTENCES]]
    said = content_words([passages[0].passage.text, *(part for parts in near for part in parts)], analyser)
    vectors.hold([*words, *said, *variants] if words else variants)
    of_passage, _ = soft_coverage(words, weights, [passages[0].passage.text], vectors, analyser)
    of_evidence, _ = soft_coverage(words, weights, [item.said for item in evidence[:3]], vectors, analyser)
    joint = [_near_words(words, parts, vectors, analyser) for parts in near]
    return {
        "passage_cosine": float(snapshot.index.similarities(vector, rows).max()),
        "passage_margin": passages[0].score - passages[-1].score,
        "sentence_cosine": max(item.cosine for item in evidence),
        "unknown_terms": sum(weight_of(term) for term in terms if is_unknown(term)) / total,
        "passage_words": of_passage,
        "evidence_words": of_evidence,
        "sentence_least_word": max(float(near.min()) for near in joint),
        "sentence_least_word_cosine": max(
            float(near.min()) * item.cosine for near, item in zip(joint, evidence, strict=False)
        ),
        "missing_name": _missing_name(text, passages[0].passage, analyser, weight_of),
        "missing_kind": float(lacks_kind(text, evidence[0].text)),
        "uncovered_word": min(_uncovered(near, weights) for near in joint[:WEIGHED_SENTENCES]),
        "rests_on_word": _rests_on(variants, evidence[0], vectors),
        "unsaid_not": _unsaid_not(text, passages[0].passage, joint[0], weights),
    }


def _near_words(
    words: Sequence[str], texts: Sequence[str], vectors: TextVectors, analyser: Analyser
) -> F64Vector:
    """As `nearest_words`; a question without content words is covered, as by one word of weight 0."""
    return nearest_words(words, texts, vectors, analyser) if words else np.ones(1)


def _uncovered(near: F64Vector, weights: F64Vector) -> float:
    """The rarest word that a sentence is far from: distance times weight."""
    return float(((1.0 - near) * weights).max()) if len(weights) else 0.0


def _unsaid_not(question: str, passage: Passage, near: F64Vector, weights: F64Vector) -> float:
    """How near a question with a "not" comes to the wording of a passage without one: [0, 1].

    A far wording may well answer what is asked with a "not" ("How do I run it without a key?"); the
    same wording, all but for the "not", says the contrary.
    """
    if not negates(question) or negates(passage.text):
        return 0.0
    covered = weighted_mean(near, weights) if len(weights) else 1.0
    return min(1.0, max(0.0, (covered - NEAR_COPY) / (1.0 - NEAR_COPY)))


def _without_a_word(question: str, words: Sequence[str], weights: F64Vector) -> list[str]:
    """The question, and what it is without each of its rarest words; nothing when that says too little."""
    rarest = [words[place] for place in np.argsort(-weights, kind="stable")[:LEFT_OUT_WORDS]]
    without = [re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", "", question, flags=re.I) for word in rarest]
    variants = [" ".join(text.split()) for text in without if text != question]
    return [" ".join(question.split()), *variants] if len(variants) > 1 and all(variants) else []


def _rests_on(variants: Sequence[str], best: Evidence, vectors: TextVectors) -> float:
    """What the cosine of question and best sentence loses at most by leaving out a word: at most 0.

    Where it rests on one word, the sentence shares a subject with the question and little else.

    :param variants: as of `_without_a_word`.
    """
    if not variants:
        return 0.0
    sentence = best.compared or best.said
    matrix = vectors.of([sentence, *variants])
    cosines = matrix[1:] @ matrix[0]
    return min(0.0, float(cosines[1:].min() - cosines[0]))


def _missing_name(
    question: str, passage: Passage, analyser: Analyser, weight_of: Callable[[str], float]
) -> float:
    """Weight of the rarest name of the question that the passage does not hold; 0 when it holds all.

    Vectors blur names: of two products of one kind they say that they are near.
    """
    held = set(analyser.terms("\n".join((*_over(passage), passage.text))))
    missing = [terms for name in names_in(question) if not held.issuperset(terms := analyser.terms(name))]
    return max((weight_of(term) for terms in missing for term in terms), default=0.0)


def _passage_of(item: Evidence, passages: Sequence[Hit]) -> Passage:
    return next(hit.passage for hit in passages if hit.rank == item.number)


def _over(passage: Passage) -> tuple[str, ...]:
    return (passage.title, *passage.headings)


def lacks_kind(question: str, text: str) -> bool:
    """Whether a question asks for a number, a time, a person or a place, and a text has none.

    What the question says itself does not count: "When did the 1901 Act end?" asks for another year.
    """
    kind = _kind(question)
    if kind is None:
        return False
    said = set(_WORD.findall(question.lower()))
    return all(found.group().lower() in said for found in kind.finditer(text))


def _kind(question: str) -> re.Pattern[str] | None:
    """What the right answer holds; None when it may be anything."""
    found = _ASKING.search(question)
    asking = found.group(1).lower() if found else ""
    if asking.startswith("how "):
        return _NUMBER
    if asking == "when" or _TIME_ASKED.search(question):
        return _TIME
    if asking in ("who", "whom", "whose", "where") or _PLACE_ASKED.search(question):
        return _NAME
    return None


def negates(text: str) -> bool:
    """Whether a text says "not" in one of its forms."""
    return _NEGATION.search(text) is not None
