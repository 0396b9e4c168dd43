"""What a job may use up: time without progress, a turn, and how often its process may die."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from typing import Any

from ragsvc.domain import Job, JobState
from ragsvc.service.job_salvage import SURE, with_aside
from ragsvc.settings import Settings
from ragsvc.text.limits import SPEECH_FOLD

# A job that was asked to stop does so at its next file or batch; after this its process is ended.
GRACE_S = 10.0
# A process needs seconds to start, and more on a busy machine.
BOOT_S = 120.0
# How often the documents of a job may be taken apart anew.
MAX_SALVAGES = 20
# No turn grows beyond so many times its length.
MAX_DOUBLINGS = 10


class JobVerdict(StrEnum):
    """What is to be done with the process of a job."""

    GO_ON = "go on"
    ASK = "ask"
    END = "end"
    STALLED = "stalled"


class JobBudget:
    """Watches one run of a job.

    A job that has been interrupted before has a longer turn: what it prepares is kept between turns, but
    not all of it.
    """

    def __init__(self, job: Job, settings: Settings) -> None:
        fold = SPEECH_FOLD if settings.speech_model else 1
        self.stall_s = settings.job_stall_s + settings.parse_timeout_s * fold
        self._turn_s = settings.job_turn_s * 2.0 ** min(job.turns, MAX_DOUBLINGS)
        self._moved_at = time.monotonic()
        # The start of its process is no part of its turn.
        self._began: float | None = None
        self._sign = ""
        self._asked_at: float | None = None

    @property
    def turn_is_over(self) -> bool:
        """Whether it had its time."""
        return self._began is not None and time.monotonic() - self._began > self._turn_s

    def judge(self, job: Job | None, others_wait: bool) -> JobVerdict:
        """Look at a running job.

        :param job: as it is now; None: it is not there any more.
        :param others_wait: whether jobs of other corpora wait and the turn is over.
        """
        now = time.monotonic()
        if job is not None and job.updated_at != self._sign:
            self._sign, self._moved_at = job.updated_at, now
        if self._began is None and job is not None and job.state is JobState.RUNNING:
            self._began = now
        unwanted = job is None or job.cancel_requested
        if self._asked_at is not None:
            return JobVerdict.END if now - self._asked_at > GRACE_S else JobVerdict.GO_ON
        if unwanted or others_wait:
            self._asked_at = now
            # Who is to be cancelled reads that in the catalog.
            return JobVerdict.GO_ON if unwanted else JobVerdict.ASK
        waiting = job is not None and job.state is JobState.QUEUED
        limit = max(BOOT_S, self.stall_s) if waiting else self.stall_s
        return JobVerdict.STALLED if now - self._moved_at > limit else JobVerdict.GO_ON


def give_up(job: Job, attempts: int) -> tuple[Mapping[str, Any] | None, Mapping[str, Any]] | None:
    """What is left of a queued job that has used up its attempts: its result and its error; None: it has not.

    :param attempts: how often a job may be begun; more often while its documents are taken apart.
    """
    allowed = attempts + (MAX_SALVAGES if job.salvage is not None else 0)
    if job.attempts < allowed:
        return None
    found = dict(job.error or {"code": "job_crashed", "message": "the job's process died"})
    found.pop(SURE, None)
    found["message"] = f"{found['message']}; it was tried {job.attempts} times"
    found["hint"] = "send the documents again in smaller uploads, to find the one that it cannot take"
    salvage = job.salvage or {}
    result = with_aside(salvage.get("report"), salvage.get("aside", ())) or None
    return result, found


def is_own_death(exit_code: int | None) -> bool:
    """Whether a process surely died of what it did; anybody may kill it, and the kernel may for others."""
    return exit_code not in (None, -signal.SIGKILL, -signal.SIGTERM)


def how_it_died(exit_code: int | None) -> str:
    """The end of a process, in words."""
    if exit_code is None:
        return "the job's process left it undone"
    if exit_code >= 0:
        return f"the job's process ended with exit code {exit_code}"
    with suppress(ValueError):
        return f"the job's process ended with signal {signal.Signals(-exit_code).name}"
    return f"the job's process ended with signal {-exit_code}"
