"""A bad job costs only itself: it is tried again, gives way, is given up, and its good documents are in."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from doubles import CORPUS, ME, new_home, open_service, search, settings_of
from hypothesis import given
from hypothesis import strategies as st

from ragsvc.domain import InlineDocument, Job, JobKind, JobState
from ragsvc.service import job_budget, job_process
from ragsvc.service.job_budget import JobBudget, JobVerdict
from ragsvc.service.job_process import JobProcess, end_job_process, is_job_process
from ragsvc.service.job_salvage import summed
from ragsvc.service.service import Service

HERE = Path(__file__).parent
FINAL = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)
KILLER, HANGER = "arsenic", "molasses"


@pytest.fixture
def hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "hold"
    monkeypatch.setenv("HOLD_EMBEDDING", str(path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, [HERE, HERE.parent, HERE.parent.parent])))
    monkeypatch.setattr(job_process, "MODULE", "hash_child")
    return path


def submit(service: Service, texts: dict[str, str], corpus: str = CORPUS) -> Job:
    return service.submit_ingest(ME, corpus, [InlineDocument(*item) for item in texts.items()], {})


def wait_for(service: Service, job: Job, *states: JobState) -> Job:
    deadline = time.monotonic() + 120
    while (now := service.job(ME, job.id)).state not in (states or FINAL):
        assert time.monotonic() < deadline, now
        time.sleep(0.02)
    return now


def killed(service: Service, job: Job, hold: Path) -> None:
    """Kill the job's process while it embeds."""
    reached = hold.with_name("hold.reached")
    while not reached.exists():
        time.sleep(0.02)
    reached.unlink()
    pid = wait_for(service, job, JobState.RUNNING).pid
    assert pid
    os.kill(pid, signal.SIGKILL)


def found(service: Service, corpus: str = CORPUS) -> set[str]:
    page, _ = service.documents(ME, corpus, cursor=None, limit=1000)
    return {document.document_id for document in page}


def test_a_job_whose_process_is_killed_from_outside_is_tried_again(tmp_path: Path, hold: Path) -> None:
    hold.touch()
    with open_service(new_home(tmp_path)) as service:
        service.start()
        job = submit(service, {"a": "a green apple"})
        for _ in range(2):
            killed(service, job, hold)
        hold.unlink()
        done = wait_for(service, job)
        assert (done.state, done.attempts, done.error) == (JobState.DONE, 3, None)
        assert done.result is not None and done.result["documents"]["added"] == 1
        assert len(search(service, "apple").hits) == 1


def test_a_document_that_kills_every_process_is_left_out_and_the_others_are_in(
    tmp_path: Path, hold: Path
) -> None:
    texts = {name: f"{name} is a fruit" for name in ("apple", "fig", "lemon", "plum")}
    texts["bad"] = f"some {KILLER} in it"
    with open_service(new_home(tmp_path)) as service:
        service.start()
        failed = wait_for(service, submit(service, texts))
        assert failed.state is JobState.FAILED and failed.error is not None and failed.result is not None
        assert failed.error["code"] == "job_crashed" and "bad" in failed.error["message"]
        assert "SIGKILL" in failed.error["message"] and failed.error["hint"]
        assert failed.result["documents"] | {"unchanged": 0} == failed.result["documents"]
        assert (failed.result["documents"]["added"], failed.result["documents"]["failed"]) == (4, 1)
        assert [item["source"] for item in failed.result["failures"]] == ["bad"]
        assert found(service) == set(texts) - {"bad"}
        assert wait_for(service, submit(service, {"x": "more"})).state is JobState.DONE
        assert not list((service.settings.home / "spool").iterdir())


def test_a_document_that_was_at_hand_at_one_kill_is_not_left_out(tmp_path: Path, hold: Path) -> None:
    hold.touch()
    with open_service(new_home(tmp_path), job_attempts=2) as service:
        service.start()
        job = submit(service, {"a": "a green apple", "b": "a blue plum"})
        for _ in range(2):
            killed(service, job, hold)
        hold.unlink()
        assert wait_for(service, job).state is JobState.DONE
        assert found(service) == {"a", "b"}


def test_many_documents_are_taken_in_groups_that_shrink(tmp_path: Path, hold: Path) -> None:
    texts = {f"{number:03}": f"number {number}" for number in range(150)}
    texts["077"] = KILLER
    with open_service(new_home(tmp_path), job_attempts=1) as service:
        service.start()
        failed = wait_for(service, submit(service, texts))
        assert failed.state is JobState.FAILED and failed.attempts <= 4
        assert found(service) == set(texts) - {"077"}


