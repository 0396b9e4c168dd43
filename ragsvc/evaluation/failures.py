"""Which figure stands for a whole evaluation, and which questions did worst."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ragsvc.evaluation.page.labels import full_label
from ragsvc.evaluation.report import Item, ItemKind, Report

# In the order in which they say most about an answer.
_OF_ANSWERS = ("good", "phrase", "token_f1", "rouge_l", "document@3", "answered")
# A figure that fewer of the questions have says too little of the others.
_ENOUGH = 0.5
# What may be wrong with an answer: the figure, its value then, and the words; the gravest first.
_FAILURES = (
    ("refused_answerable", 1.0, "wrongly refused"),
    ("refused_unanswerable", 0.0, "wrongly answered"),
    ("wrong", 1.0, "wrong answer"),
    ("document@3", 0.0, "right document missing"),
    ("phrase", 0.0, "no right phrase"),
    ("partly", 1.0, "partly good"),
)
_DIFFERS = ("token_f1", "rouge_l")


@dataclass(frozen=True, slots=True)
class QuestionFailure:
    """How badly a question went.

    value: in [0, 1], lower is worse. failure: what went wrong; "" where the value says it all.
    """

    value: float
    failure: str = ""


def headline(report: Report) -> str | None:
    """Name of the figure that sums a report up: nDCG of the best system, or how right answers are.

    Of answers, one that at least half as many questions have as the most common one. None when the report
    holds none of those.
    """
    if report.kind is ItemKind.ANSWERS:
        held = {name: report.figures[name].count for name in _OF_ANSWERS if name in report.figures}
        most = max(held.values(), default=0)
        return next((name for name, count in held.items() if count >= _ENOUGH * most), None)
    for system in ("hybrid", ""):
        for name in report.figures:
            if name.startswith(system) and ".ndcg@" in name:
                return name
    return None


def basis(report: Report) -> str:
    """What `worst` goes by, in words; "" where it has nothing to go by."""
    if report.kind is ItemKind.ANSWERS:
        return "kind of failure" if report.items else ""
    name = headline(report)
    return "" if name is None else full_label(name)


def fault(report: Report, item: Item) -> QuestionFailure | None:
    """What is wrong with a question; None when nothing is, or nothing is known.

    An answer fails by the gravest of: wrongly refused, wrongly answered, a wrong answer, the right document
    missing, no right phrase, a partly good answer, other words than the references.
    """
    if report.kind is ItemKind.RETRIEVAL:
        value = item.values.get(headline(report) or "")
        return None if value is None or value >= 1.0 else QuestionFailure(value)
    for name, bad, words in _FAILURES:
        if item.values.get(name) == bad:
            return QuestionFailure(0.0, words)
    value = next((item.values[name] for name in _DIFFERS if name in item.values), 1.0)
    return QuestionFailure(value, "other words than the references") if value < 1.0 else None


def worst(report: Report, count: int) -> list[Item]:
    """Questions that went least well, worst first; those without a fault are left out.

    The failures of answers take turns, so that a frequent one does not hide the others. Equal ones are told
    apart by the mean of all their values, then by their id.
    """
    ranked = []
    for item in report.items:
        found = fault(report, item)
        if found is not None:
            mean = math.fsum(item.values.values()) / len(item.values)
            ranked.append((found.value, mean, item.id, found.failure, item))
    ranked.sort(key=lambda row: row[:3])
    order = [words for _, _, words in _FAILURES]
    seen: Counter[str] = Counter()
    turns = []
    for value, _, _, failure, item in ranked:
        # Questions without a failure by name keep the order of their values.
        turn = (value, seen[failure], order.index(failure)) if failure in order else (value, 0, 0)
        seen[failure] += 1
        turns.append((turn, item))
    turns.sort(key=lambda row: row[0])
    return [item for _, item in turns[:count]]


def facts(detail: Mapping[str, Any]) -> list[tuple[str, tuple[str, ...]]]:
    """What an item says of its question, by name and in words.

    Lists in a table become facts of their own, such as "found by dense". What is empty, true or absent is
    left out, but for such a list: that nothing was found is a fact.
    """
    rows: list[tuple[str, tuple[str, ...]]] = []
    for key, value in detail.items():
        if isinstance(value, Mapping):
            inner = ((f"{key} by {name}", entries) for name, entries in value.items())
            rows.extend((name, _listed(entries) or ("nothing",)) for name, entries in inner)
        elif value is not True and (words := _listed(value)):
            rows.append((key, words))
    return rows


def _listed(value: Any) -> tuple[str, ...]:
    entries = value if isinstance(value, list | tuple) else [value]
    return tuple(_worded(entry) for entry in entries if entry is not None and entry != "")


def _worded(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
