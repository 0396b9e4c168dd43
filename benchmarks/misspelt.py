"""What a slip in a query costs, and how much of it reading slips brings back: nDCG@10 of hybrid search.

    RAGSVC_TEST_DATA=folder python -m benchmarks.misspelt [SET ...] [--home DIR]

A SET is a folder of RAGSVC_TEST_DATA in the BEIR layout, or the path of one. In every query one word of
five letters or more is mistyped: two letters change places, one is left out, doubled, or hit beside. Which
word and which slip is settled by hashes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from benchmarks.sets import data_folder, table
from ragsvc.domain import Caller, IngestRequest, Mode
from ragsvc.evaluation import beir
from ragsvc.evaluation.drafts.variants import mistyped
from ragsvc.evaluation.retrieval_metrics import ndcg
from ragsvc.pipeline.retrieval.chunk_locations import ChunkLocations
from ragsvc.pipeline.retrieval.search import SearchScope, rank
from ragsvc.pipeline.retrieval.search_query import prepare
from ragsvc.pipeline.retrieval.spelling import Speller
from ragsvc.service.model_registry import ModelRegistry
from ragsvc.service.queries import QueryService
from ragsvc.service.service import Service
from ragsvc.settings.settings import Settings
from ragsvc.store.catalog import Catalog

CALLER = Caller()
SETS = ("product-docs", "cranfield")
DEPTH, K = 100, 10


class Ranking:
    """Searches of one collection, with and without reading slips."""

    def __init__(self, catalog: Catalog, settings: Settings, corpus: str) -> None:
        self._catalog = catalog
        loader = ModelRegistry(settings)
        self._asker = QueryService(catalog, loader, settings)
        self._snapshot = self._asker.snapshot(CALLER, corpus, None)
        self._parts = loader.parts(self._snapshot.corpus.profile)
        self._allowed = self._snapshot.allowed(catalog, None, CALLER)
        self._places = ChunkLocations(
            SearchScope(catalog, self._snapshot.corpus, self._snapshot, None, CALLER)
        )
        self._speller = Speller(self._snapshot, catalog, self._parts.analyser, self._parts.tokeniser)

    def read(self, query: str) -> str:
        """The query as the service reads it."""
        return self._speller.read(query, self._allowed)

    def documents(self, text: str) -> list[str]:
        """Documents for a query taken as it stands, best first."""
        vector = self._parts.embedder.embed_queries([text])[0]
        query = prepare(text, Mode.HYBRID, vector, self._parts.analyser)
        known = self._catalog.chunks.term_ids(query.terms)
        asker = self._asker
        weights, close = asker.weights_of(self._parts), asker.close_look(self._parts)
        ranked = rank(self._snapshot, query, known, self._allowed, weights, close)
        found = self._places.best(ranked, DEPTH)
        return list(dict.fromkeys(held.document_id for _, held in found))


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("sets", nargs="*", default=SETS)
    parser.add_argument("--home", type=Path, default=Path("indexes/quality"))
    given = parser.parse_args()
    rows = []
    for name in given.sets:
        folder = Path(name) if Path(name).is_dir() else data_folder() / name
        collection, name = beir.load(folder), folder.name
        with Service.open(Settings(home=given.home)) as service:
            service.ingest(CALLER, IngestRequest(corpus=name, paths=(str(collection.corpus),)))
        catalog = Catalog.open(given.home)
        try:
            ranking = Ranking(catalog, Settings(home=given.home, threads=1), name)
            scores: list[tuple[float, ...]] = []
            changed = right = 0
            for query in collection.queries:
                slip = mistyped(query.text, query.id)
                read = ranking.read(slip)
                changed += ranking.read(query.text) != query.text
                right += read.lower() == query.text.lower()
                judged = collection.judgements[query.id]
                ways = (query.text, ranking.read(query.text), slip, read)
                scores.append(tuple(ndcg(ranking.documents(way), judged, K) for way in ways))
        finally:
            catalog.close()
        means = [f"{value:.3f}" for value in np.mean(scores, axis=0)]
        rows.append([name, str(len(scores)), *means, f"{right / len(scores):.0%}", str(changed)])
    head = [
        "set",
        "queries",
        "as written",
        "... read",
        "with a slip",
        "... read",
        "read as written",
        "touched",
    ]
    print(table(head, rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
