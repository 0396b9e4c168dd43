"""The public test collections with their published baselines, and what benchmarks share."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from ragsvc.domain import Hit

# nDCG@10 of .6 dense + .4 BM25 after min-max / max normalisation, whole documents, the same model.
BASELINES = {
    "cranfield": 0.410,
    "npl": 0.508,
    "cisi": 0.457,
    "squad2-dev-half": 0.907,
    "product-docs": 0.790,
    "dbpedia-mini": 0.486,
    "msmarco-dl-mini": 0.804,
}
TOLERANCE = 0.01
CUT = 10


def data_folder() -> Path:
    """The folder of the public data; ends the program with a hint when it is not there."""
    named = os.environ.get("RAGSVC_TEST_DATA", "")
    if not named or not Path(named).is_dir():
        sys.exit("set RAGSVC_TEST_DATA to the folder that holds cranfield/, npl/ ... in the BEIR layout")
    return Path(named)


def documents(scored: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Score each document by its best chunk."""
    best: dict[str, float] = {}
    for document, score in scored:
        best[document] = max(score, best.get(document, score))
    return best


def run_of(hits: Iterable[Hit]) -> dict[str, float]:
    """What a metric needs of a search's hits."""
    return documents((hit.passage.document_id, hit.score) for hit in hits)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column is text, the others are figures."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *rows))


def figure(value: float) -> str:
    """Three decimals without the leading zero, as the literature prints them."""
    text = f"{value:.3f}"
    return text.replace("0.", ".", 1) if abs(value) < 1 else text
