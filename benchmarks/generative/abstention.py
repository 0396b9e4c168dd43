"""Does the answerability model gain by an autoencoder's reconstruction error as a feature? A paired test.

    RAGSVC_TEST_DATA=folder python -m benchmarks.generative.abstention --home HOME [--seen FILE.jsonl ...]

Questions and features are those of `benchmarks.answerability`; --seen takes them of files that hold a
question and its features a line, as that benchmark keeps them in its home. An autoencoder is trained on the
chunks of each corpus; the feature is the logarithm of a question's error over the median error of the
corpus's chunks, and the same of the Mahalanobis distance. Fits, weights and folds are those of the shipped
model; a question is judged by fits that saw neither it nor its article.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import faiss
import numpy as np
import torch

from benchmarks.answerability import (
    OPERATING_POINT,
    REFUSABLE,
    Labels,
    Table,
    fitted,
    held_out,
)
from benchmarks.asked import Asked, Seen, collect
from benchmarks.generative.out_of_corpus import Oddity, gain
from benchmarks.sets import data_folder, figure, table
from ragsvc.domain import Caller, F32Matrix, F64Matrix, F64Vector
from ragsvc.evaluation.calibration import auroc, refusal_recall
from ragsvc.models.embedder import SentenceTransformerEmbedder
from ragsvc.service.service import Service
from ragsvc.settings import Settings

WAYS = {"as shipped": [], "+ reconstruction": [0], "+ Mahalanobis": [1], "+ both": [0, 1]}


def read(files: Sequence[Path]) -> list[Seen]:
    """Questions with their features."""
    lines = [line for file in files for line in file.read_text("utf-8").split("\n") if line]
    return [Seen(Asked(**asked), features) for asked, features in map(json.loads, lines)]


def chunks(service: Service, corpus: str) -> F32Matrix:
    """Vectors of the live chunks of a corpus."""
    snapshot = service.queries.snapshot(Caller(), corpus, None)
    return snapshot.index.vectors_of(np.flatnonzero(snapshot.alive))


def oddities(service: Service, seen: Sequence[Seen], steps: int) -> F64Matrix:
    """(n, 2): logarithms of error and Mahalanobis distance over the corpus's median."""
    vectors = SentenceTransformerEmbedder(threads=1).embed_queries([each.asked.text for each in seen])
    names = np.array([each.asked.corpus for each in seen])
    found = np.zeros((len(seen), 2))
    for name in np.unique(names):
        own = chunks(service, str(name))
        oddity = Oddity.of(own, steps)
        usual = np.median(oddity.scores(own)[:, :2], axis=0)
        found[names == name] = np.log(oddity.scores(vectors[names == name])[:, :2] / usual)
    return found


def row(name: str, probability: F64Vector, shipped: F64Vector, groups: Labels) -> list[str]:
    """Of one set of features on some questions."""
    answerable = ~np.isin(groups, REFUSABLE)
    recall = [refusal_recall(each, answerable, OPERATING_POINT)[0] for each in (probability, shipped)]
    value, low, high = gain(probability, shipped, answerable.astype(np.int64))
    return [
        name,
        figure(auroc(probability, answerable)),
        f"{value:+.4f} ({low:+.4f} to {high:+.4f})",
        figure(recall[0]),
        f"{recall[0] - recall[1]:+.3f}",
    ]


def probabilities(features: Table, groups: Labels, articles: Labels, test: Table) -> F64Vector:
    """Of every question: by folds where it may be fitted on, else by a fit on all that may."""
    found = np.zeros(len(groups))
    found[~test] = held_out(features[~test], groups[~test], articles[~test])
    if test.any():
        model = fitted(features[~test], groups[~test])
        found[test] = model.predict_proba(features[test])[:, 1]
    return found


def main() -> None:
    """Run from the command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--home", type=Path, required=True)
    made.add_argument("--seen", type=Path, nargs="*", default=[])
    made.add_argument("--steps", type=int, default=1500)
    options = made.parse_args()
    faiss.omp_set_num_threads(1)
    torch.set_num_threads(1)
    with Service.open(Settings(home=options.home)) as service:
        seen = read(options.seen) or collect(service, options.home, data_folder())
        odd = oddities(service, seen, options.steps)
    names = sorted(set.intersection(*(set(each.features) for each in seen)))
    known = np.array([[each.features[name] for name in names] for each in seen])
    groups = np.array([each.asked.group for each in seen])
    articles = np.array([each.asked.article for each in seen])
    test = np.array([each.asked.held_out for each in seen])
    found = {
        way: probabilities(np.column_stack([known, odd[:, columns]]), groups, articles, test)
        for way, columns in WAYS.items()
    }
    own = articles == ""
    for title, some in (("own and asked, folds", own), ("SQuAD, held-out articles", test)):
        if some.any():
            rows = [row(way, p[some], found["as shipped"][some], groups[some]) for way, p in found.items()]
            head = ["features", "AUROC", "gain", f"refused at {OPERATING_POINT:.0%}", "gain"]
            print(f"{title}: {int(some.sum())} questions\n\n{table(head, rows)}\n")


if __name__ == "__main__":
    main()
