"""The layers of a decoder-only transformer."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

# Keys and values of a layer so far: (n, heads, t, width / heads) each.
LayerMemory = tuple[Tensor, Tensor]


class AttentionLayer(nn.Module):  # type: ignore[misc]
    """Attention to what came before, then two dense layers; both with the norm first (GPT-2)."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self._heads = heads
        self._dropout = dropout
        self.first_norm = nn.LayerNorm(width)
        self.attended = nn.Linear(width, 3 * width)
        self.joined = nn.Linear(width, width)
        self.second_norm = nn.LayerNorm(width)
        self.wide = nn.Linear(width, 4 * width)
        self.narrow = nn.Linear(4 * width, width)

    def forward(self, tokens: Tensor, memory: LayerMemory | None) -> tuple[Tensor, LayerMemory]:
        """(n, t, width) -> the same, and what the next call must remember."""
        around, memory = self._attention(self.first_norm(tokens), memory)
        tokens = tokens + self._dropped(self.joined(around))
        inner = functional.gelu(self.wide(self.second_norm(tokens)))
        return tokens + self._dropped(self.narrow(inner)), memory

    def _attention(self, tokens: Tensor, memory: LayerMemory | None) -> tuple[Tensor, LayerMemory]:
        n, t, width = tokens.shape
        shaped = self.attended(tokens).view(n, t, 3, self._heads, width // self._heads)
        query, key, value = shaped.permute(2, 0, 3, 1, 4)
        if memory is not None:
            key, value = torch.cat([memory[0], key], 2), torch.cat([memory[1], value], 2)
        around = functional.scaled_dot_product_attention(
            query,
            key,
            value,
            # A single new token may look at all before it.
            is_causal=t > 1,
            dropout_p=self._dropout if self.training else 0.0,
        )
        return around.transpose(1, 2).reshape(n, t, width), (key, value)

    def _dropped(self, tokens: Tensor) -> Tensor:
        return functional.dropout(tokens, self._dropout, self.training)
