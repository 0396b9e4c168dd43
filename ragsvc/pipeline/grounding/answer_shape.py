"""What shape of answer a question asks for, by a small linear model: see training/answer_shape."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ragsvc.domain import F32Matrix, F32Vector, F64Vector

MODEL_FILE = Path(__file__).with_name("answer_shape.json")
FITTED_TO = "bundled:all-MiniLM-L6-v2"
"""The embedder whose vectors the model reads."""
# Small talk is answered with a fixed reply, so it must be beyond doubt, and it is short.
SURE = 0.6
MOST_WORDS_OF_SMALL_TALK = 12
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?|[?!]")


class AnswerShape(StrEnum):
    """What a right answer looks like. THANKS, GREETING and CAPABILITY ask nothing of the documents."""

    FACT = "fact"
    DEFINITION = "definition"
    LIST = "list"
    STEPS = "steps"
    CODE = "code"
    YES_NO = "yes_no"
    COUNT = "count"
    COMPARISON = "comparison"
    SUMMARY = "summary"
    THANKS = "thanks"
    GREETING = "greeting"
    CAPABILITY = "capability"


SHORT_ANSWERS = frozenset({AnswerShape.FACT, AnswerShape.COUNT, AnswerShape.YES_NO, AnswerShape.DEFINITION})
"""What a sentence or two answers."""
SMALL_TALK = frozenset({AnswerShape.THANKS, AnswerShape.GREETING, AnswerShape.CAPABILITY})


@dataclass(frozen=True, slots=True)
class _Weights:
    """Of a linear model: bias and each cue (shapes,), a question's vector (shapes, dim) or None."""

    bias: F64Vector
    cues: Mapping[str, F64Vector]
    vector: F32Matrix | None

    def scores(self, question: str, vector: F32Vector | None) -> F64Vector:
        scores = self.bias.copy()
        for cue in cues_of(question):
            if cue in self.cues:
                scores += self.cues[cue]
        if self.vector is not None and vector is not None:
            scores += self.vector @ vector
        return scores


@dataclass(frozen=True, slots=True)
class ShapeModel:
    """By words alone, and by words and the question's vector."""

    shapes: tuple[AnswerShape, ...]
    by_words: _Weights
    by_vector: _Weights

    def probabilities(self, question: str, vector: F32Vector | None = None) -> dict[AnswerShape, float]:
        """Of every shape; they add up to 1.

        :param vector: (384,) float32, the embedded question, by the embedder in `FITTED_TO`; None: by words.
        """
        weights = self.by_words if vector is None else self.by_vector
        scores = weights.scores(question, vector)
        odds = np.exp(scores - scores.max())
        return dict(zip(self.shapes, (odds / odds.sum()).tolist(), strict=True))

    def knows(self, question: str) -> bool:
        """Whether it has seen a word of the question; of most other languages it has seen none."""
        return any(cue in self.by_words.cues for cue in cues_of(question) if cue[-1].isalpha())

    def shape_of(self, question: str, vector: F32Vector | None = None) -> AnswerShape:
        """The likeliest shape; small talk only where it is beyond doubt and short.

        A question of which the model knows no word, as one in another language, asks for a fact.
        """
        if not self.knows(question):
            return AnswerShape.FACT
        known = self.probabilities(question, vector)
        best = max(known, key=lambda shape: known[shape])
        if best is AnswerShape.SUMMARY and known[best] < SURE:
            return max(known.keys() - {best} - SMALL_TALK, key=lambda shape: known[shape])
        if best not in SMALL_TALK:
            return best
        talk = sum(known[shape] for shape in SMALL_TALK)
        if talk >= SURE and len(_words(question)) <= MOST_WORDS_OF_SMALL_TALK:
            return best
        return max(known.keys() - SMALL_TALK, key=lambda shape: known[shape])


def cues_of(question: str) -> list[str]:
    """What the model weighs: words, pairs of neighbours, the first two words, and how long it is."""
    words = _words(question)
    pairs = [f"{a} {b}" for a, b in itertools.pairwise(words)]
    length = f"#{min(len(words), 4)}"
    return list(dict.fromkeys([*words, *pairs, *(f"^{word}" for word in words[:1]), length]))


def _words(question: str) -> Sequence[str]:
    return _WORD.findall(question.casefold().replace("’", "'"))


@cache
def shape_model() -> ShapeModel:
    """The model that the package ships."""
    stored = json.loads(MODEL_FILE.read_text("utf-8"))
    return ShapeModel(
        tuple(AnswerShape(name) for name in stored["shapes"]),
        _weights(stored["by_words"]),
        _weights(stored["by_vector"]),
    )


def _weights(stored: Mapping[str, Any]) -> _Weights:
    vector = stored["vector"]
    return _Weights(
        np.array(stored["bias"]),
        {cue: np.array(weights) for cue, weights in stored["cues"].items()},
        None if vector is None else np.array(vector, dtype=np.float32),
    )