def test_a_job_that_hangs_is_ended_and_others_do_not_wait_for_its_end(tmp_path: Path, hold: Path) -> None:
    limits: dict[str, Any] = {"job_stall_s": 8.0, "parse_timeout_s": 1.0, "job_attempts": 1}
    with open_service(new_home(tmp_path), **limits) as service:
        service.start()
        bad = submit(service, {"slow": f"sweet {HANGER}", "quick": "a red cherry"}, corpus="x")
        good = [submit(service, {"a": f"apple {number}"}, corpus=f"y{number}") for number in range(1)]
        for job in good:
            assert wait_for(service, job).state is JobState.DONE
        assert service.job(ME, bad.id).state not in FINAL, "its next turn comes after theirs"
        failed = wait_for(service, bad)
        assert failed.state is JobState.FAILED and failed.error is not None
        assert failed.error["code"] == "job_stalled" and "slow" in failed.error["message"]
        assert found(service, "x") == {"quick"}


def test_a_long_job_makes_room_and_is_done_in_the_end(tmp_path: Path, hold: Path) -> None:
    hold.touch()
    with open_service(new_home(tmp_path), job_turn_s=0.3) as service:
        service.start()
        long = submit(service, {"a": "a green apple"}, corpus="x")
        while not hold.with_name("hold.reached").exists():
            time.sleep(0.02)
        short = submit(service, {"b": "a blue plum"}, corpus="y")
        time.sleep(1.0)
        hold.unlink()
        assert wait_for(service, short).state is JobState.DONE
        done = wait_for(service, long)
        assert (done.state, done.attempts, done.turns) == (JobState.DONE, 1, 1)
        assert service.job(ME, short.id).updated_at < done.updated_at


def test_a_job_that_makes_no_room_is_ended_but_loses_no_attempt(
    tmp_path: Path, hold: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_budget, "GRACE_S", 0.2)
    with open_service(new_home(tmp_path), job_turn_s=3.0) as service:
        service.start()
        bad = submit(service, {"a": HANGER}, corpus="x")
        wait_for(service, bad, JobState.RUNNING)
        assert wait_for(service, submit(service, {"b": "plum"}, corpus="y")).state is JobState.DONE
        now = service.job(ME, bad.id)
        assert now.state not in FINAL and now.turns >= 1 and now.attempts <= 1


def test_a_process_that_cannot_even_start_is_given_up(
    tmp_path: Path, hold: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_process, "MODULE", "no_such_module")
    with open_service(new_home(tmp_path)) as service:
        service.start()
        failed = wait_for(service, submit(service, {"a": "apple"}))
        assert failed.state is JobState.FAILED and failed.attempts == 3 and failed.error is not None
        assert failed.error["code"] == "job_crashed" and "exit code 1" in failed.error["message"]


def test_a_server_that_dies_with_every_job_goes_on_to_other_corpora(tmp_path: Path, hold: Path) -> None:
    """As the kernel does with a container whose job eats all memory."""
    home = new_home(tmp_path)
    with open_service(home) as service:
        bad = submit(service, {"a": "x"}, corpus="x")
        good = submit(service, {"b": "y"}, corpus="y")
        for attempt in range(1, 4):
            first = service._catalog.jobs.next_queued()
            assert first is not None and first.id == (bad.id if attempt == 1 else good.id)
            assert service.desk.claim(bad.id, 2**22 + attempt)
            service._runner._reclaim()
        given_up = service.job(ME, bad.id)
        assert given_up.state is JobState.FAILED and given_up.attempts == 3 and given_up.error is not None
        assert given_up.error["code"] == "job_crashed"
        assert service.job(ME, good.id).state is JobState.QUEUED


def test_a_job_left_by_a_dead_server_can_be_cancelled_at_once(tmp_path: Path) -> None:
    with open_service(new_home(tmp_path)) as service:
        job = submit(service, {"a": "x"})
        assert service.desk.claim(job.id, 2**22 + 1)
        assert service.cancel_job(ME, job.id).state is JobState.CANCELLED
        assert not (service.settings.home / "spool" / job.id).exists()


def test_a_process_ends_with_its_server_also_while_it_hangs(tmp_path: Path, hold: Path) -> None:
    """The server is a process of its own here; it starts a job that hangs, and is killed."""
    home = new_home(tmp_path)
    code = (
        "import sys, time, hash_child\n"
        "from ragsvc.service import job_process\n"
        "job_process.MODULE = 'hash_child'\n"
        f"service = hash_child.HashService.open(hash_child.Settings(home={str(home)!r}, embedder='hash'))\n"
        "service.start()\n"
        "time.sleep(600)\n"
    )
    with open_service(home) as service:
        job = submit(service, {"a": HANGER})
        server = subprocess.Popen([sys.executable, "-c", code], cwd=HERE)
        try:
            pid = wait_for(service, job, JobState.RUNNING).pid
            assert pid is not None and is_job_process(pid, home)
            assert not is_job_process(pid, tmp_path / "elsewhere"), "of another home it is a stranger"
        finally:
            server.kill()
            server.wait()
        deadline = time.monotonic() + 10
        while is_job_process(pid, home):
            assert time.monotonic() < deadline, "the kernel ends it"
            time.sleep(0.02)


