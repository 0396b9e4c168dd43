"""What an evaluation found: figures with intervals, and every question's own values behind them.

One shape for all kinds of evaluation, so that comparing, gating and drawing are written once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ragsvc.errors import InvalidRequest, SourceNotFound

FORMAT = 1


class ItemKind(StrEnum):
    """What was evaluated."""

    RETRIEVAL = "retrieval"
    ANSWERS = "answers"


@dataclass(frozen=True, slots=True)
class Item:
    """What one question gave.

    values: by the name of a figure, such as "hybrid.ndcg@10" or "token_f1"; what does not apply to the
        question is left out. A yes or no is 1.0 or 0.0. All are finite.
    detail: JSON values for people: what was wanted, what was found or answered.
    """

    id: str
    text: str
    values: Mapping[str, float]
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure over `count` questions with its 95 % interval, low <= value <= high."""

    value: float
    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Bin:
    """Questions of like confidence, for the reliability plot.

    low, high: the range of confidence, in [0, 1]. confidence: its mean in the bin.
    share: of the bin's questions that are answerable. count: at least 1.
    """

    low: float
    high: float
    confidence: float
    share: float
    count: int


@dataclass(frozen=True, slots=True)
class InputDefect:
    """What is wrong with a line; place: "questions.jsonl:12"."""

    place: str
    error: str


@dataclass(frozen=True, slots=True)
class Setup:
    """What was evaluated, so that two reports can be told apart.

    profile: fingerprint. questions: name of the file or folder; digest: sha256 hex of what it held.
    settings: those that decide the results. version: of ragsvc. made_at: ISO 8601, UTC.
    """

    corpus: str
    commit: int
    profile: str
    embedder: str
    questions: str
    digest: str
    settings: Mapping[str, Any]
    version: str
    made_at: str


@dataclass(frozen=True, slots=True)
class Report:
    """One evaluation of one corpus.

    figures: by name; "hybrid.ndcg@10" belongs to the system "hybrid".
    tests: p values of a paired randomisation test, such as "hybrid.ndcg@10 against dense.ndcg@10": chance
        alone would make the two differ as much, in either direction, with this probability.
    reliability: bins of confidence, ascending; () where nothing was answered.
    malformed: lines that could not be used. notes: what is odd about lines that were used.
    latency_s: stage -> {"p50", "p95", "p99"} in seconds, of the first questions asked of a service that has
        its models loaded and remembers nothing; measured anew by every run.
    seconds: wall time of this run. resumed: questions taken over from an interrupted run.
    """

    kind: ItemKind
    setup: Setup
    figures: Mapping[str, Figure]
    tests: Mapping[str, float]
    items: tuple[Item, ...]
    malformed: tuple[InputDefect, ...] = ()
    notes: tuple[InputDefect, ...] = ()
    reliability: tuple[Bin, ...] = ()
    latency_s: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    seconds: float = 0.0
    resumed: int = 0
    format: int = FORMAT


_ADAPTER: TypeAdapter[Report] = TypeAdapter(Report)


def to_json(report: Report) -> dict[str, Any]:
    """The report as JSON values."""
    return _ADAPTER.dump_python(report, mode="json")  # type: ignore[no-any-return]


def read_report(path: Path) -> Report:
    """Read a report that was written as JSON.

    :raises SourceNotFound: if the file cannot be read.
    :raises InvalidRequest: if it is no report, or one of a newer format.
    """
    try:
        stored = path.read_bytes()
    except OSError as error:
        raise SourceNotFound(
            f"cannot read {path}: {error.strerror}",
            hint="name a file that `ragsvc eval ... --out FILE` wrote",
        ) from error
    try:
        report = _ADAPTER.validate_json(stored)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise InvalidRequest(
            f"{path} is not a report of an evaluation: {place}: {first['msg']}",
            hint="name a file that `ragsvc eval ... --out FILE` wrote",
        ) from error
    if report.format > FORMAT:
        raise InvalidRequest(
            f"{path} was written by a newer ragsvc (format {report.format}, this one reads {FORMAT})",
            hint="evaluate again with this version, or use the newer one",
        )
    return report
