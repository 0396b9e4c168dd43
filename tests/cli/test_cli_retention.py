"""`ragsvc gc` over a service with a catalog of its own."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from doubles import CORPUS, ME, new_home, open_service, upload

from ragsvc.settings import Settings
from ragsvc.store.lock import WriterLock

KEYS = [
    "dry_run", "commits", "documents", "versions", "chunks", "vectors", "terms", "indexes", "freed_bytes",
    "reusable_bytes", "kept", "postponed", "seconds",
]  # fmt: skip


class RealService:
    """Opens what `main` asks for, with an embedder that needs no model."""

    @staticmethod
    def open(settings: Settings):
        return open_service(settings.home, lock_timeout_s=0.3, keep_commits=settings.keep_commits)


@pytest.fixture
def service() -> RealService:
    return RealService()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = new_home(tmp_path)
    with open_service(home) as service:
        for n in range(4):
            upload(service, {"a": f"Apple number{n}. " * 300})
        service.maintenance.set_tag(ME, CORPUS, "v1", at="1")
    monkeypatch.setenv("RAGSVC_HOME", str(home))
    return home


def test_gc_gives_the_same_numbers_dry_and_wet(run):
    planned = run("gc", "--keep", "1", "--dry-run", "--json")
    done = run("gc", CORPUS, "--keep", "1", "--json")
    assert planned.code == done.code == 0
    assert list(planned.json) == list(done.json) == KEYS
    assert planned.json["dry_run"] and not done.json["dry_run"]
    numbers = KEYS[1:8]
    assert [planned.json[key] for key in numbers] == [done.json[key] for key in numbers]
    assert done.json["commits"] == done.json["versions"] == 2
    assert done.json["kept"] == ["c: the newest commit", "c: commit 1, tag v1"]
    assert done.json["postponed"] is None
    ran = run("search", CORPUS, "apple", "--at", "2", "--json")
    assert ran.code == 1 and ran.json["error"]["code"] == "commit_collected"
    assert run("search", CORPUS, "apple", "--at", "v1", "--json").code == 0


def test_gc_for_people(run, monkeypatch):
    monkeypatch.setenv("RAGSVC_KEEP_COMMITS", "2")
    ran = run("gc", "--dry-run")
    assert ran.code == 0
    assert ran.out.startswith("would be removed: 1 commits with 1 states of documents; 1 texts, ")
    assert "disk" not in ran.out
    ran = run("gc")
    assert ran.out.startswith("removed: 1 commits")
    assert "kept: c: commit 1, tag v1\n" in ran.out
    assert "--vacuum gives them back" in ran.out
    ran = run("gc", "--vacuum")
    assert "given back to the disk" in ran.out and "--vacuum" not in ran.out


def test_gc_that_cannot_be(run, home):
    assert run("gc", "--keep", "0").code == 2
    ran = run("gc", "nothing", "--json")
    assert ran.code == 1 and ran.json["error"]["code"] == "corpus_not_found"
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with WriterLock(home).hold(0):
            entered.set()
            leave.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    assert entered.wait(30)
    try:
        assert run("gc", "--dry-run").code == 0, "a dry run waits for nobody"
        ran = run("gc", "--json")
        assert ran.code == 1 and ran.json["error"]["code"] == "writer_busy"
        assert "waiting" in ran.err
    finally:
        leave.set()
        thread.join()


def test_gc_beside_an_ingest_says_so(run, home):
    with open_service(home) as service, service._catalog.pins.pinned("ingest of c"):
        ran = run("gc", "--keep", "1")
        assert ran.code == 0
        assert "left alone, ingest of c (process" in ran.err and "run gc again" in ran.err
