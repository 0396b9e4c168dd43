"""Fit when a passage in a question's own language answers it: pipeline/grounding/same_language.py.

    RAGSVC_TEST_DATA=folder python -m training.languages.within [--write]

XQuAD in the BEIR layout (xquad/beir-en, -de, -zh), the first passages of it. Every question is asked of
corpora of several sizes, of passages in a row and of ones spread over all, once with the passage that
answers among them and once without. Fitted on every other article, and measured on the rest: the area under
the ROC curve, and what is refused at some operating points.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from benchmarks.sets import data_folder, figure, table
from ragsvc.domain import F32Matrix, F64Vector
from ragsvc.evaluation.beir import load
from ragsvc.evaluation.json_lines import read_object
from ragsvc.index.lexical import inverse_frequency
from ragsvc.models.embedder import SentenceTransformerEmbedder
from ragsvc.pipeline.grounding.cross_language import above_others
from ragsvc.pipeline.grounding.same_language import MODEL_FILE, share_held
from ragsvc.text.multilingual_analyser import MultilingualAnalyser
from ragsvc.text.sentences import sentences

EMBEDDER = "bundled:multilingual-e5-small"
LANGUAGES = ("en", "de", "zh")
PASSAGES = 70
ARTICLE = 5
SIZES = (3, 10, 30, PASSAGES)
ASKED = 4
"""Every fourth question."""
READ = 6
"""Passages that an answer is made of."""
SHARES = (0.0, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)
NAMES = ("above_others", "sentence_cosine", "passage_terms")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Questions, passages and sentences of a language: terms, vectors (n, dim), and whose passage each is."""

    questions: list[list[str]]
    gold: list[int]
    asked: F32Matrix
    passages: F32Matrix
    terms: list[list[str]]
    sentences: F32Matrix
    owners: np.ndarray


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    embedder = SentenceTransformerEmbedder(EMBEDDER)
    read = [reading(embedder, data_folder() / "xquad" / f"beir-{code}") for code in LANGUAGES]
    rows = [row for each in read for row in looks(each)]
    model = fitted(rows)
    if given.write:
        MODEL_FILE.write_text(json.dumps(model, indent=1) + "\n", "utf-8")


def reading(embedder: SentenceTransformerEmbedder, folder: Path) -> Reading:
    """Embed and analyse the first passages and their questions."""
    collection, analyser = load(folder), MultilingualAnalyser()
    lines = [read_object(line) for line in collection.corpus.read_bytes().splitlines()[:PASSAGES]]
    keys = {str(line["_id"]): place for place, line in enumerate(lines)}
    gold = {query.text: next(iter(collection.judgements[query.id])) for query in collection.queries}
    asked = [text for text, key in gold.items() if key in keys][::ASKED]
    texts = [str(line["text"]) for line in lines]
    spans = [
        (place, text[span.start : span.end]) for place, text in enumerate(texts) for span in sentences(text)
    ]
    titles = [str(line["title"]) for line in lines]
    return Reading(
        questions=[analyser.terms(text) for text in asked],
        gold=[keys[gold[text]] for text in asked],
        asked=embedder.embed_queries(asked),
        passages=embedder.embed_documents(texts),
        terms=[analyser.terms(f"{title}\n{text}") for title, text in zip(titles, texts, strict=True)],
        sentences=embedder.embed_documents([f"{titles[place]}: {said}" for place, said in spans]),
        owners=np.array([place for place, _ in spans]),
    )


def looks(read: Reading) -> Iterator[tuple[list[float], bool, int]]:
    """Features, whether the passage that answers is there, and the number of its article."""
    count = len(read.passages)
    for number, gold in enumerate(read.gold):
        for size in SIZES:
            begin = min(gold // size * size, count - size)
            spread = [(gold + step * (count // size)) % count for step in range(size)]
            for chosen in (range(begin, begin + size), spread):
                for has_it in (True, False):
                    held = [place for place in dict.fromkeys(chosen) if has_it or place != gold]
                    yield _features(read, number, held), has_it, gold // ARTICLE


def _features(read: Reading, number: int, held: Sequence[int]) -> list[float]:
    question, terms = read.asked[number], sorted(set(read.questions[number]))
    cosines = np.asarray(read.passages[held] @ question, dtype=np.float64)
    frequency = {term: sum(term in read.terms[place] for place in held) for term in terms}
    weights = {term: inverse_frequency(len(held), frequency[term]) for term in terms}
    # Passages are found by words, too: those with the most of them are among those that are read.
    best = [held[place] for place in np.argsort(-cosines)[:READ]]
    shares = [share_held(weights, read.terms[place]) for place in held]
    said = read.sentences[np.isin(read.owners, best)]
    return [above_others(np.sort(cosines)[::-1][:READ]), float((said @ question).max()), max(shares)]


def fitted(rows: Sequence[tuple[list[float], bool, int]]) -> dict[str, object]:
    """The model of every other article; prints how it does on the rest."""
    features, answerable = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    own = np.array([row[2] for row in rows]) % 2 == 0
    scaler = StandardScaler().fit(features[own])
    model = LogisticRegression(C=1.0).fit(scaler.transform(features[own]), answerable[own])
    chances: F64Vector = model.predict_proba(scaler.transform(features))[:, 1]
    fit, rest = chances[own & answerable], chances[~own]
    thresholds = [(share, round(float(np.quantile(fit, share)), 4)) for share in SHARES]
    print(f"area under the ROC curve {roc_auc_score(answerable[~own], rest):.3f} of {len(rest)}")
    body = [
        [
            figure(share),
            *(figure(float((rest[side] < value).mean())) for side in (answerable[~own], ~answerable[~own])),
        ]
        for share, value in thresholds
    ]
    print(table(["answerable refused, fitted", "on the rest", "others refused"], body))
    named = {
        "weights": model.coef_[0],
        "means": scaler.mean_,
        "scales": scaler.scale_,
    }
    stored = {
        key: dict(zip(NAMES, np.round(values, 6).tolist(), strict=True)) for key, values in named.items()
    }
    return {"intercept": round(float(model.intercept_[0]), 6), **stored, "thresholds": thresholds}


if __name__ == "__main__":
    main()
