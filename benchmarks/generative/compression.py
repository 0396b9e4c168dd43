"""Compressed vectors at equal bytes: an autoencoder beside PCA, product and scalar quantisation.

    python -m benchmarks.generative.compression --vectors FILE.npy | --home HOME --corpus NAME

A thousand vectors are held out as queries; the exact ten nearest of the others are what recall@10 counts.
"codes" searches what is stored. "re-scored" takes the hundred best of that, rebuilds their vectors and orders
them by the cosine of query and rebuilt vector. "all rebuilt" compares the query with every rebuilt vector:
what the codes hold, whatever it costs. Queries a second are of computing time on one thread. The last lines
compare the autoencoder with the best plain way of as many bytes, query by query: a paired randomisation test
and a bootstrap interval.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import faiss
import numpy as np
import torch

from benchmarks.generative.vectors import Clock, Training, normalised, parser, read, train
from benchmarks.sets import figure, table
from ragsvc.domain import F32Matrix, F64Vector, I64Matrix
from ragsvc.evaluation.intervals import bootstrap_mean, randomisation_test
from ragsvc.generative.metrics.recall_curves import recall_at
from ragsvc.generative.networks.autoencoder import Autoencoder, AutoencoderParameters
from ragsvc.generative.networks.network import RowShape

QUERIES = 1000
K = 10
CANDIDATES = 100
SIZES = (96, 64, 48)
# What k-means of product quantisation and the rotation before it are fitted on.
FITTED_ROWS = 9_984
ROTATIONS = 8
MEANS = 10


@dataclass(frozen=True, slots=True)
class Way:
    """A way to store vectors.

    index: what searches the stored codes. embed: queries as the index takes them.
    rebuild: rows of the index as vectors again.
    """

    name: str
    size: int
    index: faiss.Index
    embed: Callable[[F32Matrix], F32Matrix]
    rebuild: Callable[[I64Matrix], F32Matrix]
    plain: bool = True


@dataclass(frozen=True, slots=True)
class Measured:
    """Recall of every query, three times, and queries a second with and without re-scoring."""

    way: Way
    codes: F64Vector
    rescored: F64Vector
    rebuilt: F64Vector
    speed: float
    speed_rescored: float

    def best(self) -> F64Vector:
        """Of the two ways that a service would search."""
        return max((self.codes, self.rescored), key=lambda each: float(each.mean()))


def autoencoder(base: F32Matrix, size: int, bits: int, steps: int) -> Way:
    """Codes of an autoencoder in int8 or fp16."""
    numbers = size * 8 // bits
    torch.manual_seed(0)
    network = Autoencoder(RowShape(base.shape[1]), AutoencoderParameters(hidden=512, code=numbers, noise=0.0))
    train(network, base, Training(steps))

    def embed(vectors: F32Matrix) -> F32Matrix:
        with torch.inference_mode():
            codes: F32Matrix = network.encode(torch.from_numpy(vectors)).numpy()
        return codes

    kind = faiss.ScalarQuantizer.QT_8bit if bits == 8 else faiss.ScalarQuantizer.QT_fp16
    index = faiss.IndexScalarQuantizer(numbers, kind, faiss.METRIC_L2)
    codes = np.concatenate([embed(base[at : at + 4096]) for at in range(0, len(base), 4096)])
    index.train(codes)
    index.add(codes)

    def rebuild(rows: I64Matrix) -> F32Matrix:
        stored = index.reconstruct_batch(rows)
        with torch.inference_mode():
            return normalised(network.decode(torch.from_numpy(stored)).numpy())

    kept = f"{numbers} numbers of {'int8' if bits == 8 else 'fp16'}"
    return Way(f"autoencoder, {kept}", size, index, embed, rebuild, plain=False)


def plain_way(name: str, size: int, index: faiss.Index) -> Way:
    """One whose index takes queries as they are and rebuilds vectors itself."""

    def rebuild(rows: I64Matrix) -> F32Matrix:
        return normalised(index.reconstruct_batch(rows))

    return Way(name, size, index, lambda queries: queries, rebuild)


def factory(base: F32Matrix, name: str, size: int, made: str) -> Way:
    """A way of faiss, by the name that its factory knows."""
    index = faiss.index_factory(base.shape[1], made, faiss.METRIC_INNER_PRODUCT)
    fitted = base
    if "PQ" in made:
        fitted = base[:FITTED_ROWS]
        if isinstance(index, faiss.IndexPreTransform):
            rotation = faiss.downcast_VectorTransform(index.chain.at(0))
            if isinstance(rotation, faiss.OPQMatrix):
                rotation.niter = ROTATIONS
                rotation.niter_pq_0 = MEANS
                rotation.max_train_points = FITTED_ROWS
    index.train(fitted)
    index.add(base)
    return plain_way(name, size, index)


def pca(base: F32Matrix, size: int, bits: int) -> Way:
    """Principal components in int8 or fp16, compared by distance, for their mean is taken off."""
    numbers = size * 8 // bits
    kind = "SQ8" if bits == 8 else "SQfp16"
    index = faiss.index_factory(base.shape[1], f"PCA{numbers},{kind}", faiss.METRIC_L2)
    index.train(base)
    index.add(base)
    kept = f"{numbers} numbers of {'int8' if bits == 8 else 'fp16'}"
    return plain_way(f"PCA, {kept}", size, index)


def measure(way: Way, queries: F32Matrix, exact: I64Matrix) -> Measured:
    """Search all queries, once by codes and once with re-scoring."""
    clock = Clock()
    _, found = way.index.search(way.embed(queries), CANDIDATES)
    searched = clock()
    clock = Clock()
    rebuilt = way.rebuild(found.ravel()).reshape(*found.shape, -1)
    order = np.argsort(-np.einsum("qcd,qd->qc", rebuilt, queries), axis=1, kind="stable")[:, :K]
    rescored = np.take_along_axis(found, order, axis=1)
    again = clock()
    del rebuilt
    whole = np.concatenate(
        [
            way.rebuild(np.arange(at, min(at + 4096, way.index.ntotal)))
            for at in range(0, way.index.ntotal, 4096)
        ]
    )
    _, all_rebuilt = faiss.knn(queries, whole, K, metric=faiss.METRIC_INNER_PRODUCT)
    return Measured(
        way,
        recall_at(found[:, :K], exact),
        recall_at(rescored, exact),
        recall_at(all_rebuilt, exact),
        len(queries) / searched,
        len(queries) / (searched + again),
    )


def verdict(found: list[Measured], size: int) -> str:
    """The autoencoder against the best plain way of as many bytes."""
    own = max((e for e in found if e.way.size == size and not e.way.plain), key=lambda e: e.best().mean())
    plain = max((e for e in found if e.way.size == size and e.way.plain), key=lambda e: e.best().mean())
    interval = bootstrap_mean(own.best() - plain.best())
    chance = randomisation_test(own.best(), plain.best())
    better = "wins" if interval.low > 0 else "loses" if interval.high < 0 else "makes no difference"
    return (
        f"- {size} bytes: {own.way.name} {better} against {plain.way.name}: {interval.value:+.3f} "
        f"({interval.low:+.3f} to {interval.high:+.3f}), p = {chance:.4f}"
    )


def main() -> None:
    """Run from the command line."""
    made = parser(__doc__)
    made.add_argument("--steps", type=int, default=2000, help="batches of 256 an autoencoder is trained with")
    made.add_argument("--sizes", type=int, nargs="*", default=SIZES, help="bytes a vector")
    options = made.parse_args()
    faiss.omp_set_num_threads(1)
    vectors = read(options)
    queries, base = vectors[:QUERIES], vectors[QUERIES:]
    _, exact = faiss.knn(queries, base, K, metric=faiss.METRIC_INNER_PRODUCT)
    found: list[Measured] = []
    clock = Clock()
    dimension = base.shape[1]

    def look(way: Way) -> None:
        found.append(measure(way, queries, exact))
        print(f"{clock():.0f} s: {way.name}", file=sys.stderr)

    look(factory(base, "as it is, float32", 4 * dimension, "Flat"))
    look(factory(base, "scalar quantisation, int8", dimension, "SQ8"))
    look(factory(base, "scalar quantisation, 4 bits", dimension // 2, "SQ4"))
    for size in options.sizes:
        for bits in (8, 16) if size == max(options.sizes) else (8,):
            look(autoencoder(base, size, bits, options.steps))
            look(pca(base, size, bits))
        look(factory(base, f"product quantisation, {size} x 8 bits", size, f"PQ{size}x8np"))
        look(factory(base, f"OPQ and product quantisation, {size} x 8 bits", size, f"OPQ{size},PQ{size}x8np"))
    print(f"{len(base)} vectors of {dimension}, {len(queries)} held-out queries, recall@{K}\n")
    head = ["stored as", "bytes", "codes", "re-scored", "all rebuilt", "queries/s", "... re-scored"]
    rows = [
        [
            each.way.name,
            str(each.way.size),
            *(figure(float(part.mean())) for part in (each.codes, each.rescored, each.rebuilt)),
            f"{each.speed:.0f}",
            f"{each.speed_rescored:.0f}",
        ]
        for each in found
    ]
    print(table(head, rows) + "\n")
    print("\n".join(verdict(found, size) for size in options.sizes))


if __name__ == "__main__":
    main()
