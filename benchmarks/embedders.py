"""Which embedder English corpora should have: nDCG@10 of both bundled ones and of their mean, and what they
cost.

    RAGSVC_TEST_DATA=folder python -m benchmarks.embedders [SET ...] [--cache DIR]

All three rank the same chunks, those of the default embedder, with the same BM25. The mean is of the two
cosines, as both vectors one behind the other give it; it costs both. *hybrid* is the service's own
ranking with its second look. Passages a second are of computing time on one thread, over a sample of each
set's chunks.
"""

from __future__ import annotations

import argparse
import copy
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.fusion import SURE, twice
from benchmarks.prepared import Prepared, vectors_of
from benchmarks.sets import BASELINES, data_folder, figure, table
from ragsvc.domain import F32Matrix, F64Vector
from ragsvc.evaluation import beir
from ragsvc.evaluation.intervals import randomisation_test
from ragsvc.models.bundled_models import MULTILINGUAL_EMBEDDER
from ragsvc.models.embedder import SentenceTransformerEmbedder
from ragsvc.pipeline.retrieval.search import DENSE_WEIGHT

ENGLISH, BOTH = "all-MiniLM-L6-v2", "mean of both"
OTHER = MULTILINGUAL_EMBEDDER.removeprefix("bundled:")
TIMED = 200


def mean_of(one: F32Matrix, other: F32Matrix) -> F32Matrix:
    """Rows whose dot products are the means of the two cosines: (n, 2 * dim) float32."""
    return np.concatenate([one, other], axis=1) / np.float32(np.sqrt(2.0))


def measured(prepared: Prepared, dense: bool) -> F64Vector:
    """nDCG@10 of every query, (q,) float64, by vectors alone or as the service ranks."""
    score = (lambda asked: asked.dense) if dense else twice(DENSE_WEIGHT)
    return np.array([prepared.ndcg(asked, score(asked)) for asked in prepared.asked()])


def speed(embedder: SentenceTransformerEmbedder, texts: Sequence[str]) -> float:
    """Passages a second of computing time."""
    embedder.warm_up()
    sample = texts[:: max(1, len(texts) // TIMED)][:TIMED]
    started = time.process_time()
    embedder.embed_documents(sample)
    return len(sample) / (time.process_time() - started)


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sets", nargs="*", metavar="SET", help=", ".join(BASELINES))
    parser.add_argument("--cache", type=Path, default=Path("indexes/bench-fusion"))
    given = parser.parse_args()
    names = given.sets or list(BASELINES)
    embedders = {
        ENGLISH: SentenceTransformerEmbedder(threads=1),
        OTHER: SentenceTransformerEmbedder(MULTILINGUAL_EMBEDDER, threads=1),
    }
    found: dict[str, list[F64Vector]] = {}
    speeds: dict[str, list[float]] = {name: [] for name in embedders}
    for name in names:
        english = Prepared(beir.load(data_folder() / name), given.cache)
        other, both = copy.copy(english), copy.copy(english)
        asked = [query.text for query in english.collection.queries]
        other.vectors, other.queries = vectors_of(
            given.cache / f"{name}-e5.npz", embedders[OTHER], english.embedded, asked
        )
        both.vectors = mean_of(english.vectors, other.vectors)
        both.queries = mean_of(english.queries, other.queries)
        for label, prepared in ((ENGLISH, english), (OTHER, other), (BOTH, both)):
            for dense in (True, False):
                leg = "dense" if dense else "hybrid"
                found.setdefault(f"{label}, {leg}", []).append(measured(prepared, dense))
        for label, embedder in embedders.items():
            speeds[label].append(speed(embedder, english.embedded))
        print(f"{name} done", file=sys.stderr)
    rows = [
        [label, *(figure(float(each.mean())) for each in scores), figure(_mean(scores))]
        for label, scores in found.items()
    ]
    print(table(["embedder", *names, "mean"], rows) + "\n")
    default = found[f"{ENGLISH}, hybrid"]
    rows = [
        [label, *(_difference(each, own) for each, own in zip(scores, default, strict=True))]
        for label, scores in found.items()
        if label.endswith("hybrid") and scores is not default
    ]
    print(table([f"against {ENGLISH}, hybrid (p)", *names], rows) + "\n")
    cost = [[label, *(f"{each:.0f}" for each in speeds[label])] for label in embedders]
    print(table(["passages a second, one thread", *names], cost))
    return 0


def _mean(scores: Sequence[F64Vector]) -> float:
    return float(np.mean([each.mean() for each in scores]))


def _difference(values: F64Vector, before: F64Vector) -> str:
    chance = randomisation_test(values, before)
    text = f"{values.mean() - before.mean():+.3f} ({chance:.3f})"
    return f"**{text}**" if chance < SURE else text


if __name__ == "__main__":
    sys.exit(main())
