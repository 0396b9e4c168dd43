"""Follow-ups: what is found with the conversation before them, on the half that no rule was chosen on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks import multiturn
from benchmarks.multiturn import CONDENSED, LAST, REWRITE
from benchmarks.quality.jobs import Bench, Job, Part, Section, chance, plain, signed, values_of
from benchmarks.sets import CUT, figure, table
from ragsvc.domain import Mode
from ragsvc.evaluation.intervals import bootstrap_mean, randomisation_test
from ragsvc.evaluation.report import Report
from ragsvc.evaluation.requests import RetrievalEvaluation
from ragsvc.service.service import Service

NAMES = {LAST: "multiturn.last", CONDENSED: "multiturn.condensed", REWRITE: "multiturn.rewrite"}
NDCG, RECALL = f"hybrid.ndcg@{CUT}", f"hybrid.recall@{CUT}"


def prepare(service: Service, bench: Bench) -> list[Job]:
    """Ingest the passages, and ask the second half of the conversations in each way."""
    folder = bench.data / "mtrag-human-eval"
    rated = json.loads((folder / "reference_subset_with_human_evaluations.json").read_text("utf-8"))
    multiturn.ingest(service, rated["documents"], bench.scratch)
    asked = multiturn.load(folder, {item["document_id"] for item in rated["documents"]})
    held_out = [item for item in asked if not multiturn.first_half(item.id)]
    return [_job(bench, way, held_out) for way in NAMES]


def _job(bench: Bench, way: str, asked: Sequence[multiturn.Asked]) -> Job:
    path = bench.scratch / f"{NAMES[way]}.jsonl"
    said = multiturn.systems()[way]
    with path.open("w", encoding="utf-8") as file:
        for item in asked:
            query, history = said(item)
            turns = [{"role": turn.role.value, "content": turn.content} for turn in history]
            row = {"id": item.id, "question": query, "documents": item.judged, "history": turns}
            file.write(json.dumps(row) + "\n")
    request = RetrievalEvaluation(multiturn.CORPUS, questions=path, k=CUT, modes=(Mode.HYBRID,))
    return Job(NAMES[way], request)


def conclude(reports: Mapping[str, Report]) -> Section:
    """Each way beside the question alone."""
    found = {way: reports[name] for way, name in NAMES.items()}
    alone = np.array(values_of(found[LAST], NDCG))
    rows = []
    for way, report in found.items():
        ndcg = report.figures[NDCG]
        own = np.array(values_of(report, NDCG))
        gain = bootstrap_mean(own - alone)
        rows.append(
            [
                way,
                *plain(ndcg),
                figure(report.figures[RECALL].value),
                "" if way == LAST else signed(gain.value),
                "" if way == LAST else chance(randomisation_test(own, alone)),
            ]
        )
    head = ["searched for", f"nDCG@{CUT}", "95 %", f"recall@{CUT}", "gain", "p"]
    return Section("Follow-ups", f"{len(alone)} questions:\n\n" + table(head, rows))


PART = Part(prepare, conclude)
