"""What a model folder says about its embeddings, read without loading the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ragsvc.domain import EmbedderSpec
from ragsvc.models.model_folder import ModelFolder

BACKEND = "torch"
DTYPE = "float32"
FALLBACK_MAX_TOKENS = 512
POOLINGS = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """What decides how a plain BERT embedder is run.

    dense: file with the weights of a linear layer for the unit vectors; "" where there is none.
    """

    spec: EmbedderSpec
    layers: int
    heads: int
    epsilon: float
    dense: str = ""


@dataclass(frozen=True, slots=True)
class Prefixes:
    """What is put before a question and before a stored text."""

    query: str
    document: str


def describe(folder: ModelFolder) -> ModelDescription | None:
    """Describe a BERT encoder with mean or CLS pooling and normalised output.

    :return: None for anything else; then only loading it with sentence-transformers tells.
    """
    config = folder.read("config.json")
    pooling, dense = _after_transformer(folder)
    if pooling is None or not _is_plain_bert(config) or not (folder.path / "model.safetensors").is_file():
        return None
    prefixes = read_prefixes(folder)
    spec = EmbedderSpec(
        name=folder.name,
        weights=folder.weights,
        dimension=int(config["hidden_size"]),
        max_tokens=read_max_tokens(folder),
        pooling=pooling,
        query_prefix=prefixes.query,
        document_prefix=prefixes.document,
        backend=BACKEND,
        dtype=DTYPE,
    )
    return ModelDescription(
        spec=spec,
        layers=int(config["num_hidden_layers"]),
        heads=int(config["num_attention_heads"]),
        epsilon=float(config.get("layer_norm_eps", 1e-12)),
        dense=dense,
    )


def read_prefixes(folder: ModelFolder) -> Prefixes:
    """Read the prompts that the model was trained with; "" where it has none."""
    prompts = folder.read("config_sentence_transformers.json").get("prompts") or {}
    query = prompts.get("query", "")
    document = prompts.get("document") or prompts.get("passage") or ""
    return Prefixes(query=str(query or ""), document=str(document))


def read_max_tokens(folder: ModelFolder) -> int:
    """Longest text that the model was trained for, special tokens included."""
    limits = [
        folder.read("sentence_bert_config.json").get("max_seq_length"),
        folder.read("config.json").get("max_position_embeddings"),
        folder.read("tokenizer_config.json").get("model_max_length"),
    ]
    # transformers writes 1e30 where it knows no limit
    known = [int(limit) for limit in limits if limit and limit < 1_000_000]
    return min(known, default=FALLBACK_MAX_TOKENS)


def _after_transformer(folder: ModelFolder) -> tuple[str | None, str]:
    """Name the pooling, and a linear layer's weights, of: transformer, pooling, normalise, or of those with
    that layer and another normalise behind them."""
    modules = folder.modules()
    kinds = [str(module.get("type", "")).rsplit(".", 1)[-1] for module in modules]
    dense = ""
    if kinds[2:] == ["Normalize", "Dense", "Normalize"]:
        path = str(modules[3].get("path", ""))
        if not str(folder.read(f"{path}/config.json").get("activation_function", "")).endswith(".Identity"):
            return None, ""
        dense = f"{path}/model.safetensors"
        kinds = kinds[:3]
    if kinds != ["Transformer", "Pooling", "Normalize"] or modules[0].get("path"):
        return None, ""
    return _pooling(folder, modules), dense


def _pooling(folder: ModelFolder, modules: Sequence[Mapping[str, Any]]) -> str | None:
    config = folder.read(f"{modules[1].get('path', '')}/config.json")
    if config.get("include_prompt") is False:
        return None
    if "pooling_mode" in config:
        mode = config["pooling_mode"]
        return mode if mode in POOLINGS.values() else None
    modes = [key for key, value in config.items() if key.startswith("pooling_mode_") and value is True]
    return POOLINGS.get(modes[0]) if len(modes) == 1 else None


def _is_plain_bert(config: Mapping[str, Any]) -> bool:
    return (
        config.get("model_type") == "bert"
        and config.get("hidden_act") == "gelu"
        and config.get("position_embedding_type", "absolute") == "absolute"
        and not config.get("is_decoder", False)
    )
