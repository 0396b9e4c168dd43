"""Which figure stands for a whole evaluation, and which questions did worst by it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from ragsvc.evaluation.report import Item, Kind, Report

# In the order in which they say most about an answer; the first that the questions have is taken.
_OF_ANSWERS = ("phrase", "token_f1", "rouge_l", "document@3", "answered")
_REFUSED = "refused_unanswerable"


def headline(report: Report) -> str | None:
    """Name of the figure that sums a report up: nDCG of the best system, or how right answers are.

    None when the report holds none of those.
    """
    if report.kind is Kind.ANSWERS:
        return next((name for name in _OF_ANSWERS if name in report.figures), None)
    for system in ("hybrid", ""):
        for name in report.figures:
            if name.startswith(system) and ".ndcg@" in name:
                return name
    return None


def merit(values: Mapping[str, float], name: str | None) -> float | None:
    """How well a question went: its value of the headline figure, or whether it was rightly refused.

    :param values: of an item. name: of the headline figure.
    :return: in [0, 1], higher is better; None when neither applies to the question.
    """
    if name is not None and name in values:
        return values[name]
    return values.get(_REFUSED)


def worst(report: Report, count: int) -> list[Item]:
    """Questions that went least well, worst first; those without a fault are left out.

    Equal ones are told apart by the mean of all their values, then by their id.
    """
    name = headline(report)
    ranked = []
    for item in report.items:
        value = merit(item.values, name)
        if value is not None and value < 1.0:
            ranked.append((value, math.fsum(item.values.values()) / len(item.values), item.id, item))
    ranked.sort(key=lambda row: row[:3])
    return [row[3] for row in ranked[:count]]


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
