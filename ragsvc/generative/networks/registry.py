"""The four kinds of networks by name: their classes, hyperparameters, and how each is made from what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ragsvc.domain import NetworkKind
from ragsvc.errors import ModelDamaged, RagsvcError
from ragsvc.generative.networks.adversarial_network import AdversarialParameters, GenerativeAdversarialNetwork
from ragsvc.generative.networks.autoencoder import Autoencoder, AutoencoderParameters
from ragsvc.generative.networks.hyperparameters import Hyperparameters
from ragsvc.generative.networks.network import GenerativeNetwork, RowShape
from ragsvc.generative.networks.tokens import codec_of
from ragsvc.generative.networks.transformer import TransformerGenerator, TransformerParameters
from ragsvc.generative.networks.variational_autoencoder import VariationalAutoencoder, VariationalParameters


@dataclass(frozen=True, slots=True)
class _Kind:
    network: type[Any]
    parameters: type[Hyperparameters]


_KINDS = {
    NetworkKind.AUTOENCODER: _Kind(Autoencoder, AutoencoderParameters),
    NetworkKind.VAE: _Kind(VariationalAutoencoder, VariationalParameters),
    NetworkKind.GAN: _Kind(GenerativeAdversarialNetwork, AdversarialParameters),
    NetworkKind.TRANSFORMER: _Kind(TransformerGenerator, TransformerParameters),
}


def parameters_of(kind: NetworkKind) -> type[Hyperparameters]:
    """The hyperparameters of a kind."""
    return _KINDS[kind].parameters


def network_of(kind: NetworkKind, material: Any, hyperparameters: Hyperparameters) -> GenerativeNetwork:
    """A new network, with weights from torch's random numbers.

    :param material: a RowShape; for a transformer the codec of its tokens.
    :raises InvalidRequest: if the hyperparameters do not go together, or not with the data.
    """
    made: GenerativeNetwork = _KINDS[kind].network(material, hyperparameters)
    return made


def network_from(kind: NetworkKind, config: Mapping[str, Any]) -> GenerativeNetwork:
    """A network of a configuration that `GenerativeNetwork.config` gave, without its trained weights.

    :raises ModelDamaged: if it is none.
    """
    try:
        transformer = kind is NetworkKind.TRANSFORMER
        material = codec_of(config["codec"]) if transformer else RowShape(**config["shape"])
        return network_of(kind, material, parameters_of(kind).of(config["hyperparameters"]))
    except (KeyError, TypeError, AttributeError, RagsvcError) as error:
        raise ModelDamaged(
            f"the configuration of the model is not one of a {kind}: {error}",
            hint="train it again, or take its folder from a backup",
        ) from error
