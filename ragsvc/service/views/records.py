"""Views of sessions, records, feedback and usage."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import Field

from ragsvc.domain import (
    AnswerRecord,
    ChatSession,
    RecordCitation,
    RecordFeedback,
    RecordOrigin,
    RecordPassage,
    UsageRow,
)
from ragsvc.service.json_values import View

_TIME = "2026-01-31T09:00:00.000Z"


class RecordPassageView(View):
    """A passage that was read; its text is in the corpus, not in the record."""

    rank: int = Field(examples=[1], description="1 is best.")
    score: float = Field(examples=[0.83], description="Higher is better.")
    corpus: str = Field(examples=["handbook"], description="Corpus of the document.")
    document_id: str = Field(examples=["handbook/backups.md"], description="Document.")
    version: str = Field(examples=["9f2c51"], description="Immutable version of the document, in hex.")
    start: int = Field(examples=[120], description="First code point in the stored text.")
    end: int = Field(examples=[480], description="Code point after the last one.")

    @classmethod
    def of(cls, read: RecordPassage) -> RecordPassageView:
        """View a passage of a record."""
        return cls.model_construct(
            rank=read.rank,
            score=read.score,
            corpus=read.corpus,
            document_id=read.document_id,
            version=read.version,
            start=read.start,
            end=read.end,
        )


class RecordCitationView(View):
    """A span that was quoted where its marker stands."""

    marker: int = Field(examples=[1], description="Number in the answer's [1].")
    corpus: str = Field(examples=["handbook"], description="Corpus of the document.")
    document_id: str = Field(examples=["handbook/backups.md"], description="Document.")
    version: str = Field(examples=["9f2c51"], description="Immutable version of the document, in hex.")
    start: int = Field(examples=[120], description="First code point of the quote in the stored text.")
    end: int = Field(examples=[145], description="Code point after the last one of the quote.")
    quote: str = Field(examples=["Backups are made nightly."], description="Stored text [start, end).")

    @classmethod
    def of(cls, cited: RecordCitation) -> RecordCitationView:
        """View a citation of a record."""
        return cls.model_construct(
            marker=cited.marker,
            corpus=cited.corpus,
            document_id=cited.document_id,
            version=cited.version,
            start=cited.start,
            end=cited.end,
            quote=cited.quote,
        )


class FeedbackView(View):
    """What somebody says of an answer."""

    record: str = Field(examples=["7be1d2"], description="The record.")
    owner: str = Field(examples=["local"], description="Who said it.")
    created_at: str = Field(examples=[_TIME], description="ISO 8601, UTC.")
    score: float = Field(examples=[1.0], description="-1 (bad) to 1 (good).")
    label: str = Field(examples=["outdated"], description="One word for it.")
    comment: str = Field(examples=["It is weekly now."], description="In words.")
    corrected_answer: str = Field(examples=["Backups are made weekly."], description="What would be right.")
    tags: list[str] = Field(examples=[["ui"]], description="Labels.")

    @classmethod
    def of(cls, said: RecordFeedback) -> FeedbackView:
        """View an opinion."""
        return cls.model_construct(
            record=said.record,
            owner=said.owner,
            created_at=said.created_at,
            score=said.score,
            label=said.label,
            comment=said.comment,
            corrected_answer=said.corrected_answer,
            tags=list(said.tags),
        )


class RecordView(View):
    """One question with its answer, as it was."""

    id: str = Field(examples=["7be1d2"], description="Its id.")
    parent: str | None = Field(examples=["6ad0c1"], description="The record before it in its session.")
    session: str | None = Field(examples=["0f3a5c"], description="The session that it belongs to.")
    owner: str = Field(examples=["local"], description="Who asked.")
    created_at: str = Field(examples=[_TIME], description="ISO 8601, UTC.")
    corpora: list[str] = Field(examples=[["handbook"]], description="Corpora that were asked.")
    question: str = Field(examples=["How often are backups made?"], description="The question.")
    searched: str | None = Field(
        examples=["How long are they kept? backups"], description="What was looked for; null: the question."
    )
    answer: str = Field(examples=["Backups are made nightly. [1]"], description="Text with markers.")
    answered: bool = Field(examples=[True], description="false: the passages hold no answer.")
    confidence: float = Field(examples=[0.94], description="0 to 1: how likely the passages answer it.")
    unsupported: int = Field(examples=[0], description="Sentences that no passage bears out.")
    support: float | None = Field(
        examples=[1.0], description="0 to 1: share of the answer that is borne out; null for a refusal."
    )
    far: bool = Field(examples=[False], description="true: the corpus is about other things.")
    passages: list[RecordPassageView] = Field(description="What was read, best first.")
    citations: list[RecordCitationView] = Field(description="Where each marker points.")
    commits: dict[str, int] = Field(examples=[{"handbook": 42}], description="What was read, by corpus.")
    generator: str = Field(examples=["extractive"], description="What wrote the answer.")
    timings_ms: dict[str, float] = Field(
        examples=[{"retrieve": 20.0}], description="Milliseconds of each step."
    )
    latency_ms: float = Field(examples=[31.5], description="From the question to the whole answer.")
    metadata: dict[str, Any] = Field(examples=[{"page": "/help"}], description="Of the client.")
    origin: RecordOrigin = Field(examples=["real"], description="`synthetic`: no person asked.")
    feedback: list[FeedbackView] = Field(description="Oldest first.")

    @classmethod
    def of(cls, record: AnswerRecord) -> RecordView:
        """View a record."""
        return cls.model_construct(
            id=record.id,
            parent=record.parent,
            session=record.session,
            owner=record.owner,
            created_at=record.created_at,
            corpora=list(record.corpora),
            question=record.question,
            searched=record.searched,
            answer=record.answer,
            answered=record.answered,
            confidence=record.confidence,
            unsupported=record.unsupported,
            support=record.support,
            far=record.far,
            passages=[RecordPassageView.of(read) for read in record.passages],
            citations=[RecordCitationView.of(cited) for cited in record.citations],
            commits=dict(record.commits),
            generator=record.generator,
            timings_ms=dict(record.timings_ms),
            latency_ms=record.latency_ms,
            metadata=dict(record.metadata),
            origin=record.origin,
            feedback=[FeedbackView.of(said) for said in record.feedback],
        )


class RecordsView(View):
    """A page of records."""

    records: list[RecordView] = Field(description="Latest first.")
    next_cursor: str | None = Field(description="Cursor of the next page; null on the last.")

    @classmethod
    def of(cls, records: Iterable[AnswerRecord], next_cursor: str | None) -> RecordsView:
        """View one page of records."""
        return cls.model_construct(records=[RecordView.of(each) for each in records], next_cursor=next_cursor)


class DeletionView(View):
    """What was deleted."""

    deleted: int = Field(examples=[12], description="How many records.")


class SessionView(View):
    """A conversation."""

    id: str = Field(examples=["0f3a5c"], description="Its id.")
    title: str = Field(examples=["Backups"], description="What it is about.")
    owner: str = Field(examples=["local"], description="Who began it.")
    created_at: str = Field(examples=[_TIME], description="ISO 8601, UTC.")
    updated_at: str = Field(examples=[_TIME], description="When it was last gone on with.")
    metadata: dict[str, Any] = Field(examples=[{"client": "page"}], description="Of the client.")
    turn_count: int = Field(examples=[2], description="How many records it has.")

    @classmethod
    def of(cls, session: ChatSession) -> SessionView:
        """View a session."""
        return cls.model_construct(**_members(session))


class SessionDetailsView(SessionView):
    """A conversation with its latest turns."""

    turns: list[RecordView] = Field(description="Its latest records, oldest first.")
    next_cursor: str | None = Field(None, description="Cursor of the turns before them; missing: none are.")

    @classmethod
    def of_turns(
        cls, session: ChatSession, turns: Iterable[AnswerRecord], next_cursor: str | None = None
    ) -> SessionDetailsView:
        """View a session and its records."""
        shown = [RecordView.of(turn) for turn in turns]
        return cls.model_construct(**_members(session), turns=shown, next_cursor=next_cursor)


def _members(session: ChatSession) -> dict[str, Any]:
    return {
        "id": session.id,
        "title": session.title,
        "owner": session.owner,
        "created_at": session.created_at,
        "updated_at": session.updated_at,
        "metadata": dict(session.metadata),
        "turn_count": session.turns,
    }


class SessionsView(View):
    """A page of sessions."""

    sessions: list[SessionView] = Field(description="Latest first.")
    next_cursor: str | None = Field(description="Cursor of the next page; null on the last.")

    @classmethod
    def of(cls, sessions: Iterable[ChatSession], next_cursor: str | None) -> SessionsView:
        """View one page of sessions."""
        shown = [SessionView.of(session) for session in sessions]
        return cls.model_construct(sessions=shown, next_cursor=next_cursor)


class UsageRowView(View):
    """What was asked of a corpus on a day."""

    day: str = Field(examples=["2026-01-31"], description="Day (UTC).")
    corpus: str = Field(examples=["handbook"], description="Corpus.")
    questions: int = Field(examples=[120], description="How many were asked.")
    unanswered: float = Field(examples=[0.08], description="Share of them that was refused.")
    support: float | None = Field(
        examples=[0.98], description="Mean share of an answer that is borne out; null without an answer."
    )
    feedback: int = Field(examples=[7], description="How many opinions there are on their answers.")
    score: float | None = Field(examples=[0.4], description="Mean of those, -1 to 1; null without any.")
    latency_p50_ms: float = Field(examples=[31.5], description="Half of the answers took no longer.")
    latency_p95_ms: float = Field(examples=[80.0], description="19 of 20 answers took no longer.")
    far: float = Field(
        examples=[0.03],
        description="Share of questions that were refused with a confidence under half of the threshold: the "
        "corpus is about other things.",
    )

    @classmethod
    def of(cls, row: UsageRow) -> UsageRowView:
        """View the figures of a day and corpus."""
        return cls.model_construct(
            day=row.day,
            corpus=row.corpus,
            questions=row.questions,
            unanswered=row.unanswered,
            support=row.support,
            feedback=row.feedback,
            score=row.score,
            latency_p50_ms=row.latency_p50_ms,
            latency_p95_ms=row.latency_p95_ms,
            far=row.far,
        )


class UsageReportView(View):
    """Figures by day and corpus."""

    days: int = Field(examples=[30], description="How many days are looked at, today included.")
    usage: list[UsageRowView] = Field(description="Latest day first, then by corpus.")

    @classmethod
    def of(cls, days: int, rows: Sequence[UsageRow]) -> UsageReportView:
        """View the figures of some days."""
        return cls.model_construct(days=days, usage=[UsageRowView.of(row) for row in rows])
