"""The classifier that made pictures are judged by."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits

from ragsvc.generative.metrics.frechet import frechet_distance
from ragsvc.generative.metrics.picture_classifier import FEATURES, PictureClassifier

PICTURES, LABELS = load_digits(return_X_y=True)
PICTURES = (PICTURES / 16).astype(np.float32)


def test_it_reads_digits_it_has_not_seen_and_tells_them_from_noise() -> None:
    reader = PictureClassifier.fit(PICTURES[:1200], LABELS[:1200])
    unseen = PICTURES[1200:]
    assert (reader.classes(unseen) == LABELS[1200:]).mean() > 0.9
    noise = np.random.default_rng(0).uniform(size=unseen.shape).astype(np.float32)
    assert reader.sureness(noise).mean() < reader.sureness(unseen).mean()
    seen = reader.features(PICTURES[:597])
    assert seen.shape == (597, FEATURES)
    assert frechet_distance(seen, reader.features(unseen)) < frechet_distance(seen, reader.features(noise))


def test_the_same_seed_gives_the_same_classifier() -> None:
    one, other, third = (
        PictureClassifier.fit(PICTURES[:200], LABELS[:200], seed=seed, steps=20) for seed in (1, 1, 2)
    )
    assert one.probabilities(PICTURES).tolist() == other.probabilities(PICTURES).tolist()
    assert one.probabilities(PICTURES).tolist() != third.probabilities(PICTURES).tolist()
