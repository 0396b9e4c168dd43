"""A gate: bounds that the figures of a report must keep, so that a build can fail by them."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from ragsvc.errors import InvalidRequest, SourceNotFound
from ragsvc.evaluation.comparison import Comparison
from ragsvc.evaluation.report import Report

_EXAMPLE = 'such as\n["hybrid.ndcg@10"]\nmin = 0.4\nmax_drop = 0.01'
# What is said of a figure does not hang on the last bit of a sum.
_SLACK = 1e-9
# Share of the baseline's questions that a change must be over.
_LEAST_SHARED = 0.5


class Bound(StrEnum):
    """How a figure is bounded; the last two are of the change from a baseline."""

    MIN = "min"
    MAX = "max"
    MAX_DROP = "max_drop"
    MAX_RISE = "max_rise"


_OF_CHANGE = (Bound.MAX_DROP, Bound.MAX_RISE)


@dataclass(frozen=True, slots=True)
class Rule:
    """A figure by its name, or "latency.total.p95" in seconds, with one bound."""

    figure: str
    limit: Bound
    bound: float


@dataclass(frozen=True, slots=True)
class Gate:
    """name: of the file. rules: in its order, at least one."""

    name: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule that does not hold.

    value: of the figure, or its change; None when the report lacks it.
    message: the whole of it in words.
    """

    figure: str
    limit: Bound
    bound: float
    value: float | None
    message: str


def read_gate(path: Path) -> Gate:
    """Read a gate from TOML, or from JSON when the name ends so.

    :raises SourceNotFound: if the file cannot be read.
    :raises InvalidRequest: if it is malformed, empty, or has a key that means nothing.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise SourceNotFound(
            f"cannot read {path}: {error.strerror}", hint=f"write the gate there, {_EXAMPLE}"
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{path} is not UTF-8: {error.reason}", hint="save it as UTF-8") from error
    try:
        table = _json(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        kind = "JSON" if path.suffix.lower() == ".json" else "TOML"
        raise InvalidRequest(
            f"{path} is not {kind}: {error}", hint=f"a gate is a table, {_EXAMPLE}"
        ) from error
    if not isinstance(table, dict):
        raise InvalidRequest(f"{path} is not a table of figures", hint=f"a gate is a table, {_EXAMPLE}")
    rules = tuple(_rules(path, (), table))
    _check_ranges(path, rules)
    return Gate(path.name, rules)


def check(report: Report, gate: Gate, comparison: Comparison | None = None) -> list[Breach]:
    """The rules that do not hold; a figure that is not there breaks its rule.

    :raises InvalidRequest: if a rule bounds a change and there is no comparison.
    """
    if comparison is None:
        require_baseline(gate)
    return [breach for rule in gate.rules if (breach := _breach(report, rule, comparison)) is not None]


def require_baseline(gate: Gate) -> None:
    """Refuse a gate that only a comparison can pass or fail.

    :raises InvalidRequest: if it bounds a change.
    """
    for rule in gate.rules:
        if rule.limit in _OF_CHANGE:
            raise InvalidRequest(
                f'{gate.name} bounds the change of "{rule.figure}" ({rule.limit}), but there is no baseline',
                hint="--baseline REPORT.json names an earlier report",
            )


def _rules(path: Path, names: tuple[str, ...], table: Mapping[str, Any]) -> Iterator[Rule]:
    """Rules of a table; tables in tables are one name with dots, as bare TOML keys make them."""
    place = ".".join(names)
    if not table:
        where = f'"{place}"' if names else "it"
        raise InvalidRequest(f"{path}: {where} bounds nothing", hint=f"name a figure and a bound, {_EXAMPLE}")
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _rules(path, (*names, key), value)
            continue
        if not names or key not in set(Bound):
            raise InvalidRequest(
                f"{path}: unknown key {'.'.join((*names, key))!r}",
                hint=f"a figure is bounded by {', '.join(Bound)}; {_EXAMPLE}",
            )
        yield Rule(place, Bound(key), _bound(f"{path}: {place}.{key}", value))


def _json(text: str) -> Any:
    """:raises ValueError: if it is no JSON, or a key is there twice: of two bounds one would be lost."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        table: dict[str, Any] = {}
        for name, value in pairs:
            if name in table:
                raise ValueError(f"the key {name!r} is there twice")
            table[name] = value
        return table

    return json.loads(text, object_pairs_hook=unique)


