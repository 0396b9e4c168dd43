"""A sync killed anywhere: the last commit is there, nothing half, and running it again ends as fresh."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from doubles import CORPUS, ME, ingest, new_home, open_service, same_hits, search

from ragsvc.domain import Mode, SearchResult
from ragsvc.service.service import Service

HERE = Path(__file__).parent
BEFORE_PUBLISH = [
    "store.create_corpus.inside",
    "store.put_parsed.before",
    "store.put_parsed.inside",
    "store.put_parsed.after",
    "store.put_vectors.inside",
    "store.put_vectors.after",
    "store.put_chunks.inside",
    "store.put_chunks.after",
    "store.publish.before",
    "store.publish.between",
    "store.publish.inside",
]
AFTER_PUBLISH = [
    "store.publish.after",
    "index.files.before_fsync",
    "index.files.before_rename",
    "index.files.after_rename",
    "index.files.before_manifest_rename",
    "index.files.after_manifest_rename",
    "index.files.before_sweep",
]


@dataclass
class World:
    """A home at the first state, its folder at the second, and what fresh builds of both find."""

    home: Path
    folder: Path
    before: list[SearchResult]
    after: list[SearchResult]
    zygote: subprocess.Popen[str]

    def killed(self, copy: Path, point: str = "", seconds: float = 0.0) -> int:
        shutil.copytree(self.home, copy)
        assert self.zygote.stdin is not None and self.zygote.stdout is not None
        self.zygote.stdin.write(json.dumps([str(copy), str(self.folder), point, seconds]) + "\n")
        self.zygote.stdin.flush()
        return int(self.zygote.stdout.readline())


def answers(service: Service) -> list[SearchResult]:
    return [search(service, query, mode, k=50) for query in ("green apple", "old new text") for mode in Mode]


def same(found: list[SearchResult], expected: list[SearchResult]) -> None:
    for one, other in zip(found, expected, strict=True):
        same_hits(one, other)


def fresh(parent: Path, name: str, folder: Path) -> list[SearchResult]:
    with open_service(new_home(parent, name)) as service:
        ingest(service, folder)
        return answers(service)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    base = tmp_path_factory.mktemp("kill")
    folder = base / "docs"
    folder.mkdir()
    for n in range(4):
        (folder / f"f{n}.md").write_text(f"# File {n}\n\nThe old text of a green apple, number {n}.\n")
    (folder / "l.jsonl").write_text(
        '{"id": "one", "text": "old plums"}\n{"id": "two", "text": "old kiwis"}\n'
    )
    home = new_home(base)
    with open_service(home) as service:
        ingest(service, folder)
        before = answers(service)
    (folder / "f0.md").unlink()
    (folder / "f1.md").rename(folder / "g.md")
    (folder / "f2.md").write_text("# File 2\n\nThe new text is long. " + "A red apple fell. " * 40)
    (folder / "l.jsonl").write_text(
        '{"id": "one", "text": "new plums"}\n{"id": "three", "text": "new figs"}\n'
    )
    path = os.pathsep.join([str(HERE), str(HERE.parent), *sys.path])
    zygote = subprocess.Popen(
        [sys.executable, str(HERE / "crash_zygote.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    with zygote:
        yield World(home, folder, before, fresh(base, "fresh", folder), zygote)


def check_and_run_again(world: World, home: Path, visible: list[list[SearchResult]]) -> None:
    with open_service(home) as service:
        found = answers(service)
        problems = []
        for expected in visible:
            try:
                same(found, expected)
                break
            except AssertionError as error:
                problems.append(error)
        else:
            raise problems[-1]
        ingest(service, world.folder)
        assert service._catalog.latest_commit() == 2, "no number is lost or used twice"
        assert ingest(service, world.folder).embedded == 0
        same(answers(service), world.after)
        with service._catalog._db.read() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        documents, _ = service.documents(ME, CORPUS, cursor=None, limit=100)
        assert [d.document_id for d in documents] == ["docs/f2.md", "docs/f3.md", "docs/g.md", "one", "three"]
    with open_service(home) as reopened:
        same(answers(reopened), world.after)


@pytest.mark.parametrize("point", [*BEFORE_PUBLISH, *AFTER_PUBLISH])
def test_killed_at_every_point(world: World, tmp_path: Path, point: str) -> None:
    home = tmp_path / "home"
    assert world.killed(home, point) == -signal.SIGKILL
    check_and_run_again(world, home, [world.before if point in BEFORE_PUBLISH else world.after])


@pytest.mark.parametrize("point", ["store.put_parsed.after", "store.publish.inside", "store.publish.after"])
def test_killed_in_the_very_first_sync(world: World, tmp_path: Path, point: str) -> None:
    blank = World(new_home(tmp_path, "blank"), world.folder, [], [], world.zygote)
    home = tmp_path / "home"
    assert blank.killed(home, point) == -signal.SIGKILL
    with open_service(home) as service:
        visible = (
            world.after if point == "store.publish.after" else [replace(r, hits=()) for r in world.after]
        )
        same(answers(service), visible)
        ingest(service, world.folder)
        assert service._catalog.latest_commit() == 1
        same(answers(service), world.after)


def test_killed_at_any_time(world: World, tmp_path: Path) -> None:
    begun = time.perf_counter()
    assert world.killed(tmp_path / "whole") == 0
    whole = time.perf_counter() - begun
    for number in range(1, 9):
        home = tmp_path / f"home{number}"
        assert world.killed(home, seconds=whole * number / 9) in (-signal.SIGALRM, 0)
        check_and_run_again(world, home, [world.before, world.after])
