"""The list of jobs, a page at a time, and its end: finished jobs age out."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, delete, null, select

from ragsvc.domain import Caller, Job, JobFilter
from ragsvc.errors import InvalidRequest
from ragsvc.store.engine import Repository
from ragsvc.store.jobs import FINAL_NAMES, job_of
from ragsvc.store.tables import job

_MAX_CURSOR = 2**63 - 1


class JobPages(Repository):
    """Reads many jobs, and forgets old ones."""

    def job_page(
        self,
        caller: Caller,  # noqa: ARG002
        where: JobFilter,
        cursor: str | None,
        limit: int,
    ) -> tuple[list[Job], str | None]:
        """A page of jobs, latest first, and the cursor of the next; their results without lists of files.

        :raises InvalidRequest: if the cursor is none of ours.
        """
        statement = _listed().order_by(job.c.number.desc()).limit(limit + 1)
        if cursor is not None:
            statement = statement.where(job.c.number < _number_of(cursor))
        if where.corpus is not None:
            statement = statement.where(job.c.corpus == where.corpus)
        if where.state is not None:
            statement = statement.where(job.c.state == where.state.value)
        if where.kind is not None:
            statement = statement.where(job.c.kind == where.kind.value)
        with self._db.read() as connection:
            rows = connection.execute(statement).all()
        following = str(rows[limit - 1].number) if len(rows) > limit else None
        return [job_of(row) for row in rows[:limit]], following

    def expire_jobs(self, before: str, keep: int) -> int:
        """Delete finished jobs that are older than a time, or more than are to be kept.

        :param before: ISO 8601 UTC. keep: how many of the latest finished ones stay at most.
        :return: how many were deleted.
        """
        final = job.c.state.in_(FINAL_NAMES)
        latest = select(job.c.number).where(final).order_by(job.c.number.desc()).offset(keep).limit(1)
        with self._db.read() as connection:
            number = connection.execute(latest).scalar_one_or_none()
            old = final & (job.c.updated_at < before)
            if number is not None:
                old |= final & (job.c.number <= number)
            if connection.execute(select(job.c.number).where(old).limit(1)).first() is None:
                return 0
        with self._db.write("store.expire_jobs") as connection:
            return connection.execute(delete(job).where(old)).rowcount


def _listed() -> Select[Any]:
    """Jobs with what a list shows of them: results can be long, and what is queued is nobody's business."""
    shown = [column for column in job.c if column.name not in ("payload", "result", "salvage", "summary")]
    nothing = [null().label(name) for name in ("payload", "salvage")]
    return select(*shown, *nothing, job.c.summary.label("result"))


def _number_of(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 20 and int(cursor) <= _MAX_CURSOR):
        raise InvalidRequest(f"the cursor {cursor[:40]!r} is none of ours", hint="begin without a cursor")
    return int(cursor)
