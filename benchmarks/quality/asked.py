"""Questions as people type them, about texts that nobody tuned anything on; of one half only sums are told.

The other half is for development: `python -m benchmarks.quality asked --split tune` writes each of its
questions with its answer and what became of it beside the reports, to be read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from benchmarks.asked_corpus import NAME, QUESTIONS, write
from benchmarks.quality.jobs import CALLER, HELD_OUT, Bench, Job, Part, Section, percent, plain
from benchmarks.sets import table
from ragsvc.domain import IngestRequest, Prune
from ragsvc.evaluation.figures import figure, interval_of
from ragsvc.evaluation.outcome import OF_ANSWERABLE, OF_UNANSWERABLE, Outcome
from ragsvc.evaluation.report import Figure, Item, Report
from ragsvc.evaluation.requests import AnswersEvaluation
from ragsvc.service.service import Service

ROWS = {
    Outcome.GOOD: "good",
    Outcome.PARTLY: "partly good",
    Outcome.WRONG: "wrong",
    Outcome.WRONGLY_REFUSED: "wrongly refused",
    Outcome.RIGHTLY_REFUSED: "without an answer: rightly refused",
    Outcome.ANSWERED_WRONGLY: "without an answer: answered",
}
PLAIN = {
    "auroc_good": "AUROC of confidence, good against all else",
    "auroc_good_answered": "... of what was answered",
    "document@3": "right document in the top 3",
}


def prepare(service: Service, bench: Bench) -> list[Job]:
    """Make the corpus, and bring the index in step with it."""
    # In the home, so that the next run finds the same files in the same place and embeds nothing anew.
    folder = bench.home.resolve() / "benchmarks" / NAME
    write(folder)
    service.ingest(CALLER, IngestRequest(corpus=NAME, paths=(str(folder),), prune=Prune.REMOVE))
    # What an interrupted run of other code has found is of no use.
    request = AnswersEvaluation(NAME, QUESTIONS, split=bench.split, fresh=True)
    return [Job(NAME, request, private=bench.split == HELD_OUT)]


def conclude(reports: Mapping[str, Report]) -> Section:
    """What became of the questions, over all and by kind."""
    report = reports[NAME]
    figures = report.figures
    rows = [[label, *percent(figures[name])] for name, label in ROWS.items() if name in figures]
    strict = _to_the_point(report)
    if strict is not None:
        rows.insert(1, ["... and nothing cited from another document", *percent(strict)])
    rows += [[label, *plain(figures[name])] for name, label in PLAIN.items() if name in figures]
    title = f"Answers about other people's texts (split {report.setup.settings.get('split')})"
    return Section(title, table(["figure", "value", "95 %"], rows), more=by_kind(report))


def _to_the_point(report: Report) -> Figure | None:
    """Answerable questions whose answer is good and cites right documents alone."""
    asked = [item.detail for item in report.items if item.detail["answerable"]]
    found = [
        float(each["outcome"] == Outcome.GOOD and set(each["cited"]) <= set(each["wanted"])) for each in asked
    ]
    return figure(interval_of(found), len(found)) if found else None


def by_kind(report: Report) -> str:
    """Kinds down, outcomes across, in per cent with their intervals."""
    parts = []
    for outcomes in (OF_ANSWERABLE, OF_UNANSWERABLE):
        kinds: dict[str, list[str]] = {}
        for name, found in report.figures.items():
            first, colon, kind = name.partition(":")
            if colon and first == outcomes[0]:
                cells = [report.figures[f"{outcome}:{kind}"] for outcome in outcomes]
                shares = [f"{100 * x.value:.0f} ({100 * x.low:.0f}-{100 * x.high:.0f})" for x in cells]
                kinds[kind] = [kind, str(found.count), *shares]
        if kinds:
            head = ["kind", "questions", *(ROWS[outcome].rpartition(": ")[2] for outcome in outcomes)]
            parts.append(table(head, [kinds[kind] for kind in sorted(kinds)]))
    return "\n\n".join(parts)


def pages(reports: Mapping[str, Report]) -> dict[str, str]:
    """Files to read by their names: every question of the open half; none of the other half."""
    report = reports[NAME]
    split = report.setup.settings.get("split")
    if split == HELD_OUT:
        return {}
    order = list(Outcome)
    items = sorted(report.items, key=lambda item: order[::-1].index(Outcome(item.detail["outcome"])))
    lines = (json.dumps({"id": each.id, "question": each.text, **each.detail}) for each in report.items)
    return {
        f"{NAME}-{split}.md": "\n".join(map(_entry, items)),
        f"{NAME}-{split}.jsonl": "\n".join(lines) + "\n",
    }


def _entry(item: Item) -> str:
    detail = item.detail
    rows = {
        "missing": ", ".join(f"`{each}`" for each in detail.get("missing", ())),
        "rejected": ", ".join(f"`{each}`" for each in detail.get("rejected", ())),
        "surplus": ", ".join(f"`{each}`" for each in detail.get("surplus", ())),
        "too long": str(detail.get("too_long", "")),
        "wanted": ", ".join(detail["wanted"]),
        "found": ", ".join(dict.fromkeys(detail["found"])),
        "cited": ", ".join(dict.fromkeys(detail["cited"])),
    }
    notes = "\n".join(f"- {name}: {words}" for name, words in rows.items() if words)
    head = (
        f"## {detail['outcome']}: {item.text}\n\n`{item.id}` {detail.get('kind')}, {detail['confidence']:.2f}"
    )
    quoted = "\n".join(f"> {line}" for line in (detail["answer"] or "(refused)").splitlines())
    return f"{head}\n\n{quoted}\n\n{notes}\n"


PART = Part(prepare, conclude, pages)
