"""Generative models that are trained here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class NetworkKind(StrEnum):
    """What kind of generative model a network is."""

    AUTOENCODER = "autoencoder"
    VAE = "vae"
    GAN = "gan"
    TRANSFORMER = "transformer"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedModel:
    """A trained model as the catalog knows it; its weights lie in a file.

    version: 1, 2 ... of the name. weights_sha256: 64 hex of the file. size_bytes: of the file.
    data: "digits", "digits28", the name of a corpus, or the path of a folder.
    commit: of the corpus when it was read; None: the data is no corpus.
    seed, hyperparameters: with which it can be trained again. metrics: of the validation rows.
    """

    name: str
    version: int
    kind: NetworkKind
    weights_sha256: str
    data: str
    commit: int | None
    hyperparameters: Mapping[str, Any]
    metrics: Mapping[str, float]
    size_bytes: int
    created_at: str
