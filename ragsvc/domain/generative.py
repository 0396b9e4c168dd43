"""Generative models that are trained here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ragsvc.domain.documents import Passage


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


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRequest:
    """What is to be trained. name: of the model; "": made of kind and data.

    values: hyperparameters of the kind and of the plan that differ from their defaults.
    resume: go on with the interrupted training of this name; then only `values["minutes"]` counts.
    """

    kind: NetworkKind | None
    data: str
    name: str = ""
    values: Mapping[str, Any]
    resume: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRequest:
    """What a model is to make. count: 1 to 1000. version: None: the newest.

    label: of which class; None: of all in turn. nearest: passages to show for a vector, 0 to 20.
    between: two rows, or two document ids of the corpus that it was trained on: `steps` rows on the way from
    one to the other are made, with both ends, instead of new ones.
    prompt and what follows: of texts, see `SamplingParameters`.
    """

    count: int = 1
    seed: int = 0
    version: int | None = None
    label: int | None = None
    nearest: int = 1
    between: tuple[str, str] | tuple[tuple[float, ...], tuple[float, ...]] | None = None
    steps: int = 8
    prompt: str = ""
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    max_tokens: int = 256
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NearPassage:
    """A passage whose vector lies near to one that was made. similarity: cosine, [-1, 1]."""

    similarity: float
    passage: Passage


@dataclass(frozen=True, slots=True)
class Sample:
    """One thing that a model made: a text, or a row of numbers with the passages nearest to it."""

    text: str | None
    row: tuple[float, ...] | None
    label: int | None = None
    nearest: tuple[NearPassage, ...] = ()


@dataclass(frozen=True, slots=True)
class RowScore:
    """How well a row or text fits; higher is better. tokens: that were expected, of texts; else 0."""

    score: float
    tokens: int = 0

    @property
    def perplexity(self) -> float:
        """Of a text, >= 1: among how many equally likely tokens it seems to choose."""
        return math.exp(min(-self.score / max(1, self.tokens), 700))
