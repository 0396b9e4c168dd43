"""Find what tells the languages of the multilingual embedder apart, and write it where the embedder reads
it.

    python -m training.languages.train BOOK [--write]

A text and its translation differ by what the language adds, which is much the same for all texts of a
language: the mean vector of a language, less the mean of all. The first principal directions of these
means are taken out of every vector, and most of what all vectors have in common, which says nothing
either and only crowds the cosines near one (Mu and Viswanath, All-but-the-top, ICLR 2018). How many
directions, and how much of the common part, is chosen here by retrieval between all pairs of languages on
pages that are held out.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from benchmarks.sets import figure, table
from ragsvc.models.bundled_models import packed_file
from ragsvc.models.embedder import SentenceTransformerEmbedder
from ragsvc.models.packed_e5 import LANGUAGE_FILE, unpack_e5
from training.languages.parallel import ENGLISH, Paragraph, paragraphs

EMBEDDER = "bundled:multilingual-e5-small"
MOST = 450
LEAST = 100
"""Paragraphs of a language, of the pages that are not held out: at most, and for the language to count."""
DIRECTIONS = (0, 4, 8, 12)
COMMON = (0.0, 0.5, 0.7, 0.8, 0.9, 1.0)
CUT = 10
Vectors = Mapping[str, Mapping[int, np.ndarray]]


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("book", type=Path)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--directions", type=int, default=8)
    parser.add_argument("--common", type=float, default=0.7)
    given = parser.parse_args()
    read = paragraphs(given.book)
    with tempfile.TemporaryDirectory() as folder:
        unpack_e5(packed_file(EMBEDDER), Path(folder), None)
        embedder = SentenceTransformerEmbedder(folder)
        fitted = _embedded(embedder, [each for each in read if not each.held_out])
        held = _embedded(embedder, [each for each in read if each.held_out])
    means = np.stack([np.mean(list(vectors.values()), axis=0) for vectors in fitted.values()])
    common = means.mean(axis=0)
    directions = np.linalg.svd(means - common, full_matrices=False)[2]
    rows = []
    for count in DIRECTIONS:
        for share in COMMON:
            changed = _changed(directions[:count], share * common)
            rows.append([str(count), f"{share:.1f}", figure(_crossed(held, changed))])
    print(table(["directions", "common part", f"nDCG@{CUT} between languages"], rows))
    if given.write:
        chosen = directions[: given.directions]
        file = {"directions": chosen.astype(np.float32), "common": (given.common * common).astype(np.float32)}
        save_file(file, LANGUAGE_FILE)


def _embedded(embedder: SentenceTransformerEmbedder, read: list[Paragraph]) -> Vectors:
    """Vectors by language and number of the paragraph; those with most translations first."""
    ordered = sorted(range(len(read)), key=lambda number: (-len(read[number].texts), number))[:MOST]
    vectors: dict[str, Mapping[int, np.ndarray]] = {}
    for language in sorted({language for number in ordered for language in read[number].texts}):
        numbers = [number for number in ordered if language in read[number].texts]
        if len(numbers) >= LEAST or language == ENGLISH:
            matrix = embedder.embed_documents([read[number].texts[language] for number in numbers])
            vectors[language] = dict(zip(numbers, matrix, strict=True))
    return vectors


def _changed(directions: np.ndarray, common: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    def change(vectors: np.ndarray) -> np.ndarray:
        left = vectors - common
        left = left - left @ directions.T @ directions
        return np.asarray(left / np.linalg.norm(left, axis=1, keepdims=True))

    return change


def _crossed(held: Vectors, change: Callable[[np.ndarray], np.ndarray]) -> float:
    """How a paragraph finds its translation among all of another language: mean over pairs of languages."""
    scores = []
    for asked, questions in held.items():
        for read, passages in held.items():
            both = sorted(questions.keys() & passages.keys())
            if asked == read or not both:
                continue
            order = list(passages)
            cosines = (
                change(np.stack([questions[n] for n in both])) @ change(np.stack(list(passages.values()))).T
            )
            right = cosines[np.arange(len(both)), [order.index(number) for number in both]]
            ranks = (cosines > right[:, None]).sum(axis=1)
            scores.append(np.where(ranks < CUT, 1 / np.log2(ranks + 2), 0.0).mean())
    return float(np.mean(scores))


if __name__ == "__main__":
    main()
