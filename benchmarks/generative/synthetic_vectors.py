"""Made vectors for load tests: do they lie as the real ones do, and does an index tuned on them suit these?

    python -m benchmarks.generative.synthetic_vectors --vectors FILE.npy | --home HOME --corpus NAME

Every model is fitted on one half and compared with the other, which it never saw; "real, held out" is a third
part, and says what perfect samples would get. All are of length 1, as the service's vectors are.

nearest: median distance of a sample to the nearest fitted vector; far less than the real figure: copies.
own nearest: the same among the samples themselves, which decides how hard a search is; off: mean difference
of its quantiles from the real ones. IVF, HNSW off: mean difference of recall@10 over nprobe and efSearch from
that on real vectors; gets: recall on real vectors at the effort that reaches .95 on the made ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import faiss
import numpy as np
import torch

from benchmarks.generative.vectors import Clock, Training, normalised, parser, read, train
from benchmarks.sets import figure, table
from ragsvc.domain import F32Matrix, F32Vector, I64Matrix
from ragsvc.generative.metrics.frechet import frechet_distance
from ragsvc.generative.metrics.manifolds import manifold_figures, nearest_distances
from ragsvc.generative.metrics.oddity import shrunk_covariance
from ragsvc.generative.metrics.recall_curves import RecallCurve
from ragsvc.generative.networks.adversarial_network import AdversarialParameters, GenerativeAdversarialNetwork
from ragsvc.generative.networks.autoencoder import Autoencoder, AutoencoderParameters
from ragsvc.generative.networks.network import RowShape
from ragsvc.generative.networks.variational_autoencoder import VariationalAutoencoder, VariationalParameters
from ragsvc.index.neighbours import nearest_rows

QUERIES = 500
K = 10
WANTED = 0.95
CLUSTERS = 64
EFFORTS = (1, 2, 4, 8, 16, 32, 64, 128)
MANIFOLD_ROWS = 4000
QUANTILES = np.linspace(0.01, 0.99, 99)
Source = Callable[[int], F32Matrix]


def gaussian(fitted: F32Matrix, random: np.random.Generator) -> Source:
    """One Gaussian of the vectors' mean and shrunk covariance."""
    covariance, _ = shrunk_covariance(fitted)
    return lambda count: random.multivariate_normal(
        fitted.mean(axis=0), covariance, count, method="eigh"
    ).astype(np.float32)


def mixture(fitted: F32Matrix, random: np.random.Generator) -> Source:
    """A Gaussian of every cluster of k-means, with a shrunk covariance of its own."""
    means = faiss.Kmeans(fitted.shape[1], CLUSTERS, niter=15, seed=int(random.integers(2**31)))
    means.train(fitted)
    _, assigned = means.index.search(fitted, 1)
    parts = [part for each in range(CLUSTERS) if len(part := fitted[assigned[:, 0] == each]) > 1]
    sources = [gaussian(part, random) for part in parts]
    shares = np.array([len(part) for part in parts]) / sum(map(len, parts))

    def draw(count: int) -> F32Matrix:
        counts = random.multinomial(count, shares)
        return np.concatenate([source(n) for source, n in zip(sources, counts, strict=True) if n])

    return draw


def interpolation(fitted: F32Matrix, random: np.random.Generator) -> Source:
    """Points between a vector and one of its ten nearest neighbours (SMOTE; Chawla et al., 2002)."""
    _, rows = nearest_rows(fitted, fitted, K + 1)

    def draw(count: int) -> F32Matrix:
        one = random.integers(0, len(fitted), count)
        other = rows[one, random.integers(1, K + 1, count)]
        share = random.uniform(size=(count, 1)).astype(np.float32)
        return fitted[one] * (1 - share) + fitted[other] * share

    return draw


def noisy_copies(fitted: F32Matrix, random: np.random.Generator) -> Source:
    """A vector and a part of the difference of two others: near the real, with spread in their directions."""

    def draw(count: int) -> F32Matrix:
        one, two, three = random.integers(0, len(fitted), (3, count))
        made: F32Matrix = fitted[one] + np.float32(0.35) * (fitted[two] - fitted[three])
        return made

    return draw


def networks(fitted: F32Matrix, steps: int, seed: int) -> Iterator[tuple[str, Source]]:
    """The trained models."""
    shape = RowShape(fitted.shape[1])

    torch.manual_seed(seed)
    vae = VariationalAutoencoder(shape, VariationalParameters(hidden=512, code=64))
    train(vae, fitted, Training(steps, seed=seed))
    yield "VAE, means", lambda count: vae.generate(count, seed=seed).numpy()
    yield "VAE, draws", lambda count: vae.generate(count, seed=seed, noise=True).numpy()
    torch.manual_seed(seed)
    gan = GenerativeAdversarialNetwork(shape, AdversarialParameters(hidden=512, noise=128, critic_steps=3))
    train(gan, fitted, Training(2 * steps, rate=3e-4, seed=seed))
    yield "GAN (WGAN-GP)", lambda count: gan.generate(count, seed=seed).numpy()
    torch.manual_seed(seed)
    plain = Autoencoder(shape, AutoencoderParameters(hidden=512, code=64, noise=0.1))
    train(plain, fitted, Training(steps, seed=seed))
    yield "autoencoder, Gaussian codes", lambda count: plain.generate(count, seed=seed).numpy()


