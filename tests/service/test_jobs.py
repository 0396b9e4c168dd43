"""Jobs: they survive whoever asked for them, end in one state, and leave no uploads behind."""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from doubles import CORPUS, ME, new_home, open_service, search

from ragsvc.domain import InlineDocument, Job, JobState
from ragsvc.errors import CorpusNotFound, InvalidName, JobNotFound, Overloaded
from ragsvc.service import job_budget, job_process, job_runner, spool
from ragsvc.service.service import Service

HERE = Path(__file__).parent
FINAL = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


@pytest.fixture
def hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """While this file exists, jobs wait before they embed."""
    path = tmp_path / "hold"
    monkeypatch.setenv("HOLD_EMBEDDING", str(path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, [HERE, HERE.parent, HERE.parent.parent])))
    monkeypatch.setattr(job_process, "MODULE", "hash_child")
    return path


def submit(service: Service, text: str = "a green apple", corpus: str = CORPUS) -> Job:
    documents = [InlineDocument("inline", text, "Title", {"n": 1})]
    return service.submit_ingest(
        ME, corpus, documents, {"dir/f.md": io.BytesIO(f"# File\n\n{text}".encode())}
    )


def wait_for(service: Service, job: Job, accept: Callable[[Job], bool]) -> Job:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        now = service.job(ME, job.id)
        if accept(now):
            return now
        time.sleep(0.02)
    raise AssertionError(f"still {now}")


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 90
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


def ended(service: Service, job: Job) -> Job:
    return wait_for(service, job, lambda now: now.state in FINAL)


def running(service: Service, job: Job) -> Job:
    """Wait until the job embeds, and is held there."""
    reached = Path(f"{os.environ['HOLD_EMBEDDING']}.reached")
    now = wait_for(service, job, lambda now: now.state is JobState.RUNNING and reached.exists())
    reached.unlink()
    return now


def spools(service: Service) -> list[str]:
    return sorted(path.name for path in (service.settings.home / "spool").glob("*"))


def spools_gone(service: Service) -> bool:
    # The row is final a moment before the folder goes.
    deadline = time.monotonic() + 10
    while spools(service) and time.monotonic() < deadline:
        time.sleep(0.02)
    return spools(service) == []


def test_a_job_runs_reports_and_can_be_searched_when_it_is_seen_done(tmp_path: Path, hold: Path) -> None:
    hold.touch()
    with open_service(new_home(tmp_path)) as service:
        service.start()
        job = submit(service)
        assert (job.state, spools(service)) == (JobState.QUEUED, [job.id])
        now = running(service, job)
        assert now.total == 1 and now.unit in ("files", "documents")
        queued = submit(service, "never read")
        also = submit(service, "a blue plum", corpus="other")
        assert service.cancel_job(ME, queued.id).state is JobState.CANCELLED
        assert spools(service) == sorted([job.id, also.id])
        hold.unlink()
        done = ended(service, job)
        assert done.state is JobState.DONE and done.error is None
        assert done.result is not None and done.result["documents"]["added"] == 2
        assert {hit.passage.document_id for hit in search(service, "apple").hits} == {"inline", "dir/f.md"}
        assert ended(service, also).state is JobState.DONE
        assert service.job(ME, queued.id).state is JobState.CANCELLED
        assert service.document(ME, CORPUS, "dir/f.md").source == "upload"
        assert spools_gone(service)


def test_a_running_job_stops_when_asked_and_publishes_nothing(tmp_path: Path, hold: Path) -> None:
    hold.touch()
    with open_service(new_home(tmp_path)) as service:
        service.start()
        job = submit(service)
        running(service, job)
        assert service.cancel_job(ME, job.id).cancel_requested
        time.sleep(0.3)
        hold.unlink()
        assert ended(service, job).state is JobState.CANCELLED
        with pytest.raises(CorpusNotFound):
            service.corpus(ME, CORPUS)
        assert spools_gone(service)


def test_a_job_that_does_not_listen_is_ended(
    tmp_path: Path, hold: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_budget, "GRACE_S", 0.3)
    hold.touch()
    with open_service(new_home(tmp_path)) as service:
        service.start()
        job = submit(service)
        running(service, job)
        service.cancel_job(ME, job.id)
        assert ended(service, job).state is JobState.CANCELLED
        assert spools_gone(service)
        hold.unlink()
        assert ended(service, submit(service)).state is JobState.DONE, "the next one gets a new process"


def test_jobs_of_a_stopped_server_run_with_the_next_one(tmp_path: Path, hold: Path) -> None:
    home = new_home(tmp_path)
    hold.touch()
    with open_service(home) as service:
        service.start()
        first = submit(service)
        pid = running(service, first).pid
        second = submit(service, "a red cherry", corpus="other")
        abandoned = service.new_spool()
        abandoned.file("half.txt").write_text("an upload that broke off")
        abandoned.release()
    assert pid is not None and not Path(f"/proc/{pid}").exists(), "closing ends the process"
    with open_service(home) as service:
        now = service.job(ME, first.id)
        assert (now.state, now.attempts) == (JobState.QUEUED, 0), "who stops a server takes no attempt away"
        service.start()
        running(service, first)
        assert spools(service) == sorted([first.id, second.id])
        hold.unlink()
        for job in (first, second):
            assert ended(service, job).state is JobState.DONE
        assert len(search(service, "apple").hits) == 2
        assert spools_gone(service)


