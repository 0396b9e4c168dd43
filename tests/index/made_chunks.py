"""Made-up chunks, and the searches written out longhand that the index is compared with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ragsvc.domain import SIGNATURE_VALUES, BoolVector, ChunkBatch, F32Matrix, F32Vector, F64Vector, U16Matrix
from ragsvc.index.corpus_index import CorpusIndex

DIMENSION = 16
VOCABULARY = 30


@dataclass(frozen=True)
class Chunk:
    """One chunk as a person would write it down."""

    chunk_id: int
    version: int
    vector: tuple[float, ...]
    words: tuple[int, ...]


def make_chunk(chunk_id: int, twins: int = 1) -> Chunk:
    """A chunk that its id decides; `twins` neighbouring ids share vector and words."""
    generator = np.random.default_rng(chunk_id // twins)
    vector = generator.standard_normal(DIMENSION).astype(np.float32)
    vector /= np.linalg.norm(vector)
    words = np.minimum(generator.geometric(0.15, generator.integers(0, 40)), VOCABULARY) - 1
    return Chunk(chunk_id, chunk_id // 3, tuple(vector.tolist()), tuple(words.tolist()))


def make_batch(chunks: Sequence[Chunk]) -> ChunkBatch:
    """The columns of some chunks."""
    tallies = [np.unique(np.array(chunk.words, np.int32), return_counts=True) for chunk in chunks]
    none = np.empty(0, np.int32)
    return ChunkBatch(
        chunk_ids=np.array([chunk.chunk_id for chunk in chunks], np.int64),
        versions=np.array([chunk.version for chunk in chunks], np.int64),
        vectors=np.array([chunk.vector for chunk in chunks], np.float32).reshape(-1, DIMENSION),
        lengths=np.array([len(chunk.words) for chunk in chunks], np.int32),
        term_offsets=np.cumsum([0, *(len(terms) for terms, _ in tallies)]).astype(np.int64),
        terms=np.concatenate([none, *(terms for terms, _ in tallies)]).astype(np.int32),
        counts=np.concatenate([none, *(counts for _, counts in tallies)]).astype(np.int32),
        signatures=signatures_of(chunks),
    )


def make_index(*groups: Sequence[Chunk]) -> CorpusIndex:
    """An index extended by each group in turn."""
    index = CorpusIndex.empty(DIMENSION)
    for group in groups:
        index = index.extended(make_batch(group))
    return index


def make_query(seed: int) -> F32Vector:
    """A unit vector."""
    vector = np.random.default_rng(seed).standard_normal(DIMENSION).astype(np.float32)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def signatures_of(chunks: Sequence[Chunk]) -> U16Matrix:
    """(n, 128) uint16, decided by the ids."""
    ids = np.array([chunk.chunk_id for chunk in chunks], np.int64)
    return (ids[:, None] * 7919 + np.arange(SIGNATURE_VALUES) * 31 + 1).astype(np.uint16)


def vectors_of(chunks: Sequence[Chunk]) -> F32Matrix:
    """(n, dim) float32."""
    return np.array([chunk.vector for chunk in chunks], np.float32).reshape(-1, DIMENSION)


def bm25_longhand(
    chunks: Sequence[Chunk], terms: Sequence[int], alive: BoolVector, k1: float = 0.9, b: float = 0.4
) -> F64Vector:
    """The formula, word by word: only alive chunks exist, dead ones score 0."""
    living = [chunk for chunk, lives in zip(chunks, alive.tolist(), strict=True) if lives]
    average = sum(len(chunk.words) for chunk in living) / max(len(living), 1)
    scores = np.zeros(len(chunks))
    for row, chunk in enumerate(chunks):
        for term in terms:
            tf = chunk.words.count(term)
            if not alive[row] or tf == 0:
                continue
            df = sum(term in other.words for other in living)
            idf = math.log(1 + (len(living) - df + 0.5) / (df + 0.5))
            scores[row] += idf * tf / (tf + k1 * (1 - b + b * len(chunk.words) / average))
    return scores


def cut_with_ties(scores: Sequence[float], ids: Sequence[int], depth: int) -> list[int]:
    """Ids of the best scores, the whole last tie included; ties in the order of ids."""
    steps = sorted((-round(score * 1e6), chunk_id) for score, chunk_id in zip(scores, ids, strict=True))
    if len(steps) > depth:
        steps = [step for step in steps if step[0] <= steps[depth - 1][0]] if depth else []
    return [chunk_id for _, chunk_id in steps]
