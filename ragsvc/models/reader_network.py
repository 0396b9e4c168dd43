"""The network of the bundled reader, and what its logits say."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from ragsvc.domain import F64Matrix, ReaderFinding, ReaderText
from ragsvc.errors import ModelMismatch, ModelNotFound
from ragsvc.models.bert import BertEncoder, BertShape
from ragsvc.models.bundled_models import open_model

BASE = "bundled:all-MiniLM-L6-v2"
MAX_QUESTION_TOKENS = 72
MAX_HEADER_TOKENS = 32
MAX_TOKENS = 256
MAX_ANSWER_TOKENS = 40
BATCH_TOKENS = 8192
SPANS = 3
_FAR = -1e4


@dataclass(frozen=True, slots=True)
class _Row:
    ids: list[int]
    first: int
    offsets: list[tuple[int, int]]


class ReaderNetwork:
    """Encoder, heads and tokeniser."""

    def __init__(
        self, encoder: BertEncoder, heads: dict[str, tuple[Tensor, Tensor]], tokenizer: Tokenizer
    ) -> None:
        self._encoder = encoder
        self._heads = heads
        self._tokenizer = tokenizer
        self._cls, self._sep = (int(tokenizer.token_to_id(sign) or 0) for sign in ("[CLS]", "[SEP]"))

    def read(self, question: str, texts: Sequence[ReaderText]) -> list[ReaderFinding]:
        """See Reader."""
        found: list[ReaderFinding] = []
        for rows, spans, heads in self._run(question, texts):
            relevance, answerable = heads["relevance"][:, 0], heads["answerable"][:, 0]
            for place, row in enumerate(rows):
                best, margin = _spans(spans[place], row)
                found.append(ReaderFinding(best, margin, float(answerable[place]), float(relevance[place])))
        return found

    def support(self, claim: str, texts: Sequence[str]) -> F64Matrix:
        """See Reader."""
        found = [
            functional.softmax(heads["support"], dim=-1).double().numpy()
            for _, _, heads in self._run(claim, [ReaderText("", text) for text in texts])
        ]
        return np.concatenate(found) if found else np.empty((0, 3))

    def _run(
        self, question: str, texts: Sequence[ReaderText]
    ) -> Iterator[tuple[list[_Row], NDArray[np.float32], dict[str, Tensor]]]:
        """Batches of rows with the logits of their tokens (n, t, 2) and of the other heads (n, size)."""
        rows = [self._row(question, text) for text in texts]
        size = max(1, BATCH_TOKENS // MAX_TOKENS)
        for first in range(0, len(rows), size):
            some = rows[first : first + size]
            width = max(len(row.ids) for row in some)
            ids = torch.zeros((len(some), width), dtype=torch.int64)
            mask = torch.zeros((len(some), width), dtype=torch.int64)
            for place, row in enumerate(some):
                ids[place, : len(row.ids)] = torch.tensor(row.ids)
                mask[place, : len(row.ids)] = 1
            with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
                hidden = self._encoder.hidden(ids, mask).float()
            with torch.inference_mode():
                pooled = functional.gelu(self._head("pooled", hidden[:, 0]))
                heads = {
                    name: self._head(f"heads.{name}", pooled)
                    for name in ("answerable", "relevance", "support")
                }
                yield some, self._head("heads.span", hidden).numpy(), heads

    def _head(self, name: str, hidden: Tensor) -> Tensor:
        weight, bias = self._heads[name]
        return functional.linear(hidden, weight, bias)

    def _row(self, question: str, text: ReaderText) -> _Row:
        asked = self._tokenizer.encode(question, add_special_tokens=False).ids[:MAX_QUESTION_TOKENS]
        header = self._tokenizer.encode(text.header, add_special_tokens=False).ids[:MAX_HEADER_TOKENS]
        said = self._tokenizer.encode(text.text, add_special_tokens=False)
        before = [self._cls, *asked, self._sep, *header]
        room = MAX_TOKENS - len(before) - 1
        return _Row([*before, *said.ids[:room], self._sep], len(before), said.offsets[:room])


def open_network(weights: Path, report: Path) -> ReaderNetwork:
    try:
        data = weights.read_bytes()
        expected = json.loads(report.read_text("utf-8"))["sha256"]
    except OSError as error:
        raise ModelNotFound(
            f"the bundled reader is not installed: {error}", hint="install ragsvc again"
        ) from error
    if hashlib.sha256(data).hexdigest() != expected:
        raise ModelMismatch(f"{weights} is not the published reader", hint="install ragsvc again")
    folder = open_model(BASE)
    base = load_file(folder.path / "model.safetensors")
    trained = {name: tensor.float() for name, tensor in load_file(weights).items()}
    name = "embeddings.word_embeddings.weight"
    config = folder.read("config.json")
    shape = BertShape(
        config["num_hidden_layers"], config["num_attention_heads"], config["layer_norm_eps"], "cls"
    )
    encoder = BertEncoder.from_tensors({name: base[name], **trained}, shape, str(weights))
    heads = {
        key: (trained[f"{key}.weight"], trained[f"{key}.bias"])
        for key in ("pooled", "heads.span", "heads.answerable", "heads.relevance", "heads.support")
    }
    tokenizer = Tokenizer.from_file(str(folder.path / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return ReaderNetwork(encoder, heads, tokenizer)


def _spans(logits: NDArray[np.float32], row: _Row) -> tuple[tuple[tuple[int, int, float], ...], float]:
    """The best answers of one text, none of them inside another, and how much better the best is than none.

    :param logits: (t, 2).
    """
    count = len(row.offsets)
    if not count:
        return (), _FAR
    start = logits[row.first : row.first + count, 0]
    end = logits[row.first : row.first + count, 1]
    length = np.arange(count)[None, :] - np.arange(count)[:, None]
    pairs = np.where((length >= 0) & (length < MAX_ANSWER_TOKENS), start[:, None] + end[None, :], _FAR)
    null = float(logits[0, 0] + logits[0, 1])
    found: list[tuple[int, int, float]] = []
    for _ in range(SPANS):
        first, last = divmod(int(pairs.argmax()), count)
        if pairs[first, last] <= _FAR:
            break
        found.append((row.offsets[first][0], row.offsets[last][1], float(pairs[first, last]) - null))
        pairs[: last + 1, first:] = _FAR
    return tuple(found), found[0][2] if found else _FAR
