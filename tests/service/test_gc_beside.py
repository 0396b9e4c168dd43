"""gc beside readers and writers, and gc that is killed: nothing is missing, nothing fails."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from doubles import CORPUS, ME, new_home, open_service, same_hits, search, upload
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from ragsvc.domain import Collapse, CollectReport, Mode, SearchRequest, SearchResult
from ragsvc.errors import CommitCollected, RagsvcError
from ragsvc.service.service import Service
from ragsvc.store import tables

HERE = Path(__file__).parent
ROUNDS = 8
LIMIT_S = 40.0


def row_counts(service: Service) -> dict[str, int]:
    with service._catalog._db.read() as connection:
        return {
            name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in tables.metadata.tables.items()
            if name not in ("counter", "pin")
        }


def shown(result: SearchResult) -> set[str]:
    """Documents and the generation of their texts."""
    return {f"{hit.passage.document_id} {hit.passage.text.split()[1]}" for hit in result.hits}


class Crowd:
    """Threads that go on until the writer has done enough.

    truth: what each commit holds. seen: (what looked, commit, what it found).
    """

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.truth: dict[int, set[str]] = {}
        self.seen: list[tuple[str, int, set[str]]] = []
        self.problems: list[str] = []
        self.reports: list[CollectReport] = []

    def run(self, *tasks: Callable[[], None]) -> None:
        threads = [threading.Thread(target=self._loop, args=(task,)) for task in tasks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _loop(self, task: Callable[[], None]) -> None:
        deadline = time.monotonic() + LIMIT_S
        while not self.stop.is_set() and time.monotonic() < deadline:
            try:
                task()
            except Exception as error:
                self.problems.append(repr(error))
            time.sleep(0.01)

    def write(self, service: Service) -> None:
        n = len(self.truth) // 2
        report = upload(service, {f"d{i}": f"word g{n} of text {i}" for i in range(4)})
        self.truth[report.commit] = {f"d{i} g{n}" for i in range(4)} | {"still gx"}
        commit = service.delete_document(ME, CORPUS, f"d{n % 4}")
        self.truth[commit] = self.truth[report.commit] - {f"d{n % 4} g{n}"}
        if n >= ROUNDS:
            self.stop.set()

    def read(self, service: Service, mode: Mode, where: dict[str, object] | None) -> None:
        result = search(service, "word text", mode, k=50, collapse=Collapse.OFF, where=where)
        self.seen.append((f"{mode} {where}", result.commit, shown(result)))

    def look_back(self, service: Service) -> None:
        for number in list(self.truth)[-3:]:
            request = SearchRequest(
                corpora=(CORPUS,), query="word text", k=50, collapse=Collapse.OFF, at=str(number)
            )
            with suppress(CommitCollected):
                result = service.search(ME, request)
                self.seen.append((f"at {number}", result.commit, shown(result)))

    def check(self, service: Service) -> None:
        self.problems += [repr(problem) for problem in service.maintenance.verify(ME, None).problems]
        documents, _ = service.documents(ME, CORPUS, cursor=None, limit=10)
        held = {document.document_id for document in documents}
        if "still" not in held or len(held) not in (4, 5):
            self.problems.append(f"listed {held}")
        found = service.document(ME, CORPUS, "still")
        self.problems += [] if found.born == 1 else [f"still is of {found.born}"]

    def collect(self, service: Service) -> None:
        self.reports.append(service.maintenance.collect(ME, None, keep=1))
        # The others poll for the lock.
        time.sleep(0.1)


def test_searches_beside_gc_and_writers_see_whole_commits(tmp_path: Path) -> None:
    """Every commit replaces most texts, and gc takes it as soon as there is another."""
    home = new_home(tmp_path)
    crowd = Crowd()
    everything = {"_id": {"$ne": "nothing"}}
    with open_service(home) as writer, open_service(home) as reader, open_service(home) as follower:
        upload(writer, {"still": "word gx of text"})
        crowd.truth[1] = {"still gx"}
        crowd.write(writer)
        follower._follower.start()
        crowd.run(
            partial(crowd.write, writer),
            partial(crowd.collect, reader),
            partial(crowd.look_back, reader),
            partial(crowd.check, follower),
            partial(crowd.read, reader, Mode.HYBRID, None),
            partial(crowd.read, reader, Mode.LEXICAL, everything),
            partial(crowd.read, follower, Mode.HYBRID, everything),
            partial(crowd.read, follower, Mode.DENSE, None),
        )
        assert crowd.problems == []
        assert [(what, number) for what, number, found in crowd.seen if found != crowd.truth[number]] == []
        assert len({number for _, number, _ in crowd.seen}) > ROUNDS / 2
        assert sum(report.commits for report in crowd.reports) > ROUNDS / 2
        # Whatever came between: the last one leaves what the head needs and no more.
        reader.maintenance.collect(ME, None, keep=1)
        rows = row_counts(reader)
        live = len(crowd.truth[max(crowd.truth)])
        assert [rows[name] for name in ("membership", "document_version", "chunk", "vector")] == [live] * 4


words = st.sampled_from(["apple", "pear", "plum", "fig", "lemon"])
texts = st.lists(words, min_size=1, max_size=6).map(" ".join)
steps = st.one_of(
    st.tuples(st.just("put"), st.sampled_from("abcd"), texts),
    st.tuples(st.just("put"), st.sampled_from("abcd"), texts),
    st.tuples(st.just("delete"), st.sampled_from("abcd"), st.just("")),
    st.tuples(st.just("tag"), st.sampled_from(["v1", "v2"]), st.just("")),
    st.tuples(st.just("rollback"), st.integers(0, 5), st.just("")),
    st.tuples(st.just("reindex"), st.integers(16, 18), st.just("")),
    st.tuples(st.just("gc"), st.integers(1, 5), st.just("")),
)


def do(service: Service, step: tuple[str, object, str]) -> None:
    """One step of a history; what cannot be done then is left out."""
    verb, what, text = step
    try:
        if verb == "put":
            upload(service, {str(what): text, "anchor": "an apple"})
        elif verb == "delete":
            service.delete_document(ME, CORPUS, str(what))
        elif verb == "tag":
            service.maintenance.set_tag(ME, CORPUS, str(what), move=True)
        elif verb == "rollback":
            service.maintenance.rollback(ME, CORPUS, f"head~{what}")
        elif verb == "reindex":
            service.maintenance.reindex(ME, CORPUS, chunk_tokens=int(str(what)))
        else:
            service.maintenance.collect(ME, None, keep=int(str(what)))
    except RagsvcError:
        assert verb != "gc"


def found_at(service: Service, commits: list[int]) -> list[SearchResult]:
    requests = [
        SearchRequest(corpora=(CORPUS,), query=query, k=50, mode=mode, at=str(number))
        for number in commits
        for query in ("apple fig", "the plum")
        for mode in (Mode.HYBRID, Mode.LEXICAL)
    ]
    return [service.search(ME, request) for request in requests]


@given(history=st.lists(steps, min_size=4, max_size=14), keep=st.integers(1, 4))
@settings(max_examples=6, deadline=None)
def test_every_kept_commit_is_found_as_before(history: list[tuple[str, object, str]], keep: int) -> None:
    base = Path(tempfile.mkdtemp(prefix="ragsvc-gc-"))
    try:
        with open_service(new_home(base)) as service:
            upload(service, {"a": "apple fig", "b": "pear plum"})
            for step in history:
                do(service, step)
            log = service.maintenance.log(ME, CORPUS, limit=100)
            kept = [
                entry.id
                for place, entry in enumerate(log)
                if not entry.collected and (place < keep or entry.tags)
            ]
            before = found_at(service, kept)
            planned = service.maintenance.collect(ME, None, keep=keep, dry_run=True)
            report = service.maintenance.collect(ME, None, keep=keep)
            assert (report.commits, report.documents, report.versions, report.chunks, report.vectors) == (
                planned.commits, planned.documents, planned.versions, planned.chunks, planned.vectors,
            )  # fmt: skip
            assert report.terms == planned.terms and report.indexes == planned.indexes
            rows = row_counts(service)
            for opened in (service, open_service(service.settings.home)):
                for one, other in zip(found_at(opened, kept), before, strict=True):
                    same_hits(one, other)
            log = service.maintenance.log(ME, CORPUS, limit=100)
            assert {entry.id for entry in log if not entry.collected} == set(kept)
            service.maintenance.collect(ME, None, keep=keep)
            assert row_counts(service) == rows, "one gc finds all"
            # What went comes back like anything new.
            upload(service, {"a": "apple fig", "b": "pear plum"})
            assert {hit.passage.document_id for hit in search(service, "fig").hits} >= {"a"}
            assert service.maintenance.verify(ME, None).problems == ()
    finally:
        shutil.rmtree(base)


@pytest.fixture
def zygote() -> Iterator[subprocess.Popen[str]]:
    """Forks a gc for each line [home, point]; answers with its exit code and the points it passed."""
    code = (
        "import json, os, sys\n"
        "from pathlib import Path\n"
        "from doubles import ME, open_service\n"
        "from ragsvc import crashpoints\n"
        "for line in sys.stdin:\n"
        "    home, point = json.loads(line)\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        def die(name):\n"
        "            print(name, flush=True)\n"
        "            if name == point: os.kill(os.getpid(), 9)\n"
        "        crashpoints.install(die)\n"
        "        with open_service(Path(home)) as service:\n"
        "            service.maintenance.collect(ME, None, keep=1, vacuum=True)\n"
        "        os._exit(0)\n"
        "    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)\n"
    )
    path = os.pathsep.join([str(HERE.parent), *sys.path])
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    with process:
        yield process


def killed(zygote: subprocess.Popen[str], home: Path, point: str) -> tuple[int, list[str]]:
    assert zygote.stdin is not None and zygote.stdout is not None
    zygote.stdin.write(json.dumps([str(home), point]) + "\n")
    zygote.stdin.flush()
    passed = []
    while (line := zygote.stdout.readline().strip()) and not line.lstrip("-").isdigit():
        passed.append(line)
    return int(line), passed


def test_killed_at_every_point_and_continued(tmp_path: Path, zygote: subprocess.Popen[str]) -> None:
    blank = new_home(tmp_path)
    with open_service(blank) as service:
        for n in range(4):
            upload(service, {"a": f"word{n} apple", f"b{n % 2}": f"fig {n // 2} lemon"})
        service.maintenance.reindex(ME, CORPUS, chunk_tokens=16)
        upload(service, {"a": "the last apple"})
        before = [search(service, query) for query in ("apple lemon", "last fig")]
        planned = service.maintenance.collect(ME, None, keep=1, dry_run=True)
        assert planned.commits == 5 and planned.indexes == 1 and planned.terms
    whole = tmp_path / "whole"
    shutil.copytree(blank, whole)
    code, points = killed(zygote, whole, "")
    assert code == 0 and "store.collect_content.inside" in points and "store.vacuum" in points
    with open_service(whole) as service:
        rows = row_counts(service)
        assert service.maintenance.verify(ME, None).problems == ()
    for point in dict.fromkeys(points):
        home = tmp_path / point
        shutil.copytree(blank, home)
        assert killed(zygote, home, point)[0] == -signal.SIGKILL
        with open_service(home) as service:
            for one, query in zip(before, ("apple lemon", "last fig"), strict=True):
                same_hits(search(service, query), one)
            service.maintenance.collect(ME, None, keep=1, vacuum=True)
            assert row_counts(service) == rows
            corpus = next(path for path in home.iterdir() if len(path.name) == 32)
            assert len(list(corpus.iterdir())) == 1
