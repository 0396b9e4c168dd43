"""What stands on the page of a report, ready to be laid out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ragsvc.evaluation.failures import basis, facts, fault, headline, worst
from ragsvc.evaluation.figures import AGAINST
from ragsvc.evaluation.page.charts import (
    Bar,
    Column,
    Dot,
    Stage,
    bar,
    duration,
    histogram,
    number,
    p_words,
    reliability,
    stages,
)
from ragsvc.evaluation.page.labels import (
    CITING,
    DOCUMENTS,
    OTHER,
    OUTCOMES,
    REFUSING,
    full_label,
    label_of,
    setting_label,
    split_system,
)
from ragsvc.evaluation.report import InputDefect, Item, ItemKind, Report, Setup

WORST = 20
_TILES = (
    "good", "wrong", "document@3", "phrase", "token_f1", "answered", "refused_unanswerable", "supported",
    "auroc",
)  # fmt: skip
_SHOWN_TILES = 6
_SHOWN_FOUND = 5
_SHOWN_CHARS = 600


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure in large digits."""

    label: str
    value: str
    note: str


@dataclass(frozen=True, slots=True)
class Group:
    """Bars under one heading."""

    title: str
    meaning: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing in a fact about a question. right: whether it is what was wanted."""

    words: str
    right: bool


@dataclass(frozen=True, slots=True)
class QuestionView:
    """A question that went badly. value: of the figure, or what failed. facts: by name."""

    id: str
    text: str
    value: str
    facts: tuple[tuple[str, tuple[Entry, ...]], ...]


@dataclass(frozen=True, slots=True)
class ReportView:
    """One report as the page shows it.

    anchor: unique on the page. basis: what `worst` goes by; spread: of what the histogram shows.
    """

    anchor: str
    name: str
    kind: ItemKind
    asked: int
    setup: Setup
    settings: tuple[tuple[str, str], ...]
    tiles: tuple[Tile, ...]
    groups: tuple[Group, ...]
    tests: tuple[tuple[str, str, str], ...]
    basis: str
    spread: str
    histogram: tuple[Column, ...]
    reliability: tuple[Dot, ...]
    stages: tuple[Stage, ...]
    worst: tuple[QuestionView, ...]
    malformed: tuple[InputDefect, ...]
    notes: tuple[InputDefect, ...]
    seconds: str
    resumed: int


def report_view(report: Report, place: int) -> ReportView:
    """Lay out a report. place: its number on the page."""
    name = headline(report)
    spread, values = _spread(report, name)
    groups = _by_metric(report) if report.kind is ItemKind.RETRIEVAL else _by_section(report)
    return ReportView(
        anchor=f"report-{place}",
        name=_title(report),
        kind=report.kind,
        asked=len(report.items),
        setup=report.setup,
        settings=tuple(
            (setting_label(key), _words(value))
            for key, value in report.setup.settings.items()
            if value is not None
        ),
        tiles=tuple(_tiles(report, name)),
        groups=tuple(groups),
        tests=tuple(_test_words(test, p) for test, p in report.tests.items()),
        basis=basis(report),
        spread=spread,
        histogram=tuple(histogram(values)) if values else (),
        reliability=tuple(reliability(report.reliability)),
        stages=tuple(stages(report.latency_s)),
        worst=tuple(_asked(report, item) for item in worst(report, WORST)),
        malformed=report.malformed,
        notes=report.notes,
        seconds=duration(report.seconds),
        resumed=report.resumed,
    )


def overview(reports: Sequence[Report]) -> list[Group]:
    """One group a report, for several on a page: its headline figure by system, or its main figures."""
    groups = []
    for report in reports:
        name = headline(report)
        if name is None:
            continue
        _, metric = split_system(name)
        title = _title(report)
        if report.kind is ItemKind.RETRIEVAL:
            group = next(group for group in _by_metric(report) if group.title == label_of(metric).words)
            groups.append(Group(title, group.title, group.bars))
        else:
            bars = (bar(tile, report.figures[tile]) for tile in _TILES if tile in report.figures)
            groups.append(Group(title, "Answers", tuple(bars)))
    return groups


def _title(report: Report) -> str:
    """Which corpus was asked which questions; a collection often has one name for both."""
    corpus, questions = report.setup.corpus, report.setup.questions
    return corpus if corpus == questions else f"{corpus}: {questions}"


def _tiles(report: Report, name: str | None) -> list[Tile]:
    if report.kind is ItemKind.RETRIEVAL:
        system = split_system(name)[0] if name is not None else ""
        names = [figure for figure in report.figures if split_system(figure)[0] == system]
    else:
        names = [figure for figure in _TILES if figure in report.figures]
    tiles = [
        Tile(
            full_label(figure),
            number(report.figures[figure].value),
            f"{number(report.figures[figure].low)} – {number(report.figures[figure].high)}",
        )
        for figure in names[: _SHOWN_TILES - bool(report.latency_s)]
    ]
    total = report.latency_s.get("total") or next(iter(report.latency_s.values()), None)
    if total is not None and "p95" in total:
        tiles.append(Tile("p95 latency", duration(total["p95"]), f"p50 {duration(total.get('p50', 0.0))}"))
    return tiles


def _spread(report: Report, name: str | None) -> tuple[str, list[float]]:
    """Label and values of the first figure that is more than a yes or no, for the histogram."""
    for figure in (name, "token_f1", "rouge_l"):
        values = [
            item.values[figure] for item in report.items if figure is not None and figure in item.values
        ]
        if figure is not None and set(values) - {0.0, 1.0}:
            return full_label(figure), values
    return "", []


def _by_metric(report: Report) -> list[Group]:
    bars: dict[str, list[Bar]] = {}
    for name, figure in report.figures.items():
        system, metric = split_system(name)
        bars.setdefault(metric, []).append(bar(name, figure, words=system or None, tone=system))
    return [
        Group(label_of(metric).words, label_of(metric).meaning, tuple(rows)) for metric, rows in bars.items()
    ]


def _by_section(report: Report) -> list[Group]:
    bars: dict[str, list[Bar]] = {section: [] for section in (OUTCOMES, DOCUMENTS, REFUSING, CITING, OTHER)}
    for name, figure in report.figures.items():
        bars.setdefault(label_of(name).section, []).append(bar(name, figure))
    return [Group(section, "", tuple(rows)) for section, rows in bars.items() if rows]


def _test_words(test: str, p: float) -> tuple[str, str, str]:
    first, _, second = test.partition(AGAINST)
    return full_label(first), full_label(second), p_words(p)


def _asked(report: Report, item: Item) -> QuestionView:
    wrong = fault(report, item)
    wanted = item.detail.get("wanted")
    right = {str(entry) for entry in wanted} if isinstance(wanted, list | tuple) else set()
    return QuestionView(
        item.id,
        item.text,
        "" if wrong is None else wrong.failure or f"{wrong.value:.2f}",
        tuple(_fact(key, words, right) for key, words in facts(item.detail)),
    )


def _fact(name: str, words: Sequence[str], right: set[str]) -> tuple[str, tuple[Entry, ...]]:
    entries = [Entry(_cut(entry), name != "wanted" and entry in right) for entry in words[:_SHOWN_FOUND]]
    more = len(words) - len(entries)
    return name, tuple([*entries, Entry(f"… {more} more", right=False)] if more else entries)


def _words(value: Any) -> str:
    return _cut(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _cut(words: str) -> str:
    return words if len(words) <= _SHOWN_CHARS else words[: _SHOWN_CHARS - 1] + "…"
