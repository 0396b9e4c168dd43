"""How the two legs are best made one: nDCG@10 of forms, weights and BM25 constants, per collection.

    RAGSVC_TEST_DATA=folder python -m benchmarks.fusion [SET ...] [--cache DIR]

Chunks, terms and vectors are those that an ingest would make; the scores of both legs are known for
every candidate of either. A document counts by its best chunk.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.sets import BASELINES, CUT, data_folder, documents, figure, table
from ragsvc.domain import F64Vector, I64Vector
from ragsvc.evaluation import beir
from ragsvc.evaluation.metrics import ndcg
from ragsvc.index import lexical
from ragsvc.models.embedder import SentenceTransformerEmbedder
from ragsvc.pipeline.fusion import SCORE_DECIMALS, competition_rank, convex, reciprocal_rank
from ragsvc.text.analyse import StandardAnalyser
from ragsvc.text.chunk import DEFAULT_CHUNKER, Chunker

DEPTH = 100
CONSTANTS = (0.9, 0.4)


@dataclass(frozen=True, slots=True)
class Leg:
    """Scores of the candidates of one query, aligned, and which of them the leg itself proposed.

    scores: (m,) float64. proposed: (m,) bool. best: highest score of any chunk.
    """

    scores: F64Vector
    proposed: np.ndarray
    best: float


Fuse = Callable[[Leg, Leg], F64Vector]


def doubled(weight: float) -> Fuse:
    """The service's own: w * 2 * cosine + (1 - w) * bm25 / max."""
    return lambda dense, terms: convex(dense.scores, terms.scores, terms.best, weight)


def windowed(weight: float) -> Fuse:
    """w * min-max of the cosines of all candidates + (1 - w) * bm25 / max."""

    def fuse(dense: Leg, terms: Leg) -> F64Vector:
        low = float(dense.scores.min())
        window = max(dense.best - low, 1e-9)
        return convex((dense.scores - low) / window / 2.0, terms.scores, terms.best, weight)

    return fuse


def ranks(dense: Leg, terms: Leg) -> F64Vector:
    """Reciprocal rank fusion, constant 60."""
    return reciprocal_rank(
        competition_rank(dense.scores, dense.proposed), competition_rank(terms.scores, terms.proposed)
    )


@dataclass(frozen=True, slots=True)
class Trial:
    """One line of the table."""

    label: str
    fuse: Fuse
    constants: tuple[float, float] = CONSTANTS
    depth: int = DEPTH


def trials() -> Iterator[Trial]:
    """All that is compared."""
    yield Trial("dense alone", lambda dense, _: dense.scores)
    for constants in (CONSTANTS, (1.2, 0.75)):
        yield Trial(f"bm25 alone, {constants}", lambda _, terms: terms.scores, constants)
    yield Trial("reciprocal rank, 60", ranks)
    yield from (Trial(f"min-max / max, w = {weight}", windowed(weight)) for weight in (0.5, 0.6, 0.7, 0.8))
    yield from (Trial(f"2 cos, bm25 / max, w = {weight}", doubled(weight)) for weight in (0.4, 0.5, 0.7, 0.8))
    for constants in ((0.6, 0.4), (0.9, 0.3), (0.9, 0.6), (1.2, 0.4), (1.2, 0.75)):
        yield Trial(f"2 cos, bm25 / max, w = 0.6, bm25 {constants}", doubled(0.6), constants)
    yield Trial("2 cos, bm25 / max, w = 0.6, 200 candidates", doubled(0.6), depth=200)
    yield Trial("**2 cos, bm25 / max, w = 0.6**", doubled(0.6))


