"""Poisoned jobs among good ones, processes killed at any time, servers that come and go: nothing is lost."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from doubles import ME, new_home, open_service

from ragsvc.domain import InlineDocument, Job, JobFilter, JobState
from ragsvc.service import job_process
from ragsvc.service.service import Service

TESTS = Path(__file__).parents[1]
KILLER, HANGER = "arsenic", "molasses"
FINAL = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)
LIMITS = {"job_stall_s": 6.0, "parse_timeout_s": 1.0, "job_attempts": 3, "job_turn_s": 20.0}
# Kills of the long run are many; a round of this test has one kill and one poisoned job.
KILLS_PER_ROUND = 20


@pytest.fixture
def poison(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Jobs run in a process that certain words kill, or keep for ever."""
    monkeypatch.setenv("HOLD_EMBEDDING", str(tmp_path / "nothing"))
    paths = [TESTS / "service", TESTS, TESTS.parent]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, paths)))
    monkeypatch.setattr(job_process, "MODULE", "hash_child")
    yield


def submit(service: Service, corpus: str, texts: dict[str, str]) -> Job:
    return service.submit_ingest(ME, corpus, [InlineDocument(*item) for item in texts.items()], {})


def jobs_of(service: Service) -> list[Job]:
    return service.jobs(ME, JobFilter(), limit=1000)[0]


def kill_one(service: Service) -> bool:
    for job in jobs_of(service):
        if job.state is JobState.RUNNING and job.pid:
            with suppress(ProcessLookupError):
                os.kill(job.pid, signal.SIGKILL)
                return True
    return False


def test_poisoned_jobs_cost_only_themselves(
    tmp_path: Path, poison: None, kills_wanted: int, seed: int, say: list[str]
) -> None:
    rounds = max(1, kills_wanted // KILLS_PER_ROUND)
    choose = random.Random(seed)
    home = new_home(tmp_path)
    good: dict[str, set[str]] = {}
    bad: dict[str, str] = {}
    kills = 0
    for number in range(rounds):
        with open_service(home, **LIMITS) as service:
            service.start()
            for corpus in (f"good{number}", f"poisoned{number}", f"late{number}"):
                texts = {
                    f"{corpus}-{n}": f"{corpus} has fruit number {n}" for n in range(choose.randint(1, 3))
                }
                good[corpus] = set(texts)
                if corpus.startswith("poisoned"):
                    # One that hangs takes its time; the short run has none.
                    word = choose.choice((KILLER, HANGER)) if kills_wanted else KILLER
                    bad[submit(service, corpus, texts | {"bad": f"with {word}"}).id] = corpus
                else:
                    submit(service, corpus, texts)
            deadline = time.monotonic() + choose.uniform(2, 8)
            while time.monotonic() < deadline:
                if not kills or choose.random() < 0.02:
                    kills += kill_one(service)
                time.sleep(0.05)
    with open_service(home, **LIMITS) as service:
        service.start()
        deadline = time.monotonic() + 200 * rounds
        while any(job.state not in FINAL for job in jobs_of(service)):
            assert time.monotonic() < deadline, jobs_of(service)
            time.sleep(0.2)
        for job in jobs_of(service):
            error = job.error or {}
            expected = JobState.FAILED if job.id in bad else JobState.DONE
            assert job.state is expected, job
            assert job.id not in bad or error["code"] in ("job_crashed", "job_stalled")
        for corpus, names in good.items():
            page, _ = service.documents(ME, corpus, cursor=None, limit=1000)
            assert {document.document_id for document in page} == names, corpus
        assert not list((home / "spool").iterdir())
    say.append(f"torture: {len(bad)} poisoned jobs, {kills} kills, 0 documents lost, 0 jobs left open")