def test_what_outlived_its_server_is_ended_before_its_job_is_done_again(tmp_path: Path, hold: Path) -> None:
    """Where the kernel gives no signal, and stdin is held open by another process."""
    home = new_home(tmp_path)
    with open_service(home) as service:
        stray = JobProcess(settings_of(home))
        job = submit(service, {"a": "an apple"})
        hold.touch()
        stray.begin(job.id)
        wait_for(service, job, JobState.RUNNING)
        service.start()
        deadline = time.monotonic() + 20
        while stray.exit_code is None:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        hold.unlink()
        assert wait_for(service, job).state is JobState.DONE
        stray.close()
        assert end_job_process(stray._child.pid, home)


def test_a_budget_counts_from_the_last_sign_of_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(job_budget.time, "monotonic", lambda: clock[0])
    settings = settings_of(tmp_path, job_stall_s=10, parse_timeout_s=5, job_turn_s=100)

    def made(at: str) -> Job:
        return Job(
            id="j",
            kind=JobKind.INGEST,
            corpus="c",
            state=JobState.RUNNING,
            done=0,
            total=0,
            unit="",
            payload={},
            result=None,
            error=None,
            owner="",
            created_at="",
            updated_at=at,
            pid=1,
            cancel_requested=False,
        )

    watched = JobBudget(made("0"), settings)
    assert watched.judge(made("0"), False) is JobVerdict.GO_ON
    for moment, sign, verdict in (
        (14, "0", "go on"),
        (28, "1", "go on"),
        (42, "1", "go on"),
        (44, "1", "stalled"),
    ):
        clock[0] = moment
        assert watched.judge(made(sign), watched.turn_is_over) is JobVerdict(verdict), moment
    clock[0] = 101
    assert watched.turn_is_over
    assert watched.judge(made("2"), True) is JobVerdict.ASK
    clock[0] = 110
    assert watched.judge(made("2"), True) is JobVerdict.GO_ON
    clock[0] = 112
    assert watched.judge(made("2"), True) is JobVerdict.END


reports = st.fixed_dictionaries(
    {
        "commit": st.integers(0, 9),
        "n": st.integers(),
        "d": st.dictionaries(st.sampled_from("ab"), st.integers()),
    },
    optional={"failures": st.lists(st.integers())},
)


@given(st.lists(reports, min_size=1, max_size=5))
def test_sums_of_reports_do_not_depend_on_how_they_are_grouped(made: list[dict[str, Any]]) -> None:
    total: dict[str, Any] = made[0]
    for report in made[1:]:
        total = summed(total, report)
    nested = made[-1]
    for report in reversed(made[:-1]):
        nested = summed(report, nested)
    assert total == nested
    assert total["n"] == sum(report["n"] for report in made)
    assert total.get("failures", []) == [item for report in made for item in report.get("failures", [])]


def test_old_jobs_age_out_and_others_stay(tmp_path: Path) -> None:
    with open_service(new_home(tmp_path), keep_jobs=3) as service:
        catalog = service._catalog
        made = [catalog.jobs.create(ME, JobKind.INGEST, "c", {}) for _ in range(6)]
        for job in made[:5]:
            catalog.jobs.finish(job.id, JobState.DONE, {"failures": [{"source": "a"}] * 20, "commit": 1})
        service._runner._sweep()
        page, following = service.jobs(ME)
        assert [job.id for job in page] == [job.id for job in reversed(made[2:])] and following is None
        assert page[1].result == {"commit": 1, "counts": {"failures": 20}}
        whole = service.job(ME, made[4].id).result
        assert whole is not None and len(whole["failures"]) == 20
        assert catalog.jobs.expire("9999", 3) == 3
        assert [job.id for job in service.jobs(ME)[0]] == [made[5].id], "what is not over stays"


def test_pages_of_jobs_hold_each_once(tmp_path: Path) -> None:
    with open_service(new_home(tmp_path)) as service:
        catalog = service._catalog
        made = [catalog.jobs.create(ME, JobKind.INGEST, "ab"[number % 2], {}).id for number in range(7)]
        seen, cursor = [], None
        while True:
            page, cursor = service.jobs(ME, cursor=cursor, limit=2)
            seen += [job.id for job in page]
            if cursor is None:
                break
        assert seen == made[::-1]