def test_one_of_two_servers_runs_the_jobs_and_the_other_takes_over(tmp_path: Path, hold: Path) -> None:
    home = new_home(tmp_path)
    hold.touch()
    with open_service(home) as other:
        with open_service(home) as holder:
            holder.start()
            first = submit(holder)
            running(holder, first)
            other.start()
            second = submit(other, "a blue plum", corpus="other")
            time.sleep(2 * job_runner.STAND_S)
            assert other.job(ME, second.id).state is JobState.QUEUED, "one job at a time in the whole home"
            assert other._runner._process is None
        hold.unlink()
        closed = time.monotonic()
        for job in (first, second):
            assert ended(other, job).state is JobState.DONE
        assert time.monotonic() - closed < 10


def test_a_job_whose_process_died_elsewhere_runs_again_under_a_holder_at_work(
    tmp_path: Path, hold: Path
) -> None:
    with open_service(new_home(tmp_path)) as service:
        service.start()
        wait_until(lambda: service._runner._election.won)
        hold.touch()
        blocking = submit(service)
        running(service, blocking)
        orphan = submit(service, "a grey pear", corpus="other")
        assert service.desk.claim(orphan.id, 2**22 + 1)
        hold.unlink()
        for job in (blocking, orphan):
            assert ended(service, job).state is JobState.DONE


def test_an_upload_under_way_elsewhere_is_not_swept(
    tmp_path: Path, hold: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_runner, "SWEEP_EVERY_S", 0.05)
    monkeypatch.setattr(job_runner, "LOOK_S", 0.05)
    home = new_home(tmp_path)
    with open_service(home) as holder, open_service(home) as other:
        arriving, broken = other.new_spool(), other.new_spool()
        arriving.file("f.md").write_text("a green apple")
        holder.start()
        broken.release()
        wait_until(lambda: spools(holder) == [arriving.id])
        time.sleep(0.3)
        assert spools(holder) == [arriving.id]
        job = other.submit_spool(ME, CORPUS, arriving, ())
        assert ended(other, job).state is JobState.DONE
        assert {hit.passage.document_id for hit in search(other, "apple").hits} == {"f.md"}


def test_a_spool_made_while_another_sweeps_is_whole(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    stop = threading.Event()

    def sweep() -> None:
        while not stop.is_set():
            spool.sweep_spools(home, lambda _: False)

    sweeper = threading.Thread(target=sweep)
    sweeper.start()
    made = []
    for number in range(200):
        made.append(spool.Spool.create(home))
        made[-1].file("a.md").write_text(str(number))
    stop.set()
    sweeper.join()
    for one in made:
        assert [path.name for path in one.folder.iterdir()] == ["000000.md"]
        one.discard()
    assert list((home / "spool").iterdir()) == []


def test_a_job_without_text_fails_with_words_for_a_person(tmp_path: Path, hold: Path) -> None:
    with open_service(new_home(tmp_path)) as service:
        service.start()
        failed = ended(service, service.submit_ingest(ME, CORPUS, [InlineDocument("blank", " \n")], {}))
        assert failed.state is JobState.FAILED and failed.error is not None
        assert failed.error["code"] == "invalid_request" and "'blank'" in failed.error["message"]
        assert spools_gone(service)


def test_what_is_refused_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_service(new_home(tmp_path)) as service:
        with pytest.raises(InvalidName):
            submit(service, corpus="No Name!")
        monkeypatch.setattr(job_runner, "MAX_QUEUED", 0)
        with pytest.raises(Overloaded):
            submit(service)
        assert (service.jobs(ME)[0], spools(service)) == ([], [])
        with pytest.raises(JobNotFound):
            service.job(ME, "nobody")


def test_deleting_a_corpus_takes_its_queued_jobs_and_their_uploads(tmp_path: Path) -> None:
    with open_service(new_home(tmp_path)) as service:
        service.ingest_inline(ME, CORPUS, [InlineDocument("a", "text")], {})
        gone, kept = submit(service), submit(service, corpus="other")
        service.delete_corpus(ME, CORPUS)
        assert [replace(job, updated_at="") for job in service.jobs(ME)[0]] == [
            replace(kept, updated_at="", payload={})
        ]
        assert spools(service) == [kept.id]
        with pytest.raises(JobNotFound):
            service.job(ME, gone.id)
        with pytest.raises(CorpusNotFound):
            service.corpus(ME, CORPUS)


def test_a_stranger_with_the_number_of_a_process_is_not_taken_for_a_job() -> None:
    for pid in (os.getpid(), 2**22 + 1, 0):
        assert not job_process.is_job_process(pid, Path("home"))
