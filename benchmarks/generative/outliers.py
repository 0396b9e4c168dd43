"""Documents that do not belong: what finds those of another corpus among a corpus' own? AUROC, and precision.

    RAGSVC_TEST_DATA=folder python -m benchmarks.generative.outliers --cache FOLDER

Thirty chunks of another set are put among the chunks of the first, and everything is fitted on the mixture,
as an operator would have it who does not know of them. *found*: the share of the thirty oddest that are
foreign. Means of five drawings.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import faiss
import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import LocalOutlierFactor

from benchmarks.generative.out_of_corpus import Oddity
from benchmarks.generative.question_sets import encoded
from benchmarks.sets import figure, table
from ragsvc.domain import F32Matrix, F64Vector
from ragsvc.generative.metrics.oddity import MahalanobisDistance, reconstruction_error
from ragsvc.index.neighbours import nearest_rows

# A corpus, and where the foreign chunks are from.
PAIRS = (
    ("squad A", "medquad"),
    ("squad A", "pubmedqa"),
    ("medquad", "squad A"),
    ("medquad", "pubmedqa"),
    ("pubmedqa", "medquad"),
    ("pubmedqa", "squad A"),
)
FOREIGN = 30
DRAWINGS = 5
NEIGHBOURS = 5
FACTOR_NEIGHBOURS = 20
PLAIN = "five nearest"


def ways(steps: int) -> dict[str, Callable[[F32Matrix], F64Vector]]:
    """From rows (n, dim) to how odd each is (n,), by the names of the ways."""

    def reconstruction(rows: F32Matrix) -> F64Vector:
        fitted = Oddity.of(rows, steps)
        return reconstruction_error(rows, fitted.rebuilt(rows))

    def nearest(rows: F32Matrix) -> F64Vector:
        return nearest_rows(rows, rows, 2)[0][:, 1].astype(np.float64)

    def five(rows: F32Matrix) -> F64Vector:
        found: F64Vector = nearest_rows(rows, rows, NEIGHBOURS + 1)[0][:, 1:].mean(axis=1, dtype=np.float64)
        return found

    def factor(rows: F32Matrix) -> F64Vector:
        fitted = LocalOutlierFactor(FACTOR_NEIGHBOURS, algorithm="brute").fit(rows)
        found: F64Vector = -fitted.negative_outlier_factor_
        return found

    return {
        "reconstruction": reconstruction,
        "Mahalanobis": lambda rows: MahalanobisDistance.of(rows).distances(rows),
        "from the mean": lambda rows: np.linalg.norm(rows - rows.mean(axis=0), axis=1).astype(np.float64),
        "nearest": nearest,
        PLAIN: five,
        "local outlier factor": factor,
    }


def main() -> None:
    """Run from the command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--cache", type=Path, required=True, help="where vectors are kept, made when missing")
    made.add_argument("--steps", type=int, default=1000, help="batches of 256 an autoencoder is trained with")
    options = made.parse_args()
    faiss.omp_set_num_threads(1)
    torch.set_num_threads(1)
    sets = encoded(options.cache)
    rows = []
    for own, other in PAIRS:
        areas: dict[str, list[float]] = {}
        found: dict[str, list[float]] = {}
        for seed in range(DRAWINGS):
            random = np.random.default_rng(seed)
            foreign = random.choice(sets[other].chunks, FOREIGN, replace=False)
            mixture = np.concatenate([sets[own].chunks, foreign])
            labels = np.arange(len(mixture)) >= len(sets[own].chunks)
            for name, way in ways(options.steps).items():
                odd = way(mixture)
                areas.setdefault(name, []).append(float(roc_auc_score(labels, odd)))
                found.setdefault(name, []).append(float(labels[np.argsort(-odd)[:FOREIGN]].mean()))
        cells = [f"{figure(np.mean(areas[name]))} / {figure(np.mean(found[name]))}" for name in areas]
        rows.append([f"{own} / {other}", str(len(sets[own].chunks)), *cells])
    print(table(["corpus / foreign", "chunks", *areas], rows))


if __name__ == "__main__":
    main()
