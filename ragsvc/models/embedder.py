"""The embedder: loaded once, on first use, and safe to share between threads; and its batches of texts."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ragsvc.domain import EmbedderSpec, F32Matrix, I64Matrix, I64Vector
from ragsvc.models.bundled_models import open_model
from ragsvc.models.model_description import ModelDescription, describe
from ragsvc.models.model_folder import ModelFolder
from ragsvc.models.tokeniser import EmbedderTokeniser

if TYPE_CHECKING:
    from torch import Tensor

DEFAULT_EMBEDDER = "bundled:all-MiniLM-L6-v2"
DEFAULT_BATCH_SIZE = 8
# Texts are sorted by length inside a window, which bounds the memory for their token ids.
WINDOW_TEXTS = 4096


class _Encoder(Protocol):
    def encode(self, ids: Tensor, mask: Tensor | None) -> Tensor: ...


class SentenceTransformerEmbedder:
    """Any sentence-transformers model as an Embedder; plain BERT ones run without that library."""

    def __init__(
        self,
        name: str = DEFAULT_EMBEDDER,
        *,
        threads: int | None = None,
        batch_size: int = DEFAULT_BATCH_SIZE,
        unpacked: Path | None = None,
    ) -> None:
        """Remember what to load; nothing is read yet.

        :param name: "bundled:all-MiniLM-L6-v2", "bundled:multilingual-e5-small", a folder or a hub name.
        :param threads: of torch, for the whole process; None leaves its default.
        :param batch_size: texts of full length in one batch, at least 1; more when they are shorter.
        :param unpacked: folder for bundled models that must be unpacked; None: one of the user's cache.
        """
        self.name = name
        self._unpacked = unpacked
        self._threads = threads
        self._batch_size = batch_size
        self._lock = threading.RLock()
        self._folder: ModelFolder | None = None
        self._description: ModelDescription | None = None
        self._spec: EmbedderSpec | None = None
        self._tokeniser: EmbedderTokeniser | None = None
        self._encoder: _Encoder | None = None
        self._pad_id = 0

    @property
    def spec(self) -> EmbedderSpec:
        """All that decides the output; a BERT model is described without being loaded.

        :raises ModelNotFound: if the model is not to be had.
        :raises ModelMismatch: if its files are not what they must be.
        """
        if self._spec is None:
            with self._lock:
                self._describe()
                if self._spec is None:
                    self._load()
        assert self._spec is not None
        return self._spec

    @property
    def tokeniser(self) -> EmbedderTokeniser:
        """The model's own tokeniser, loaded without torch.

        :raises ModelNotFound: if the model has none that can be loaded.
        """
        if self._tokeniser is None:
            with self._lock:
                if self._tokeniser is None:
                    self._tokeniser = EmbedderTokeniser.from_folder(self._describe().path)
        return self._tokeniser

    def warm_up(self) -> None:
        """Load the model now, so that the first question does not wait for it."""
        self.embed_queries(["warm up"])

    def embed_documents(self, texts: Sequence[str]) -> F32Matrix:
        """Embed what is stored: (n, dim) float32, rows L2-normalised, input order.

        :raises ModelNotFound: if the model is not to be had.
        """
        return self._embed(texts, self.spec.document_prefix)

    def embed_queries(self, texts: Sequence[str]) -> F32Matrix:
        """Embed what is asked: (n, dim) float32, rows L2-normalised, input order.

        :raises ModelNotFound: if the model is not to be had.
        """
        return self._embed(texts, self.spec.query_prefix)

    def _embed(self, texts: Sequence[str], prefix: str) -> F32Matrix:
        vectors = np.empty((len(texts), self.spec.dimension), dtype=np.float32)
        for start, window in _windows(texts):
            prefixed = [prefix + text for text in window] if prefix else window
            rows = self.tokeniser.ids(prefixed, self.spec.max_tokens)
            self._embed_window(rows, vectors[start : start + len(rows)])
        return vectors

    def _embed_window(self, rows: list[list[int]], out: F32Matrix) -> None:
        encoder = self._load()
        import torch

        lengths = [len(row) for row in rows]
        for batch in plan_batches(lengths, self._batch_size * self.spec.max_tokens):
            ids, mask = pad([rows[number] for number in batch], self._pad_id)
            real = None if mask.all() else torch.from_numpy(mask)
            out[batch] = encoder.encode(torch.from_numpy(ids), real).numpy()

    def _describe(self) -> ModelFolder:
        with self._lock:
            if self._folder is None:
                folder = open_model(self.name, self._unpacked)
                self._description = describe(folder)
                if self._description is not None:
                    self._spec = self._description.spec
                self._folder = folder
            return self._folder

    def _load(self) -> _Encoder:
        if self._encoder is not None:
            return self._encoder
        with self._lock:
            if self._encoder is None:
                folder = self._describe()
                if self._threads is not None:
                    import torch

                    torch.set_num_threads(self._threads)
                self._pad_id = self.tokeniser.pad_id
                self._encoder = self._open(folder)
            return self._encoder

    def _open(self, folder: ModelFolder) -> _Encoder:
        if self._description is None:
            from ragsvc.models.pipeline import PipelineEncoder

            encoder = PipelineEncoder.load(folder)
            self._spec = encoder.spec
            return encoder
        from ragsvc.models.bert import BertEncoder, BertShape

        description = self._description
        shape = BertShape(
            description.layers, description.heads, description.epsilon, description.spec.pooling
        )
        last = folder.path / description.dense if description.dense else None
        return BertEncoder.load(folder.path / "model.safetensors", shape, last)


def _windows(texts: Sequence[str]) -> Iterator[tuple[int, Sequence[str]]]:
    for start in range(0, len(texts), WINDOW_TEXTS):
        yield start, texts[start : start + WINDOW_TEXTS]


def plan_batches(lengths: Sequence[int], budget_tokens: int) -> Iterator[I64Vector]:
    """Group rows of similar length so that hardly any padding is computed.

    :param lengths: tokens per row, each at least 1.
    :param budget_tokens: rows x longest row of a batch stays within it; a longer row goes alone.
    :return: row numbers per batch, longest rows first; every row exactly once.
    """
    order = np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable")
    start = 0
    while start < len(order):
        rows = max(1, budget_tokens // max(1, lengths[order[start]]))
        yield order[start : start + rows]
        start += rows


def pad(rows: Sequence[Sequence[int]], pad_id: int) -> tuple[I64Matrix, I64Matrix]:
    """Make token ids rectangular.

    :return: ids (n, t) int64 padded at the right, and mask (n, t) int64 with 1 for real tokens.
    """
    longest = max(map(len, rows))
    ids = np.full((len(rows), longest), pad_id, dtype=np.int64)
    mask = np.zeros((len(rows), longest), dtype=np.int64)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = row
        mask[number, : len(row)] = 1
    return ids, mask
