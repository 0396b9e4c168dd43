"""What a part of the measurement is made of: evaluations to run, and a section that tells what they found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from ragsvc.domain import Caller
from ragsvc.evaluation.report import Figure, Report
from ragsvc.evaluation.requests import AnswersEvaluation, RetrievalEvaluation
from ragsvc.service.service import Service
from ragsvc.settings import Settings

CALLER = Caller()
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
    """What a part found, in Markdown."""

    title: str
    body: str
    checks: Sequence[Check] = ()

    @property
    def text(self) -> str:
        lines = [f"- {'held' if check.held else 'MISSED'}: {check.text}" for check in self.checks]
        return "\n\n".join(filter(None, (f"## {self.title}", self.body, "\n".join(lines))))


@dataclass(frozen=True, slots=True)
class Bench:
    """data: folder of the public collections. scratch: where questions are written.

    sets: collections to search. sentences: whether that reranker is measured too.
    """

    data: Path
    scratch: Path
    sets: Sequence[str]
    sentences: bool


@dataclass(frozen=True, slots=True)
class Part:
    """prepare: ingests what is missing and gives the jobs. conclude: of their reports by name."""

    prepare: Callable[[Service, Bench], list[Job]]
    conclude: Callable[[Mapping[str, Report]], Section]


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
    """A share and its interval, as the README has them; a share is of whole questions."""
    count = f"{round(figure.value * figure.count)} of {figure.count}"
    return f"{figure.value:.1%} ({count})", f"{figure.low:.1%} – {figure.high:.1%}"
