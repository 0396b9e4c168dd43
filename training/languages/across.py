"""Fit when a passage in another language than the question answers it: pipeline/grounding/cross_language.py.

    RAGSVC_TEST_DATA=folder python -m training.languages.across

XQuAD in the BEIR layout (xquad/beir-en, -de, -zh): every question against the paragraphs of every other
language, once with the paragraph that answers among them and once without. Fitted on every other
paragraph, and measured on the rest: the area under the ROC curve, and what is answered at some operating
points.
"""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from benchmarks.sets import data_folder, table
from ragsvc.evaluation.beir import load
from ragsvc.evaluation.json_lines import read_object
from ragsvc.models.embedder import SentenceTransformerEmbedder

EMBEDDER = "bundled:multilingual-e5-small"
LANGUAGES = ("en", "de", "zh")
OTHERS = 5
POINTS = (0.4, 0.5, 0.6, 0.7)


def main() -> None:
    """Run from the command line."""
    embedder = SentenceTransformerEmbedder(EMBEDDER)
    sets = {code: _embedded(embedder, data_folder() / "xquad" / f"beir-{code}") for code in LANGUAGES}
    rows, answered, right, halves = [], [], [], []
    for asked, read in permutations(LANGUAGES, 2):
        questions, gold, _, _ = sets[asked]
        _, _, passages, keys = sets[read]
        cosines = questions @ passages.T
        for number, key in enumerate(gold):
            place = keys.index(key)
            for has_it in (True, False):
                seen = cosines[number].copy()
                if not has_it:
                    seen[place] = -1.0
                rows.append(_features(seen))
                answered.append(has_it)
                right.append(int(seen.argmax()) == place)
                halves.append(place % 2)
    features, labels = np.array(rows), np.array(answered)
    found, fitted = np.array(right), np.array(halves) == 0
    model = LogisticRegression(C=100).fit(features[fitted], labels[fitted])
    print("weights", model.coef_[0].round(2).tolist(), "intercept", model.intercept_.round(2).tolist())
    labels, found = labels[~fitted], found[~fitted]
    chances = model.predict_proba(features[~fitted])[:, 1]
    print(f"area under the ROC curve {roc_auc_score(labels, chances):.3f}")
    body = []
    for point in POINTS:
        told = chances >= point
        shares = (told[labels].mean(), found[labels & told].mean(), told[~labels].mean())
        body.append([str(point), *(f"{share:.3f}" for share in shares)])
    print(table(["at", "answerable answered", "of these right passage", "others answered"], body))


def _embedded(
    embedder: SentenceTransformerEmbedder, folder: Path
) -> tuple[np.ndarray, list[str], np.ndarray, list[str]]:
    """Vectors of the questions, the key of the paragraph of each, vectors of the paragraphs, their keys."""
    collection = load(folder)
    lines = [read_object(line) for line in collection.corpus.read_bytes().splitlines()]
    passages = embedder.embed_documents([str(line["text"]) for line in lines])
    questions = embedder.embed_queries([query.text for query in collection.queries])
    gold = [next(iter(collection.judgements[query.id])) for query in collection.queries]
    return questions, gold, passages, [str(line["_id"]) for line in lines]


def _features(cosines: np.ndarray) -> list[float]:
    best, *following = np.sort(cosines)[::-1][: OTHERS + 1].tolist()
    return [best, best - following[0], best - float(np.mean(following))]


if __name__ == "__main__":
    main()
