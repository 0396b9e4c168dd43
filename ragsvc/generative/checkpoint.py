"""Where a training stands, such that it can go on from a file as if it had never stopped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ragsvc.errors import ModelDamaged
from ragsvc.generative import tensor_file
from ragsvc.generative.networks.network import GenerativeNetwork

_NETWORK = "network/"
_BEST = "best/"
_OPTIMISER = "optimiser/"


@dataclass(slots=True)
class TrainingState:
    """Where a training stands; all but tensors.

    step: batches that are done. epoch: that is in work, from 0. position: batches of it that are done.
    history: a row a validation: epoch, step, seconds and losses, means of the rows.
    sums, counted: of the losses since the last validation, by name.
    best: the lowest criterion so far, of which epoch, and validations since.
    seconds: of training, over all its parts.
    """

    step: int = 0
    epoch: int = 0
    position: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    sums: dict[str, float] = field(default_factory=dict)
    counted: dict[str, int] = field(default_factory=dict)
    best: float | None = None
    best_epoch: int = 0
    waited: int = 0
    seconds: float = 0.0
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}


class Checkpoint:
    """A file that a training is written to and goes on from.

    There are no random numbers in it: each step has a seed of its own (`seeds.py`).
    """

    def __init__(self, path: Path, identity: Mapping[str, Any]) -> None:
        """
        :param identity: what must be the same for a training to go on: JSON values.
        """
        self.path = path
        self._identity = dict(identity)

    def save(
        self,
        state: TrainingState,
        network: GenerativeNetwork,
        best: Mapping[str, Tensor],
        optimisers: Mapping[str, torch.optim.Optimizer],
    ) -> None:
        """Write all; the file before stays whole until this one is.

        :raises DiskFull: if there is no room.
        :raises HomeNotWritable: if the system refuses otherwise.
        """
        tensors = {_NETWORK + name: tensor for name, tensor in network.state_dict().items()}
        tensors |= {_BEST + name: tensor for name, tensor in best.items()}
        tensors |= dict(_moments(optimisers))
        content = {"state": state.as_dict(), "identity": self._identity, "config": network.config()}
        tensor_file.write(self.path, tensors, content)

    def restore(
        self, network: GenerativeNetwork, optimisers: Mapping[str, torch.optim.Optimizer]
    ) -> tuple[TrainingState, dict[str, Tensor]]:
        """Read all back into a network and its optimisers; gives the state and the best weights.

        :raises ModelDamaged: if the file is missing, damaged or of another training.
        """
        found = tensor_file.read(self.path)
        if found.content.get("identity") != self._identity:
            raise ModelDamaged(
                f"{self.path} is the checkpoint of another training",
                hint="give the data and the settings that it began with, or another name: --name NAME",
            )
        try:
            network.load_state_dict(_below(found.tensors, _NETWORK))
            for player, optimiser in optimisers.items():
                _load_moments(optimiser, _below(found.tensors, f"{_OPTIMISER}{player}/"))
            state = TrainingState(**found.content["state"])
        except (RuntimeError, KeyError, TypeError, ValueError) as error:
            raise ModelDamaged(
                f"{self.path} cannot be gone on from: {error}", hint="train again without --resume"
            ) from error
        return state, _below(found.tensors, _BEST)

    def remove(self) -> None:
        """Remove the file, if it is there."""
        self.path.unlink(missing_ok=True)


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): each for name, each in tensors.items() if name.startswith(prefix)}


def _moments(optimisers: Mapping[str, torch.optim.Optimizer]) -> Iterator[tuple[str, Tensor]]:
    for player, optimiser in optimisers.items():
        for number, held in optimiser.state_dict()["state"].items():
            for name, tensor in held.items():
                yield f"{_OPTIMISER}{player}/{number}/{name}", torch.as_tensor(tensor)


def _load_moments(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        number, _, name = key.partition("/")
        state.setdefault(int(number), {})[name] = tensor
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})
