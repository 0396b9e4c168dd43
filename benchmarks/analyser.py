"""BM25 over whole documents with the standard analyser: nDCG@10 per public set.

RAGSVC_TEST_DATA=folder python benchmarks/analyser.py [SET ...]
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytrec_eval

from ragsvc.text.analyser import StandardAnalyser

SETS = (
    "cranfield", "npl", "cisi", "squad2-dev-half", "product-docs", "dbpedia-mini", "msmarco-dl-mini",
    "xquad/beir-en", "xquad/beir-de", "xquad/beir-zh",
)  # fmt: skip
CONSTANTS = ((0.9, 0.4), (1.2, 0.75))
DEPTH = 100


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]


def read_judgements(path: Path) -> dict[str, dict[str, int]]:
    judged: dict[str, dict[str, int]] = defaultdict(dict)
    for line in path.read_text(encoding="utf-8").split("\n")[1:]:
        if line:
            query, document, score = line.split("\t")[:3]
            judged[query][document] = int(score)
    return judged


class Bm25:
    """Lucene's formula over numpy postings."""

    def __init__(self, documents: list[list[str]]) -> None:
        self.lengths = np.array([len(document) for document in documents], dtype=np.float64)
        rows: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for number, document in enumerate(documents):
            for term, count in Counter(document).items():
                rows[term].append((number, count))
        self.postings = {term: np.array(each).T for term, each in rows.items()}

    def scores(self, query: list[str], k1: float, b: float) -> np.ndarray[Any, np.dtype[np.float64]]:
        total = np.zeros(len(self.lengths))
        norm = k1 * (1 - b + b * self.lengths / max(self.lengths.mean(), 1e-9))
        for term in query:
            if term in self.postings:
                numbers, counts = self.postings[term]
                idf = math.log(1 + (len(total) - len(numbers) + 0.5) / (len(numbers) + 0.5))
                total[numbers] += idf * counts / (counts + norm[numbers])
        return total


def measure(folder: Path) -> list[str]:
    documents = read_lines(folder / "corpus.jsonl")
    queries = read_lines(folder / "queries.jsonl")
    judged = read_judgements(folder / "qrels" / "test.tsv")
    analyser = StandardAnalyser()
    texts = [f"{each.get('title') or ''}\n{each['text']}" for each in documents]
    began = time.perf_counter()
    analysed = [analyser.terms(text) for text in texts]
    speed = sum(len(text.encode()) for text in texts) / (time.perf_counter() - began) / 1e6
    index = Bm25(analysed)
    names = [str(each["_id"]) for each in documents]
    cells = []
    for k1, b in CONSTANTS:
        run = {}
        for query in queries:
            if query["_id"] in judged:
                scores = index.scores(analyser.terms(query["text"]), k1, b)
                best = np.argsort(-scores, kind="stable")[:DEPTH]
                run[query["_id"]] = {names[each]: float(scores[each]) for each in best if scores[each] > 0}
        found = pytrec_eval.RelevanceEvaluator(dict(judged), {"ndcg_cut.10"}).evaluate(run)
        cells.append(f"{sum(each['ndcg_cut_10'] for each in found.values()) / len(run):.3f}")
    return [*cells, f"{speed:.1f}"]


def main() -> None:
    root = Path(os.environ["RAGSVC_TEST_DATA"])
    print("| set | k1 .9 b .4 | k1 1.2 b .75 | analyser MB/s |\n| --- | --- | --- | --- |")
    for name in sys.argv[1:] or SETS:
        print("| " + " | ".join([name, *measure(root / name)]) + " |", flush=True)


if __name__ == "__main__":
    main()