def own_distances(sample: F32Matrix) -> F32Vector:
    """Distance of each to the nearest other."""
    distances: F32Vector = nearest_rows(sample, sample, 2)[0][:, 1]
    return distances


def curves(sample: F32Matrix) -> tuple[RecallCurve, RecallCurve]:
    """Recall@10 of IVF over nprobe and of HNSW over efSearch; the first vectors are the queries."""
    queries, base = sample[:QUERIES], sample[QUERIES:]
    _, exact = faiss.knn(queries, base, K)
    cells = faiss.index_factory(base.shape[1], f"IVF{round(4 * np.sqrt(len(base)))},Flat")
    cells.cp.niter = 8
    cells.train(base)
    cells.add(base)
    graph = faiss.IndexHNSWFlat(base.shape[1], 16)
    graph.hnsw.efConstruction = 64
    graph.add(base)

    def probe(effort: int) -> I64Matrix:
        cells.nprobe = effort
        rows: I64Matrix = cells.search(queries, K)[1]
        return rows

    def walk(effort: int) -> I64Matrix:
        graph.hnsw.efSearch = effort
        rows: I64Matrix = graph.search(queries, K)[1]
        return rows

    return RecallCurve.of(probe, exact, EFFORTS), RecallCurve.of(walk, exact, EFFORTS)


class Comparison:
    """Rows of the table: each source beside the real vectors that nothing was fitted on."""

    def __init__(self, fitted: F32Matrix, held: F32Matrix) -> None:
        self._fitted = fitted
        self._held = held
        self._quantiles = np.quantile(own_distances(held), QUANTILES)
        self._curves = curves(held)

    def row(self, name: str, sample: F32Matrix, seconds: float) -> list[str]:
        """Of one source."""
        some = slice(0, MANIFOLD_ROWS)
        lie = manifold_figures(self._held[some], sample[some])
        own = np.quantile(own_distances(sample), QUANTILES)
        found = curves(sample)
        matches = []
        for real, made in zip(self._curves, found, strict=True):
            gets = real.recall_with(made.effort_for(WANTED))
            matches += [figure(real.difference(made)), figure(gets)]
        return [
            name,
            figure(frechet_distance(self._held, sample)),
            *(figure(each) for each in (lie.precision, lie.recall, lie.density, lie.coverage)),
            figure(float(np.median(nearest_distances(sample[some], self._fitted)))),
            figure(float(np.median(own))),
            figure(float(np.abs(own - self._quantiles).mean())),
            *matches,
            f"{seconds:.0f}",
        ]


def main() -> None:
    """Run from the command line."""
    made = parser(__doc__)
    made.add_argument("--steps", type=int, default=2500, help="batches of 256 a network is trained with")
    made.add_argument("--rows", type=int, default=15_000, help="vectors that are made, and compared with")
    made.add_argument("--seed", type=int, default=0)
    options = made.parse_args()
    faiss.omp_set_num_threads(1)
    vectors = read(options)
    rows = min(options.rows, len(vectors) // 4)
    held, other, fitted = vectors[:rows], vectors[rows : 2 * rows], vectors[2 * rows :]
    random = np.random.default_rng(options.seed)
    comparison = Comparison(fitted, held)
    found = [comparison.row("real, held out", other, 0.0)]
    sphere = normalised(random.normal(size=(rows, fitted.shape[1])).astype(np.float32))
    found.append(comparison.row("uniform on the sphere", sphere, 0.0))
    plain = {
        "Gaussian": gaussian,
        f"Gaussian mixture, {CLUSTERS}": mixture,
        "between neighbours": interpolation,
        "copies with differences": noisy_copies,
    }
    for name, of in plain.items():
        clock = Clock()
        found.append(comparison.row(name, normalised(of(fitted, random)(rows)), clock()))
    clock = Clock()
    for name, source in networks(fitted, options.steps, options.seed):
        found.append(comparison.row(name, normalised(source(rows)), clock()))
        clock = Clock()
    head = [
        "source",
        "Fréchet",
        "precision",
        "recall",
        "density",
        "coverage",
        "nearest",
        "own nearest",
        "... off",
        "IVF off",
        "... gets",
        "HNSW off",
        "... gets",
        "seconds",
    ]
    print(f"{len(fitted)} vectors fitted on, {rows} made of each, dimension {fitted.shape[1]}\n")
    print(table(head, found))


if __name__ == "__main__":
    main()
