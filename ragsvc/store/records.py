"""Records: what was asked and answered, what people say of it, and figures over both."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, Select, delete, func, insert, or_, select, update

from ragsvc.domain import AnswerRecord, Caller, FeedbackRequest, RecordFeedback, UsageRow
from ragsvc.errors import RecordNotFound
from ragsvc.store.engine import Repository, now
from ragsvc.store.filters import Filter
from ragsvc.store.record_filters import matching_records
from ragsvc.store.record_rows import (
    delete_records,
    feedback_of,
    field_rows_of,
    forget_document,
    record_of,
    row_of,
)
from ragsvc.store.sessions import number_of
from ragsvc.store.tables import corpus, feedback, record, record_field, session

EXPIRED_AT_ONCE = 1000


class Records(Repository):
    """Questions with their answers, latest first."""

    def add(self, kept: Sequence[AnswerRecord]) -> int:
        """Write records in one transaction.

        Those whose session or corpus is gone meanwhile are left out: what was deleted stays so.

        :return: how many were written.
        """
        with self._db.write("store.add_records") as connection:
            wanted = {each.session for each in kept if each.session is not None}
            sessions = set(connection.execute(select(session.c.id).where(session.c.id.in_(wanted))).scalars())
            names = {name for each in kept for name in each.corpora}
            corpora = set(connection.execute(select(corpus.c.name).where(corpus.c.name.in_(names))).scalars())
            living = [
                each
                for each in kept
                if (each.session is None or each.session in sessions) and corpora.issuperset(each.corpora)
            ]
            for each in living:
                number = connection.execute(
                    insert(record).returning(record.c.number), row_of(each)
                ).scalar_one()
                connection.execute(insert(record_field), field_rows_of(number, each.corpora, each.metadata))
                if each.session is not None:
                    touched = update(session).where(session.c.id == each.session)
                    connection.execute(touched.values(updated_at=each.created_at))
        return len(living)

    def get(self, caller: Caller, id: str) -> AnswerRecord:  # noqa: A002, ARG002
        """Read a record with its feedback.

        :raises RecordNotFound: if there is none of that id.
        """
        with self._db.read() as connection:
            row = _one(connection, id)
            return record_of(row, feedback_of(connection, [row.number])[row.number])

    def page(
        self,
        caller: Caller,  # noqa: ARG002
        where: Filter | None,
        cursor: str | None,
        limit: int,
    ) -> tuple[list[AnswerRecord], str | None]:
        """A page of records, latest first, and the cursor of the next.

        :raises InvalidRequest: if the cursor is none of ours.
        """
        statement = select(record).order_by(record.c.number.desc()).limit(limit + 1)
        if cursor is not None:
            statement = statement.where(record.c.number < number_of(cursor))
        if where is not None:
            statement = statement.where(matching_records(where))
        with self._db.read() as connection:
            rows = connection.execute(statement).all()
            said = feedback_of(connection, [row.number for row in rows[:limit]])
        following = str(rows[limit - 1].number) if len(rows) > limit else None
        return [record_of(row, said[row.number]) for row in rows[:limit]], following

    def add_feedback(self, caller: Caller, id: str, said: FeedbackRequest) -> RecordFeedback:  # noqa: A002
        """Keep what somebody says of an answer.

        :raises RecordNotFound: if there is none of that id.
        """
        with self._db.write("store.add_feedback") as connection:
            number = _one(connection, id).number
            row = {
                "record_number": number,
                "owner": caller.principal,
                "created_at": now(),
                "score": said.score,
                "label": said.label,
                "comment": said.comment,
                "corrected_answer": said.corrected_answer,
                "tags": list(said.tags),
            }
            connection.execute(insert(feedback), row)
            return feedback_of(connection, [number])[number][-1]

    def delete(self, caller: Caller, id: str) -> None:  # noqa: A002, ARG002
        """Delete a record with its feedback; no trace of the text stays.

        :raises RecordNotFound: if there is none of that id.
        """
        with self._db.write("store.delete_record") as connection:
            number = _one(connection, id).number
            delete_records(connection, select(record.c.number).where(record.c.number == number))
        self._empty_log()

    def delete_owner(self, principal: str) -> int:
        """Delete all of a person: sessions with their turns, records, and what was said of others' answers.

        :return: how many records went.
        """
        with self._db.write("store.delete_owner") as connection:
            own = select(session.c.id).where(session.c.owner == principal)
            wanted = select(record.c.number).where(
                or_(record.c.owner == principal, record.c.session.in_(own))
            )
            number = delete_records(connection, wanted)
            connection.execute(delete(feedback).where(feedback.c.owner == principal))
            connection.execute(delete(session).where(session.c.owner == principal))
        self._empty_log()
        return number

    def forget_document(self, corpus: str, document_id: str) -> int:
        """Blank the words that answers took from a document; no trace of them stays.

        Of a record that read or cited it, whatever the version, the answer goes, with all its quotes and what
        was searched for; and what was searched for in its session, which is made of earlier answers.

        :return: how many records lost words.
        """
        with self._db.write("store.forget_document") as connection:
            changed = forget_document(connection, corpus, document_id)
        self._empty_log()
        return changed

    def expire(self, before: str) -> int:
        """Delete records that are older than a time, and sessions that have none any more.

        :param before: ISO 8601 UTC.
        :return: how many records were deleted.
        """
        old = select(record.c.number).where(record.c.created_at < before).limit(EXPIRED_AT_ONCE)
        empty = (session.c.updated_at < before) & session.c.id.not_in(
            select(record.c.session).where(record.c.session.is_not(None))
        )
        gone, changed = 0, False
        while True:
            with self._db.read() as connection:
                if not any(
                    connection.execute(each.limit(1)).first()
                    for each in (old, select(session.c.number).where(empty))
                ):
                    break
            with self._db.write("store.expire_records") as connection:
                gone += delete_records(connection, select(old.subquery().c.number))
                connection.execute(delete(session).where(empty))
            changed = True
        if changed:
            self._empty_log()
        return gone

    def usage(self, caller: Caller, since: str) -> list[UsageRow]:  # noqa: ARG002
        """Figures by day and corpus, latest day first. A record over several corpora counts for each.

        :param since: a day (UTC), such as 2026-01-31.
        """
        figures: dict[tuple[str, str], _Figures] = defaultdict(_Figures)
        with self._db.read() as connection:
            for row in connection.execute(_asked(since)):
                for name in row.corpora:
                    figures[row.day, name].add_questions(row)
            for row in connection.execute(_opinions(since)):
                for name in row.corpora:
                    figures[row.day, name].add_opinions(row)
        by_corpus = sorted(figures.items(), key=lambda item: item[0][1])
        latest_first = sorted(by_corpus, key=lambda item: item[0][0], reverse=True)
        return [found.usage(day, name) for (day, name), found in latest_first]

    def _empty_log(self) -> None:
        self._db.owe_checkpoint()
        self._db.empty_log()


_DAY = func.substr(record.c.created_at, 1, 10).label("day")


def _asked(since: str) -> Select[Any]:
    """One row for a day and the corpora that were asked together: no row of a record is read into Python."""
    return (
        select(
            _DAY,
            record.c.corpora,
            func.count().label("questions"),
            func.sum(record.c.answered).label("answered"),
            func.sum(record.c.far).label("far"),
            func.sum(record.c.support).label("support"),
            func.count(record.c.support).label("supports"),
            # To rank them in SQL takes twice as long.
            func.group_concat(record.c.latency_ms).label("latencies_ms"),
        )
        .where(record.c.created_at >= since)
        .group_by(_DAY, record.c.corpora)
    )


def _opinions(since: str) -> Select[Any]:
    return (
        select(
            _DAY, record.c.corpora, func.count().label("opinions"), func.sum(feedback.c.score).label("score")
        )
        .join_from(feedback, record, record.c.number == feedback.c.record_number)
        .where(record.c.created_at >= since)
        .group_by(_DAY, record.c.corpora)
    )


@dataclass(slots=True)
class _Figures:
    """Sums over the records of one day and corpus."""

    questions: int = 0
    answered: int = 0
    far: int = 0
    support: float = 0.0
    supports: int = 0
    opinions: int = 0
    score: float = 0.0
    latencies_ms: list[str] = field(default_factory=list)

    def add_questions(self, row: Row[Any]) -> None:
        self.questions += row.questions
        self.answered += row.answered
        self.far += row.far
        self.support += row.support or 0.0
        self.supports += row.supports
        self.latencies_ms += row.latencies_ms.split(",")

    def add_opinions(self, row: Row[Any]) -> None:
        self.opinions += row.opinions
        self.score += row.score

    def usage(self, day: str, corpus: str) -> UsageRow:
        half, most = np.percentile(np.array(self.latencies_ms, dtype=np.float64), (50, 95))
        return UsageRow(
            day=day,
            corpus=corpus,
            questions=self.questions,
            unanswered=(self.questions - self.answered) / self.questions,
            support=self.support / self.supports if self.supports else None,
            feedback=self.opinions,
            score=self.score / self.opinions if self.opinions else None,
            latency_p50_ms=round(float(half), 3),
            latency_p95_ms=round(float(most), 3),
            far=self.far / self.questions,
        )


def _one(connection: Connection, record_id: str) -> Row[Any]:
    row = connection.execute(select(record).where(record.c.id == record_id)).one_or_none()
    if row is None:
        raise RecordNotFound(
            f"there is no record {record_id[:80]!r}", hint="ragsvc records list shows what there is"
        )
    return row
