"""Corpora and questions of the public data as vectors, encoded once and kept in a folder."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from benchmarks.sets import data_folder
from ragsvc.domain import F32Matrix
from ragsvc.models.bundled_models import open_model
from ragsvc.models.embedder import DEFAULT_EMBEDDER

CHUNK_CHARS = 280
LEAST_CHARS = 60
# Enough for a whole paragraph of SQuAD; long documents of the others are told by their beginning.
PARAGRAPH_CHUNKS = 6
DOCUMENT_CHUNKS = 2
MEDICAL_DOCUMENTS = 800
QUESTIONS = 1000
DIMENSION = 384


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """A corpus in chunks, and questions that it answers."""

    name: str
    chunks: tuple[str, ...]
    questions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EncodedSet:
    """The same as vectors of length 1."""

    name: str
    chunks: F32Matrix
    questions: F32Matrix


def chunks_of(text: str) -> list[str]:
    """Pieces of whole words, at most 280 characters where words are shorter; a short rest is left out."""
    pieces, held = [], ""
    for word in text.split():
        if held and len(held) + len(word) + 1 > CHUNK_CHARS:
            pieces.append(held)
            held = word
        else:
            held = f"{held} {word}" if held else word
    return [*pieces, held] if len(held) > LEAST_CHARS else pieces


def _set(name: str, documents: Sequence[str], questions: Sequence[str], most: int) -> QuestionSet:
    pieces = dict.fromkeys(piece for text in documents for piece in chunks_of(text)[:most])
    asked = sorted(set(questions))
    random.Random(0).shuffle(asked)
    return QuestionSet(name, tuple(pieces), tuple(asked[:QUESTIONS]))


def squad(data: Path) -> Iterator[QuestionSet]:
    """SQuAD's articles in two halves, and the questions that the first half's paragraphs do not answer."""
    stored = json.loads((data / "squad2-dev-half" / "dev-v2.0.json").read_text("utf-8"))["data"]
    first: list[dict[str, Any]] = []
    second: list[dict[str, Any]] = []
    for article in stored:
        odd = hashlib.sha256(article["title"].encode()).digest()[-1] % 2
        (second if odd else first).extend(article["paragraphs"])

    def asked(paragraphs: Sequence[dict[str, Any]], *, possible: bool) -> list[str]:
        return [q["question"] for p in paragraphs for q in p["qas"] if q["is_impossible"] is not possible]

    contexts = [paragraph["context"] for paragraph in first]
    yield _set("squad A", contexts, asked(first, possible=True), PARAGRAPH_CHUNKS)
    yield _set("squad B", [], asked(second, possible=True), PARAGRAPH_CHUNKS)
    yield _set("squad A, unanswerable", [], asked(first, possible=False), PARAGRAPH_CHUNKS)


def medquad(data: Path) -> QuestionSet:
    """Answers alone, for the questions stand in the documents word for word."""
    lines = (data / "medquad" / "medquad.jsonl").read_text("utf-8").split("\n")
    rows = [row for row in map(json.loads, filter(None, lines)) if row["answer"]]
    random.Random(1).shuffle(rows)
    some = rows[:MEDICAL_DOCUMENTS]
    return _set(
        "medquad", [row["answer"] for row in some], [row["question"] for row in some], DOCUMENT_CHUNKS
    )


def medical_chunks(data: Path, most: int) -> list[str]:
    """Passages of MedQuad's answers, each once, in random order."""
    lines = (data / "medquad" / "medquad.jsonl").read_text("utf-8").split("\n")
    answers = [row["answer"] for row in map(json.loads, filter(None, lines)) if row["answer"]]
    pieces = sorted({piece for text in answers for piece in chunks_of(text)[:DOCUMENT_CHUNKS]})
    random.Random(2).shuffle(pieces)
    return pieces[:most]


def beir(data: Path, name: str, *, corpus: bool = True) -> QuestionSet:
    """A collection in the BEIR layout.

    :param corpus: False: its questions alone.
    """

    def texts(file: str) -> list[str]:
        lines = (data / name / file).read_text("utf-8").split("\n")
        return [json.loads(line)["text"] for line in lines if line]

    return _set(name, texts("corpus.jsonl") if corpus else [], texts("queries.jsonl"), DOCUMENT_CHUNKS)


def encoded(folder: Path) -> dict[str, EncodedSet]:
    """All sets by their names, read from the folder where they have been encoded before."""
    data = data_folder()
    others = [beir(data, "pubmedqa"), beir(data, "cranfield", corpus=False)]
    sets = [*squad(data), medquad(data), *others]
    folder.mkdir(parents=True, exist_ok=True)
    return {
        each.name: EncodedSet(each.name, vectors_of(folder, each.chunks), vectors_of(folder, each.questions))
        for each in sets
    }


def vectors_of(folder: Path, texts: Sequence[str]) -> F32Matrix:
    """Vectors of texts (n, 384), of length 1; kept in the folder under the texts' hash."""
    key = hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]
    file = folder / f"{key}.npy"
    if not file.is_file():
        np.save(file, _encode(texts))
    found: F32Matrix = np.load(file, allow_pickle=False)
    return found


def _encode(texts: Sequence[str]) -> F32Matrix:
    if not texts:
        return np.zeros((0, DIMENSION), np.float32)
    model = SentenceTransformer(str(open_model(DEFAULT_EMBEDDER).path), device="cpu")
    # Half of the time of float32, at cosines of .9999.
    with torch.autocast("cpu", dtype=torch.bfloat16):
        vectors = model.encode(list(texts), batch_size=64, normalize_embeddings=True)
    return np.asarray(vectors, np.float32)