def _bound(place: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidRequest(f"{place} is not a number: {value!r}", hint=_EXAMPLE)
    try:
        bound = float(value)
    except OverflowError as error:
        raise InvalidRequest(f"{place} is not a number of this size", hint=_EXAMPLE) from error
    if not math.isfinite(bound):
        raise InvalidRequest(f"{place} is not a number: {value!r}", hint=_EXAMPLE)
    return bound


def _check_ranges(path: Path, rules: Sequence[Rule]) -> None:
    bounds = {(rule.figure, rule.limit): rule.bound for rule in rules}
    if len(bounds) < len(rules):
        raise InvalidRequest(f"{path}: a figure has the same bound twice", hint="leave one of them out")
    for (figure, limit), bound in bounds.items():
        if limit in _OF_CHANGE and bound < 0:
            raise InvalidRequest(
                f"{path}: {figure}.{limit} is below 0: {bound:g}", hint="0 allows no change to the worse"
            )
        if limit is Bound.MIN and bound > bounds.get((figure, Bound.MAX), math.inf):
            raise InvalidRequest(f"{path}: {figure}.min is above its max", hint="no figure could pass")


def _breach(report: Report, rule: Rule, comparison: Comparison | None) -> Breach | None:
    if rule.limit in _OF_CHANGE and comparison is not None:
        few = _too_few(rule, comparison)
        if few is not None:
            return few
        value, lacking = _change(rule, comparison), "is not in both reports"
    else:
        value, lacking = figure_value(report, rule.figure), "is not in the report"
    if value is None:
        return _said(rule, None, f"{rule.figure} {lacking}, so {rule.limit} {rule.bound:g} cannot hold")
    # Put such that what is not a number does not pass.
    holds = {
        Bound.MIN: value >= rule.bound - _SLACK,
        Bound.MAX: value <= rule.bound + _SLACK,
        Bound.MAX_DROP: value >= -rule.bound - _SLACK,
        Bound.MAX_RISE: value <= rule.bound + _SLACK,
    }[rule.limit]
    if holds:
        return None
    words = {
        Bound.MIN: f"is {value:.4f}, below {rule.bound:g}",
        Bound.MAX: f"is {value:.4f}, above {rule.bound:g}",
        Bound.MAX_DROP: f"fell by {-value:.4f}, more than {rule.bound:g}",
        Bound.MAX_RISE: f"rose by {value:.4f}, more than {rule.bound:g}",
    }[rule.limit]
    return _said(rule, value, f"{rule.figure} {words}")


def _change(rule: Rule, comparison: Comparison) -> float | None:
    changes = {row.name: row.change for row in comparison.differences}
    return changes.get(rule.figure, comparison.latency.get(rule.figure))


def _too_few(rule: Rule, comparison: Comparison) -> Breach | None:
    """A breach where the reports share under half of the baseline's questions: the rest may be worse."""
    for row in comparison.differences:
        # A figure that is no mean of questions is one of all of them.
        shared = row.count or comparison.common
        if row.name == rule.figure and shared < row.earlier * _LEAST_SHARED:
            words = f"only {shared} of its {row.earlier} questions in the baseline are in the new report"
            return _said(rule, None, f"{rule.figure}: {words}, so {rule.limit} {rule.bound:g} cannot hold")
    return None


def _said(rule: Rule, value: float | None, message: str) -> Breach:
    finite = value if value is not None and math.isfinite(value) else None
    return Breach(rule.figure, rule.limit, rule.bound, finite, message)


def figure_value(report: Report, name: str) -> float | None:
    """A figure of a report by name, or a latency in seconds as "latency.STAGE.p95"; None when it lacks it."""
    if name in report.figures:
        return report.figures[name].value
    head, _, rest = name.partition(".")
    stage, _, quantile = rest.rpartition(".")
    return report.latency_s.get(stage, {}).get(quantile) if head == "latency" else None
