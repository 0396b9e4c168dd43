"""A generative adversarial network: a generator learns from a critic that tells its rows from real ones."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ragsvc.domain import NetworkKind
from ragsvc.generative.networks.hyperparameters import Hyperparameters, choice, number
from ragsvc.generative.networks.network import (
    Batch,
    GenerativeNetwork,
    RowShape,
    Standardisation,
    device_of,
    labels_of,
    multilayer_perceptron,
    noise_of,
    one_hot,
    row_config,
    without_gradients,
)

CRITIC = "critic"
GENERATOR = "generator"
WASSERSTEIN = "wasserstein"
MINIMAX = "minimax"


@dataclass(frozen=True, slots=True)
class AdversarialParameters(Hyperparameters):
    """Of an adversarial network."""

    hidden: int = number(256, 1, 8192, "width of the hidden layers")
    layers: int = number(2, 1, 8, "hidden layers of the generator, and of the critic")
    noise: int = number(32, 1, 4096, "numbers that the generator starts from")
    objective: str = choice(
        WASSERSTEIN, (WASSERSTEIN, MINIMAX), "minimax is the first one of 2014, which is prone to collapse"
    )
    critic_steps: int = number(3, 1, 100, "steps of the critic for one of the generator")
    penalty: float = number(10.0, 0, 1000, "weight of the gradient penalty; not for minimax")
    average: float = number(0.999, 0, 0.99999, "decay of the generator's average that makes rows; 0: none")


class GenerativeAdversarialNetwork(GenerativeNetwork):
    """WGAN-GP (Gulrajani et al., 2017, "Improved Training of Wasserstein GANs", algorithm 1), or with
    objective="minimax" the game of Goodfellow et al., 2014, "Generative Adversarial Nets", with the
    loss of the generator that its section 3 advises. With classes, both players are told the class.

    Every step is one of the critic or of the generator, so that each has an optimiser of its own. What makes
    rows is a running average of the generator's weights (Yazici et al., 2019, "The Unusual Effectiveness of
    Averaging in GAN Training").
    """

    kind = NetworkKind.GAN
    criterion = "energy_distance"
    betas = (0.0, 0.9)
    hyperparameters: AdversarialParameters

    def __init__(self, shape: RowShape, parameters: AdversarialParameters | None = None) -> None:
        super().__init__()
        self.shape = shape
        self.hyperparameters = asked = parameters or AdversarialParameters()
        hidden = [asked.hidden] * asked.layers
        self.standardisation = Standardisation(shape)
        self.generator = multilayer_perceptron([asked.noise + shape.classes, *hidden, shape.width])
        self.critic = multilayer_perceptron([shape.width + shape.classes, *hidden, 1], nn.LeakyReLU)
        self.averaged = deepcopy(self.generator).requires_grad_(False)
        self.register_buffer("averages", torch.zeros((), dtype=torch.int64))

    def config(self) -> dict[str, Any]:
        """See GenerativeNetwork."""
        return row_config(self.shape, self.hyperparameters)

    def fit_data(self, rows: Tensor) -> None:
        """See GenerativeNetwork."""
        self.standardisation.fit(rows)

    def players(self) -> dict[str, list[Tensor]]:
        """See GenerativeNetwork."""
        return {CRITIC: list(self.critic.parameters()), GENERATOR: list(self.generator.parameters())}

    def player(self, step: int) -> str:
        """See GenerativeNetwork."""
        rounds = self.hyperparameters.critic_steps + 1
        return GENERATOR if step % rounds == rounds - 1 else CRITIC

    def loss(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """ "loss" of the player of the step; the critic's with its parts "distance" and "penalty"."""
        real = self.standardisation.inward(batch.rows)
        told = one_hot(batch.labels, self.shape.classes, real)
        noise = torch.randn(len(real), self.hyperparameters.noise, device=real.device)
        if self.player(step) == GENERATOR:
            verdict = self._verdict(self._made(self.generator, noise, told), told)
            loss = -verdict.mean() if self._is_wasserstein() else functional.softplus(-verdict).mean()
            return {"loss": loss, GENERATOR: loss}
        with torch.no_grad():
            made = self._made(self.generator, noise, told)
        return self._critic_loss(real, made, told)

    def _critic_loss(self, real: Tensor, made: Tensor, told: Tensor) -> dict[str, Tensor]:
        of_real, of_made = self._verdict(real, told), self._verdict(made, told)
        if not self._is_wasserstein():
            loss = functional.softplus(-of_real).mean() + functional.softplus(of_made).mean()
            return {"loss": loss, CRITIC: loss}
        distance = of_real.mean() - of_made.mean()
        penalty = self.gradient_penalty(real, made, told)
        loss = self.hyperparameters.penalty * penalty - distance
        return {"loss": loss, CRITIC: loss, "distance": distance, "penalty": penalty}

    def gradient_penalty(self, real: Tensor, made: Tensor, told: Tensor) -> Tensor:
        """How far the critic's slope is from 1 on the way between real and made rows, squared, a scalar."""
        along = torch.rand(len(real), 1, device=real.device)
        between = (along * real + (1 - along) * made).requires_grad_(True)
        (slope,) = torch.autograd.grad(self._verdict(between, told).sum(), between, create_graph=True)
        # The slope of a norm has no value at 0.
        return (slope.square().sum(1).add(1e-12).sqrt() - 1).square().mean()

    @without_gradients
    def validation(self, batch: Batch) -> dict[str, Tensor]:
        """ "energy_distance" between some rows and as many made ones, and the critic's gap: "distance"."""
        real = self.standardisation.inward(batch.rows)
        told = one_hot(batch.labels, self.shape.classes, real)
        noise = torch.randn(len(real), self.hyperparameters.noise, device=real.device)
        made = self._made(self.averaged, noise, told)
        gap = self._verdict(real, told).mean() - self._verdict(made, told).mean()
        return {"energy_distance": energy_distance(real, made), "distance": gap}

    @without_gradients
    def stepped(self, player: str) -> None:
        """See GenerativeNetwork: the average follows the generator."""
        if player != GENERATOR:
            return
        done = float(self.averages)
        # Young averages would remember the first weights, which are noise.
        decay = min(self.hyperparameters.average, (1 + done) / (10 + done))
        if not self.hyperparameters.average:
            decay = 0.0
        for average, current in zip(self.averaged.parameters(), self.generator.parameters(), strict=True):
            average.lerp_(current, 1 - decay)
        self.averages += 1

    @without_gradients
    def generate(self, count: int, *, seed: int = 0, label: int | None = None) -> Tensor:
        """See GenerativeNetwork."""
        device = device_of(self)
        noise = noise_of(seed, (count, self.hyperparameters.noise), device)
        told = one_hot(labels_of(count, label, self.shape.classes, device), self.shape.classes, noise)
        return self.standardisation.outward(self._made(self.averaged, noise, told))

    def score(self, rows: Tensor, labels: Tensor | None = None) -> Tensor:
        """The critic's verdict: no likelihood, and comparable within one model only."""
        inward = self.standardisation.inward(rows)
        if labels is not None or not self.shape.classes:
            return self._verdict(inward, one_hot(labels, self.shape.classes, inward))
        # Whatever class it looks most like.
        identity = torch.eye(self.shape.classes, device=inward.device)
        each = [self._verdict(inward, told.expand(len(inward), -1)) for told in identity]
        return torch.stack(each).amax(0)

    def _is_wasserstein(self) -> bool:
        return self.hyperparameters.objective == WASSERSTEIN

    def _made(self, generator: nn.Module, noise: Tensor, told: Tensor) -> Tensor:
        rows = generator(torch.cat([noise, told], 1))
        return torch.sigmoid(rows) if self.shape.bounded else rows

    def _verdict(self, rows: Tensor, told: Tensor) -> Tensor:
        return self.critic(torch.cat([rows, told], 1)).squeeze(1)


def energy_distance(one: Tensor, other: Tensor) -> Tensor:
    """How far two samples are from one distribution, a scalar >= 0 up to chance: (n, d), (m, d).

    Székely & Rizzo, 2013, "Energy statistics"; a row is not compared with itself, so that it is unbiased.
    """
    return 2 * torch.cdist(one, other).mean() - _inner(one) - _inner(other)


def _inner(rows: Tensor) -> Tensor:
    return torch.cdist(rows, rows).sum() / max(1, len(rows) * (len(rows) - 1))
