"""Measures: what validation rows say of a trained network, in numbers that mean something by themselves."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ragsvc.generative.material import Material
from ragsvc.generative.networks.adversarial_network import GenerativeAdversarialNetwork
from ragsvc.generative.networks.autoencoder import Autoencoder
from ragsvc.generative.networks.network import GenerativeNetwork, device_of
from ragsvc.generative.networks.tokens import PixelCodec
from ragsvc.generative.networks.transformer import TransformerGenerator
from ragsvc.generative.networks.variational_autoencoder import VariationalAutoencoder

MEANINGS = {
    "loss": "what training steps down, on validation rows; lower is better",
    "reconstruction": "nats that a row costs when its code is known; lower is better",
    "divergence": "nats that a code says of its row: near 0, the code is not used",
    "elbo": "lower bound of the log likelihood of a row in nats; higher is better",
    "log_likelihood": "log likelihood of a row in nats, estimated from below with 64 draws; higher is better",
    "reconstruction_error": "mean square error of a number that went through the code; lower is better",
    "explained": "share of the rows' variance that comes back through the code; 1 is all of it",
    "energy_distance": "of made rows from validation rows; about 0 where both are of one distribution",
    "distance": "how well the critic still tells validation rows from made ones; falls towards 0",
    "perplexity": "among how many equally likely tokens it seems to choose; lower is better",
    "bits_per_number": "bits that a pixel costs; lower is better",
    "penalty": "how far the critic's slope is from 1, squared; near 0 when it is trained well",
    "critic": "loss of the critic",
    "generator": "loss of the generator; its level means little, its leaps much",
}


@torch.no_grad()  # type: ignore[untyped-decorator]
def _rows(
    material: Material, network: GenerativeNetwork, value: Callable[[Tensor, Tensor | None], Tensor]
) -> Tensor:
    device = device_of(network)
    found = [
        value(batch.rows.to(device), None if batch.labels is None else batch.labels.to(device))
        for batch in material.held_out(network.rows_at_once)
    ]
    return torch.cat(found).double().cpu()


def measure(network: GenerativeNetwork, material: Material) -> dict[str, float]:
    """Measures of the validation rows by name, all finite; `MEANINGS` has words for each."""
    if isinstance(network, Autoencoder | VariationalAutoencoder):
        return _of_codes(network, material)
    if isinstance(network, TransformerGenerator):
        return _of_tokens(network, material)
    assert isinstance(network, GenerativeAdversarialNetwork)
    return {}


def _of_codes(network: Autoencoder | VariationalAutoencoder, material: Material) -> dict[str, float]:
    def error(rows: Tensor, labels: Tensor | None) -> Tensor:
        if isinstance(network, Autoencoder):
            return network.reconstruction_error(rows)
        made: Tensor = (network.reconstruct(rows, labels) - rows).square().mean(1)
        return made

    errors = float(_rows(material, network, error).mean())
    rows = material.validation.rows.double()
    variance = float((rows - rows.mean(0)).square().mean())
    found = {"reconstruction_error": errors, "explained": 1 - errors / variance if variance else 0.0}
    if isinstance(network, VariationalAutoencoder):
        found["log_likelihood"] = float(_rows(material, network, network.log_likelihood).mean())
    return found


def _of_tokens(network: TransformerGenerator, material: Material) -> dict[str, float]:
    def likelihood(rows: Tensor, labels: Tensor | None) -> Tensor:
        return network.log_likelihood(network.windows(rows, labels))

    total = float(_rows(material, network, likelihood).sum())
    if isinstance(network.codec, PixelCodec):
        numbers = len(material.validation.rows) * network.codec.shape.width
        return {
            "perplexity": math.exp(-total / numbers),
            "bits_per_number": -total / numbers / math.log(2),
            "log_likelihood": total / len(material.validation.rows),
        }
    expected = int((material.validation.rows[:, 1:] != network.codec.pad).sum())
    return {"perplexity": math.exp(min(700.0, -total / max(1, expected)))}
