"""What is kept of questions and answers, in sessions where there are any, and what is made of it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from ragsvc.domain import (
    Answer,
    AnswerEvent,
    AnswerRecord,
    AnswerRequest,
    Caller,
    ChatSession,
    DoneEvent,
    FeedbackRequest,
    RecordCitation,
    RecordFeedback,
    RecordPassage,
    RecordPolicy,
    Role,
    Turn,
    UsageRow,
)
from ragsvc.errors import InvalidRequest, RecordNotFound, RecordsOff, StorageError, WriterBusy
from ragsvc.pipeline.iterators import closed_after
from ragsvc.service.json_values import encodable
from ragsvc.service.meters import Meters
from ragsvc.service.queries import whole_answer
from ragsvc.service.record_queue import FLUSH_S, RecordQueue
from ragsvc.service.request_limits import MAX_TURNS
from ragsvc.service.traces import Tracer
from ragsvc.settings import Settings
from ragsvc.store.catalog import Catalog
from ragsvc.store.engine import now
from ragsvc.store.record_filters import parse_record_filter

Ask = Callable[[Caller, AnswerRequest], Iterator[AnswerEvent]]
# A turn is written before its answer ends, so that the next one finds it in whatever process it is asked;
# but no answer waits longer for the disk.
TURN_WAIT_S = 0.25
FAR = 0.5
EXPORT_PAGE = 100
MAX_USAGE_DAYS = 3660


@dataclass(frozen=True, slots=True)
class _Conversation:
    """A question with what its session adds. parent: id of the record before it."""

    request: AnswerRequest
    parent: str | None = None


class RecordService:
    """Sessions, records, feedback and usage. Reading first writes what waits in this process."""

    def __init__(
        self,
        catalog: Catalog,
        settings: Settings,
        ask: Ask,
        refusal_threshold: Callable[[], float],
        tracer: Tracer | None = None,
    ) -> None:
        self._catalog = catalog
        self._settings = settings
        self._ask = ask
        self._refusal_threshold = refusal_threshold
        self._tracer = tracer or Tracer()
        self._queue = RecordQueue(catalog.records.add)
        self.meters = Meters(lambda: len(self._queue), lambda: self._queue.dropped)

    @property
    def policy(self) -> RecordPolicy:
        """What is kept."""
        return self._settings.records

    def flush(self) -> None:
        """Write what waits."""
        self._queue.flush()

    def close(self) -> None:
        """Write what waits, and end."""
        self._queue.close()

    # --- asking -------------------------------------------------------------------------

    def answer(self, caller: Caller, request: AnswerRequest) -> Answer:
        """As `stream`, and gives the whole answer."""
        return whole_answer(self.stream(caller, request))

    def stream(self, caller: Caller, request: AnswerRequest) -> Iterator[AnswerEvent]:
        """Answer, and keep a record of it; an answer that nobody waited for has none.

        :raises SessionNotFound: if the request names a session that does not exist.
        :raises RecordsOff: if it names one, and nothing is kept.
        """
        asked = self._conversation(caller, request)
        began = time.perf_counter()
        events = closed_after(self._ask(caller, asked.request))
        with self._tracer.question(asked.request), events as coming:
            for event in coming:
                if isinstance(event, DoneEvent):
                    spent_ms = (time.perf_counter() - began) * 1000
                    event = DoneEvent(self._kept(caller, asked, event.answer, spent_ms))
                yield event

    def _conversation(self, caller: Caller, request: AnswerRequest) -> _Conversation:
        if request.session is None:
            return _Conversation(request)
        self._check_on()
        # An answer does not wait for long while others write.
        self._queue.settle(TURN_WAIT_S)
        self._catalog.sessions.get(caller, request.session)
        turns, _ = self._catalog.sessions.turns(caller, request.session, limit=MAX_TURNS // 2)
        if not request.history:
            request = replace(request, history=tuple(self._history(turns)))
        return _Conversation(request, turns[-1].id if turns else None)

    def _history(self, turns: Sequence[AnswerRecord]) -> Iterator[Turn]:
        """What was said before, as far as its text is kept."""
        for record in turns:
            known = record.question and record.answer
            if known and len(record.question) <= self._settings.max_question_chars:
                yield Turn(Role.USER, record.question)
                yield Turn(Role.ASSISTANT, record.answer)

    def _kept(self, caller: Caller, asked: _Conversation, answer: Answer, spent_ms: float) -> Answer:
        threshold = self._refusal_threshold()
        record = _record_of(caller, asked, answer, spent_ms, FAR * threshold)
        self.meters.observe(record)
        self._tracer.answered(asked.request, answer, record)
        if self.policy is RecordPolicy.OFF:
            return answer
        if self.policy is RecordPolicy.ANONYMOUS:
            record = _without_text(record)
        self._queue.put(record, TURN_WAIT_S if record.session else 0.0)
        return replace(answer, session=record.session, record=record.id)

    # --- sessions -----------------------------------------------------------------------

    def create_session(self, caller: Caller, title: str, metadata: Mapping[str, Any]) -> ChatSession:
        """Begin a session; a title is text, and is kept where text is.

        :raises RecordsOff: if nothing is kept.
        """
        self._check_on()
        return self._catalog.sessions.create(caller, self._text(title), metadata)

    def sessions(
        self, caller: Caller, *, cursor: str | None = None, limit: int = 100
    ) -> tuple[list[ChatSession], str | None]:
        """A page of sessions, latest first, and the cursor of the next.

        :param limit: 1..1000.
        :raises InvalidRequest: if the cursor is none of ours.
        """
        self._settle()
        return self._catalog.sessions.page(caller, cursor, limit)

    def session(
        self, caller: Caller, session_id: str, *, cursor: str | None = None, limit: int = 100
    ) -> tuple[ChatSession, list[AnswerRecord], str | None]:
        """A session, its latest turns, oldest first, and the cursor of those before them.

        :param limit: 1..1000.
        :raises SessionNotFound: if there is none of this id.
        :raises InvalidRequest: if the cursor is none of ours.
        """
        self._settle()
        found = self._catalog.sessions.get(caller, session_id)
        return found, *self._catalog.sessions.turns(caller, session_id, cursor, limit)

    def every_turn(self, caller: Caller, session_id: str) -> tuple[ChatSession, Iterator[AnswerRecord]]:
        """A session and all its turns, oldest first; they are read page by page.

        :raises SessionNotFound: if there is none of this id.
        """
        self._settle()
        found = self._catalog.sessions.get(caller, session_id)
        return found, _all_of(partial(self._catalog.sessions.turns_from_first, caller, session_id))

    def rename_session(self, caller: Caller, session_id: str, title: str) -> ChatSession:
        """Give a session another title.

        :raises SessionNotFound: if there is none of this id.
        :raises RecordsOff: if nothing is kept.
        """
        self._check_on()
        self.flush()
        return self._catalog.sessions.rename(caller, session_id, self._text(title))

    def delete_session(self, caller: Caller, session_id: str) -> int:
        """Delete a session with its turns, without a trace; gives their number.

        :raises SessionNotFound: if there is none of this id.
        """
        self.flush()
        return self._catalog.sessions.delete(caller, session_id)

    # --- records ------------------------------------------------------------------------

    def page(
        self,
        caller: Caller,
        where: Mapping[str, Any] | None = None,
        *,
        cursor: str | None = None,
        limit: int = 100,
    ) -> tuple[list[AnswerRecord], str | None]:
        """A page of records, latest first, and the cursor of the next.

        :param where: a filter as JSON; None: all. limit: 1..1000.
        :raises InvalidFilter: if the filter is malformed.
        :raises InvalidRequest: if the cursor is none of ours.
        """
        parsed = None if where is None else parse_record_filter(where)
        self._settle()
        return self._catalog.records.page(caller, parsed, cursor, limit)

    def every(self, caller: Caller, where: Mapping[str, Any] | None = None) -> Iterator[AnswerRecord]:
        """All records that match, latest first; read page by page."""
        return _all_of(partial(self.page, caller, where))

    def get(self, caller: Caller, record_id: str) -> AnswerRecord:
        """One record with its feedback.

        :raises RecordNotFound: if there is none of this id.
        """
        self._settle()
        try:
            return self._catalog.records.get(caller, record_id)
        except RecordNotFound:
            if self._settings.workers == 1:
                raise
        # It may wait in another process, at most for so long.
        time.sleep(FLUSH_S)
        return self._catalog.records.get(caller, record_id)

    def delete(self, caller: Caller, record_id: str) -> None:
        """Delete a record with its feedback, without a trace.

        :raises RecordNotFound: if there is none of this id.
        """
        self.get(caller, record_id)
        self._catalog.records.delete(caller, record_id)

    def delete_own(self, caller: Caller) -> int:
        """Delete all sessions, records and opinions of the caller; gives the number of records."""
        self._flush_all()
        return self._catalog.records.delete_owner(caller.principal)

    def forget_document(self, caller: Caller, corpus: str, document_id: str) -> int:  # noqa: ARG002
        """Blank the answers of all records that read a document, without a trace; gives their number.

        The document may be gone already. What people typed stays: questions, comments, corrected answers.
        """
        self._flush_all()
        return self._catalog.records.forget_document(corpus, document_id)

    def _flush_all(self) -> None:
        self.flush()
        if self._settings.workers > 1:
            # What waits in another process of the server would be written after it.
            time.sleep(FLUSH_S + TURN_WAIT_S)

    def add_feedback(self, caller: Caller, record_id: str, said: FeedbackRequest) -> RecordFeedback:
        """Keep what somebody says of an answer; without its texts where none are kept.

        :raises RecordNotFound: if there is no such record.
        :raises RecordsOff: if nothing is kept.
        """
        self._check_on()
        if not -1.0 <= said.score <= 1.0:
            raise InvalidRequest(f"a score is from -1 to 1, not {said.score}", hint="1 is good, -1 is bad")
        record = self.get(caller, record_id)
        words = replace(
            said, comment=self._text(said.comment), corrected_answer=self._text(said.corrected_answer)
        )
        kept = self._catalog.records.add_feedback(caller, record_id, words)
        self.meters.observe_feedback(record.corpora, said.score)
        return kept

    def usage(self, caller: Caller, days: int = 30) -> list[UsageRow]:
        """Figures by day (UTC) and corpus, latest day first.

        :param days: 1..3660, today included.
        """
        if not 1 <= days <= MAX_USAGE_DAYS:
            raise InvalidRequest(f"days is from 1 to {MAX_USAGE_DAYS}, not {days}", hint="for example 30")
        self._settle()
        since = datetime.now(UTC).date() - timedelta(days=days - 1)
        return self._catalog.records.usage(caller, since.isoformat())

    def _settle(self) -> None:
        """Write what waits before something is read; where nothing can be written, reading goes on."""
        with suppress(StorageError, WriterBusy):
            self.flush()

    def _check_on(self) -> None:
        if self.policy is RecordPolicy.OFF:
            raise RecordsOff(
                "this server keeps no sessions, records and feedback",
                hint="leave the session out, or have the server started with RAGSVC_RECORDS=full",
            )

    def _text(self, text: str) -> str:
        return text if self.policy is RecordPolicy.FULL else ""


def _all_of(page: Callable[..., tuple[list[AnswerRecord], str | None]]) -> Iterator[AnswerRecord]:
    """What all pages hold; one of them is in memory."""
    cursor: str | None = None
    while True:
        found, cursor = page(cursor=cursor, limit=EXPORT_PAGE)
        yield from found
        if cursor is None:
            return


def _record_of(
    caller: Caller, asked: _Conversation, answer: Answer, spent_ms: float, far: float
) -> AnswerRecord:
    request = asked.request
    flagged = sum(span.end - span.start for span in answer.unsupported)
    support = 1.0 - flagged / max(1, len(answer.answer)) if answer.answered else None
    return AnswerRecord(
        id=uuid.uuid4().hex,
        parent=asked.parent,
        session=request.session,
        owner=caller.principal,
        tenant=caller.tenant,
        created_at=now(),
        corpora=tuple(dict.fromkeys(request.corpora)),
        question=encodable(answer.question),
        searched=None if answer.searched is None else encodable(answer.searched),
        answer=encodable(answer.answer),
        answered=answer.answered,
        confidence=float(answer.confidence),
        unsupported=len(answer.unsupported),
        support=support,
        far=not answer.answered and answer.confidence < far,
        passages=tuple(
            RecordPassage(
                rank=hit.rank,
                score=float(hit.score),
                corpus=hit.corpus,
                document_id=hit.passage.document_id,
                version=hit.passage.version,
                start=hit.passage.start,
                end=hit.passage.end,
            )
            for hit in answer.passages
        ),
        citations=tuple(
            RecordCitation(
                marker=cited.marker,
                corpus=cited.corpus,
                document_id=cited.document_id,
                version=cited.version,
                start=cited.start,
                end=cited.end,
                quote=encodable(cited.quote),
            )
            for cited in answer.citations
        ),
        commits={name: int(commit) for name, commit in answer.commits.items()},
        generator=answer.generator,
        timings_ms={name: round(seconds * 1000, 3) for name, seconds in answer.timings_s.items()},
        latency_ms=round(spent_ms, 3),
        metadata=request.metadata,
        origin=request.origin,
    )


def _without_text(record: AnswerRecord) -> AnswerRecord:
    citations = tuple(replace(cited, quote="") for cited in record.citations)
    return replace(record, question="", searched=None, answer="", citations=citations)
