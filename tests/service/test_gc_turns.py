"""gc holds the writer lock for moments: others write in between, and what they need stays."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from doubles import CORPUS, ME, new_home, open_service, same_hits, search, upload
from sqlalchemy import func, select

from ragsvc.domain import CollectReport, Mode
from ragsvc.service.service import Service
from ragsvc.store import tables
from ragsvc.store.gc import collector
from ragsvc.store.gc.survey import GarbageSurvey
from ragsvc.store.gc.sweep import Step, SweepWork

VERSIONS = 2000
STEP_S = 0.06


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with open_service(new_home(tmp_path)) as opened:
        yield opened


@pytest.fixture
def other(service: Service) -> Iterator[Service]:
    with open_service(service.settings.home) as opened:
        yield opened


def number_of(service: Service, table: str) -> int:
    with service._catalog._db.read() as connection:
        counted = select(func.count()).select_from(tables.metadata.tables[table])
        return int(connection.execute(counted).scalar_one())


def slowly(step: Step) -> Step:
    def run(connection: Any, work: SweepWork) -> None:
        time.sleep(STEP_S)
        step.run(connection, work)

    return replace(step, run=run)


def test_deletes_do_not_wait_for_the_end_of_a_gc(
    service: Service, other: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them makes gc look again for what is garbage."""
    for n in range(2):
        upload(service, {f"d{i}": f"a{n}{i}" for i in range(VERSIONS)})
    steps = collector.steps
    monkeypatch.setattr(collector, "steps", lambda garbage: map(slowly, steps(garbage)))
    reports: list[CollectReport] = []
    gc = threading.Thread(target=lambda: reports.append(service.maintenance.collect(ME, None, keep=1)))
    gc.start()
    waited: list[float] = []
    while gc.is_alive() and len(waited) < 3:
        time.sleep(0.4)
        begun = time.monotonic()
        other.delete_document(ME, CORPUS, f"d{len(waited)}")
        waited.append(time.monotonic() - begun)
    gc.join()
    assert len(waited) == 3 and reports[0].versions >= VERSIONS
    assert reports[0].seconds > VERSIONS / 100 * STEP_S
    assert max(waited) < min(1.2, reports[0].seconds / 2)
    assert number_of(service, "document_version") == VERSIONS
    service.maintenance.collect(ME, None, keep=1)
    assert number_of(service, "document_version") == VERSIONS - 3
    assert service.maintenance.verify(ME, None).problems == ()


def test_what_a_commit_meanwhile_needs_again_stays(
    service: Service, other: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(4):
        upload(service, {"a": f"word{n} apple", "b": "still here"})
    survey = service._catalog.gc._survey
    found: list[GarbageSurvey] = []

    def surveyed() -> GarbageSurvey:
        found.append(survey())
        if len(found) == 1:
            upload(other, {"c": "word1 apple"})  # the text of a version that is to go
        return found[-1]

    monkeypatch.setattr(service._catalog.gc, "_survey", surveyed)
    report = service.maintenance.collect(ME, None, keep=1)
    assert [len(garbage.versions) for garbage in found] == [3, 2]
    assert report.versions == 2
    for opened in (service, other, open_service(service.settings.home)):
        assert [hit.passage.document_id for hit in search(opened, "word1", Mode.LEXICAL).hits] == ["c"]
        same_hits(search(opened, "word1 apple"), search(service, "word1 apple"))
    assert service.maintenance.verify(ME, None).problems == ()


def test_a_home_that_never_rests_is_collected_all_the_same(
    service: Service, other: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(3):
        upload(service, {f"d{i}": f"word{n}{i}" for i in range(250)})
    survey, lock = service._catalog.gc._survey, service._catalog.lock
    held: list[bool] = []

    def surveyed() -> GarbageSurvey:
        garbage = survey()
        held.append(lock.held)
        if not lock.held:
            other.delete_document(ME, CORPUS, f"d{len(held)}")
        return garbage

    monkeypatch.setattr(service._catalog.gc, "_survey", surveyed)
    report = service.maintenance.collect(ME, None, keep=1)
    assert held == [False, False, False, True]
    # The deletes left commits that were not chosen: what they ended is still in the one before them.
    assert report.versions == 500 and not report.postponed
    monkeypatch.undo()
    service.maintenance.collect(ME, None, keep=1)
    assert number_of(service, "document_version") == 247


def test_a_gc_beside_another(service: Service, other: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(3):
        upload(service, {f"d{i}": f"word{n}{i}" for i in range(150)})
    steps = collector.steps
    reports: list[CollectReport] = []

    def stepwise(garbage: GarbageSurvey) -> Iterator[Step]:
        for step in steps(garbage):
            yield step
            if not reports:
                monkeypatch.undo()
                # In a thread of its own, as the lock belongs to a thread.
                with ThreadPoolExecutor(1) as pool:
                    reports.append(pool.submit(other.maintenance.collect, ME, None, keep=1).result())

    monkeypatch.setattr(collector, "steps", stepwise)
    reports.append(service.maintenance.collect(ME, None, keep=1))
    assert [report.commits for report in reports] == [0, 2]
    assert sum(report.versions for report in reports) == 300
    assert number_of(service, "document_version") == number_of(service, "vector") == 150
    assert service.maintenance.verify(ME, None).problems == ()
