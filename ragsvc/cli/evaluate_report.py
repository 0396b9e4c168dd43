"""What an evaluation ends with: files, a comparison with a baseline, the gate, and words or JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ragsvc.cli.output import make_console, write_json
from ragsvc.cli.output_files import OutputFile
from ragsvc.cli.render_report import (
    render_comparison,
    render_figures,
    render_gate,
    render_worst,
    say_malformed,
)
from ragsvc.errors import InvalidRequest
from ragsvc.evaluation.comparison import Comparison, compare
from ragsvc.evaluation.failures import worst
from ragsvc.evaluation.gate import Breach, Gate, check, read_gate, require_baseline
from ragsvc.evaluation.report import ItemKind, Report, read_report, to_json

CHECK_FAILED = 4


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was asked for on the command line besides the evaluation itself."""

    baseline: Path | None = None
    gate: Path | None = None
    out: Path | None = None
    html: Path | None = None
    worst: int = 0
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """All that is needed at the end, read and tried before the work starts."""

    baseline: Report | None
    gate: Gate | None
    out: OutputFile | None
    html: OutputFile | None
    worst: int
    as_json: bool

    @classmethod
    def prepare(cls, wishes: Wishes, kind: ItemKind, inputs: Sequence[Path | None] = ()) -> EvaluationReport:
        """Read baseline and gate, and try the files that will be written.

        kind: of the report to come. inputs: further files that are read.
        :raises InvalidRequest: if a file is not what it should be.
        :raises SourceNotFound: if one cannot be read.
        :raises StorageError: if one cannot be written.
        """
        gate = None if wishes.gate is None else read_gate(wishes.gate)
        baseline = None if wishes.baseline is None else read_report(wishes.baseline)
        if baseline is not None and baseline.kind is not kind:
            raise InvalidRequest(
                f"{wishes.baseline} is a report of {baseline.kind}, not of {kind}",
                hint=f"name a report that `ragsvc eval {kind}` wrote",
            )
        if gate is not None and baseline is None:
            require_baseline(gate)
        kept = (*inputs, wishes.gate)
        out = None if wishes.out is None else OutputFile.tried(wishes.out, "--out", kept)
        html = (
            None if wishes.html is None else OutputFile.tried(wishes.html, "--html", (*kept, wishes.baseline))
        )
        if out is not None and html is not None and out.same_as(html):
            raise InvalidRequest(
                f"--out and --html name one file: {wishes.out}", hint="give each a file of its own"
            )
        return cls(baseline, gate, out, html, wishes.worst, wishes.as_json)

    def conclude(self, report: Report) -> int:
        """Write the files, show the report, and give the exit code: 4 when the gate does not hold."""
        if self.out is not None:
            self.out.write_or_rescue(json.dumps(to_json(report), ensure_ascii=False, indent=1))
        comparison = None if self.baseline is None else compare(self.baseline, report)
        breaches = [] if self.gate is None else check(report, self.gate, comparison)
        write_page(self.html, [report], comparison)
        say_malformed(report)
        if self.as_json:
            write_json(self._json(report, comparison, breaches))
        else:
            self._show(report, comparison, breaches)
        return CHECK_FAILED if breaches else 0

    def _json(self, report: Report, comparison: Comparison | None, breaches: list[Breach]) -> dict[str, Any]:
        """Without the items of the report, which may be many; --out has them."""
        stored = to_json(report)
        del stored["items"]
        return {
            "report": stored,
            "comparison": None if comparison is None else asdict(comparison),
            "gate": gate_json(self.gate, breaches),
            "worst": [asdict(item) for item in worst(report, self.worst)],
            "out": path_of(self.out),
            "html": path_of(self.html),
        }

    def _show(self, report: Report, comparison: Comparison | None, breaches: list[Breach]) -> None:
        console = make_console(sys.stdout)
        render_figures(console, report)
        if comparison is not None:
            render_comparison(console, comparison)
        render_worst(console, report, self.worst)
        for target in (self.out, self.html):
            if target is not None:
                console.print(f"wrote {path_of(target)}")
        if self.gate is not None:
            render_gate(console, self.gate, breaches)


def write_page(target: OutputFile | None, reports: Sequence[Report], comparison: Comparison | None) -> None:
    """Draw the page, where one was asked for."""
    if target is not None:
        from ragsvc.evaluation.page.render import render

        target.write(render(reports, comparison))


def gate_json(gate: Gate | None, breaches: Sequence[Breach]) -> dict[str, Any] | None:
    """What the gate found, as JSON values."""
    if gate is None:
        return None
    return {
        "name": gate.name,
        "rules": len(gate.rules),
        "passed": not breaches,
        "breaches": [asdict(breach) for breach in breaches],
    }


def path_of(target: OutputFile | None) -> str | None:
    """Where a target is, as it was typed, in words that can be written anywhere."""
    from ragsvc.service.json_values import encodable

    return None if target is None else encodable(str(target.path))
