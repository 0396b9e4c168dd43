"""Questions that belong to another corpus: what tells them best by the question's vector alone? AUROC.

    RAGSVC_TEST_DATA=folder python -m benchmarks.generative.out_of_corpus --cache FOLDER

For each pair, all is fitted on the chunks of the first set; questions of the first are inside, those of
the second outside. .5 is chance, 1 tells all of them. "all" is a logistic regression of the three, each
question judged by a fit that did not see it (five folds). Differences from the nearest neighbour have paired
bootstrap intervals over questions.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.generative.question_sets import EncodedSet, encoded
from benchmarks.generative.vectors import Training, train
from benchmarks.sets import figure, table
from ragsvc.domain import F32Matrix, F64Matrix, F64Vector, I64Vector
from ragsvc.generative.metrics.manifolds import nearest_distances
from ragsvc.generative.metrics.oddity import MahalanobisDistance, reconstruction_error
from ragsvc.generative.networks.autoencoder import Autoencoder, AutoencoderParameters
from ragsvc.generative.networks.network import RowShape

# Inside, outside, and what the outside is to the inside.
PAIRS = (
    ("squad A", "medquad", "far"),
    ("medquad", "squad A", "far"),
    ("pubmedqa", "cranfield", "science, another field"),
    ("medquad", "pubmedqa", "medicine, another kind"),
    ("pubmedqa", "medquad", "medicine, another kind"),
    ("squad A", "squad B", "other articles, asked alike"),
    ("squad A", "squad A, unanswerable", "the same articles"),
)
NAMES = ("reconstruction", "Mahalanobis", "nearest")
RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Oddity:
    """What is fitted on the chunks of a corpus."""

    chunks: F32Matrix
    network: Autoencoder
    spread: MahalanobisDistance

    @classmethod
    def of(cls, chunks: F32Matrix, steps: int, seed: int = 0) -> Oddity:
        """Train an autoencoder of 32 numbers, and take mean and shrunk covariance."""
        torch.manual_seed(seed)
        network = Autoencoder(RowShape(chunks.shape[1]), AutoencoderParameters(hidden=256, code=32))
        train(network, chunks, Training(steps, seed=seed))
        return cls(chunks, network, MahalanobisDistance.of(chunks))

    def rebuilt(self, vectors: F32Matrix) -> F32Matrix:
        """Vectors through the code and back."""
        with torch.inference_mode():
            found: F32Matrix = self.network.reconstruct(torch.from_numpy(vectors)).numpy()
        return found

    def scores(self, vectors: F32Matrix) -> F64Matrix:
        """(n, 3): reconstruction error, Mahalanobis distance, distance to the nearest chunk; high is odd."""
        return np.column_stack(
            [
                reconstruction_error(vectors, self.rebuilt(vectors)),
                self.spread.distances(vectors),
                nearest_distances(vectors, self.chunks),
            ]
        )


def together(scores: F64Matrix, outside: I64Vector) -> F64Vector:
    """Of each question the probability that it is outside, by a fit on the other folds."""
    model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced"))
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    found: F64Vector = cross_val_predict(model, scores, outside, cv=folds, method="predict_proba")[:, 1]
    return found


def gain(one: F64Vector, other: F64Vector, outside: I64Vector) -> tuple[float, float, float]:
    """AUROC of the first less that of the second, with a 95 % interval over questions."""
    random = np.random.default_rng(0)
    parts = [np.flatnonzero(outside == each) for each in (0, 1)]
    drawn = []
    for _ in range(RESAMPLES):
        rows = np.concatenate([random.choice(part, len(part)) for part in parts])
        drawn.append(auroc(one[rows], outside[rows]) - auroc(other[rows], outside[rows]))
    low, high = np.quantile(drawn, (0.025, 0.975))
    return auroc(one, outside) - auroc(other, outside), float(low), float(high)


def auroc(scores: F64Vector, outside: I64Vector) -> float:
    """Chance that a question outside has a higher score than one inside."""
    return float(roc_auc_score(outside, scores))


def row(fitted: Oddity, inside: EncodedSet, outside: EncodedSet, kind: str) -> list[str]:
    """Of one pair."""
    scores = fitted.scores(np.concatenate([inside.questions, outside.questions]))
    labels = np.repeat([0, 1], [len(inside.questions), len(outside.questions)])
    both = together(scores, labels)
    value, low, high = gain(both, scores[:, 2], labels)
    own, least, most = gain(scores[:, 0], scores[:, 2], labels)
    return [
        f"{inside.name} / {outside.name}",
        kind,
        f"{len(inside.questions)} / {len(outside.questions)}",
        *(figure(auroc(scores[:, at], labels)) for at in range(len(NAMES))),
        figure(auroc(both, labels)),
        f"{own:+.3f} ({least:+.3f} to {most:+.3f})",
        f"{value:+.3f} ({low:+.3f} to {high:+.3f})",
    ]


def main() -> None:
    """Run from the command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--cache", type=Path, required=True, help="where vectors are kept, made when missing")
    made.add_argument("--steps", type=int, default=1500, help="batches of 256 an autoencoder is trained with")
    options = made.parse_args()
    faiss.omp_set_num_threads(1)
    torch.set_num_threads(1)
    sets = encoded(options.cache)
    fitted: dict[str, Oddity] = {}
    rows = []
    for inside, outside, kind in PAIRS:
        if inside not in fitted:
            fitted[inside] = Oddity.of(sets[inside].chunks, options.steps)
        rows.append(row(fitted[inside], sets[inside], sets[outside], kind))
    head = [
        "corpus / other questions",
        "the others are",
        "questions",
        *NAMES,
        "all",
        "reconstruction - nearest",
        "all - nearest",
    ]
    print(table(head, rows))


if __name__ == "__main__":
    main()
