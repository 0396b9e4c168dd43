"""Whether questions without an answer are told apart, on articles of SQuAD that nothing was fitted on."""

from __future__ import annotations

import json
from collections.abc import Mapping

from benchmarks.asked import SQUAD, squad
from benchmarks.quality.jobs import CALLER, Bench, Job, Part, Section, percent, plain
from benchmarks.sets import figure, table
from ragsvc.domain import IngestRequest
from ragsvc.evaluation.report import Report
from ragsvc.evaluation.requests import AnswersEvaluation
from ragsvc.service.service import Service

NAME = "abstention"
ROWS = {
    "auroc": "AUROC",
    "refusal_recall@5%": "unanswerable refused where at most 5 % of the answerable are",
    "calibration_error": "calibration error",
}
SHARES = {
    "refused_unanswerable": "unanswerable refused by the default",
    "refused_answerable": "answerable refused by the default",
}
PLACES = 20


def prepare(service: Service, bench: Bench) -> list[Job]:
    """Ingest the paragraphs of all articles, and ask about those that are held out."""
    service.ingest(CALLER, IngestRequest(corpus=SQUAD, paths=(str(bench.data / SQUAD / "corpus.jsonl"),)))
    asked = [each for each in squad(bench.data) if each.held_out]
    path = bench.scratch / f"{NAME}.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for number, each in enumerate(asked):
            answerable = each.group == "squad answerable"
            row = {"id": f"{each.article}-{number}", "question": each.text, "answerable": answerable}
            file.write(json.dumps(row if answerable else row | {"kind": "near"}) + "\n")
    return [Job(NAME, AnswersEvaluation(SQUAD, path))]


def conclude(reports: Mapping[str, Report]) -> Section:
    """The figures and the reliability plot."""
    report = reports[NAME]
    unanswerable = sum(not item.detail["answerable"] for item in report.items)
    rows = [[label, *plain(report.figures[name])] for name, label in ROWS.items()]
    rows += [[label, *percent(report.figures[name])] for name, label in SHARES.items()]
    bins = [
        [
            f"{each.low:.1f} – {each.high:.1f}",
            figure(each.confidence),
            figure(each.share),
            str(each.count),
            _bar(each.share, each.confidence),
        ]
        for each in report.reliability
    ]
    return Section(
        "Abstention",
        f"{len(report.items)} questions, {unanswerable} of them without an answer:\n\n"
        + table(["figure", "value", "95 %"], rows),
        table(["confidence", "mean", "answerable", "questions", "`#` answerable, `¦` confidence"], bins),
    )


def _bar(share: float, confidence: float) -> str:
    """A row of the plot: twenty places from 0 to 1."""
    signs = list(("#" * round(PLACES * share)).ljust(PLACES, "."))
    signs[min(PLACES - 1, int(PLACES * confidence))] = "¦"
    return f"`{''.join(signs)}`"


PART = Part(prepare, conclude)
