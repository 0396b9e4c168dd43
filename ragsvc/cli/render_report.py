"""Reports of evaluations for people: figures, what changed, the worst questions, the gate."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from ragsvc.cli.output import one_line, safe, write_line
from ragsvc.cli.render import render_table
from ragsvc.evaluation.comparison import Comparison, Difference, Shift
from ragsvc.evaluation.failures import basis, facts, fault, worst
from ragsvc.evaluation.figures import AGAINST
from ragsvc.evaluation.gate import Breach, Gate
from ragsvc.evaluation.outcome import kind_of
from ragsvc.evaluation.page.charts import duration, p_words, verdict
from ragsvc.evaluation.page.labels import full_label, label_of, split_system
from ragsvc.evaluation.report import Figure, InputDefect, ItemKind, Report

_SHOWN_MALFORMED = 20
_SHOWN_SHIFTS = 3
_SHOWN_FOUND = 3
_QUESTION_CHARS = 160
_FACT_CHARS = 240


def render_figures(console: Console, report: Report) -> None:
    """What was evaluated, its figures with their intervals, tests and latency."""
    setup = report.setup
    resumed = f", {report.resumed} of them in an interrupted run" if report.resumed else ""
    console.print(
        f"{safe(setup.corpus)} at commit {setup.commit}: {len(report.items)} questions of "
        f"{one_line(setup.questions)}{resumed}; {duration(report.seconds)}\n"
    )
    if report.kind is ItemKind.RETRIEVAL:
        _render_systems(console, report.figures)
    else:
        rows = [
            {
                "figure": label_of(name).words + (" (lower is better)" if label_of(name).lower else ""),
                "value": f"{figure.value:.3f}",
                "95 % interval": _interval(figure),
                "questions": figure.count,
                "name": name,
            }
            for name, figure in report.figures.items()
            if kind_of(name) is None
        ]
        if rows:
            render_table(console, rows, tuple(rows[0]))
        _render_kinds(console, report.figures)
    for test, p in report.tests.items():
        first, _, second = test.partition(AGAINST)
        console.print(f"{one_line(full_label(first))} against {one_line(full_label(second))}: {p_words(p)}")
    if report.latency_s:
        console.print(f"latency (p50, p95, p99): {_latency(report.latency_s)}")


def _render_systems(console: Console, figures: Mapping[str, Figure]) -> None:
    """Metrics down, systems across."""
    cells: dict[str, dict[str, str]] = {}
    systems: dict[str, None] = {}
    counts = set()
    for name, figure in figures.items():
        system, metric = split_system(name)
        systems[system or "value"] = None
        cells.setdefault(metric, {})[system or "value"] = f"{figure.value:.3f} ({_interval(figure)})"
        counts.add(figure.count)
    if not cells:
        return
    rows = [
        {"": label_of(metric).words} | {system: row.get(system, "-") for system in systems}
        for metric, row in cells.items()
    ]
    render_table(console, rows, ("", *systems))
    if len(counts) == 1:
        console.print(f"means over {counts.pop()} questions, with 95 % intervals")


def _render_kinds(console: Console, figures: Mapping[str, Figure]) -> None:
    """Kinds of questions down, what became of them across."""
    rows: dict[str, dict[str, Any]] = {}
    for name, figure in figures.items():
        if (found := kind_of(name)) is not None:
            outcome, kind = found
            row = rows.setdefault(kind, {"kind": one_line(kind), "questions": 0})
            words = label_of(outcome).words.partition(",")[0].lower()
            row[words] = f"{figure.value:.3f} ({_interval(figure)})"
            row["questions"] = max(row["questions"], figure.count)
    columns = tuple(dict.fromkeys(column for row in rows.values() for column in row))
    if rows:
        filled = [{column: row.get(column, "-") for column in columns} for row in rows.values()]
        render_table(console, filled, columns)


def _interval(figure: Figure) -> str:
    return f"{figure.low:.3f}-{figure.high:.3f}"


def _latency(latency_s: Mapping[str, Mapping[str, float]]) -> str:
    return "; ".join(
        f"{one_line(stage)} {', '.join(duration(value) for value in row.values())}"
        for stage, row in latency_s.items()
    )


def render_comparison(console: Console, comparison: Comparison) -> None:
    """What changed from the baseline, how sure that is, and the questions that shifted most."""
    console.print(
        f"\nAgainst the baseline (commit {comparison.before.commit} of {safe(comparison.before.corpus)}, "
        f"{one_line(comparison.before.made_at)}), over {comparison.common} questions in common:"
    )
    for warning in comparison.warnings:
        write_line(f"warning: {one_line(warning)}", sys.stderr)
    rows = [_difference_row(row) for row in comparison.differences]
    if rows:
        render_table(console, rows, tuple(rows[0]))
    _render_shifts(console, "better", comparison.better)
    _render_shifts(console, "worse", comparison.worse)


def _difference_row(row: Difference) -> dict[str, Any]:
    interval = "-" if row.low is None or row.high is None else f"{row.low:+.3f} to {row.high:+.3f}"
    return {
        "figure": full_label(row.name),
        "before": f"{row.before:.3f}",
        "after": f"{row.after:.3f}",
        "change": f"{row.change:+.3f}",
        "95 % interval": interval,
        "": "-" if row.p is None else f"{verdict(row)}, {p_words(row.p)}",
    }


def _render_shifts(console: Console, word: str, shifts: Sequence[Shift]) -> None:
    for shift in shifts[:_SHOWN_SHIFTS]:
        question = one_line(shift.text, _QUESTION_CHARS)
        console.print(
            Text(f"{word}: {shift.before:.2f} -> {shift.after:.2f}  {question} [{one_line(shift.id)}]")
        )


def render_worst(console: Console, report: Report, count: int) -> None:
    """The questions that went least well, with what was wanted and what came."""
    found = worst(report, count)
    if not found:
        return
    console.print(f"\nWorst questions by {one_line(basis(report))}:")
    for item in found:
        wrong = fault(report, item)
        score = "" if wrong is None else f"{wrong.failure or format(wrong.value, '.2f')}  "
        question = one_line(item.text, _QUESTION_CHARS)
        console.print(Text.assemble((f"{score}{question}", "bold"), f" [{one_line(item.id)}]"))
        for key, words in facts(item.detail):
            line = one_line(", ".join(words[:_SHOWN_FOUND]), _FACT_CHARS)
            console.print(Text(f"    {one_line(key)}: {line}", style="dim"))


def say_malformed(report: Report) -> None:
    """Tell on stderr which lines could not be used, and what is odd about those that were."""
    _say(report.malformed, "")
    if report.malformed:
        lines = _count(len(report.malformed), "line")
        write_line(f"warning: {lines} could not be used; the figures are of the others", sys.stderr)
    _say(report.notes, "note: ")


def _say(lines: Sequence[InputDefect], before: str) -> None:
    for line in lines[:_SHOWN_MALFORMED]:
        write_line(f"{before}{one_line(line.place)}: {one_line(line.error)}", sys.stderr)
    if len(lines) > _SHOWN_MALFORMED:
        write_line(f"{before}… and {len(lines) - _SHOWN_MALFORMED} more; --json lists all", sys.stderr)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def render_gate(console: Console, gate: Gate, breaches: Sequence[Breach]) -> None:
    """The verdict of the gate; what broke it on stderr."""
    for breach in breaches:
        write_line(f"gate: {one_line(breach.message)}", sys.stderr)
    rules = _count(len(gate.rules), "rule")
    words = "passed" if not breaches else f"FAILED: {len(breaches)} of {rules} broken"
    console.print(f"gate {one_line(gate.name)} {words}" + (f" ({rules})" if not breaches else ""))
