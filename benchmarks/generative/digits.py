"""Made digits: how near to real ones, of the class that was asked for or not, and whether all ten are made.

    python -m benchmarks.generative.digits [--seeds 3]

Pictures of 8 x 8 that come with scikit-learn; half to fit on, half to compare with. The classifier is fitted
on the first half, and its features are what the Fréchet distance is taken on; it is not Inception, so that is
no FID. The collapse is provoked by the game of 2014 without classes, with three steps of the critic for one
of the generator, a high rate and no average of weights; support is what the birthday test finds.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import faiss
import numpy as np
import torch
from sklearn.datasets import load_digits

from benchmarks.generative.vectors import Training, train
from benchmarks.sets import table
from ragsvc.domain import F32Matrix, I64Vector
from ragsvc.generative.metrics.frechet import frechet_distance
from ragsvc.generative.metrics.manifolds import manifold_figures, nearest_distances
from ragsvc.generative.metrics.picture_classifier import PictureClassifier
from ragsvc.generative.metrics.variety import birthday_test, modes
from ragsvc.generative.networks.adversarial_network import (
    MINIMAX,
    AdversarialParameters,
    GenerativeAdversarialNetwork,
)
from ragsvc.generative.networks.autoencoder import Autoencoder, AutoencoderParameters
from ragsvc.generative.networks.network import GenerativeNetwork, RowShape
from ragsvc.generative.networks.variational_autoencoder import VariationalAutoencoder, VariationalParameters

CLASSES = 10
COUNT = 890
BIRTHDAY_BATCH = 40


@dataclass(frozen=True, slots=True)
class Digits:
    """Pictures (n, 64) in [0, 1] and their classes: those to fit on and those to compare with."""

    fitted: F32Matrix
    labels: I64Vector
    held: F32Matrix
    held_labels: I64Vector


@dataclass(frozen=True, slots=True)
class Sample:
    """Pictures, and the classes that were asked for; None where none can be."""

    pictures: F32Matrix
    labels: I64Vector | None = None


def digits() -> Digits:
    """Halves drawn at random."""
    pictures, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(pictures))
    pictures, labels = (pictures[order] / 16).astype(np.float32), labels[order].astype(np.int64)
    half = len(pictures) // 2
    return Digits(pictures[:half], labels[:half], pictures[half:], labels[half:])


def sample_of(network: GenerativeNetwork, seed: int, *, told: bool) -> Sample:
    """As many pictures as there are real ones to compare with, of all classes in turn."""
    pictures = np.clip(network.generate(COUNT, seed=seed).numpy(), 0, 1)
    return Sample(pictures, np.arange(COUNT) % CLASSES if told else None)


def gaussian_of_class(data: Digits, seed: int) -> Sample:
    """The plain alternative: a Gaussian of every class."""
    random = np.random.default_rng(seed)
    labels = np.arange(COUNT) % CLASSES
    pictures = np.empty((COUNT, data.fitted.shape[1]), np.float32)
    for each in range(CLASSES):
        own = data.fitted[data.labels == each]
        wanted = labels == each
        covariance = np.cov(own, rowvar=False)
        pictures[wanted] = random.multivariate_normal(own.mean(axis=0), covariance, int(wanted.sum()))
    return Sample(np.clip(pictures, 0, 1), labels)


def trained(data: Digits, network: GenerativeNetwork, how: Training, *, told: bool) -> Sample:
    """Train, then make pictures."""
    train(network, data.fitted, how, data.labels if told else None)
    return sample_of(network, how.seed, told=told)


def ways(data: Digits, steps: int) -> dict[str, Callable[[int], Sample]]:
    """Each by its name: from a seed to pictures."""
    told, blind = RowShape(64, CLASSES, bounded=True), RowShape(64, 0, bounded=True)

    def autoencoder(seed: int) -> Sample:
        network = Autoencoder(blind, AutoencoderParameters(hidden=256, code=16))
        return trained(data, network, Training(steps, batch=128, seed=seed), told=False)

    def vae(seed: int) -> Sample:
        network = VariationalAutoencoder(told, VariationalParameters(hidden=256, code=12))
        return trained(data, network, Training(steps, batch=128, seed=seed), told=True)

    def gan(seed: int) -> Sample:
        network = GenerativeAdversarialNetwork(told, AdversarialParameters(hidden=256))
        return trained(data, network, Training(3 * steps, rate=5e-4, batch=128, seed=seed), told=True)

    def collapsing(seed: int) -> Sample:
        asked = AdversarialParameters(hidden=256, objective=MINIMAX, critic_steps=3, average=0.0)
        network = GenerativeAdversarialNetwork(blind, asked)
        return trained(data, network, Training(3 * steps, rate=2e-3, batch=128, seed=seed), told=False)

    def noise(seed: int) -> Sample:
        return Sample(np.random.default_rng(seed).uniform(size=(COUNT, 64)).astype(np.float32))

    return {
        "real, held out": lambda seed: Sample(  # noqa: ARG005
            data.held[:COUNT], data.held_labels[:COUNT]
        ),
        "noise": noise,
        "Gaussian of every class": lambda seed: gaussian_of_class(data, seed),
        "autoencoder, Gaussian codes": autoencoder,
        "VAE, told the class": vae,
        "GAN (WGAN-GP), told the class": gan,
        "GAN (minimax), provoked": collapsing,
    }


def figures(data: Digits, reader: PictureClassifier, sample: Sample) -> dict[str, float]:
    """Of one sample; "held out" is compared with the fitted half, all others with the held-out one."""
    reference = data.fitted if np.shares_memory(sample.pictures, data.held) else data.held
    lie = manifold_figures(reference, sample.pictures)
    predicted = reader.classes(sample.pictures)
    seen = modes(predicted, CLASSES)
    # Nearer than nearly all real ones are to each other.
    near = float(np.quantile(nearest_distances(data.held, data.fitted), 0.01))
    birthdays = birthday_test(sample.pictures, near, batch=BIRTHDAY_BATCH)
    return {
        "Fréchet": frechet_distance(reader.features(reference), reader.features(sample.pictures)),
        "class as asked": np.nan if sample.labels is None else float((predicted == sample.labels).mean()),
        "modes": seen.hit,
        "divergence": seen.divergence,
        "precision": lie.precision,
        "recall": lie.recall,
        "density": lie.density,
        "coverage": lie.coverage,
        "batches with twins": birthdays.collisions,
        "support": birthdays.support,
    }


def main() -> None:
    """Run from the command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--seeds", type=int, default=3)
    made.add_argument("--steps", type=int, default=1500, help="batches of 128; thrice for the GANs")
    options = made.parse_args()
    faiss.omp_set_num_threads(1)
    torch.set_num_threads(1)
    data = digits()
    reader = PictureClassifier.fit(data.fitted, data.labels)
    right = float((reader.classes(data.held) == data.held_labels).mean())
    rows = []
    for name, way in ways(data, options.steps).items():
        found = []
        for seed in range(options.seeds):
            torch.manual_seed(seed)
            found.append(figures(data, reader, way(seed)))
        rows.append([name, *(spread([each[key] for each in found]) for key in found[0])])
    print(f"classifier on held-out digits: {right:.1%} right; mean ± deviation over {options.seeds} seeds\n")
    print(table(["pictures", *found[0]], rows))


def spread(values: list[float]) -> str:
    """Mean and deviation; a dash where there is nothing to tell."""
    if np.isnan(values).any():
        return "–"
    if np.isinf(values).any():
        finite = [each for each in values if np.isfinite(each)]
        return f"> {min(finite):.0f}" if finite else "∞"
    mean, deviation = float(np.mean(values)), float(np.std(values))
    places = 0 if mean >= 100 else 1 if mean >= 10 else 2
    return f"{mean:.{places}f}" + (f" ± {deviation:.{places}f}" if deviation >= 10**-places / 2 else "")


if __name__ == "__main__":
    main()
