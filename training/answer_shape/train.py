"""Fit the model of answer shapes, and write it where the service reads it.

    python -m training.answer_shape.train [--write]

A logistic regression on words and pairs of neighbouring words, among them only those that several templates
hold, on how long the question is, and on its vector. Cross-validated by template: none is in both parts.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import classification_report
from sklearn.model_selection import GroupKFold

from ragsvc.models.embedder import SentenceTransformerEmbedder
from ragsvc.pipeline.grounding.answer_shape import FITTED_TO, MODEL_FILE, cues_of

HERE = Path(__file__).parent
PER_TEMPLATE = 5
# Cues that fewer templates hold are the subject's, or by chance.
LEAST_TEMPLATES = 2
STRENGTH = 5.0
# How much a unit vector weighs beside a word.
VECTOR_SCALE = 6.0


def questions() -> list[tuple[str, str, int]]:
    """Shape, question and number of its template."""
    rng = random.Random(7)
    lines = (HERE / "questions.txt").read_text("utf-8").splitlines()
    subjects = [line for line in (HERE / "subjects.txt").read_text("utf-8").splitlines() if line]
    found = []
    for number, line in enumerate(each for each in lines if each and not each.startswith("#")):
        shape, template = line.split("\t")
        for _ in range(PER_TEMPLATE if "{" in template else 1):
            x, y = rng.sample(subjects, 2)
            text = template.format(x=x, y=y)
            found.append((shape, text if rng.random() < 0.7 else text.rstrip("?.!"), number))
    return found


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    rows = questions()
    templates: dict[str, set[int]] = {}
    for _, text, number in rows:
        for cue in cues_of(text):
            templates.setdefault(cue, set()).add(number)
    cues = sorted(cue for cue, of in templates.items() if len(of) >= LEAST_TEMPLATES)
    place = {cue: at for at, cue in enumerate(cues)}
    words = np.zeros((len(rows), len(cues)))
    for row, (_, text, _) in enumerate(rows):
        for cue in cues_of(text):
            if cue in place:
                words[row, place[cue]] = 1.0
    embedder = SentenceTransformerEmbedder(FITTED_TO, threads=1)
    vectors = embedder.embed_queries([text for _, text, _ in rows]).astype(np.float64)
    labels = np.array([shape for shape, _, _ in rows])
    groups = np.array([number for _, _, number in rows])
    weights = 1.0 / np.bincount(groups)[groups]
    stored: dict[str, object] = {}
    for name, matrix in (("by_words", words), ("by_vector", np.hstack([words, VECTOR_SCALE * vectors]))):
        guessed = np.empty_like(labels)
        for train, test in GroupKFold(6, shuffle=True, random_state=7).split(matrix, labels, groups):
            guessed[test] = fitted(matrix[train], labels[train], weights[train]).predict(matrix[test])
        print(name)
        print(classification_report(labels, guessed, sample_weight=weights, zero_division=0))
        model = fitted(matrix, labels, weights)
        vector = VECTOR_SCALE * model.coef_[:, len(cues) :]
        stored["shapes"] = model.classes_.tolist()
        stored[name] = {
            "bias": np.round(model.intercept_, 4).tolist(),
            "cues": {cue: np.round(model.coef_[:, at], 3).tolist() for cue, at in place.items()},
            "vector": np.round(vector, 3).tolist() if name == "by_vector" else None,
        }
    if given.write:
        MODEL_FILE.write_text(json.dumps(stored, ensure_ascii=False) + "\n", "utf-8")


def fitted(matrix: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> LogisticRegression:
    """Of templates that weigh alike."""
    return LogisticRegression(C=1.0, max_iter=300).fit(matrix, labels, sample_weight=STRENGTH * weights)


if __name__ == "__main__":
    main()
