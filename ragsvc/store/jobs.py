"""Jobs: long work that survives the client that asked for it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from ragsvc.domain import Caller, Job, JobKind, JobState
from ragsvc.errors import Conflict, InternalError, JobNotFound
from ragsvc.store.engine import Section, insert_or_ignore, now
from ragsvc.store.tables import job

_FINAL = frozenset({JobState.DONE, JobState.FAILED, JobState.CANCELLED})


class Jobs(Section):
    """The queue, and what became of each job."""

    def create_job(
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
            created = _job(_one(connection, job_id))
        if (created.kind, created.corpus) != (kind, corpus):
            raise Conflict(f"the job id {job_id!r} is taken by another job", hint="use another id")
        return created

    def job(self, caller: Caller, id: str) -> Job:  # noqa: A002, ARG002
        """Read a job.

        :raises JobNotFound: if there is none of that id.
        """
        with self._db.read() as connection:
            return _job(_one(connection, id))

    def jobs(self, caller: Caller, states: Collection[JobState] | None = None) -> list[Job]:  # noqa: ARG002
        """List jobs in the order in which they were created; None: in every state."""
        statement = select(job).order_by(job.c.number)
        if states is not None:
            statement = statement.where(job.c.state.in_([state.value for state in states]))
        with self._db.read() as connection:
            return [_job(row) for row in connection.execute(statement)]

    def claim_job(self, id: str, pid: int) -> bool:  # noqa: A002
        """Start a queued job for a process; False when somebody else did, or it is not queued."""
        claim = (
            update(job)
            .where(job.c.id == id, job.c.state == JobState.QUEUED.value)
            .values(state=JobState.RUNNING.value, pid=pid, updated_at=now())
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
            .where(job.c.id == id, job.c.state.not_in([final.value for final in _FINAL]))
            .values(
                state=state.value,
                result=None if result is None else dict(result),
                error=None if error is None else dict(error),
                pid=None,
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
                values = {"state": JobState.CANCELLED.value, "cancel_requested": 1}
            else:
                values = {"cancel_requested": 1}
            if state not in _FINAL:
                connection.execute(update(job).where(job.c.id == id).values(**values, updated_at=now()))
            return _job(_one(connection, id))

    def requeue_orphans(self, alive: Callable[[int], bool]) -> list[Job]:
        """Queue running jobs again whose process has died; those asked to stop are cancelled.

        :param alive: tells whether a process id still runs a job.
        :return: the jobs that changed.
        """
        changed = []
        with self._db.write("store.requeue_orphans") as connection:
            running = select(job).where(job.c.state == JobState.RUNNING.value).order_by(job.c.number)
            for row in connection.execute(running).all():
                if row.pid is not None and alive(row.pid):
                    continue
                state = JobState.CANCELLED if row.cancel_requested else JobState.QUEUED
                connection.execute(
                    update(job)
                    .where(job.c.id == row.id)
                    .values(state=state.value, pid=None, updated_at=now())
                )
                changed.append(_job(_one(connection, row.id)))
        return changed


def _one(connection: Connection, job_id: str) -> Row[Any]:
    row = connection.execute(select(job).where(job.c.id == job_id)).one_or_none()
    if row is None:
        raise JobNotFound(f"there is no job {job_id[:80]!r}", hint="ragsvc jobs list shows what there is")
    return row


def _job(row: Row[Any]) -> Job:
    return Job(
        id=row.id,
        kind=JobKind(row.kind),
        corpus=row.corpus,
        state=JobState(row.state),
        done=row.done,
        total=row.total,
        unit=row.unit,
        payload=row.payload,
        result=row.result,
        error=row.error,
        owner=row.owner,
        created_at=row.created_at,
        updated_at=row.updated_at,
        pid=row.pid,
        cancel_requested=bool(row.cancel_requested),
    )
