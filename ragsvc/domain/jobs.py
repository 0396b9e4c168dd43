"""Jobs: long work that is done beside what serves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class JobKind(StrEnum):
    """What a job does."""

    INGEST = "ingest"


class JobState(StrEnum):
    """Where a job stands; the last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class JobPause(StrEnum):
    """Why a running job goes back into the queue: its process died, its server stopped, others have a turn.

    Only a death counts as an attempt.
    """

    DEATH = "death"
    STOP = "stop"
    TURN = "turn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Long work that survives the client that asked for it. Times are ISO 8601 UTC.

    attempts: how often it was begun, without those that were stopped for no fault of its own.
    turns: how often it made room for jobs of other corpora.
    salvage: how far its documents are that are taken apart after deaths; None before that.
    """

    id: str
    kind: JobKind
    corpus: str
    state: JobState
    done: int
    total: int
    unit: str
    payload: Mapping[str, Any]
    result: Mapping[str, Any] | None
    error: Mapping[str, Any] | None
    owner: str
    created_at: str
    updated_at: str
    pid: int | None
    cancel_requested: bool
    attempts: int = 0
    turns: int = 0
    salvage: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs to list; None: of every corpus, state or kind."""

    corpus: str | None = None
    state: JobState | None = None
    kind: JobKind | None = None