class Prepared:
    """A collection cut, analysed and embedded as an ingest would."""

    def __init__(self, collection: beir.Collection, cache: Path) -> None:
        self.collection = collection
        embedder, analyser = SentenceTransformerEmbedder(), StandardAnalyser()
        chunker = Chunker(DEFAULT_CHUNKER, embedder.tokeniser, embedder.spec.max_tokens)
        with collection.corpus.open(encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
        cut = [
            (row["_id"], draft.embedded_text)
            for row in rows
            for draft in chunker.split(row.get("title") or "", row["text"], "text/plain")
        ]
        self.owners = [owner for owner, _ in cut]
        self.cosines = _embedded(cache / f"{collection.name}.npz", embedder, collection, [t for _, t in cut])
        self._analysed = [analyser.terms(text) for _, text in cut]
        self._asked = [analyser.terms(query.text) for query in collection.queries]
        self._matched: dict[tuple[float, float], np.ndarray] = {}

    def matched(self, constants: tuple[float, float]) -> np.ndarray:
        """BM25 of every chunk for every query, (q, n) float64."""
        if constants not in self._matched:
            numbers: dict[str, int] = {}
            entries = [
                (numbers.setdefault(term, len(numbers)), row, count)
                for row, terms in enumerate(self._analysed)
                for term, count in Counter(terms).items()
            ]
            terms, rows, counts = (np.array(column) for column in zip(*entries, strict=True))
            postings = lexical.Postings.from_entries(terms.astype(np.int32), rows, counts.astype(np.int32))
            lengths = np.array([len(each) for each in self._analysed], dtype=np.int32)
            alive = np.ones(len(lengths), dtype=np.bool_)
            view = lexical.view([(0, postings)], lengths, alive, *constants)
            self._matched[constants] = np.stack(
                [view.match([numbers[t] for t in sorted(asked) if t in numbers]) for asked in self._asked]
            )
        return self._matched[constants]

    def score(self, trial: Trial) -> float:
        """Mean nDCG@10."""
        matched = self.matched(trial.constants)
        found: list[float] = []
        for number, query in enumerate(self.collection.queries):
            cosines, terms = self.cosines[number].astype(np.float64), matched[number]
            near, like = _top(cosines, trial.depth), _top(terms, trial.depth)
            like = like[terms[like] > 0]
            rows = np.union1d(near, like)
            fused = trial.fuse(
                Leg(cosines[rows], np.isin(rows, near), float(cosines.max())),
                Leg(terms[rows], np.isin(rows, like), float(terms.max())),
            )
            best = documents(
                (self.owners[row], score) for row, score in zip(rows, fused.tolist(), strict=True)
            )
            order = sorted(best, key=lambda document: (-round(best[document], SCORE_DECIMALS), document))
            found.append(ndcg(order, self.collection.judgements[query.id], CUT))
        return float(np.mean(found))


def _top(scores: F64Vector, depth: int) -> I64Vector:
    if depth >= len(scores):
        return np.arange(len(scores))
    return np.argpartition(-scores, depth)[:depth].astype(np.int64)


def _embedded(
    file: Path, embedder: SentenceTransformerEmbedder, collection: beir.Collection, texts: Sequence[str]
) -> np.ndarray:
    """Cosines of every query with every chunk, (q, n) float32; kept from one run to the next."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        queries = embedder.embed_queries([query.text for query in collection.queries])
        np.savez(file, queries=queries, chunks=embedder.embed_documents(texts))
    with np.load(file) as held:
        chunks = held["chunks"]
        if len(chunks) != len(texts):
            sys.exit(f"{file} was made from other chunks: delete it")
        return np.asarray(held["queries"] @ chunks.T)


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("sets", nargs="*", metavar="SET", help=", ".join(BASELINES))
    parser.add_argument("--cache", type=Path, default=Path("indexes/bench-fusion"))
    given = parser.parse_args()
    names = given.sets or list(BASELINES)
    data = data_folder()
    baselines = [BASELINES[name] for name in names]
    scores: list[list[float]] = []
    tried = list(trials())
    for name in names:
        prepared = Prepared(beir.load(data / name), given.cache)
        scores.append([prepared.score(trial) for trial in tried])
        print(f"{name} done", file=sys.stderr)
    rows = [["cc baseline, whole documents", *map(figure, baselines), figure(float(np.mean(baselines))), ""]]
    for trial, values in zip(tried, zip(*scores, strict=True), strict=True):
        worst = min(value - baseline for value, baseline in zip(values, baselines, strict=True))
        rows.append([trial.label, *map(figure, values), figure(float(np.mean(values))), f"{worst:+.3f}"])
    print(table(["fusion", *names, "mean", "worst against cc"], rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
