"""Whether a short text in another language than English is small talk, by its vector.

The model is a small linear one over the vectors of the bundled multilingual embedder, which mean much the
same in every language; training/languages/small_talk.py fits it and tells how well it does on languages that
it has not seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from ragsvc.domain import F32Matrix, F32Vector
from ragsvc.pipeline.grounding.answer_shape import SURE, AnswerShape
from ragsvc.pipeline.retrieval.search import Retrieval

MODEL_FILE = Path(__file__).with_name("small_talk.safetensors")
SHAPES = (AnswerShape.FACT, AnswerShape.THANKS, AnswerShape.GREETING, AnswerShape.CAPABILITY)
MOST_CHARS = 40
"""Small talk is short."""


@dataclass(frozen=True, slots=True, eq=False)
class SmallTalkModel:
    """Weights of `SHAPES`, (4, dim) and (4,) float32."""

    weights: F32Matrix
    bias: F32Vector

    def shape_of(self, vector: F32Vector) -> AnswerShape:
        """Small talk only where that is beyond doubt, else FACT.

        :param vector: (dim,) float32, the embedded text.
        """
        scores = self.weights @ vector + self.bias
        odds = np.exp(scores - scores.max())
        fact, *talk = (odds / odds.sum()).tolist()
        return SHAPES[1 + int(np.argmax(talk))] if 1.0 - fact >= SURE else AnswerShape.FACT


@cache
def small_talk_model() -> SmallTalkModel:
    """The model that the package ships."""
    stored = load_file(MODEL_FILE)
    return SmallTalkModel(stored["weights"], stored["bias"])


def small_talk_or_fact(looked: Retrieval) -> AnswerShape:
    """The shape of a question in another language than English: what else than a fact, is not known."""
    query = looked.query
    if query.vector is None or len(query.question) > MOST_CHARS:
        return AnswerShape.FACT
    if query.question == query.text:
        return small_talk_model().shape_of(query.vector)
    # What it took over from the conversation says nothing of what it is itself.
    return small_talk_model().shape_of(looked.parts.embedder.embed_queries([query.question])[0])
