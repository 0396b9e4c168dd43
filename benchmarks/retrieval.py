"""nDCG@10 of the default search on public collections, through the real service.

    RAGSVC_TEST_DATA=folder python -m benchmarks.retrieval [SET ...] [--home DIR]

Each collection's corpus.jsonl is ingested as it is (a second run embeds nothing), every judged query
is searched lexically, densely and with the default hybrid, and a document counts by its best chunk.
Exit code 4 when a collection falls more than .01 below its baseline or the mean does not exceed the
baselines' mean.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.sets import BASELINES, CUT, TOLERANCE, data_folder, figure, run_of, table
from ragsvc.domain import Caller, Collapse, F64Vector, IngestRequest, Mode, SearchRequest
from ragsvc.evaluation import beir
from ragsvc.evaluation.bootstrap import Interval, bootstrap_mean, randomisation_test
from ragsvc.evaluation.metrics import evaluate
from ragsvc.service.service import Service
from ragsvc.settings.settings import Settings

CALLER = Caller()
DEPTH = 200
MODES = (Mode.LEXICAL, Mode.DENSE, Mode.HYBRID)


@dataclass(frozen=True, slots=True)
class Outcome:
    """nDCG@10 per query, (q,) float64 for each mode, queries in one order."""

    name: str
    queries: int
    chunks: int
    scores: dict[Mode, F64Vector]
    recall: F64Vector

    @property
    def hybrid(self) -> Interval:
        """The mean of the default search with its 95 % interval."""
        return bootstrap_mean(self.scores[Mode.HYBRID])

    @property
    def difference(self) -> float:
        """Default search minus the published baseline."""
        return self.hybrid.value - BASELINES[self.name]


def measure(service: Service, collection: beir.Collection) -> Outcome:
    """Ingest a collection and search all its queries."""
    corpus = collection.name
    start = time.perf_counter()
    report = service.ingest(CALLER, IngestRequest(corpus, (str(collection.corpus),)))
    if report.failures:
        print(f"{corpus}: {len(report.failures)} documents failed", file=sys.stderr)
    print(f"{corpus}: embedded {report.embedded} in {time.perf_counter() - start:.1f} s", file=sys.stderr)
    scores: dict[Mode, list[float]] = {mode: [] for mode in MODES}
    recall: list[float] = []
    for query in collection.queries:
        for mode in MODES:
            request = SearchRequest((corpus,), query.text, DEPTH, mode, collapse=Collapse.OFF)
            run = run_of(service.search(CALLER, request).hits)
            judged = collection.judgements[query.id]
            scores[mode].append(evaluate(run, judged, CUT).ndcg)
            if mode is Mode.HYBRID:
                recall.append(evaluate(run, judged, 100).recall)
    return Outcome(
        corpus,
        len(collection.queries),
        service.corpus(CALLER, corpus).chunks,
        {mode: np.array(each) for mode, each in scores.items()},
        np.array(recall),
    )


def report(outcomes: Sequence[Outcome]) -> str:
    """The table, with the mean over collections as its last row."""
    rows = [_row(outcome) for outcome in outcomes]
    lexical, dense, hybrid = (
        float(np.mean([each.scores[mode].mean() for each in outcomes])) for mode in MODES
    )
    baseline = float(np.mean([BASELINES[each.name] for each in outcomes]))
    means = [figure(lexical), figure(dense), f"**{figure(hybrid)}**", "", figure(baseline)]
    rows.append(["**mean**", "", "", *means, f"{hybrid - baseline:+.3f}", "", ""])
    head = ["set", "queries", "chunks", "bm25", "dense", "hybrid", "95 %", "cc baseline", "difference"]
    return table([*head, "p (hybrid = best leg)", "recall@100"], rows)


def _row(outcome: Outcome) -> list[str]:
    lexical, dense, hybrid = (outcome.scores[mode] for mode in MODES)
    interval = outcome.hybrid
    leg = lexical if lexical.mean() > dense.mean() else dense
    return [
        outcome.name,
        str(outcome.queries),
        str(outcome.chunks),
        figure(float(lexical.mean())),
        figure(float(dense.mean())),
        f"**{figure(interval.value)}**",
        f"{figure(interval.low)} – {figure(interval.high)}",
        figure(BASELINES[outcome.name]),
        f"{outcome.difference:+.3f}",
        f"{randomisation_test(hybrid, leg, resamples=2000):.3f}",
        figure(float(outcome.recall.mean())),
    ]


def passed(outcomes: Sequence[Outcome]) -> bool:
    """No collection more than the tolerance below its baseline, and the mean above theirs."""
    differences = [outcome.difference for outcome in outcomes]
    return min(differences) >= -TOLERANCE and sum(differences) > 0


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("sets", nargs="*", metavar="SET", help=", ".join(BASELINES))
    parser.add_argument("--home", type=Path, default=Path("indexes/bench-retrieval"))
    asked = parser.parse_args()
    unknown = set(asked.sets) - set(BASELINES)
    if unknown:
        parser.error(f"unknown set {sorted(unknown)}; known: {', '.join(BASELINES)}")
    data = data_folder()
    with Service.open(Settings(home=asked.home)) as service:
        outcomes = [measure(service, beir.load(data / name)) for name in asked.sets or BASELINES]
    print(report(outcomes))
    held = passed(outcomes)
    print(f"\nbaselines {'held' if held else 'MISSED'}")
    return 0 if held else 4


if __name__ == "__main__":
    sys.exit(main())
