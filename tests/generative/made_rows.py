"""Small data to train on in a moment."""

from __future__ import annotations

import torch

from ragsvc.domain import NetworkKind
from ragsvc.generative.datasets import RowData, TextData
from ragsvc.generative.networks.network import RowShape

TINY = {
    NetworkKind.AUTOENCODER: {"hidden": 12, "code": 3},
    NetworkKind.VAE: {"hidden": 12, "code": 3, "warm_up": 5},
    NetworkKind.GAN: {"hidden": 12, "noise": 4},
    NetworkKind.TRANSFORMER: {"width": 8, "heads": 2, "layers": 1, "levels": 4, "dropout": 0.2},
}


def two_clusters(count: int = 60, width: int = 9) -> RowData:
    """Rows near one of two points, in [0, 1], with their cluster as class."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(count) % 2
    noise = 0.05 * torch.randn(count, width, generator=generator)
    rows = (0.25 + 0.5 * labels[:, None] + noise).clamp(0, 1)
    return RowData("clusters", rows, RowShape(width, 2, bounded=True), labels, side=3).parted(0)


def some_texts() -> TextData:
    """Texts that repeat themselves."""
    return TextData("texts", tuple(f"the cat sat on mat {i}. " * 6 for i in range(8)), ("the cat sat. " * 6,))
