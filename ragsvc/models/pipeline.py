"""Any sentence-transformers model, run through its own modules."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ragsvc.domain import EmbedderSpec
from ragsvc.errors import ModelMismatch, ModelNotFound
from ragsvc.models.model_description import BACKEND, DTYPE, read_max_tokens, read_prefixes
from ragsvc.models.model_folder import ModelFolder
from ragsvc.models.quiet import quiet


class PipelineEncoder:
    """Token ids to unit vectors, by way of sentence-transformers."""

    def __init__(self, model: Any, spec: EmbedderSpec) -> None:
        self._model = model
        self.spec = spec
        self._takes_segments = "token_type_ids" in model.tokenizer.model_input_names

    @classmethod
    def load(cls, folder: ModelFolder) -> PipelineEncoder:
        """Load a folder; never the network, never code that the folder brings.

        :raises ModelNotFound: if sentence-transformers cannot load it.
        :raises ModelMismatch: if its prompts must be left out of the pooling.
        """
        with quiet():
            from sentence_transformers import SentenceTransformer

            try:
                model = SentenceTransformer(str(folder.path), device="cpu", local_files_only=True)
            except Exception as error:  # any of a dozen classes, according to what is broken
                raise ModelNotFound(
                    f"the model {folder.name!r} in {folder.path} cannot be loaded: {error}",
                    hint="it must be a model that sentence-transformers opens without remote code",
                ) from error
        model.eval().float()
        pooling = "+".join(_describe(module) for module in list(model)[1:])
        if "include_prompt=False" in pooling:
            raise ModelMismatch(
                f"the model {folder.name!r} leaves its prompt out of the pooling, which is not supported",
                hint="choose another embedder",
            )
        return cls(model, _spec(folder, model, pooling))

    def encode(self, ids: Tensor, mask: Tensor | None) -> Tensor:
        """Embed one batch: (n, t) int64 ids and mask to (n, dim) float32, rows L2-normalised."""
        attention = torch.ones_like(ids) if mask is None else mask
        features = {"input_ids": ids, "attention_mask": attention}
        if self._takes_segments:
            features["token_type_ids"] = torch.zeros_like(ids)
        with torch.inference_mode():
            vectors: Tensor = self._model(features)["sentence_embedding"]
            return functional.normalize(vectors.float(), dim=-1)


def _spec(folder: ModelFolder, model: Any, pooling: str) -> EmbedderSpec:
    prefixes = read_prefixes(folder)
    limit = model.max_seq_length or read_max_tokens(folder)
    return EmbedderSpec(
        name=folder.name,
        weights=folder.weights,
        dimension=int(model.get_embedding_dimension()),
        max_tokens=min(int(limit), read_max_tokens(folder)),
        pooling=pooling,
        query_prefix=prefixes.query,
        document_prefix=prefixes.document,
        backend=BACKEND,
        dtype=DTYPE,
    )


def _describe(module: Any) -> str:
    kind = type(module).__name__.lower()
    if kind != "pooling":
        return kind
    suffix = "" if getattr(module, "include_prompt", True) else ",include_prompt=False"
    return f"{module.pooling_mode}{suffix}"
