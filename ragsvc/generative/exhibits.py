"""Exhibits: what a trained network makes, chosen to be looked at in its report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ragsvc.domain import Caller, NearPassage
from ragsvc.generative.datasets import RowData
from ragsvc.generative.material import Material
from ragsvc.generative.neighbourhood import Neighbourhood
from ragsvc.generative.networks.autoencoder import Autoencoder
from ragsvc.generative.networks.network import GenerativeNetwork, device_of
from ragsvc.generative.networks.sampling_parameters import SamplingParameters
from ragsvc.generative.networks.variational_autoencoder import VariationalAutoencoder

_PICTURES = 40
_PAIRS = 10
_STEPS = 10
_TEXTS = 4
_ROWS = 6
_TEMPERATURE = 0.8
_TOKENS = 120


@dataclass(frozen=True, slots=True)
class PictureRow:
    """Pictures in a grid of so many columns. pixels: (n, side * side) float32 in [0, 1]."""

    title: str
    words: str
    pixels: Tensor
    side: int
    columns: int


@dataclass(frozen=True, slots=True)
class PassageRow:
    """Passages nearest to vectors that were made, one a vector."""

    title: str
    words: str
    passages: tuple[NearPassage, ...]


@dataclass(frozen=True, slots=True)
class TextRow:
    """Texts that were made."""

    title: str
    words: str
    texts: tuple[str, ...]


Exhibit = PictureRow | PassageRow | TextRow


def exhibits(
    network: GenerativeNetwork,
    material: Material,
    data: object,
    neighbourhood: Neighbourhood | None,
    caller: Caller,
) -> list[Exhibit]:
    """What there is to see; [] for rows that are neither pictures, vectors of a corpus nor texts.

    :param neighbourhood: of the corpus whose vectors the rows are; None: they are of none.
    """
    with torch.no_grad():
        if not isinstance(data, RowData):
            return [_texts(network)]
        if data.side:
            return list(_pictures(network, material, data))
        if neighbourhood is not None:
            return list(_passages(network, material, neighbourhood, caller))
    return []


def _texts(network: GenerativeNetwork) -> TextRow:
    sampling = SamplingParameters(temperature=_TEMPERATURE, max_tokens=_TOKENS)
    texts = network.generate(_TEXTS, seed=0, sampling=sampling)  # type: ignore[call-arg]
    return TextRow("Made texts", f"Begun from nothing, at temperature {_TEMPERATURE}.", tuple(texts))


def _pictures(network: GenerativeNetwork, material: Material, data: RowData) -> Sequence[PictureRow]:
    found = [
        PictureRow(
            "Made pictures",
            "New ones, a class a column where the model knows classes.",
            network.generate(_PICTURES, seed=0).cpu(),
            data.side,
            _PAIRS,
        )
    ]
    if not isinstance(network, Autoencoder | VariationalAutoencoder):
        return found
    real, labels = material.validation.rows[:_PAIRS], material.validation.labels
    some = None if labels is None else labels[:_PAIRS].to(device_of(network))
    sent = real.to(device_of(network))
    back = network.reconstruct(sent) if isinstance(network, Autoencoder) else network.reconstruct(sent, some)
    words = "Above: validation pictures, which it was not trained on. Below: the same through their codes."
    found.append(PictureRow("Through the code", words, torch.cat([real, back.cpu()]), data.side, len(real)))
    label = None if some is None else int(some[0])
    between = network.interpolate(sent[:2], _STEPS, label)
    words = (
        "Evenly spaced on the straight way between two codes; the first and the last are of real pictures."
    )
    found.append(PictureRow("What lies between", words, between.cpu(), data.side, _STEPS))
    return found


def _passages(
    network: GenerativeNetwork, material: Material, neighbourhood: Neighbourhood, caller: Caller
) -> Sequence[PassageRow]:
    made = network.generate(_ROWS, seed=0)
    found = [
        PassageRow(
            "Made vectors",
            "Of each the passage whose vector lies nearest, with the cosine between the two.",
            _first(neighbourhood, caller, made),
        )
    ]
    if isinstance(network, Autoencoder | VariationalAutoencoder):
        ends = _far_apart(material).to(device_of(network))
        words = "Evenly spaced on the way between the codes of two real passages, the nearest to each step."
        between = network.interpolate(ends, _ROWS)
        found.append(PassageRow("What lies between", words, _first(neighbourhood, caller, between)))
    return found


def _far_apart(material: Material) -> Tensor:
    """The first validation row, and the one farthest from it of the same class: (2, width)."""
    rows, labels = material.validation.rows, material.validation.labels
    distances = torch.cdist(rows[:1], rows)[0]
    if labels is not None:
        distances[labels != labels[0]] = -1
    return rows[[0, int(distances.argmax())]]


def _first(neighbourhood: Neighbourhood, caller: Caller, rows: Tensor) -> tuple[NearPassage, ...]:
    found = neighbourhood.nearest(caller, rows.cpu().numpy(), 1)
    return tuple(near[0] for near in found if near)
