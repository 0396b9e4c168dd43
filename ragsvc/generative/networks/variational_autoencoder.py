"""A variational autoencoder: a distribution of rows with a code that can be read and walked in."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ragsvc.domain import NetworkKind
from ragsvc.errors import InvalidRequest
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
    walk,
    without_gradients,
)

_LOG_2PI = math.log(2 * math.pi)
# Narrower than that a density is no measure of anything: pixels that never change would make it infinite.
_LEAST_LOG_DEVIATION = -4.0
# One number must move as far as the weights together do; Adam moves each by as much.
_DEVIATION_SPEED = 10.0
GAUSSIAN = "gaussian"
BERNOULLI = "bernoulli"


@dataclass(frozen=True, slots=True)
class VariationalParameters(Hyperparameters):
    """Of a variational autoencoder."""

    hidden: int = number(256, 1, 8192, "width of the hidden layers")
    layers: int = number(2, 1, 8, "hidden layers on each side")
    code: int = number(16, 1, 4096, "numbers in a code")
    beta: float = number(1.0, 0, 100, "weight of the divergence; 1: the bound itself")
    warm_up: int = number(500, 0, 10**9, "steps over which the weight of the divergence rises from 0")
    likelihood: str = choice(
        GAUSSIAN, (GAUSSIAN, BERNOULLI), "of a row given its code; bernoulli needs numbers from 0 to 1"
    )


def gaussian_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, 1)) of each row in nats: (n, code) twice -> (n,).

    Kingma & Welling, 2014, "Auto-Encoding Variational Bayes", appendix B.
    """
    return 0.5 * (mean.square() + log_variance.exp() - log_variance - 1).sum(1)


