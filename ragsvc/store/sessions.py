"""Sessions: conversations, whose turns are records."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, select, update

from ragsvc.domain import AnswerRecord, Caller, ChatSession
from ragsvc.errors import InvalidRequest, SessionNotFound
from ragsvc.store.engine import Repository, now
from ragsvc.store.record_rows import delete_records, feedback_of, record_of
from ragsvc.store.tables import record, session

_MAX_CURSOR = 2**63 - 1


class Sessions(Repository):
    """Conversations, listed a page at a time."""

    def create(self, caller: Caller, title: str, metadata: Mapping[str, Any]) -> ChatSession:
        """Begin a session."""
        time = now()
        row: dict[str, Any] = {
            "id": uuid.uuid4().hex,
            "title": title,
            "owner": caller.principal,
            "tenant": caller.tenant,
            "created_at": time,
            "updated_at": time,
            "metadata": dict(metadata),
        }
        with self._db.write("store.create_session") as connection:
            connection.execute(insert(session), row)
            return _session_of(_one(connection, row["id"]))

    def get(self, caller: Caller, id: str) -> ChatSession:  # noqa: A002, ARG002
        """Read a session.

        :raises SessionNotFound: if there is none of that id.
        """
        with self._db.read() as connection:
            return _session_of(_one(connection, id))

    def turns(
        self,
        caller: Caller,  # noqa: ARG002
        id: str,  # noqa: A002
        cursor: str | None = None,
        limit: int = 100,
    ) -> tuple[list[AnswerRecord], str | None]:
        """The latest records of a session, oldest first, and the cursor of those before them.

        :param cursor: only records before those that it came with.
        :raises InvalidRequest: if the cursor is none of ours.
        """
        wanted = select(record).where(record.c.session == id)
        if cursor is not None:
            wanted = wanted.where(record.c.number < number_of(cursor))
        found, following = self._turns(wanted.order_by(record.c.number.desc()), limit)
        return found[::-1], following

    def turns_from_first(
        self,
        caller: Caller,  # noqa: ARG002
        id: str,  # noqa: A002
        cursor: str | None = None,
        limit: int = 100,
    ) -> tuple[list[AnswerRecord], str | None]:
        """The first records of a session, oldest first, and the cursor of those after them.

        :param cursor: only records after those that it came with.
        """
        wanted = select(record).where(record.c.session == id)
        if cursor is not None:
            wanted = wanted.where(record.c.number > number_of(cursor))
        return self._turns(wanted.order_by(record.c.number), limit)

    def _turns(self, ordered: Select[Any], limit: int) -> tuple[list[AnswerRecord], str | None]:
        with self._db.read() as connection:
            rows = connection.execute(ordered.limit(limit + 1)).all()
            said = feedback_of(connection, [row.number for row in rows[:limit]])
        following = str(rows[limit - 1].number) if len(rows) > limit else None
        return [record_of(row, said[row.number]) for row in rows[:limit]], following

    def page(
        self,
        caller: Caller,  # noqa: ARG002
        cursor: str | None,
        limit: int,
    ) -> tuple[list[ChatSession], str | None]:
        """A page of sessions, latest first, and the cursor of the next.

        :raises InvalidRequest: if the cursor is none of ours.
        """
        statement = _listed().order_by(session.c.number.desc()).limit(limit + 1)
        if cursor is not None:
            statement = statement.where(session.c.number < number_of(cursor))
        with self._db.read() as connection:
            rows = connection.execute(statement).all()
        following = str(rows[limit - 1].number) if len(rows) > limit else None
        return [_session_of(row) for row in rows[:limit]], following

    def rename(self, caller: Caller, id: str, title: str) -> ChatSession:  # noqa: A002, ARG002
        """Give a session another title.

        :raises SessionNotFound: if there is none of that id.
        """
        change = update(session).where(session.c.id == id).values(title=title, updated_at=now())
        with self._db.write("store.rename_session") as connection:
            connection.execute(change)
            return _session_of(_one(connection, id))

    def delete(self, caller: Caller, id: str) -> int:  # noqa: A002, ARG002
        """Delete a session with its records and what is said of them; no trace of the text stays.

        :return: how many records it had.
        :raises SessionNotFound: if there is none of that id.
        """
        with self._db.write("store.delete_session") as connection:
            _one(connection, id)
            number = delete_records(connection, select(record.c.number).where(record.c.session == id))
            connection.execute(delete(session).where(session.c.id == id))
        self._db.owe_checkpoint()
        self._db.empty_log()
        return number


def number_of(cursor: str) -> int:
    """The number that a cursor stands for.

    :raises InvalidRequest: if it is none of ours.
    """
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 20 and int(cursor) <= _MAX_CURSOR):
        raise InvalidRequest(f"the cursor {cursor[:40]!r} is none of ours", hint="begin without a cursor")
    return int(cursor)


def _listed() -> Select[Any]:
    turns = select(func.count()).where(record.c.session == session.c.id).correlate(session).scalar_subquery()
    return select(session, turns.label("turns"))


def _one(connection: Connection, session_id: str) -> Row[Any]:
    row = connection.execute(_listed().where(session.c.id == session_id)).one_or_none()
    if row is None:
        raise SessionNotFound(
            f"there is no session {session_id[:80]!r}", hint="ragsvc sessions list shows what there is"
        )
    return row


def _session_of(row: Row[Any]) -> ChatSession:
    return ChatSession(
        id=row.id,
        title=row.title,
        owner=row.owner,
        created_at=row.created_at,
        updated_at=row.updated_at,
        metadata=row.metadata,
        turns=row.turns,
    )
