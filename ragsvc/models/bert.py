"""A BERT encoder in plain torch.

The bundled model and most sentence embedders are BERT. Running their published weights directly
saves the import of transformers (several seconds of every start) and half of the time of a
single short question; the test-suite compares the vectors with sentence-transformers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from ragsvc.errors import ModelMismatch

_WORDS = "embeddings.word_embeddings.weight"


@dataclass(frozen=True, slots=True)
class BertShape:
    """The numbers of config.json that decide the computation. pooling: "mean" or "cls"."""

    layers: int
    heads: int
    epsilon: float
    pooling: str


@dataclass(frozen=True, slots=True)
class _Linear:
    weight: Tensor
    bias: Tensor


@dataclass(frozen=True, slots=True)
class _Layer:
    qkv: _Linear
    attended: _Linear
    attended_norm: _Linear
    widen: _Linear
    narrow: _Linear
    output_norm: _Linear


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the real tokens of a padded batch stand. Only attention looks at tokens beside each other;
    all else, nearly all of the work, is done for the real ones alone.

    shape: (n, t). flat: places among n * t, ascending; None when all are real. attend: for the attention.
    """

    shape: torch.Size
    flat: Tensor | None
    attend: Tensor | None

    @classmethod
    def of(cls, ids: Tensor, mask: Tensor | None) -> _Places:
        if mask is None:
            return cls(ids.shape, None, None)
        return cls(ids.shape, mask.flatten().nonzero().squeeze(1), mask[:, None, None, :].bool())

    def real(self, tokens: Tensor) -> Tensor:
        """(n * t, width) -> (real ones, width)."""
        return tokens if self.flat is None else tokens[self.flat]

    def padded(self, tokens: Tensor) -> Tensor:
        """(real ones, width) -> (n, t, width), with zeros elsewhere."""
        if self.flat is not None:
            blank = tokens.new_zeros(self.shape.numel(), tokens.shape[1])
            tokens = blank.index_copy_(0, self.flat, tokens)
        return tokens.unflatten(0, self.shape)


