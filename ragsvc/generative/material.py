"""Material: a data set as a network reads it, in batches whose order a seed decides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ragsvc.domain import NetworkKind
from ragsvc.errors import InvalidRequest
from ragsvc.generative.datasets import Dataset, RowData, TextData, jittered
from ragsvc.generative.networks.hyperparameters import Hyperparameters
from ragsvc.generative.networks.network import Batch, GenerativeNetwork, pieces
from ragsvc.generative.networks.registry import network_of
from ragsvc.generative.networks.tokens import BYTES, PixelCodec, TextCodec
from ragsvc.generative.networks.transformer import TransformerGenerator, TransformerParameters
from ragsvc.generative.seeds import ORDER, PICTURES, generator_of


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """Rows or windows of tokens. training, validation: with labels where the data has them.

    side: of pictures that are jittered in training; 0: none.
    """

    training: Batch
    validation: Batch
    side: int = 0

    @property
    def size(self) -> int:
        """How many training rows there are."""
        return len(self.training.rows)

    def batches(self, size: int) -> int:
        """How many batches an epoch has; a last one of a single row would have no spread, and is left out."""
        whole, rest = divmod(self.size, size)
        return max(1, whole + (rest > 1))

    def order(self, seed: int, epoch: int) -> Tensor:
        """In which order an epoch sees the training rows."""
        return torch.randperm(self.size, generator=generator_of(seed, ORDER, epoch))

    def batch(self, order: Tensor, position: int, size: int, seed: int, step: int) -> Batch:
        """One batch of an epoch.

        :param position: counts batches of the epoch. step: counts those of the whole training.
        """
        chosen = order[position * size : (position + 1) * size]
        rows, labels = self.training.rows[chosen], self.training.labels
        if self.side:
            rows = jittered(rows, self.side, generator_of(seed, PICTURES, step))
        return Batch(rows, None if labels is None else labels[chosen])

    def held_out(self, size: int) -> Iterator[Batch]:
        """Validation rows, in batches."""
        return pieces(self.validation.rows, self.validation.labels, size)


def prepare(
    kind: NetworkKind, data: Dataset, hyperparameters: Hyperparameters
) -> tuple[GenerativeNetwork, Material]:
    """A new network for a data set, and the data as it reads it.

    Weights come from torch's random numbers: seed those first.

    :raises InvalidRequest: if the network cannot read such data.
    """
    if kind is NetworkKind.TRANSFORMER:
        assert isinstance(hyperparameters, TransformerParameters)
        if isinstance(data, TextData):
            return _of_texts(data, hyperparameters)
        return _of_rows(kind, data, PixelCodec(data.shape, hyperparameters.levels), hyperparameters)
    if isinstance(data, TextData):
        raise InvalidRequest(
            f"a model of kind {kind} is trained on rows of numbers, not on texts",
            hint="use a transformer, or the vectors of a corpus",
        )
    return _of_rows(kind, data, data.shape, hyperparameters)


def read_again(network: GenerativeNetwork, data: Dataset) -> Material:
    """The data as a network reads it that is there already."""
    if isinstance(data, RowData):
        return _row_material(data)
    assert isinstance(network, TransformerGenerator) and isinstance(network.codec, TextCodec)
    return Material(
        Batch(network.codec.windows(data.training, network.context)),
        Batch(network.codec.windows(data.validation, network.context)),
    )


def _of_texts(data: TextData, hyperparameters: TransformerParameters) -> tuple[GenerativeNetwork, Material]:
    if hyperparameters.tokens == BYTES:
        codec = TextCodec.of_bytes()
    else:
        codec = TextCodec.learned(data.training, hyperparameters.vocabulary)
    network = TransformerGenerator(codec, hyperparameters)
    return network, read_again(network, data)


def _of_rows(
    kind: NetworkKind, data: RowData, material: Any, hyperparameters: Hyperparameters
) -> tuple[GenerativeNetwork, Material]:
    if isinstance(material, PixelCodec) and not data.shape.bounded:
        raise InvalidRequest(
            "a transformer is trained on texts or pictures, and these rows are neither",
            hint="use a vae or a gan for vectors, or name a folder of text files",
        )
    if kind is NetworkKind.AUTOENCODER:
        data = replace(data, labels=None, shape=replace(data.shape, classes=0))
        material = data.shape
    network = network_of(kind, material, hyperparameters)
    made = _row_material(data)
    network.fit_data(made.training.rows)
    return network, made


def _row_material(data: RowData) -> Material:
    assert data.training is not None and data.validation is not None
    parts = [
        Batch(data.rows[chosen], None if data.labels is None else data.labels[chosen])
        for chosen in (data.training, data.validation)
    ]
    return Material(parts[0], parts[1], data.side if data.augmented else 0)
