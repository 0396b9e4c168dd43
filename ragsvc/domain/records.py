"""Records: what was asked and answered, in which session, and what people say of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class RecordPolicy(StrEnum):
    """What is kept of questions and answers; anonymous: figures and ids, and no text."""

    FULL = "full"
    ANONYMOUS = "anonymous"
    OFF = "off"


class TraceTarget(StrEnum):
    """Where spans of questions go; otlp: to a collector, over HTTP; console: to stderr."""

    NONE = "none"
    OTLP = "otlp"
    CONSOLE = "console"


class RecordOrigin(StrEnum):
    """Whether somebody asked, or something that makes questions."""

    REAL = "real"
    SYNTHETIC = "synthetic"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatSession:
    """A conversation. Times are ISO 8601 UTC; turns: how many records it has."""

    id: str
    title: str
    owner: str
    created_at: str
    updated_at: str
    metadata: Mapping[str, Any]
    turns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPassage:
    """A passage that was read: code points [start, end) of an immutable version; its text is not kept."""

    rank: int
    score: float
    corpus: str
    document_id: str
    version: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordCitation:
    """A quote of an answer, as in Citation; "" where no text is kept."""

    marker: int
    corpus: str
    document_id: str
    version: str
    start: int
    end: int
    quote: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFeedback:
    """What somebody says of an answer. score: [-1, 1], higher is better."""

    record: str
    owner: str
    created_at: str
    score: float
    label: str
    comment: str
    corrected_answer: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackRequest:
    """What somebody says of an answer; fields as in RecordFeedback."""

    score: float
    label: str = ""
    comment: str = ""
    corrected_answer: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRecord:
    """One question with its answer.

    parent: the record before it in its session, when it was asked; None: it is the first, or of no session.
    owner: who asked. commits: what was read, by corpus. unsupported: sentences that no passage bears out.
    support: [0, 1], share of the answer's characters that are not in those; None for a refusal.
    far: whether it was refused with a confidence under half of the threshold: the corpus is about others.
    timings_ms: of each step; latency_ms: from the question to the whole answer.
    feedback: oldest first.
    """

    id: str
    parent: str | None
    session: str | None
    owner: str
    created_at: str
    corpora: tuple[str, ...]
    question: str
    searched: str | None
    answer: str
    answered: bool
    confidence: float
    unsupported: int
    support: float | None
    far: bool
    passages: tuple[RecordPassage, ...]
    citations: tuple[RecordCitation, ...]
    commits: Mapping[str, int]
    generator: str
    timings_ms: Mapping[str, float]
    latency_ms: float
    metadata: Mapping[str, Any]
    origin: RecordOrigin
    tenant: str = "default"
    feedback: tuple[RecordFeedback, ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRow:
    """What was asked of a corpus on a day (UTC). Shares are in [0, 1].

    support: mean over answers; None where there was none. score: mean of its feedback; None without any.
    latency_p50_ms, latency_p95_ms: of whole answers. far: share of AnswerRecord.far.
    """

    day: str
    corpus: str
    questions: int
    unanswered: float
    support: float | None
    feedback: int
    score: float | None
    latency_p50_ms: float
    latency_p95_ms: float
    far: float
