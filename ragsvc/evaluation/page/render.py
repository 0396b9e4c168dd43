"""Writes the page of reports."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ragsvc.errors import InvalidRequest
from ragsvc.evaluation.comparison import Comparison
from ragsvc.evaluation.page.charts import PLOT_HEIGHT, PLOT_WIDTH, changes, number
from ragsvc.evaluation.page.labels import full_label
from ragsvc.evaluation.page.view import overview, report_view
from ragsvc.evaluation.report import Report

# What HTML forbids or would reorder the words around it.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def render(reports: Sequence[Report], comparison: Comparison | None = None) -> str:
    """One HTML page of reports; it needs no other file, no network and no script.

    comparison: of the report with its baseline, shown first.
    :raises InvalidRequest: if there is no report.
    """
    if not reports:
        raise InvalidRequest("a page needs at least one report", hint="name a report.json")
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_clean,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["figure"] = number
    rows, reach = changes(comparison.differences) if comparison is not None else ([], "")
    return environment.get_template("page.html").render(
        reports=[report_view(report, place) for place, report in enumerate(reports, start=1)],
        overview=overview(reports) if len(reports) > 1 else [],
        comparison=comparison,
        changes=rows,
        reach=reach,
        headline="" if comparison is None or comparison.headline is None else full_label(comparison.headline),
        width=PLOT_WIDTH,
        height=PLOT_HEIGHT,
    )


def _clean(value: Any) -> Any:
    """Make a text safe to show; escaping comes after this."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return _UNSAFE.sub("\ufffd", value)
    return value
