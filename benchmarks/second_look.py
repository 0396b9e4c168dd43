"""What the second look costs: milliseconds of ranking one query, without and with it.

    RAGSVC_TEST_DATA=folder python -m benchmarks.second_look [SET] [--home DIR]

Embedding the query and reading the hits are the same either way and not counted. First: no passage of the
query has been read by this process; again: the same queries a second time. On one core, of processor time.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from statistics import median

from benchmarks.sets import data_folder, table
from ragsvc.domain import Caller, IngestRequest, Mode
from ragsvc.evaluation import beir
from ragsvc.pipeline.retrieval.close_reader import BUILT_IN, NO_RERANKER
from ragsvc.pipeline.retrieval.search import RerankStage, rank
from ragsvc.pipeline.retrieval.search_query import SearchQuery, prepare
from ragsvc.pipeline.retrieval.snapshot import Snapshot
from ragsvc.service.model_registry import ModelRegistry
from ragsvc.service.queries import QueryService
from ragsvc.service.service import Service
from ragsvc.settings.settings import Settings
from ragsvc.store.catalog import Catalog

CALLER = Caller()
MOST = 200


class Ranking:
    """One corpus, its queries made ready, and a second look."""

    def __init__(self, catalog: Catalog, settings: Settings, corpus: str, texts: list[str]) -> None:
        self._catalog = catalog
        loader = ModelRegistry(settings)
        asker = QueryService(catalog, loader, settings)
        self._snapshot: Snapshot = asker.snapshot(CALLER, corpus, None)
        parts = loader.parts(self._snapshot.corpus.profile)
        self._allowed = self._snapshot.allowed(catalog, None, CALLER)
        self._weights = asker.weights
        self._close: RerankStage | None = asker.close_look()
        vectors = parts.embedder.embed_queries(texts)
        self._queries: list[SearchQuery] = [
            prepare(text, Mode.HYBRID, vector, parts.analyser)
            for text, vector in zip(texts, vectors, strict=True)
        ]

    def milliseconds(self) -> tuple[float, float]:
        """Median and 95th percentile of one pass over the queries."""
        taken = []
        for query in self._queries:
            known = self._catalog.chunks.term_ids(query.terms)
            start = time.thread_time()
            rank(self._snapshot, query, known, self._allowed, self._weights, self._close)
            taken.append((time.thread_time() - start) * 1000.0)
        return median(taken), sorted(taken)[int(0.95 * len(taken))]


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("set", nargs="?", default="product-docs")
    parser.add_argument("--home", type=Path, default=Path("indexes/quality"))
    given = parser.parse_args()
    collection = beir.load(data_folder() / given.set)
    texts = [query.text for query in collection.queries][:MOST]
    rows = []
    with Service.open(Settings(home=given.home)) as service:
        service.ingest(CALLER, IngestRequest(corpus=given.set, paths=(str(collection.corpus),)))
    for reranker in (NO_RERANKER, BUILT_IN):
        catalog = Catalog.open(given.home)
        try:
            settings = Settings(home=given.home, reranker=reranker, threads=1)
            ranking = Ranking(catalog, settings, given.set, texts)
            passes = [ranking.milliseconds() for _ in range(2)]
        finally:
            catalog.close()
        rows.append([reranker, *(f"{middle:.1f} ({high:.1f})" for middle, high in passes)])
    print(f"{given.set}: {len(texts)} queries\n")
    print(table(["second look", "first, ms (p95)", "again, ms (p95)"], rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