class VariationalAutoencoder(GenerativeNetwork):
    """Gaussian posterior, standard normal prior, and a Gaussian likelihood of one deviation that is learned
    (Rybkin et al., 2021, "Simple and Effective VAE Training with Calibrated Decoders"), so that no weight
    between the two parts of the bound has to be found. With classes, both sides are told the class (Sohn et
    al., 2015, "Learning Structured Output Representation using Deep Conditional Generative Models").
    """

    kind = NetworkKind.VAE
    hyperparameters: VariationalParameters

    def __init__(self, shape: RowShape, parameters: VariationalParameters | None = None) -> None:
        super().__init__()
        self.shape = shape
        self.hyperparameters = asked = parameters or VariationalParameters()
        if asked.likelihood == BERNOULLI and not shape.bounded:
            raise InvalidRequest(
                "a bernoulli likelihood needs rows of numbers from 0 to 1",
                hint="--set likelihood=gaussian",
                param="likelihood",
            )
        hidden = [asked.hidden] * asked.layers
        self.standardisation = Standardisation(shape)
        self.encoder = multilayer_perceptron([shape.width + shape.classes, *hidden, 2 * asked.code])
        self.decoder = multilayer_perceptron([asked.code + shape.classes, *hidden, shape.width])
        self.deviation = nn.Parameter(torch.zeros(()))
        self.register_buffer("first_log_deviation", torch.zeros(()))

    def config(self) -> dict[str, Any]:
        """See GenerativeNetwork."""
        return row_config(self.shape, self.hyperparameters)

    def fit_data(self, rows: Tensor) -> None:
        """See GenerativeNetwork."""
        self.standardisation.fit(rows)
        inward = self.standardisation.inward(rows)
        # Begun higher than the rows' own, it would drown what codes could say.
        spread = (inward - inward.mean(0)).square().mean().sqrt()
        self.first_log_deviation.copy_(spread.clamp(min=1e-3).log())

    def loss(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """ "reconstruction" + weight * "divergence" = "loss", all nats a row; "elbo" is the bound itself."""
        asked = self.hyperparameters
        weight = asked.beta * min(1.0, (step + 1) / asked.warm_up if asked.warm_up else 1.0)
        return self._bound(batch, weight)

    def validation(self, batch: Batch) -> dict[str, Tensor]:
        """See GenerativeNetwork; the divergence has its full weight."""
        return self._bound(batch, self.hyperparameters.beta)

    def _bound(self, batch: Batch, weight: float) -> dict[str, Tensor]:
        mean, log_variance = self.posterior(batch.rows, batch.labels)
        code = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        reconstruction = -self.log_density(batch.rows, code, batch.labels).mean()
        divergence = gaussian_divergence(mean, log_variance).mean()
        return {
            "loss": reconstruction + weight * divergence,
            "reconstruction": reconstruction,
            "divergence": divergence,
            "elbo": -(reconstruction + divergence),
        }

    def posterior(self, rows: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Mean and log variance of the code of each row: (n, width) -> (n, code) twice."""
        inward = self.standardisation.inward(rows)
        told = torch.cat([inward, one_hot(labels, self.shape.classes, inward)], 1)
        mean, log_variance = self.encoder(told).chunk(2, 1)
        return mean, log_variance.clamp(-12, 12)

    def log_density(self, rows: Tensor, codes: Tensor, labels: Tensor | None = None) -> Tensor:
        """log p(row | code) in nats, in the data's units: (n, width), (n, code) -> (n,).

        With a Bernoulli likelihood numbers between 0 and 1 count as the shares of zeros and ones.
        """
        made = self._decoded(codes, labels)
        if self.hyperparameters.likelihood == BERNOULLI:
            return -functional.binary_cross_entropy_with_logits(made, rows, reduction="none").sum(1)
        deviation = self._log_deviation()
        error = ((self.standardisation.inward(rows) - made) / deviation.exp()).square()
        log_unit = deviation + self.standardisation.scale.log() + 0.5 * _LOG_2PI
        return -0.5 * error.sum(1) - self.shape.width * log_unit

    def encode(self, rows: Tensor, labels: Tensor | None = None) -> Tensor:
        """See GenerativeNetwork; a code is the mean of the posterior."""
        return self.posterior(rows, labels)[0]

    def decode(self, codes: Tensor, labels: Tensor | None = None) -> Tensor:
        """The mean of the rows of codes: (n, code) -> (n, width) float32."""
        made = self._decoded(codes, labels)
        if self.hyperparameters.likelihood == BERNOULLI:
            return torch.sigmoid(made)
        rows = self.standardisation.outward(made)
        return rows.clamp(0, 1) if self.shape.bounded else rows

    def reconstruct(self, rows: Tensor, labels: Tensor | None = None) -> Tensor:
        """Rows through the mean of their codes and back, the same shape."""
        return self.decode(self.encode(rows, labels), labels)

    @without_gradients
    def log_likelihood(
        self, rows: Tensor, labels: Tensor | None = None, *, samples: int = 64, seed: int = 0
    ) -> Tensor:
        """A lower bound of log p(row) in nats, (n,), that rises to it with the samples.

        Burda et al., 2016, "Importance Weighted Autoencoders", equation 8; one sample: the plain bound.
        :param samples: at least 1.
        """
        mean, log_variance = self.posterior(rows, labels)
        noise = noise_of(seed, (samples, *mean.shape), mean.device)
        weights = []
        for drawn in noise:
            code = mean + (0.5 * log_variance).exp() * drawn
            log_prior = -0.5 * (code.square() + _LOG_2PI).sum(1)
            log_posterior = -0.5 * (drawn.square() + log_variance + _LOG_2PI).sum(1)
            weights.append(self.log_density(rows, code, labels) + log_prior - log_posterior)
        return torch.stack(weights).logsumexp(0) - math.log(samples)

    def score(self, rows: Tensor, labels: Tensor | None = None) -> Tensor:
        """log p(row) in nats, estimated from below; without labels, of all classes alike."""
        if labels is not None or not self.shape.classes:
            return self.log_likelihood(rows, labels)
        each = [
            self.log_likelihood(rows, torch.full((len(rows),), label, device=rows.device))
            for label in range(self.shape.classes)
        ]
        return torch.stack(each).logsumexp(0) - math.log(self.shape.classes)

    @without_gradients
    def generate(self, count: int, *, seed: int = 0, label: int | None = None, noise: bool = False) -> Tensor:
        """See GenerativeNetwork.

        :param noise: False: the mean of each code's distribution, which is what pictures show; True: a draw
            of the distribution itself.
        """
        device = device_of(self)
        labels = labels_of(count, label, self.shape.classes, device)
        rows = self.decode(noise_of(seed, (count, self.hyperparameters.code), device), labels)
        if noise:
            rows = self._drawn(rows, seed)
        return rows

    def interpolate(self, ends: Tensor, steps: int, label: int | None = None) -> Tensor:
        """Rows on the straight way between the codes of two rows: (2, width) -> (steps, width).

        :param steps: at least 2; the first and the last are the two rows as the network sees them.
        """
        classes, device = self.shape.classes, ends.device
        labels = labels_of(2, label if label is not None or not classes else 0, classes, device)
        codes = walk(self.encode(ends, labels), steps)
        return self.decode(
            codes, labels_of(steps, label if labels is None else int(labels[0]), classes, device)
        )

    def _drawn(self, rows: Tensor, seed: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed ^ 0x5EED)
        if self.hyperparameters.likelihood == BERNOULLI:
            return torch.bernoulli(rows.cpu(), generator=generator).to(rows.device)
        deviation = self._log_deviation().exp() * self.standardisation.scale
        return rows + deviation * torch.randn(rows.shape, generator=generator).to(rows.device)

    def _log_deviation(self) -> Tensor:
        moved = self.first_log_deviation + _DEVIATION_SPEED * self.deviation
        # Soft, so that there is a way back from below.
        return _LEAST_LOG_DEVIATION + functional.softplus(moved - _LEAST_LOG_DEVIATION)

    def _decoded(self, codes: Tensor, labels: Tensor | None) -> Tensor:
        return self.decoder(torch.cat([codes, one_hot(labels, self.shape.classes, codes)], 1))
