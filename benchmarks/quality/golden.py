"""The half of the golden questions that nothing was tuned on; only sums of it leave this module."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.quality.jobs import CALLER, Bench, Check, Job, Part, Section, percent
from benchmarks.sets import table
from ragsvc.domain import IngestRequest, Prune
from ragsvc.evaluation.figures import figure, interval_of
from ragsvc.evaluation.report import Figure, Report
from ragsvc.evaluation.requests import AnswersEvaluation
from ragsvc.service.service import Service

ROOT = Path(__file__).resolve().parents[2]
QUESTIONS = ROOT / "tests" / "golden" / "handbook.jsonl"
CORPUS = "handbook"
NAME = "golden"
ROWS = {
    "document@3": "right document in the top 3",
    "phrase": "answer holds the phrase that a right one must hold",
    "refused_unanswerable": "unanswerable questions refused",
    "refused_near": "... about the handbook's own subjects",
    "refused_far": "... about anything else",
    "refused_answerable": "answerable questions refused",
    "citation_reads_back": "answers whose citations all read back to their quotes",
}
LEAST = {"document@3": 0.95, "phrase": 0.80, "refused_unanswerable": 0.85, "citation_reads_back": 1.0}
MOST = {"refused_answerable": 0.07}


def prepare(service: Service, _bench: Bench) -> list[Job]:
    """Bring the corpus in step with its folder."""
    folder = str(ROOT / "corpora" / CORPUS)
    service.ingest(CALLER, IngestRequest(corpus=CORPUS, paths=(folder,), prune=Prune.REMOVE))
    return [Job(NAME, AnswersEvaluation(CORPUS, QUESTIONS, split="report"), private=True)]


def conclude(reports: Mapping[str, Report]) -> Section:
    """Figures beside their aims."""
    report = reports[NAME]
    figures = report.figures
    rows = [
        [label, *percent(figures[name]), _marked(name, figures[name])]
        for name, label in ROWS.items()
        if name in figures
    ]
    answered = _phrase_where_answered(report)
    if answered is not None:
        rows.insert(2, ["... of the questions that were answered", *percent(answered), ""])
    cited = all(bool(item.detail["cited"]) is item.detail["answered"] for item in report.items)
    checks = [_check(name, figures[name]) for name in (*LEAST, *MOST) if name in figures]
    checks.append(Check("whatever is answered has citations, and a refusal has none", cited))
    return Section("Questions and answers", table(["figure", "value", "95 %", "aim"], rows), checks=checks)


def _aim(name: str) -> str:
    if name in LEAST:
        return f"{100 * LEAST[name]:.0f}"
    return f"at most {100 * MOST[name]:.0f}" if name in MOST else ""


def _marked(name: str, found: Figure) -> str:
    return _aim(name) + ("" if _held(name, found) else ", **missed**")


def _held(name: str, found: Figure) -> bool:
    return LEAST.get(name, 0.0) <= found.value <= MOST.get(name, 1.0)


def _check(name: str, found: Figure) -> Check:
    return Check(f"{ROWS[name]}: {found.value:.1%}, aim {_aim(name)} %", _held(name, found))


def _phrase_where_answered(report: Report) -> Figure | None:
    found = [
        item.values["phrase"] for item in report.items if "phrase" in item.values and item.detail["answered"]
    ]
    return figure(interval_of(found), len(found)) if found else None


PART = Part(prepare, conclude)