class BertEncoder:
    """Token ids to unit vectors."""

    def __init__(
        self,
        shape: BertShape,
        words: Tensor,
        positions: Tensor,
        norm: _Linear,
        layers: list[_Layer],
        last: _Linear | None = None,
    ) -> None:
        self._shape = shape
        self._words = words
        self._positions = positions
        self._norm = norm
        self._layers = layers
        self._last = last

    @classmethod
    def load(cls, weights: Path, shape: BertShape, last: Path | None = None) -> BertEncoder:
        """Read a `model.safetensors` of transformers' BertModel.

        :param last: weights of sentence-transformers' Dense, a linear layer for the unit vectors.
        :raises ModelMismatch: if a tensor is missing.
        """
        try:
            tensors = {name.removeprefix("bert."): tensor for name, tensor in load_file(weights).items()}
            after = None if last is None else _linear(load_file(last), "linear")
        except (OSError, ValueError, KeyError) as error:
            raise _mismatch(str(weights), error) from error
        # The table of words is most of a multilingual model; only the rows of a text's words are widened.
        kept = {name: t if name == _WORDS else t.float() for name, t in tensors.items()}
        return cls.from_tensors(kept, shape, str(weights), after)

    @classmethod
    def from_tensors(
        cls, tensors: dict[str, Tensor], shape: BertShape, source: str, last: _Linear | None = None
    ) -> BertEncoder:
        """Take float32 tensors by their names in transformers' BertModel.

        :param source: where they are from, for the error.
        :param last: a linear layer for the unit vectors, which are normalised again behind it.
        :raises ModelMismatch: if a tensor is missing.
        """
        try:
            layers = [_layer(tensors, f"encoder.layer.{number}") for number in range(shape.layers)]
            # Every text is one segment, so the segment vector is a constant of each position.
            positions = (
                tensors["embeddings.position_embeddings.weight"]
                + tensors["embeddings.token_type_embeddings.weight"][0]
            )
            norm = _linear(tensors, "embeddings.LayerNorm")
            return cls(shape, tensors[_WORDS], positions, norm, layers, last)
        except KeyError as error:
            raise _mismatch(source, error) from error

    def encode(self, ids: Tensor, mask: Tensor | None) -> Tensor:
        """Embed one batch.

        :param ids: (n, t) int64.
        :param mask: (n, t) int64, 1 for real tokens; None when all are real.
        :return: (n, dim) float32, rows L2-normalised.
        """
        with torch.inference_mode():
            pooled = self._pool(self.hidden(ids, mask), mask)
            if self._last is not None:
                pooled = functional.normalize(pooled, dim=-1)
                pooled = functional.linear(pooled, self._last.weight, self._last.bias)
            return functional.normalize(pooled, dim=-1)

    def hidden(self, ids: Tensor, mask: Tensor | None) -> Tensor:
        """What the last layer gives for every token: (n, t, width), zeros where the mask is 0.

        :param ids: (n, t) int64. mask: as in `encode`.
        """
        places = _Places.of(ids, mask)
        hidden = functional.embedding(ids.flatten(), self._words).float().view(*ids.shape, -1)
        hidden = places.real((hidden + self._positions[: ids.shape[1]]).flatten(0, 1))
        hidden = self._normed(hidden, self._norm)
        for layer in self._layers:
            hidden = self._step(layer, hidden, places)
        return places.padded(hidden)

    def _step(self, layer: _Layer, hidden: Tensor, places: _Places) -> Tensor:
        qkv = places.padded(functional.linear(hidden, layer.qkv.weight, layer.qkv.bias))
        # (rows, length, 3 * width) -> 3 x (rows, heads, length, width of a head)
        query, key, value = qkv.unflatten(-1, (3, self._shape.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=places.attend)
        mixed = places.real(mixed.transpose(1, 2).flatten(2).flatten(0, 1))
        mixed = functional.linear(mixed, layer.attended.weight, layer.attended.bias).add_(hidden)
        hidden = self._normed(mixed, layer.attended_norm)
        wide = functional.gelu(functional.linear(hidden, layer.widen.weight, layer.widen.bias))
        narrow = functional.linear(wide, layer.narrow.weight, layer.narrow.bias).add_(hidden)
        return self._normed(narrow, layer.output_norm)

    def _normed(self, hidden: Tensor, norm: _Linear) -> Tensor:
        return functional.layer_norm(hidden, hidden.shape[-1:], norm.weight, norm.bias, self._shape.epsilon)

    def _pool(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        if self._shape.pooling == "cls":
            return hidden[:, 0]
        if mask is None:
            return hidden.mean(dim=1)
        weights = mask.unsqueeze(-1).to(hidden.dtype)
        return (hidden * weights).sum(dim=1) / weights.sum(dim=1)


def _mismatch(source: str, error: Exception) -> ModelMismatch:
    return ModelMismatch(f"{source} does not hold a BERT encoder: {error}", hint="fetch the model again")


def _linear(tensors: dict[str, Tensor], name: str) -> _Linear:
    return _Linear(tensors[f"{name}.weight"], tensors[f"{name}.bias"])


def _layer(tensors: dict[str, Tensor], name: str) -> _Layer:
    parts = [_linear(tensors, f"{name}.attention.self.{part}") for part in ("query", "key", "value")]
    return _Layer(
        qkv=_Linear(torch.cat([part.weight for part in parts]), torch.cat([part.bias for part in parts])),
        attended=_linear(tensors, f"{name}.attention.output.dense"),
        attended_norm=_linear(tensors, f"{name}.attention.output.LayerNorm"),
        widen=_linear(tensors, f"{name}.intermediate.dense"),
        narrow=_linear(tensors, f"{name}.output.dense"),
        output_norm=_linear(tensors, f"{name}.output.LayerNorm"),
    )
