"""Whether samples differ from one another: support size, modes, and the words of texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ragsvc.domain import F32Matrix, I64Vector
from ragsvc.index.neighbours import nearest_rows


@dataclass(frozen=True, slots=True)
class BirthdayFigures:
    """What batches of samples tell of how many different ones there are.

    collisions: share of batches with a pair of near duplicates, [0, 1].
    batch: samples a batch.
    support: the number of equally likely samples at which so many batches collide; infinite for no
        collision, 1 where all batches collide: take smaller ones then.
    """

    collisions: float
    batch: int
    support: float


def birthday_test(
    samples: F32Matrix, nearness: float, *, batch: int, batches: int = 200, seed: int = 0
) -> BirthdayFigures:
    """The birthday paradox test of Arora, Risteski and Zhang (2018), "Do GANs learn the distribution?".

    Among N equally likely samples a batch of s holds a pair of equals with probability
    1 - exp(-s (s - 1) / 2N), so N is had from the share of batches that do. Where some samples are likelier
    than others, N is less than their number.

    :param samples: (m, dim), drawn independently. nearness: Euclidean distance up to which two are one.
    :param batch: 2 to m, without replacement. batches: at least 1.
    :raises ValueError: if batch is out of that range.
    """
    if not 2 <= batch <= len(samples):
        raise ValueError(f"no batch of {batch} can be drawn from {len(samples)} samples")
    random = np.random.default_rng(seed)
    found = 0
    for _ in range(batches):
        drawn = samples[random.choice(len(samples), batch, replace=False)]
        distances, _ = nearest_rows(drawn, drawn, 2)
        found += bool((distances[:, 1] <= nearness).any())
    share = found / batches
    pairs = batch * (batch - 1) / 2
    support = float("inf") if share == 0 else 1.0 if share == 1 else -pairs / float(np.log1p(-share))
    return BirthdayFigures(share, batch, max(1.0, support))


@dataclass(frozen=True, slots=True)
class ModeFigures:
    """How a classifier sees samples.

    hit: classes with at least the share of samples that counts as hit.
    shares: (classes,) of samples, sums to 1. divergence: Kullback-Leibler divergence of the shares from the
        expected ones, nats, at least 0.
    """

    hit: int
    shares: tuple[float, ...]
    divergence: float


def modes(labels: I64Vector, classes: int, *, least_share: float = 0.01) -> ModeFigures:
    """Which classes the samples fall into; equally many of each are expected.

    :param labels: (m,) predicted classes, 0 to classes - 1, m at least 1.
    :param least_share: [0, 1]; a class with a smaller share of the samples counts as missed.
    :raises ValueError: if there are no labels.
    """
    if not len(labels):
        raise ValueError("no samples, no modes")
    shares = np.bincount(labels, minlength=classes) / len(labels)
    some = shares[shares > 0]
    divergence = float((some * np.log(some * classes)).sum())
    return ModeFigures(int((shares >= least_share).sum()), tuple(map(float, shares)), max(0.0, divergence))


def distinct(texts: Sequence[str], order: int) -> float:
    """Different n-grams of words over all of them, [0, 1]: distinct-n of Li et al. (2016).

    It falls with the amount of text: compare equal amounts.

    :param order: n, at least 1.
    :return: 0 where there is no n-gram.
    """
    counts: Counter[tuple[str, ...]] = Counter()
    for text in texts:
        words = text.lower().split()
        counts.update(tuple(words[at : at + order]) for at in range(len(words) - order + 1))
    total = counts.total()
    return len(counts) / total if total else 0.0
