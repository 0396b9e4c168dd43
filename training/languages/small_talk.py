"""Fit which short texts in any language are small talk: pipeline/grounding/small_talk.py.

    RAGSVC_TEST_DATA=folder python -m training.languages.small_talk [--write]

Greetings, thanks and questions what the service can do, short real questions (small_talk.tsv), and questions
of XQuAD in English and Chinese, by their vectors. Printed is how many are taken for what they are by a model
that has seen nothing of their script, Latin ones in three parts.
"""

from __future__ import annotations

import argparse
import unicodedata
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from sklearn.linear_model import LogisticRegression

from benchmarks.sets import data_folder, table
from ragsvc.domain import F32Matrix
from ragsvc.evaluation.beir import load
from ragsvc.models.embedder import SentenceTransformerEmbedder
from ragsvc.pipeline.grounding.answer_shape import AnswerShape
from ragsvc.pipeline.grounding.small_talk import MODEL_FILE, SHAPES, SmallTalkModel

EMBEDDER = "bundled:multilingual-e5-small"
PHRASES = Path(__file__).with_name("small_talk.tsv")
LANGUAGES = ("en", "zh")
QUESTIONS = 92
STRENGTH = 30.0
PARTS = 3


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    lines = [line.split("\t") for line in PHRASES.read_text("utf-8").splitlines() if not line.startswith("#")]
    phrases = [(AnswerShape(shape), text) for shape, text in lines]
    questions = [
        query.text
        for code in LANGUAGES
        for query in load(data_folder() / "xquad" / f"beir-{code}").queries[: 2 * QUESTIONS : 2]
    ]
    embedder = SentenceTransformerEmbedder(EMBEDDER)
    vectors = embedder.embed_queries([*(text for _, text in phrases), *questions])
    model = report(phrases, vectors)
    if given.write:
        save_file({"weights": model.weights, "bias": model.bias}, MODEL_FILE)


def report(phrases: list[tuple[AnswerShape, str]], vectors: F32Matrix) -> SmallTalkModel:
    """The model of all; prints how those do that have not seen a script.

    :param vectors: of the phrases, then of questions.
    """
    shapes = [shape for shape, _ in phrases] + [AnswerShape.FACT] * (len(vectors) - len(phrases))
    groups = [_group(text, place) for place, (_, text) in enumerate(phrases)]
    rows = {shape: [0, 0] for shape in SHAPES}
    for group in sorted(set(groups)):
        left = np.array([each != group for each in groups] + [True] * (len(vectors) - len(phrases)))
        model = fitted(shapes, vectors, left)
        for place in np.flatnonzero(~left):
            row = rows[shapes[place]]
            row[0] += 1
            row[1] += model.shape_of(vectors[place]) is shapes[place]
    print(table(["", "phrases", "told"], [[shape.value, *map(str, row)] for shape, row in rows.items()]))
    return fitted(shapes, vectors, np.ones(len(vectors), dtype=bool))


def fitted(shapes: list[AnswerShape], vectors: F32Matrix, seen: np.ndarray) -> SmallTalkModel:
    """A model of some of the phrases."""
    labels = np.array([SHAPES.index(shape) for shape in shapes])
    found = LogisticRegression(C=STRENGTH, max_iter=3000).fit(vectors[seen], labels[seen])
    # What is saved is the memory as it lies.
    weights = np.ascontiguousarray(found.coef_, dtype=np.float32)
    return SmallTalkModel(weights, found.intercept_.astype(np.float32))


def _group(text: str, place: int) -> str:
    if any("\u3040" <= sign <= "\u30ff" for sign in text):
        return "JAPANESE"
    script = unicodedata.name(next(filter(str.isalpha, text))).split()[0]
    return f"{script} {place % PARTS}" if script == "LATIN" else script


if __name__ == "__main__":
    main()
