"""Jobs: claimed once, cancelled, queued again when their process dies."""

from __future__ import annotations

import threading

import pytest
from store_building import ME

from ragsvc.domain import JobKind, JobState
from ragsvc.errors import Conflict, InternalError, JobNotFound
from ragsvc.store.catalog import Catalog


def test_a_job_from_queue_to_result(catalog: Catalog) -> None:
    made = catalog.jobs.create(ME, JobKind.INGEST, "c", {"paths": ["/x"]})
    assert (made.state, made.payload, made.pid) == (JobState.QUEUED, {"paths": ["/x"]}, None)
    won = []
    claims = [
        threading.Thread(target=lambda pid=pid: won.append(catalog.jobs.claim(made.id, pid)))
        for pid in range(4)
    ]
    for claim in claims:
        claim.start()
    for claim in claims:
        claim.join()
    assert sorted(won) == [False, False, False, True]
    assert catalog.jobs.progress(made.id, 3, 10, "documents")
    running = catalog.jobs.get(ME, made.id)
    assert (running.state, running.done, running.total, running.unit) == (
        JobState.RUNNING,
        3,
        10,
        "documents",
    )
    catalog.jobs.finish(made.id, JobState.DONE, {"commit": 1}, None)
    catalog.jobs.finish(made.id, JobState.FAILED, None, {"code": "late"})
    ended = catalog.jobs.get(ME, made.id)
    assert (ended.state, ended.result, ended.error) == (JobState.DONE, {"commit": 1}, None)
    assert catalog.jobs.cancel(ME, made.id) == ended
    assert not catalog.jobs.progress(made.id, 4, 10, "documents")


def test_cancelling(catalog: Catalog) -> None:
    queued, running = (catalog.jobs.create(ME, JobKind.INGEST, "c", {}) for _ in range(2))
    catalog.jobs.claim(running.id, 1)
    assert catalog.jobs.cancel(ME, queued.id).state is JobState.CANCELLED
    assert not catalog.jobs.claim(queued.id, 1)
    asked = catalog.jobs.cancel(ME, running.id)
    assert (asked.state, asked.cancel_requested) == (JobState.RUNNING, True)
    assert not catalog.jobs.progress(running.id, 1, 2, "x")


def test_orphans_are_queued_again_or_cancelled(catalog: Catalog) -> None:
    alive, dead, asked = (catalog.jobs.create(ME, JobKind.INGEST, "c", {}) for _ in range(3))
    for pid, job in enumerate((alive, dead, asked), start=1):
        catalog.jobs.claim(job.id, pid)
    catalog.jobs.cancel(ME, asked.id)
    changed = catalog.jobs.requeue_orphans(lambda pid: pid == 1)
    assert [(j.id, j.state) for j in changed] == [
        (dead.id, JobState.QUEUED),
        (asked.id, JobState.CANCELLED),
    ]
    assert [j.id for j in catalog.jobs.all(ME, [JobState.RUNNING])] == [alive.id]
    assert [j.id for j in catalog.jobs.all(ME)] == [alive.id, dead.id, asked.id]


def test_ids_given_by_the_caller_and_unknown_ones(catalog: Catalog) -> None:
    made = catalog.jobs.create(ME, JobKind.INGEST, "c", {}, id="mine")
    assert catalog.jobs.create(ME, JobKind.INGEST, "c", {}, id="mine") == made
    with pytest.raises(Conflict):
        catalog.jobs.create(ME, JobKind.INGEST, "other", {}, id="mine")
    for call in (catalog.jobs.get, catalog.jobs.cancel):
        with pytest.raises(JobNotFound):
            call(ME, "none")
    with pytest.raises(InternalError):
        catalog.jobs.finish("mine", JobState.RUNNING)
