"""An autoencoder: a row goes through a narrow code and comes back as well as it can."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ragsvc.domain import NetworkKind
from ragsvc.generative.networks.hyperparameters import Hyperparameters, number, switch
from ragsvc.generative.networks.network import (
    Batch,
    GenerativeNetwork,
    RowShape,
    Standardisation,
    device_of,
    labels_of,
    noise_of,
    row_config,
    walk,
    without_gradients,
)

# Codes that do not vary at all would have no inverse.
_JITTER = 1e-6


@dataclass(frozen=True, slots=True)
class AutoencoderParameters(Hyperparameters):
    """Of an autoencoder."""

    hidden: int = number(256, 1, 8192, "width of the hidden layers")
    code: int = number(32, 1, 4096, "numbers in a code")
    noise: float = number(0.1, 0, 10, "deviation of what is added to rows in training, in theirs; 0: none")
    tied: bool = switch(False, "whether the decoder uses the encoder's weights, transposed")


class Autoencoder(GenerativeNetwork):
    """D - hidden - code - hidden - D, trained to undo noise (Vincent et al., 2008, "Extracting and Composing
    Robust Features with Denoising Autoencoders").

    It has no distribution of its own: new rows are decoded from a normal distribution that is fitted to the
    codes of the training rows after training (Ghosh et al., 2020, "From Variational to Deterministic
    Autoencoders", section 4).
    """

    kind = NetworkKind.AUTOENCODER

    hyperparameters: AutoencoderParameters

    def __init__(self, shape: RowShape, parameters: AutoencoderParameters | None = None) -> None:
        super().__init__()
        self.shape = shape
        self.hyperparameters = asked = parameters or AutoencoderParameters()
        self.standardisation = Standardisation(shape)
        self.inner = nn.Linear(shape.width, asked.hidden)
        self.narrow = nn.Linear(asked.hidden, asked.code)
        if asked.tied:
            self.widen_bias = nn.Parameter(torch.zeros(asked.hidden))
            self.outer_bias = nn.Parameter(torch.zeros(shape.width))
        else:
            self.widen = nn.Linear(asked.code, asked.hidden)
            self.outer = nn.Linear(asked.hidden, shape.width)
        self.register_buffer("code_mean", torch.zeros(asked.code))
        self.register_buffer("code_factor", torch.eye(asked.code))

    def config(self) -> dict[str, Any]:
        """See GenerativeNetwork."""
        return row_config(self.shape, self.hyperparameters)

    def fit_data(self, rows: Tensor) -> None:
        """See GenerativeNetwork."""
        self.standardisation.fit(rows)

    def loss(self, batch: Batch, step: int) -> dict[str, Tensor]:  # noqa: ARG002
        """ "loss": mean square error of a number, in the network's units."""
        clean = self.standardisation.inward(batch.rows)
        seen = clean
        if self.training and self.hyperparameters.noise:
            seen = clean + self._noise_scale(clean) * torch.randn_like(clean)
        return {"loss": functional.mse_loss(self._decode(self._encode(seen)), clean)}

    def encode(self, rows: Tensor, labels: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """See GenerativeNetwork."""
        return self._encode(self.standardisation.inward(rows))

    def decode(self, codes: Tensor) -> Tensor:
        """Rows of codes: (n, code) -> (n, width) float32."""
        return self.standardisation.outward(self._decode(codes))

    def reconstruct(self, rows: Tensor) -> Tensor:
        """Rows through the code and back, the same shape."""
        return self.decode(self.encode(rows))

    def reconstruction_error(self, rows: Tensor) -> Tensor:
        """Mean square error of each row, (n,) float32, in the data's units; low for what is like it."""
        return (self.reconstruct(rows) - rows).square().mean(1)

    def score(self, rows: Tensor, labels: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """The reconstruction error with its sign turned: 0 is best."""
        return -self.reconstruction_error(rows)

    def interpolate(self, ends: Tensor, steps: int, label: int | None = None) -> Tensor:  # noqa: ARG002
        """See GenerativeNetwork."""
        return self.decode(walk(self.encode(ends), steps))

    @without_gradients
    def finish(self, rows: Tensor) -> None:
        """Fit the normal distribution of codes."""
        codes = self.encode(rows)
        self.code_mean.copy_(codes.mean(0))
        spread = (codes - self.code_mean).T @ (codes - self.code_mean) / max(1, len(codes) - 1)
        jitter = _JITTER + _JITTER * spread.diagonal().mean()
        identity = torch.eye(len(spread), device=spread.device)
        # In double: with more columns than rows, single precision finds it indefinite.
        factor = torch.linalg.cholesky((spread + jitter * identity).double())
        self.code_factor.copy_(factor.to(spread.dtype))

    @without_gradients
    def generate(self, count: int, *, seed: int = 0, label: int | None = None) -> Tensor:
        """See GenerativeNetwork; it knows no classes."""
        labels_of(count, label, 0, device_of(self))
        noise = noise_of(seed, (count, len(self.code_mean)), device_of(self))
        rows = self.decode(self.code_mean + noise @ self.code_factor.T)
        return rows.clamp(0, 1) if self.shape.bounded else rows

    def _noise_scale(self, rows: Tensor) -> Tensor | float:
        """The level is in deviations of the rows, whatever those are."""
        return self.hyperparameters.noise * (rows.std() if self.shape.bounded else 1.0)

    def _encode(self, rows: Tensor) -> Tensor:
        return self.narrow(functional.silu(self.inner(rows)))

    def _decode(self, codes: Tensor) -> Tensor:
        if self.hyperparameters.tied:
            hidden = functional.silu(functional.linear(codes, self.narrow.weight.T, self.widen_bias))
            return functional.linear(hidden, self.inner.weight.T, self.outer_bias)
        return self.outer(functional.silu(self.widen(codes)))
