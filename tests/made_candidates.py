"""Candidates for rerankers, a double of one, and a cross-encoder so small that it loads at once."""

from __future__ import annotations

import hashlib
import shutil
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from doubles import HashEmbedder

from ragsvc.domain import Candidates, ChunkText, F64Vector
from ragsvc.models.bundled_models import open_model
from ragsvc.pipeline.retrieval.fusion import convex
from ragsvc.text.analyser import StandardAnalyser

ANALYSER = StandardAnalyser()
WEIGHT = 0.55
TOKENISER_FILES = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json")


def weight_of(term: str) -> float:
    """An inverse frequency, by the letters of the term; a tenth of all terms have none."""
    return zlib.crc32(term.encode()) % 10 / 2.0


def made(question: str, texts: Sequence[ChunkText]) -> Candidates:
    """Candidates whose vectors and counts are of their words, in the order given."""
    embedder = HashEmbedder()
    vector = embedder.embed_queries([question])[0]
    vectors = embedder.embed_documents([text.whole for text in texts])
    dense = np.einsum("ij,j->i", vectors.astype(np.float64), vector.astype(np.float64))
    asked = ANALYSER.terms(question)
    lexical = np.array(
        [sum(weight_of(term) for term in asked if term in ANALYSER.terms(text.whole)) for text in texts],
        dtype=np.float64,
    )
    best = float(lexical.max(initial=0.0))
    scores = convex(dense, lexical, best, WEIGHT)
    shown = tuple(texts)
    return Candidates(
        question=question,
        vector=vector,
        texts=shown,
        scores=scores,
        dense=dense,
        lexical=lexical,
        lexical_best=best,
        vectors=vectors,
        weight_of=weight_of,
        dense_weight=WEIGHT,
    )


def picked(candidates: Candidates, order: Sequence[int]) -> Candidates:
    """The candidates in another order."""
    return replace(
        candidates,
        texts=tuple(candidates.texts[place] for place in order),
        scores=candidates.scores[list(order)],
        dense=candidates.dense[list(order)],
        lexical=candidates.lexical[list(order)],
        vectors=candidates.vectors[list(order)],
    )


class WildReranker:
    """A Reranker: any score between -20 and 20, by question and text alone.

    seen: all candidates that it was asked about.
    """

    def __init__(self, name: str = "wild") -> None:
        self.name = name
        self.seen: list[Candidates] = []

    def fingerprint(self) -> str:
        return self.name

    def rescore(self, candidates: Candidates) -> F64Vector:
        self.seen.append(candidates)
        said = [f"{candidates.question}\0{text.whole}".encode() for text in candidates.texts]
        numbers = [int.from_bytes(hashlib.sha256(each).digest()[:4]) for each in said]
        return np.array(numbers, dtype=np.float64) / 2**32 * 40.0 - 20.0


def tiny_cross_encoder(folder: Path, outputs: int = 1, trained: bool = True) -> Path:
    """A BERT of two layers with random weights, saved as a cross-encoder is.

    :param trained: False: without the layer that scores, as embedders are.
    """
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertModel

    bundled = open_model("bundled:all-MiniLM-L6-v2").path
    folder.mkdir()
    for name in TOKENISER_FILES:
        if (bundled / name).exists():
            shutil.copy(bundled / name, folder)
    torch.manual_seed(3)
    # Wide enough initial weights that its scores differ.
    config = BertConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        num_labels=outputs,
        initializer_range=0.5,
    )
    (BertForSequenceClassification if trained else BertModel)(config).save_pretrained(folder)
    return folder
