"""Batches of examples of about one length, in an order that only the seed decides."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from training.reader.features import Features

POOL = 2048
TOKENS = 6144


def order(features: Features, epoch: int, seed: int) -> list[np.ndarray]:
    """Numbers of the examples of each batch: at most TOKENS with padding."""
    rng = np.random.default_rng((seed, epoch))
    lengths = np.diff(features.bounds)
    shuffled = rng.permutation(len(features))
    batches: list[np.ndarray] = []
    for first in range(0, len(shuffled), POOL):
        pool = shuffled[first : first + POOL]
        pool = pool[np.argsort(-lengths[pool], kind="stable")]
        at = 0
        while at < len(pool):
            size = max(1, TOKENS // int(lengths[pool[at]]))
            batches.append(pool[at : at + size])
            at += size
    return [batches[number] for number in rng.permutation(len(batches))]


def batch_of(features: Features, numbers: np.ndarray) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """Ids and mask, both (n, t) int64, and the labels."""
    lengths = np.diff(features.bounds)[numbers]
    width = int(lengths.max())
    ids = np.zeros((len(numbers), width), dtype=np.int64)
    for row, number in enumerate(numbers):
        ids[row, : lengths[row]] = features.ids[features.bounds[number] : features.bounds[number + 1]]
    mask = torch.from_numpy((np.arange(width)[None, :] < lengths[:, None]).astype(np.int64))
    labels = {
        name: torch.from_numpy(getattr(features, name)[numbers].astype(np.int64))
        for name in ("start", "end", "text_from", "answerable", "relevant", "support")
    }
    labels["weight"] = torch.from_numpy(features.weight[numbers])
    labels["places"] = torch.arange(width)[None, :]
    return torch.from_numpy(ids), mask, labels
