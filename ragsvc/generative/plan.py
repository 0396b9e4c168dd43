"""How a network is trained: how long, in what steps, and when its state is written down."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ragsvc.domain import NetworkKind
from ragsvc.generative.networks.hyperparameters import Hyperparameters, choice, number

COSINE = "cosine"
CONSTANT = "constant"
_LAST_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class TrainingPlan(Hyperparameters):
    """The plan of a training; `plan_of` has the defaults of each kind."""

    seed: int = number(0, 0, 2**53, "decides weights, order and noise")
    epochs: int = number(60, 1, 10**6, "passes over the training rows at most")
    minutes: float = number(10.0, 0.001, 10**5, "of training at most; over all its parts")
    batch_size: int = number(64, 2, 65536, "rows of a step")
    learning_rate: float = number(1e-3, 1e-7, 1.0, "of Adam, at its highest")
    schedule: str = choice(COSINE, (COSINE, CONSTANT), "how the learning rate goes on after it has risen")
    warm_up_steps: int = number(50, 0, 10**6, "steps over which the learning rate rises")
    weight_decay: float = number(0.0, 0, 1, "how weights shrink in each step, in learning rates")
    clip: float = number(10.0, 0, 10**6, "length that gradients are cut to; 0: not cut")
    validate_epochs: int = number(1, 1, 10**6, "epochs from one validation to the next")
    patience: int = number(20, 0, 10**6, "validations without a better one before it stops; 0: it does not")
    checkpoint_seconds: float = number(20.0, 0, 10**6, "from one checkpoint to the next; 0: none for time")
    checkpoint_steps: int = number(0, 0, 10**9, "steps from one checkpoint to the next; 0: none for steps")
    threads: int = number(1, 1, 256, "processor cores; one gives the same weights on every machine alike")
    device: str = choice("cpu", ("cpu", "cuda"), "where it is trained")

    def rate(self, step: int, steps: int) -> float:
        """The learning rate of a step.

        :param step: from 0. steps: of the whole plan, at least 1.
        """
        rising = min(1.0, (step + 1) / self.warm_up_steps) if self.warm_up_steps else 1.0
        if self.schedule == CONSTANT:
            return self.learning_rate * rising
        gone = min(1.0, step / steps)
        falling = _LAST_SHARE + (1 - _LAST_SHARE) * 0.5 * (1 + math.cos(math.pi * gone))
        return self.learning_rate * rising * falling


_DEFAULTS: Mapping[NetworkKind, Mapping[str, Any]] = {
    NetworkKind.AUTOENCODER: {"epochs": 100},
    NetworkKind.VAE: {"epochs": 150},
    # An average of the best of many: there is no moment at which such a game is over.
    NetworkKind.GAN: {
        "epochs": 600,
        "learning_rate": 3e-4,
        "schedule": CONSTANT,
        "clip": 0.0,
        "validate_epochs": 10,
        "patience": 0,
    },
    NetworkKind.TRANSFORMER: {
        "epochs": 30,
        "batch_size": 32,
        "learning_rate": 2e-3,
        "warm_up_steps": 100,
        "weight_decay": 0.05,
        "clip": 1.0,
        "patience": 5,
    },
}


def plan_of(kind: NetworkKind, values: Mapping[str, Any] | None = None) -> TrainingPlan:
    """The plan of a kind, with other values where they are given.

    :raises InvalidRequest: if a name is unknown, or a value of another type or out of its range.
    """
    return TrainingPlan.of({**_DEFAULTS[kind], **(values or {})})
