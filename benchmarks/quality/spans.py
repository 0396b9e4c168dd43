"""Recall and IoU of gold character spans, as Chroma's "Evaluating Chunking" has them.

The published .81 / .177 (pieces of 1200 characters) and .90 / .183 (the best) are of text-embedding-3-large.
Their IoU is that of the pieces that hold the answer, as if search were perfect: cutting the five texts every
1200 characters gives .176 with no search at all. What five retrieved pieces of that length can reach is
below .05. So it stands beside our "chunks that hold the answer", and their recall beside our recall@5 (and
@10, which reads as many characters).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.quality.jobs import CALLER, Bench, Job, Part, Section, plain
from benchmarks.sets import table
from ragsvc.domain import Collapse, IngestRequest, Mode, SearchRequest
from ragsvc.evaluation.citation_metrics import Place, span_overlap
from ragsvc.evaluation.figures import figures_of
from ragsvc.evaluation.questions import GoldSpan, load
from ragsvc.evaluation.report import Item, Report
from ragsvc.evaluation.requests import RetrievalEvaluation
from ragsvc.service.service import Service
from ragsvc.store.catalog import Catalog

NAME = "spans"
CORPUS = "chunking-eval"
FOLDER = "corpora"
DEPTHS = (5, 10)
NEEDED = "n"
IDEAL = "ideal"
DEEP = 100
CUTS = {
    "5": "5",
    "10": "10",
    NEEDED: "as many as hold the answer",
}


def prepare(service: Service, bench: Bench) -> list[Job]:
    """Ingest the five texts whole."""
    service.ingest(CALLER, IngestRequest(corpus=CORPUS, paths=(str(bench.data / CORPUS / FOLDER),)))
    path = bench.scratch / f"{NAME}.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for question in read(bench.data / CORPUS / "questions.jsonl"):
            row = {"id": question["_id"], "question": question["text"], "spans": gold_of(question)}
            file.write(json.dumps(row) + "\n")
    request = RetrievalEvaluation(CORPUS, questions=path, modes=(Mode.HYBRID,))
    return [Job(NAME, request, then=Deepened(path))]


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def gold_of(question: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "document_id": f"{FOLDER}/{question['corpus_id']}.md",
            "start": each["start_index"],
            "end": each["end_index"],
            "quote": each["content"],
        }
        for each in question["references"]
    ]


@dataclass(frozen=True, slots=True)
class Deepened:
    """Adds to every item what more and fewer passages hold, and what the right ones would.

    questions: the file that was asked.
    """

    questions: Path

    def __call__(self, service: Service, home: Path, report: Report) -> Report:
        chunks = chunks_of(service, home)
        gold = {question.id: _places(question.spans) for question in load(self.questions).questions}
        items = tuple(_deeper(service, item, gold[item.id], chunks) for item in report.items)
        return replace(report, items=items, figures={**report.figures, **figures_of(items)})


def chunks_of(service: Service, home: Path) -> dict[str, list[Place]]:
    """All chunks of the corpus, by document."""
    looked = service.queries.look(CALLER, SearchRequest(corpora=(CORPUS,), query=CORPUS, k=1))[1][0]
    catalog = Catalog.open(home, create=False)
    try:
        corpus = catalog.corpora.get(CALLER, CORPUS)
        ids = looked.snapshot.index.chunk_ids.tolist()
        holders = catalog.passages.holders(corpus, corpus.commit, ids, None, CALLER)
    finally:
        catalog.close()
    found: dict[str, list[Place]] = {}
    for holder in holders:
        found.setdefault(holder.document_id, []).append((holder.document_id, holder.start, holder.end))
    return found


def holding(gold: Sequence[Place], chunks: Mapping[str, Sequence[Place]]) -> list[Place]:
    """The chunks that share a character with a gold span, each once."""
    return [
        chunk
        for name in dict.fromkeys(document for document, _, _ in gold)
        for chunk in chunks.get(name, ())
        if any(
            name == document and max(chunk[1], start) < min(chunk[2], end) for document, start, end in gold
        )
    ]


def _deeper(service: Service, item: Item, gold: list[Place], chunks: Mapping[str, list[Place]]) -> Item:
    request = SearchRequest(corpora=(CORPUS,), query=item.text, k=DEEP, collapse=Collapse.OFF)
    passages = [hit.passage for hit in service.search(CALLER, request).hits]
    found = [(each.document_id, each.start, each.end) for each in passages]
    right = holding(gold, chunks)
    cuts = {f"hybrid.{{}}@{depth}": found[:depth] for depth in DEPTHS}
    cuts |= {f"hybrid.{{}}@{NEEDED}": found[: len(right)], f"{IDEAL}.{{}}": right}
    values = dict(item.values)
    for name, places in cuts.items():
        recall, iou = span_overlap(places, gold)
        values |= {name.format("span_recall"): recall, name.format("span_iou"): iou}
    return replace(item, values=values)


def _places(spans: Sequence[GoldSpan]) -> list[Place]:
    return [
        (span.document_id, span.start, span.end)
        for span in spans
        if span.start is not None and span.end is not None
    ]


def conclude(reports: Mapping[str, Report]) -> Section:
    """Each depth beside the published figures, and what the right chunks alone would give."""
    report = reports[NAME]
    rows = [_row(report, f"hybrid.{{}}@{cut}", words) for cut, words in CUTS.items()]
    rows.append(_row(report, f"{IDEAL}.{{}}", "the chunks that hold the answer, with no search"))
    rows += [["published: pieces of 1200 characters", ".809", "", ".177", ""]]
    rows += [["published: best", ".897", "", ".183", ""]]
    return Section(
        "Spans",
        f"{len(report.items)} questions:\n\n" + table(["passages", "recall", "95 %", "IoU", "95 %"], rows),
    )


def _row(report: Report, name: str, words: str) -> list[str]:
    cells = [words]
    for metric in ("span_recall", "span_iou"):
        found = report.figures[name.format(metric)]
        cells += plain(found)
    return cells


PART = Part(prepare, conclude)
