"""Jobs: long work that survives the client that asked for it, listed a page at a time."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, null, select, update

from ragsvc.domain import Caller, Job, JobFilter, JobKind, JobPause, JobState
from ragsvc.errors import Conflict, InternalError, InvalidRequest, JobNotFound
from ragsvc.store.engine import Repository, insert_or_ignore, now
from ragsvc.store.tables import job

_FINAL = frozenset({JobState.DONE, JobState.FAILED, JobState.CANCELLED})
FINAL_NAMES = tuple(sorted(state.value for state in _FINAL))
_MAX_CURSOR = 2**63 - 1


class Jobs(Repository):
    """The queue of jobs, and those that have ended."""

    def create(
        self,
        caller: Caller,
        kind: JobKind,
        corpus: str,
        payload: Mapping[str, Any],
        id: str | None = None,  # noqa: A002
    ) -> Job:
        """Queue a job.

        :param id: makes the call safe to repeat; None: a new one.
        :raises Conflict: if the id belongs to a job for something else.
        """
        job_id = id or uuid.uuid4().hex
        time = now()
        row = {
            "id": job_id,
            "kind": kind.value,
            "corpus": corpus,
            "state": JobState.QUEUED.value,
            "done": 0,
            "total": 0,
            "unit": "",
            "payload": dict(payload),
            "owner": caller.principal,
            "tenant": caller.tenant,
            "created_at": time,
            "updated_at": time,
            "cancel_requested": 0,
        }
        with self._db.write("store.create_job") as connection:
            connection.execute(insert(job) if id is None else insert_or_ignore(job), row)
            created = job_of(_one(connection, job_id))
        if (created.kind, created.corpus) != (kind, corpus):
            raise Conflict(f"the job id {job_id!r} is taken by another job", hint="use another id")
        return created

    def get(self, caller: Caller, id: str) -> Job:  # noqa: A002, ARG002
        """Read a job.

        :raises JobNotFound: if there is none of that id.
        """
        with self._db.read() as connection:
            return job_of(_one(connection, id))

    def all(self, caller: Caller, states: Collection[JobState] | None = None) -> list[Job]:  # noqa: ARG002
        """Read jobs whole, in the order in which they were created; None: in every state."""
        statement = select(job).order_by(job.c.number)
        if states is not None:
            statement = statement.where(job.c.state.in_([state.value for state in states]))
        with self._db.read() as connection:
            return [job_of(row) for row in connection.execute(statement)]

    def count(self, state: JobState) -> int:
        """How many jobs are in a state."""
        with self._db.read() as connection:
            return connection.execute(
                select(func.count()).select_from(job).where(job.c.state == state.value)
            ).scalar_one()

    def next_queued(self, besides: str | None = None) -> Job | None:
        """The queued job whose turn it is: the oldest of the corpus that waited longest for its turn.

        :param besides: a corpus whose jobs do not count; None: all count.
        """
        others = job.alias()
        last = select(func.max(others.c.started_at)).where(others.c.corpus == job.c.corpus).scalar_subquery()
        oldest = (
            select(func.min(job.c.number)).where(job.c.state == JobState.QUEUED.value).group_by(job.c.corpus)
        )
        if besides is not None:
            oldest = oldest.where(job.c.corpus != besides)
        statement = (
            select(job)
            .where(job.c.number.in_(oldest))
            .order_by(func.coalesce(last, ""), job.c.number)
            .limit(1)
        )
        with self._db.read() as connection:
            row = connection.execute(statement).one_or_none()
            return None if row is None else job_of(row)

    def claim(self, id: str, pid: int) -> bool:  # noqa: A002
        """Start a queued job for a process; False when somebody else did, or it is not queued."""
        time = now()
        claim = (
            update(job)
            .where(job.c.id == id, job.c.state == JobState.QUEUED.value)
            .values(
                state=JobState.RUNNING.value,
                pid=pid,
                attempts=job.c.attempts + 1,
                started_at=time,
                updated_at=time,
            )
        )
        with self._db.write("store.claim_job") as connection:
            return connection.execute(claim).rowcount == 1

    def progress(self, id: str, done: int, total: int, unit: str) -> bool:  # noqa: A002
        """Record how far a running job is.

        :return: whether to go on: False when it was cancelled or deleted.
        """
        record = (
            update(job)
            .where(job.c.id == id, job.c.state == JobState.RUNNING.value)
            .values(done=done, total=total, unit=unit, updated_at=now())
        )
        with self._db.write("store.progress") as connection:
            if connection.execute(record).rowcount != 1:
                return False
            return not _one(connection, id).cancel_requested

    def save_salvage(self, id: str, salvage: Mapping[str, Any]) -> None:  # noqa: A002
        """Record how far a running job is whose documents are taken apart."""
        record = update(job).where(job.c.id == id, job.c.state == JobState.RUNNING.value)
        with self._db.write("store.save_salvage") as connection:
            connection.execute(record.values(salvage=dict(salvage), updated_at=now()))

    def finish(
        self,
        id: str,  # noqa: A002
        state: JobState,
        result: Mapping[str, Any] | None = None,
        error: Mapping[str, Any] | None = None,
    ) -> None:
        """End a job; one that ended before, or was deleted with its corpus, stays as it is."""
        if state not in _FINAL:
            raise InternalError(f"a job cannot finish as {state.value}")
        end = (
            update(job)
            .where(job.c.id == id, job.c.state.not_in(FINAL_NAMES))
            .values(
                state=state.value,
                result=None if result is None else dict(result),
                summary=None if result is None else _summary(result),
                error=None if error is None else dict(error),
                pid=None,
                salvage=None,
                updated_at=now(),
            )
        )
        with self._db.write("store.finish_job") as connection:
            connection.execute(end)

    def cancel(self, caller: Caller, id: str) -> Job:  # noqa: A002, ARG002
        """Cancel a queued job at once; ask a running one to stop; leave an ended one alone.

        :raises JobNotFound: if there is none of that id.
        """
        with self._db.write("store.cancel_job") as connection:
            state = JobState(_one(connection, id).state)
            if state is JobState.QUEUED:
                values: dict[str, Any] = {
                    "state": JobState.CANCELLED.value,
                    "cancel_requested": 1,
                    "error": None,
                }
            else:
                values = {"cancel_requested": 1}
            if state not in _FINAL:
                connection.execute(update(job).where(job.c.id == id).values(**values, updated_at=now()))
            return job_of(_one(connection, id))

    def requeue(
        self,
        id: str,  # noqa: A002
        pause: JobPause,
        error: Mapping[str, Any] | None = None,
    ) -> None:
        """Queue a running job again; one that was asked to stop is cancelled instead.

        :param error: what ended its process, kept for whoever gives the job up.
        """
        with self._db.write("store.requeue_job") as connection:
            row = connection.execute(select(job).where(job.c.id == id)).one_or_none()
            if row is not None and row.state == JobState.RUNNING.value:
                _requeue(connection, row, pause, error)

    def requeue_orphans(
        self, alive: Callable[[int], bool], error: Mapping[str, Any] | None = None
    ) -> list[Job]:
        """Queue running jobs again whose process has died; those asked to stop are cancelled.

        :param alive: tells whether a process id still runs a job.
        :param error: what ended their processes.
        :return: the jobs that changed.
        """
        changed = []
        with self._db.write("store.requeue_orphans") as connection:
            running = select(job).where(job.c.state == JobState.RUNNING.value).order_by(job.c.number)
            for row in connection.execute(running).all():
                if row.pid is None or not alive(row.pid):
                    changed.append(_requeue(connection, row, JobPause.DEATH, error))
        return changed

    def page(
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

    def expire(self, before: str, keep: int) -> int:
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


def _requeue(connection: Connection, row: Row[Any], pause: JobPause, error: Mapping[str, Any] | None) -> Job:
    values: dict[str, Any] = {
        "state": JobState.QUEUED.value,
        "pid": None,
        "attempts": row.attempts if pause is JobPause.DEATH else max(0, row.attempts - 1),
        "turns": row.turns + (pause is JobPause.TURN),
        # Who was stopped with the server has had no turn.
        "started_at": None if pause is JobPause.STOP else row.started_at,
        "error": None if error is None else dict(error),
        "updated_at": now(),
    }
    if row.cancel_requested:
        values |= {"state": JobState.CANCELLED.value, "error": None}
    connection.execute(update(job).where(job.c.id == row.id).values(**values))
    return job_of(_one(connection, row.id))


def _summary(result: Mapping[str, Any]) -> dict[str, Any]:
    """A result without what is listed; `counts` says how long each list is."""
    lists = {name: len(value) for name, value in result.items() if isinstance(value, list | tuple)}
    return {**{name: value for name, value in result.items() if name not in lists}, "counts": lists}


def _one(connection: Connection, job_id: str) -> Row[Any]:
    row = connection.execute(select(job).where(job.c.id == job_id)).one_or_none()
    if row is None:
        raise JobNotFound(f"there is no job {job_id[:80]!r}", hint="ragsvc jobs list shows what there is")
    return row


def job_of(row: Row[Any]) -> Job:
    return Job(
        id=row.id,
        kind=JobKind(row.kind),
        corpus=row.corpus,
        state=JobState(row.state),
        done=row.done,
        total=row.total,
        unit=row.unit,
        payload=row.payload or {},
        result=row.result,
        error=row.error,
        owner=row.owner,
        created_at=row.created_at,
        updated_at=row.updated_at,
        pid=row.pid,
        cancel_requested=bool(row.cancel_requested),
        attempts=row.attempts,
        turns=row.turns,
        salvage=row.salvage,
    )


def _listed() -> Select[Any]:
    """Jobs with what a list shows of them: results can be long, and what is queued is nobody's business."""
    shown = [column for column in job.c if column.name not in ("payload", "result", "salvage", "summary")]
    nothing = [null().label(name) for name in ("payload", "salvage")]
    return select(*shown, *nothing, job.c.summary.label("result"))


def _number_of(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 20 and int(cursor) <= _MAX_CURSOR):
        raise InvalidRequest(f"the cursor {cursor[:40]!r} is none of ours", hint="begin without a cursor")
    return int(cursor)
