"""Sampling: how the next token is drawn from what a transformer expects."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ragsvc.errors import InvalidRequest

MAX_TOKENS = 2048
MAX_STOPS = 16
# Below, the likeliest is always taken: its share could not be told from 1.
_COLDEST = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingParameters:
    """As services of language models know them.

    temperature: 0 to 100: 0 always takes the likeliest, 1 draws as learned, more is wilder.
    top_k: only so many of the likeliest; 0: all.
    top_p: (0, 1]: only the likeliest that together have this share.
    max_tokens: at most so many are made, 1 to 2048. stop: texts before which a text ends.

    :raises InvalidRequest: if one is out of its range.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    max_tokens: int = 256
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        checks = (
            ("temperature", 0 <= self.temperature <= 100, "from 0 to 100"),
            ("top_k", self.top_k >= 0, "at least 0"),
            ("top_p", 0 < self.top_p <= 1, "above 0 and at most 1"),
            ("max_tokens", 1 <= self.max_tokens <= MAX_TOKENS, f"from 1 to {MAX_TOKENS}"),
            ("stop", len(self.stop) <= MAX_STOPS and all(self.stop), f"up to {MAX_STOPS} texts, none empty"),
        )
        for name, holds, wanted in checks:
            if not holds:
                raise InvalidRequest(f"{name} must be {wanted}", param=name)

    def probabilities(self, logits: Tensor) -> Tensor:
        """(n, size) logits -> (n, size) shares of the tokens that may be drawn.

        top_p: Holtzman et al., 2020, "The Curious Case of Neural Text Degeneration".
        """
        if self.temperature < _COLDEST:
            return torch.nn.functional.one_hot(logits.argmax(1), logits.shape[1]).to(logits.dtype)
        # From the likeliest down and in double: a tiny temperature would divide nothing by nothing else.
        logits = (logits - logits.amax(1, keepdim=True)).double() / self.temperature
        if 0 < self.top_k < logits.shape[1]:
            least = logits.topk(self.top_k).values[:, -1:]
            logits = logits.masked_fill(logits < least, -torch.inf)
        shares = logits.softmax(1)
        if self.top_p < 1:
            falling, order = shares.sort(descending=True, stable=True)
            # A token stays when what is likelier has not reached the share yet: so at least one does.
            out = falling.cumsum(1) - falling >= self.top_p
            shares = shares.masked_fill(torch.zeros_like(out).scatter(1, order, out), 0)
            shares = shares / shares.sum(1, keepdim=True)
        return shares

    def draw(self, logits: Tensor, generator: torch.Generator) -> Tensor:
        """The next token of each row: (n, size) -> (n,) int64."""
        shares = self.probabilities(logits.float()).cpu()
        return torch.multinomial(shares, 1, generator=generator).squeeze(1).to(logits.device)
