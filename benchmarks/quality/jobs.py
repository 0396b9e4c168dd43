"""What a part of the measurement is made of: evaluations to run, and a section that tells what they found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from benchmarks.sets import figure as three
from ragsvc.domain import Caller
from ragsvc.evaluation.report import Figure, Report
from ragsvc.evaluation.requests import AnswersEvaluation, RetrievalEvaluation
from ragsvc.service.service import Service
from ragsvc.settings import Settings

CALLER = Caller()
# The half of questions of which only sums leave the measurement.
HELD_OUT = "report"
Request: TypeAlias = RetrievalEvaluation | AnswersEvaluation


@dataclass(frozen=True, slots=True)
class Job:
    """One evaluation, which may run in a process of its own.

    name: of its report. reranker: other than the default. private: its questions are written nowhere.
    then: adds to the report what an evaluation does not measure.
    """

    name: str
    request: Request
    reranker: str | None = None
    private: bool = False
    then: Callable[[Service, Path, Report], Report] | None = None

    @property
    def size(self) -> int:
        """Bytes of what is asked, so that long jobs can start first."""
        asked = self.request.questions
        if asked is None and isinstance(self.request, RetrievalEvaluation) and self.request.beir is not None:
            asked = self.request.beir / "queries.jsonl"
        return 0 if asked is None else asked.stat().st_size


@dataclass(frozen=True, slots=True)
class Check:
    """A line of the acceptance."""

    text: str
    held: bool


@dataclass(frozen=True, slots=True)
class Section:
    """What a part found, in Markdown. body: what the README holds of it; more: what is shown besides."""

    title: str
    body: str
    more: str = ""
    checks: Sequence[Check] = ()

    @property
    def text(self) -> str:
        lines = [f"- {'held' if check.held else 'MISSED'}: {check.text}" for check in self.checks]
        return "\n\n".join(filter(None, (f"## {self.title}", self.body, self.more, "\n".join(lines))))


@dataclass(frozen=True, slots=True)
class Bench:
    """data: folder of the public collections. scratch: where questions are written.

    sets: collections to search. reranker: one to measure besides the default, or None.
    split: half of the questions about other people's texts. home: of the service.
    """

    data: Path
    scratch: Path
    sets: Sequence[str]
    reranker: str | None
    split: str = HELD_OUT
    home: Path = Path("indexes/quality")


@dataclass(frozen=True, slots=True)
class Part:
    """prepare: ingests what is missing and gives the jobs. conclude: of their reports by name.

    pages: files to write beside the reports, by name.
    """

    prepare: Callable[[Service, Bench], list[Job]]
    conclude: Callable[[Mapping[str, Report]], Section]
    pages: Callable[[Mapping[str, Report]], dict[str, str]] = lambda _: {}


def settings_of(home: Path, reranker: str | None = None, threads: int | None = 1) -> Settings:
    """The service as it comes, by default with one thread, since two jobs run at a time."""
    settings = Settings(home=home, threads=threads)
    return settings if reranker is None else settings.model_copy(update={"reranker": reranker})


def run(home: Path, job: Job) -> Report:
    """Evaluate as `ragsvc eval` does."""
    with Service.open(settings_of(home, job.reranker), create=False) as service:
        evaluations = service.evaluations
        if isinstance(job.request, AnswersEvaluation):
            report = evaluations.answers(CALLER, job.request)
        else:
            report = evaluations.retrieval(CALLER, job.request)
        return report if job.then is None else job.then(service, home, report)


def values_of(report: Report, name: str) -> list[float]:
    """A figure's values, one for each question that has it."""
    return [item.values[name] for item in report.items if name in item.values]


def percent(figure: Figure) -> tuple[str, str]:
    """A share of whole questions and its interval, in percent."""
    count = f"{round(figure.value * figure.count)} of {figure.count}"
    value, low, high = (f"{100 * each:.1f}".replace("100.0", "100") for each in _values(figure))
    return f"{value} % ({count})", f"{low} – {high}"


def plain(figure: Figure) -> tuple[str, str]:
    """A value and its interval."""
    value, low, high = map(three, _values(figure))
    return value, f"{low} – {high}"


def signed(difference: float) -> str:
    """Three decimals after a sign, without the leading zero."""
    return ("-" if difference < 0 else "+") + three(abs(difference))


def chance(p: float) -> str:
    """A p value."""
    return "< .001" if p < 0.001 else three(p)


def _values(figure: Figure) -> tuple[float, float, float]:
    return figure.value, figure.low, figure.high
