"""The last attempt of a job whose process died: its documents are taken apart, and the culprit is set aside.

Each group of documents is an ingest of its own, and how far it went is in the catalog before the next one
begins. So the process that dies again costs one group; it is taken in smaller ones next time, and a document
that is alone in its group when the process dies is left out. The good ones are in, whatever comes after.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragsvc.domain import Caller, InlineDocument, Job, Progress
from ragsvc.errors import JobCrashed, JobError, JobStalled
from ragsvc.service.views.jobs import IngestView

if TYPE_CHECKING:
    from ragsvc.service.service import Service

MAX_GROUPS = 64
# How many times smaller a group is taken after its death.
DIVISOR = 8
# How often a document may be at hand when the process is killed, perhaps from outside, or makes no progress,
# perhaps because the machine has too much to do.
STRIKES = 2
# In the error of a death: it was the job's own doing.
SURE = "sure"

Item = tuple[str, InlineDocument | Path]


@dataclass(frozen=True, slots=True)
class SalvageState:
    """How far it is.

    place: of the first document that is not done. size: of a group; until: up to where that size holds.
    at_work: whether a group was begun. strikes: deaths while the document was alone at hand.
    aside: failures of what is left out. report: of what is in.
    """

    place: int = 0
    size: int = 1
    until: int = 0
    at_work: bool = False
    strikes: int = 0
    aside: tuple[Mapping[str, Any], ...] = ()
    report: Mapping[str, Any] | None = None


class JobSalvage:
    """Ingests the documents of one job in groups."""

    def __init__(
        self,
        service: Service,
        job: Job,
        progress: Callable[[Progress], None],
        cancelled: Callable[[], bool],
        *,
        retry: bool,
    ) -> None:
        self._retry = retry
        self._service = service
        self._job = job
        self._progress = progress
        self._cancelled = cancelled
        self._total = 0
        self._state = _state_of(job.salvage)

    def run(self, documents: Sequence[InlineDocument], files: Mapping[str, Path]) -> Mapping[str, Any]:
        """Ingest what can be; gives the sum of the reports.

        :raises Cancelled: when asked to stop; what is in stays in.
        """
        items: list[Item] = [(document.document_id, document) for document in documents]
        items += sorted(files.items())
        self._total = len(items)
        if self._state.at_work:
            self._note_death(items)
        while self._state.place < len(items):
            state = self._state
            size = state.size if state.place < state.until else self._usual
            group = items[state.place : state.place + size]
            self._save(replace(state, at_work=True, size=size, until=max(state.until, state.place + size)))
            made = self._ingest(group)
            state = self._state
            self._save(
                replace(
                    state,
                    at_work=False,
                    strikes=0,
                    place=state.place + len(group),
                    report=made if state.report is None else summed(state.report, made),
                )
            )
        return with_aside(self._state.report, self._state.aside)

    def error(self) -> JobError | None:
        """What to say of the documents that were left out; None when there are none."""
        aside = self._state.aside
        if not aside:
            return None
        names = ", ".join(str(item["source"]) for item in aside[:3]) + (" ..." if len(aside) > 3 else "")
        kind = JobStalled if aside[0]["code"] == JobStalled.code else JobCrashed
        return kind(
            f"{len(aside)} of {self._total} documents ended the job's process and were left out: {names}; "
            f"{aside[0]['error']}",
            hint="all others are in; send those that were left out by themselves, or in another format",
        )

    @property
    def _usual(self) -> int:
        return max(1, -(-self._total // MAX_GROUPS))

    def _note_death(self, items: Sequence[Item]) -> None:
        """The last process died in a group: take less at a time, or leave out the only one."""
        state = self._state
        if state.size > 1:
            self._save(replace(state, at_work=False, size=max(1, state.size // DIVISOR)))
            return
        error = self._job.error or {}
        strikes = state.strikes + (STRIKES if error.get(SURE) else 1)
        if strikes < STRIKES:
            self._save(replace(state, at_work=False, strikes=strikes))
            return
        failure = {
            "source": items[state.place][0],
            "code": error.get("code", JobCrashed.code),
            "error": error.get("message", "the job's process died of it"),
        }
        aside = (*state.aside, failure)
        self._save(replace(state, at_work=False, strikes=0, place=state.place + 1, aside=aside))

    def _ingest(self, group: Sequence[Item]) -> Mapping[str, Any]:
        report = self._service.ingest_inline(
            Caller(principal=self._job.owner),
            self._job.corpus,
            [item for _, item in group if isinstance(item, InlineDocument)],
            {name: item for name, item in group if isinstance(item, Path)},
            retry=self._retry,
            progress=lambda _: self._tell(),
            cancelled=self._cancelled,
        )
        return IngestView.of(report).json_object()

    def _tell(self) -> None:
        self._progress(Progress("salvage", self._state.place, self._total, "documents"))

    def _save(self, state: SalvageState) -> None:
        self._state = state
        self._service.desk.save_salvage(self._job.id, asdict(state))


def _state_of(saved: Mapping[str, Any] | None) -> SalvageState:
    if saved is None:
        return SalvageState()
    return SalvageState(**{**saved, "aside": tuple(saved["aside"])})


def summed(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Two reports as one: numbers are added, lists joined; of commits and all else the later stays."""
    found = dict(one)
    for name, value in other.items():
        before = found.get(name)
        joined = isinstance(before, list) and isinstance(value, list)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            found[name] = summed(before, value)
        elif joined or (name != "commit" and _is_number(before) and _is_number(value)):
            found[name] = before + value
        else:
            found[name] = value
    return found


def with_aside(report: Mapping[str, Any] | None, aside: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """A report that counts and lists the documents that were left out; empty when nothing was reported."""
    if report is None:
        return {"failures": list(aside)} if aside else {}
    counts = dict(report["documents"])
    counts["failed"] += len(aside)
    return {**report, "documents": counts, "failures": [*report["failures"], *aside]}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
