"""A transformer: it expects the next token, of a text or of the pixels of a picture."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
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
    device_of,
    labels_of,
    without_gradients,
)
from ragsvc.generative.networks.sampling_parameters import SamplingParameters
from ragsvc.generative.networks.tokens import BYTES, SUBWORDS, Codec, PixelCodec, TextCodec

_AS_LEARNED = SamplingParameters()
_DEVIATION = 0.02


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


@dataclass(frozen=True, slots=True)
class TransformerParameters(Hyperparameters):
    """Of a transformer."""

    layers: int = number(3, 1, 48, "layers")
    heads: int = number(4, 1, 64, "heads of attention; they share the width")
    width: int = number(96, 4, 4096, "numbers of a token inside")
    dropout: float = number(0.1, 0, 0.9, "share of numbers that is left out in training")
    context: int = number(128, 8, 4096, "tokens of a text that it sees at once; of pictures it sees all")
    tokens: str = choice(SUBWORDS, (SUBWORDS, BYTES), "of texts")
    vocabulary: int = number(1024, 300, 65536, "subwords at most")
    levels: int = number(17, 2, 256, "of grey in pictures")


@dataclass(frozen=True, slots=True)
class TextScore:
    """How well a text was expected.

    log_likelihood: in nats, <= 0. tokens: how many were expected, the end too.
    """

    log_likelihood: float
    tokens: int

    @property
    def perplexity(self) -> float:
        """Among how many equally likely tokens it seemed to choose, >= 1."""
        return math.exp(min(-self.log_likelihood / max(1, self.tokens), 700))


class TransformerGenerator(GenerativeNetwork):
    """Decoder-only, with positions that are learned and one table for what goes in and comes out (Radford et
    al., 2019, "Language Models are Unsupervised Multitask Learners"). Pictures are read row by row, after a
    token of their class (Chen et al., 2020, "Generative Pretraining from Pixels").
    """

    kind = NetworkKind.TRANSFORMER
    betas = (0.9, 0.98)
    rows_at_once = 32
    hyperparameters: TransformerParameters

    def __init__(self, codec: Codec, parameters: TransformerParameters | None = None) -> None:
        super().__init__()
        self.hyperparameters = asked = parameters or TransformerParameters()
        if asked.width % asked.heads:
            raise InvalidRequest(
                f"a width of {asked.width} cannot be shared by {asked.heads} heads",
                hint="choose a multiple of the heads, such as --set width=96 --set heads=4",
                param="width",
            )
        self.codec = codec
        self.context = codec.shape.width if isinstance(codec, PixelCodec) else asked.context
        self.words = nn.Embedding(codec.size, asked.width)
        self.places = nn.Embedding(self.context, asked.width)
        self.layers = nn.ModuleList(
            AttentionLayer(asked.width, asked.heads, asked.dropout) for _ in range(asked.layers)
        )
        self.norm = nn.LayerNorm(asked.width)
        self.apply(self._begin)

    def _begin(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=_DEVIATION)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)

    def config(self) -> dict[str, Any]:
        """See GenerativeNetwork."""
        return {"codec": self.codec.config(), "hyperparameters": self.hyperparameters.as_dict()}

    def forward(
        self, tokens: Tensor, memory: list[LayerMemory] | None = None
    ) -> tuple[Tensor, list[LayerMemory]]:
        """What is expected after each token: (n, t) int64 -> (n, t, size) logits, and what to go on from.

        :param memory: of the tokens before, or None at the beginning; together at most `context`.
        """
        before = memory[0][0].shape[2] if memory else 0
        place = torch.arange(before, before + tokens.shape[1], device=tokens.device)
        inner = functional.dropout(
            self.words(tokens) + self.places(place), self.hyperparameters.dropout, self.training
        )
        kept: list[LayerMemory] = []
        for number_of_layer, layer in enumerate(self.layers):
            inner, remembered = layer(inner, memory[number_of_layer] if memory else None)
            kept.append(remembered)
        return functional.linear(self.norm(inner), self.words.weight), kept

    def windows(self, rows: Tensor, labels: Tensor | None = None) -> Tensor:
        """Tokens of a batch: pictures are turned into them, tokens of texts stay."""
        if not isinstance(self.codec, PixelCodec):
            return rows
        if self.codec.shape.classes and labels is None:
            raise InvalidRequest(
                "this model was trained with classes: say of which each row is", param="labels"
            )
        return self.codec.windows(rows, labels)

    def loss(self, batch: Batch, step: int) -> dict[str, Tensor]:  # noqa: ARG002
        """ "loss": nats a token."""
        return {"loss": self._surprise(self.windows(batch.rows, batch.labels), "mean")}

    def _surprise(self, tokens: Tensor, reduction: str) -> Tensor:
        logits, _ = self(tokens[:, :-1])
        expected = tokens[:, 1:]
        each = functional.cross_entropy(
            logits.transpose(1, 2), expected, ignore_index=self.codec.pad, reduction=reduction
        )
        return each

    @without_gradients
    def log_likelihood(self, tokens: Tensor) -> Tensor:
        """log p of each row of tokens in nats, given its first: (n, t) int64 -> (n,)."""
        return torch.cat([-self._surprise(some, "none").sum(1) for some in tokens.split(self.rows_at_once)])

    def score(self, rows: Tensor, labels: Tensor | None = None) -> Tensor:
        """log p(row) in nats; of pictures, of their levels of grey, without labels of all classes alike."""
        classes = self.codec.shape.classes if isinstance(self.codec, PixelCodec) else 0
        if labels is not None or not classes:
            return self.log_likelihood(self.windows(rows, labels))
        each = [self.score(rows, torch.full((len(rows),), i, device=rows.device)) for i in range(classes)]
        return torch.stack(each).logsumexp(0) - math.log(classes)

    def score_texts(self, texts: Iterable[str]) -> list[TextScore]:
        """How well whole texts were expected, each by itself, in windows of the context.

        :raises UnsupportedOperation: if it knows pictures only.
        """
        codec, found = self._text_codec(), []
        for text in texts:
            windows = codec.windows([text], self.context).to(device_of(self))
            expected = int((windows[:, 1:] != codec.pad).sum())
            found.append(TextScore(float(self.log_likelihood(windows).sum()), expected))
        return found

    @without_gradients
    def generate(
        self,
        count: int,
        *,
        seed: int = 0,
        label: int | None = None,
        prompt: str = "",
        sampling: SamplingParameters = _AS_LEARNED,
    ) -> Tensor | list[str]:
        """See GenerativeNetwork: rows of pictures, or texts that go on from a prompt, without it.

        :param prompt: of texts. sampling: of pictures, `max_tokens` and `stop` do not count.
        """
        device, generator = device_of(self), torch.Generator().manual_seed(seed)
        if isinstance(self.codec, PixelCodec):
            labels = labels_of(count, label, self.codec.shape.classes, device)
            begin = self.codec.windows(torch.zeros(count, 0, device=device), labels)
            return self.codec.rows(self._pictures(begin, sampling, generator))
        labels_of(count, label, 0, device)
        begin = torch.tensor([self.codec.end, *self.codec.tokens(prompt)], device=device)
        return self._texts(begin.expand(count, -1), sampling, generator)

    def _pictures(self, tokens: Tensor, sampling: SamplingParameters, generator: torch.Generator) -> Tensor:
        assert isinstance(self.codec, PixelCodec)
        made, memory, last = [], None, tokens
        for _ in range(self.codec.shape.width):
            logits, memory = self(last, memory)
            # Nothing but grey is drawn, however likely a class seems.
            drawn = sampling.draw(logits[:, -1, : self.codec.levels], generator)
            made.append(drawn)
            last = drawn[:, None]
        return torch.stack(made, 1)

    def _texts(self, tokens: Tensor, sampling: SamplingParameters, generator: torch.Generator) -> list[str]:
        codec = self._text_codec()
        ended = torch.zeros(len(tokens), dtype=torch.bool, device=tokens.device)
        made: list[list[int]] = [[] for _ in range(len(tokens))]
        last, memory = tokens[:, -self.context :], None
        for _ in range(sampling.max_tokens):
            if memory and memory[0][0].shape[2] >= self.context:
                # Positions end here: go on from the second half, read anew.
                last, memory = tokens[:, -(self.context // 2) :], None
            logits, memory = self(last, memory)
            expected = logits[:, -1].clone()
            expected[:, codec.pad] = -torch.inf
            drawn = sampling.draw(expected, generator)
            tokens, last = torch.cat([tokens, drawn[:, None]], 1), drawn[:, None]
            ended |= drawn == codec.end
            for row in (~ended).nonzero().flatten().tolist():
                made[row].append(int(drawn[row]))
                if sampling.stop and _stopped(codec, made[row], sampling.stop):
                    ended[row] = True
            if bool(ended.all()):
                break
        return [_cut(codec.text(row), sampling.stop) for row in made]

    def _text_codec(self) -> TextCodec:
        if isinstance(self.codec, PixelCodec):
            raise self.cannot("score texts")
        return self.codec


def _stopped(codec: TextCodec, tokens: Sequence[int], stops: Sequence[str]) -> bool:
    # Every token is at least a byte, so no stop reaches further back than its bytes.
    longest = max(len(stop.encode()) for stop in stops)
    tail = codec.text(tokens[-(longest + 4) :])
    return any(stop in tail for stop in stops)


def _cut(text: str, stops: Sequence[str]) -> str:
    ends = [at for stop in stops if (at := text.find(stop)) >= 0]
    return text[: min(ends)] if ends else text
