"""A collection cut, analysed and embedded as an ingest would, and what a query sees of it."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.sets import CUT
from ragsvc.domain import BoolVector, Candidates, ChunkText, F32Matrix, F32Vector, F64Vector, I64Vector
from ragsvc.evaluation import beir
from ragsvc.evaluation.retrieval_metrics import ndcg
from ragsvc.index.lexical import LexicalView, Postings, view
from ragsvc.models.embedder import SentenceTransformerEmbedder
from ragsvc.pipeline.retrieval.fusion import SCORE_DECIMALS
from ragsvc.pipeline.retrieval.search import DEPTH
from ragsvc.text.analyser import StandardAnalyser
from ragsvc.text.chunker import DEFAULT_CHUNKER, Chunker

CONSTANTS = (0.9, 0.4)


@dataclass(frozen=True, slots=True)
class Asked:
    """One query and the candidates of both legs, m of them; true scores of both are known for each.

    number: of the query, from 0. rows: of the chunks.
    by_vector, by_terms: which leg proposed a candidate. terms: of the query, sorted, repeats kept.
    """

    number: int
    question: str
    vector: F32Vector
    terms: Sequence[str]
    rows: I64Vector
    dense: F64Vector
    lexical: F64Vector
    lexical_best: float
    by_vector: BoolVector
    by_terms: BoolVector
    prepared: Prepared
    view: LexicalView

    def vectors(self, rows: I64Vector) -> F32Matrix:
        return self.prepared.vectors[rows]

    def close(self, scores: F64Vector, count: int, weight: float) -> tuple[I64Vector, Candidates]:
        """The best `count` as a second look gets them, and their places among the candidates.

        :param weight: [0, 1], of the dense leg in the fusion that gave the scores.
        """
        best = np.argsort(-scores, kind="stable")[:count]
        numbers, bm25 = self.prepared.numbers, self.view
        return best, Candidates(
            question=self.question,
            vector=self.vector,
            texts=tuple(self.prepared.texts[row] for row in self.rows[best]),
            scores=scores[best],
            dense=self.dense[best],
            lexical=self.lexical[best],
            lexical_best=self.lexical_best,
            vectors=self.vectors(self.rows[best]),
            weight_of=lambda term: bm25.weight(numbers[term]) if term in numbers else 0.0,
            dense_weight=weight,
        )


Score = Callable[[Asked], F64Vector]
"""Gives every candidate a score, higher is better: (m,)."""


class Prepared:
    """A collection with its chunks, their vectors and postings."""

    def __init__(self, collection: beir.TestCollection, cache: Path) -> None:
        """Cut, analyse and embed as the default embedder has it.

        :param cache: folder that keeps vectors from one run to the next.
        """
        self.collection = collection
        embedder, analyser = SentenceTransformerEmbedder(), StandardAnalyser()
        chunker = Chunker(DEFAULT_CHUNKER, embedder.tokeniser, embedder.spec.max_tokens)
        self.owners: list[str] = []
        self.texts: list[ChunkText] = []
        self.embedded: list[str] = []
        for row in _lines(collection.corpus):
            title = row.get("title") or ""
            for draft in chunker.split(title, row["text"], "text/plain"):
                self.owners.append(row["_id"])
                self.texts.append(ChunkText(title, draft.headings, row["text"][draft.start : draft.end]))
                self.embedded.append(draft.embedded_text)
        asked = [query.text for query in collection.queries]
        # By name, so that chunks with equal scores come in one order.
        self._order = np.unique(self.owners, return_inverse=True)[1]
        file = cache / f"{collection.name}.npz"
        self.vectors, self.queries = vectors_of(file, embedder, self.embedded, asked)
        self.terms = [analyser.terms(text) for text in self.embedded]
        self._asked = [sorted(analyser.terms(text)) for text in asked]
        self.numbers: dict[str, int] = {}
        self._postings = self._count()
        self._views: dict[tuple[float, float], LexicalView] = {}

    def view(self, constants: tuple[float, float] = CONSTANTS) -> LexicalView:
        """BM25 with these constants k1 and b."""
        if constants not in self._views:
            lengths = np.array([len(each) for each in self.terms], dtype=np.int32)
            alive = np.ones(len(lengths), dtype=np.bool_)
            self._views[constants] = view([(0, self._postings)], lengths, alive, *constants)
        return self._views[constants]

    def asked(self, constants: tuple[float, float] = CONSTANTS, depth: int = DEPTH) -> Iterator[Asked]:
        """Find the candidates of both legs for every query, in order."""
        bm25 = self.view(constants)
        for number, terms in enumerate(self._asked):
            vector = self.queries[number]
            ids = [self.numbers[term] for term in terms if term in self.numbers]
            cosines, matched = (self.vectors @ vector).astype(np.float64), bm25.match(ids)
            near, like = _top(cosines, depth), _top(matched, depth)
            like = like[matched[like] > 0]
            rows = np.union1d(near, like)
            yield Asked(
                number=number,
                question=self.collection.queries[number].text,
                vector=vector,
                terms=terms,
                rows=rows,
                dense=cosines[rows],
                lexical=matched[rows],
                lexical_best=float(matched.max()),
                by_vector=np.isin(rows, near),
                by_terms=np.isin(rows, like),
                prepared=self,
                view=bm25,
            )

    def ndcg(self, asked: Asked, scores: F64Vector) -> float:
        """nDCG@10; a document counts by its best chunk."""
        judged = self.collection.judgements[self.collection.queries[asked.number].id]
        ordered = np.lexsort((self._order[asked.rows], -np.round(scores, SCORE_DECIMALS)))
        documents: dict[str, None] = {}
        for row in asked.rows[ordered]:
            documents[self.owners[row]] = None
            if len(documents) == CUT:
                break
        return ndcg(list(documents), judged, CUT)

    def _count(self) -> Postings:
        entries = [
            (self.numbers.setdefault(term, len(self.numbers)), row, count)
            for row, terms in enumerate(self.terms)
            for term, count in Counter(terms).items()
        ]
        terms, rows, counts = (np.array(column) for column in zip(*entries, strict=True))
        return Postings.from_entries(terms.astype(np.int32), rows, counts.astype(np.int32))


def _lines(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _top(scores: F64Vector, depth: int) -> I64Vector:
    if depth >= len(scores):
        return np.arange(len(scores))
    return np.argpartition(-scores, depth)[:depth].astype(np.int64)


def vectors_of(
    file: Path, embedder: SentenceTransformerEmbedder, texts: Sequence[str], queries: Sequence[str]
) -> tuple[F32Matrix, F32Matrix]:
    """Vectors of chunks and of queries; kept from one run to the next."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez(file, queries=embedder.embed_queries(queries), chunks=embedder.embed_documents(texts))
    with np.load(file) as held:
        chunks, asked = held["chunks"], held["queries"]
    if len(chunks) != len(texts) or len(asked) != len(queries):
        sys.exit(f"{file} was made from other texts: delete it")
    return chunks, asked
