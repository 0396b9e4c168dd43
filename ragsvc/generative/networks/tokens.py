"""Tokens: texts as bytes or subwords, and rows of pixels as levels of grey."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor

from ragsvc.errors import ModelDamaged
from ragsvc.generative.networks.network import RowShape

BYTES = "byte"
SUBWORDS = "subword"
PIXELS = "pixel"
_END = "<|end|>"
_PAD = "<|pad|>"
_LEAST_FREQUENCY = 2


class TextCodec:
    """Texts to tokens and back. Two of them are no text: the end, which stands before every text too, and
    the filling after it.
    """

    def __init__(self, form: str, tokeniser: Tokenizer | None) -> None:
        """
        :param form: "byte" or "subword".
        :param tokeniser: of subwords.
        """
        self.form = form
        self._tokeniser = tokeniser
        # Whoever learns subwords begins with these two.
        self.end, self.pad = (256, 257) if tokeniser is None else (0, 1)
        self.size = 258 if tokeniser is None else tokeniser.get_vocab_size()

    @classmethod
    def of_bytes(cls) -> TextCodec:
        """A token a byte of UTF-8."""
        return cls(BYTES, None)

    @classmethod
    def learned(cls, texts: Iterable[str], size: int) -> TextCodec:
        """Byte pair encoding of some texts (Sennrich et al., 2016): whatever is no subword is bytes.

        :param size: of the vocabulary at most, at least 300.
        """
        tokeniser = Tokenizer(models.BPE())
        tokeniser.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokeniser.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=size,
            min_frequency=_LEAST_FREQUENCY,
            special_tokens=[_END, _PAD],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        tokeniser.train_from_iterator(texts, trainer)
        return cls(SUBWORDS, tokeniser)

    def config(self) -> dict[str, Any]:
        """What makes it again, such as JSON holds."""
        return {"form": self.form, "tokeniser": self._tokeniser.to_str() if self._tokeniser else None}

    def tokens(self, text: str) -> list[int]:
        """Tokens of a text, without the end."""
        # Lone surrogates are no text, and no UTF-8.
        clean = text.encode("utf-8", "replace")
        if self._tokeniser is None:
            return list(clean)
        # Words for the end that stand in a text are its own: special tokens are not looked for.
        self._tokeniser.encode_special_tokens = True
        ids: list[int] = self._tokeniser.encode(clean.decode(), add_special_tokens=False).ids
        return ids

    def text(self, tokens: Sequence[int]) -> str:
        """Text of tokens; what is no UTF-8 becomes U+FFFD."""
        inner = [token for token in tokens if token not in (self.end, self.pad)]
        if self._tokeniser is None:
            return bytes(inner).decode("utf-8", "replace")
        decoded: str = self._tokeniser.decode(inner, skip_special_tokens=False)
        return decoded

    def windows(self, texts: Iterable[str], context: int) -> Tensor:
        """Texts cut for training: (n, context + 1) int64, each beginning with the last token of the one
        before, the first with the end; the last is filled.
        """
        rows: list[list[int]] = []
        for text in texts:
            stream = [self.end, *self.tokens(text), self.end]
            for start in range(0, len(stream) - 1, context):
                piece = stream[start : start + context + 1]
                rows.append(piece + [self.pad] * (context + 1 - len(piece)))
        return torch.tensor(rows, dtype=torch.int64).reshape(len(rows), context + 1)


class PixelCodec:
    """Rows of numbers from 0 to 1 as levels of grey; the token before a row is its class."""

    form = PIXELS

    def __init__(self, shape: RowShape, levels: int) -> None:
        self.shape = shape
        self.levels = levels
        self.size = levels + max(1, shape.classes)
        self.pad = -1

    def config(self) -> dict[str, Any]:
        """What makes it again, such as JSON holds."""
        shape = self.shape
        return {
            "form": self.form,
            "levels": self.levels,
            "shape": {"width": shape.width, "classes": shape.classes, "bounded": shape.bounded},
        }

    def windows(self, rows: Tensor, labels: Tensor | None) -> Tensor:
        """Tokens of rows, class first: (n, width) -> (n, 1 + width) int64."""
        grey = (rows.clamp(0, 1) * (self.levels - 1)).round().long()
        first = torch.zeros(len(rows), dtype=torch.int64, device=rows.device) if labels is None else labels
        return torch.cat([(first + self.levels)[:, None], grey], 1)

    def rows(self, tokens: Tensor) -> Tensor:
        """Rows of tokens without the class: (n, width) int64 -> (n, width) float32."""
        return tokens.clamp(0, self.levels - 1).float() / (self.levels - 1)


Codec = TextCodec | PixelCodec


def codec_of(config: dict[str, Any]) -> Codec:
    """The codec of a configuration.

    :raises ModelDamaged: if it is none.
    """
    try:
        if config["form"] == PIXELS:
            return PixelCodec(RowShape(**config["shape"]), config["levels"])
        tokeniser = config["tokeniser"]
        return TextCodec(config["form"], Tokenizer.from_str(tokeniser) if tokeniser else None)
    except Exception as error:
        raise ModelDamaged(f"the tokens of the model cannot be read: {error}") from error
