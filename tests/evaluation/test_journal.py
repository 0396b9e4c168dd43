"""An interrupted evaluation goes on: what was done is taken over, whatever killed it."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ragsvc.errors import StorageError
from ragsvc.evaluation.journal import KEPT_S, Journal, key_of
from ragsvc.evaluation.report import Item

KEY = "k" * 64
ITEMS = [Item(f"q{n}", f"ä {n}?", {"x.ndcg@10": n / 3}, {"found": {"x": ["a", "b"]}}) for n in range(5)]

DYING = """
import sys, time
from pathlib import Path
from ragsvc.evaluation.journal import Journal
from ragsvc.evaluation.report import Item

journal = Journal(Path(sys.argv[1]), sys.argv[2])
for number in range(3):
    journal.add(Item(f"q{number}", "?", {"a": number / 7}))
print("ready", flush=True)
time.sleep(60)
"""


def interrupted(home: Path, items: list[Item], key: str = KEY) -> Path:
    with pytest.raises(KeyboardInterrupt), Journal(home, key) as journal:
        for item in items:
            journal.add(item)
        raise KeyboardInterrupt
    return home / "evaluations" / f"{key}.jsonl"


def test_an_interrupted_run_is_taken_over_and_a_finished_one_leaves_nothing(tmp_path: Path) -> None:
    path = interrupted(tmp_path, ITEMS[:3])
    with Journal(tmp_path, KEY) as journal:
        assert list(journal.items.values()) == ITEMS[:3]
        journal.add(ITEMS[3])
        assert path.stat().st_size
    assert list(path.parent.iterdir()) == []
    with Journal(tmp_path, KEY) as journal:
        assert journal.items == {}


def test_a_file_that_cannot_grow_is_said_and_keeps_what_it_has(tmp_path: Path) -> None:
    def fill() -> None:
        with Journal(tmp_path, KEY) as journal:
            for item in ITEMS:
                journal.add(replace(item, text="x" * 1000))

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, limits[1]))
    try:
        with pytest.raises(StorageError, match=KEY):
            fill()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    with Journal(tmp_path, KEY) as journal:
        assert list(journal.items) == ["q0", "q1"]


def test_a_fresh_run_forgets(tmp_path: Path) -> None:
    interrupted(tmp_path, ITEMS)
    with Journal(tmp_path, KEY, fresh=True) as journal:
        assert journal.items == {}


@pytest.mark.parametrize("cut", [1, 20, 10_000])
def test_a_torn_line_is_done_again(tmp_path: Path, cut: int) -> None:
    path = interrupted(tmp_path, ITEMS[:2])
    whole = path.read_bytes()
    path.write_bytes(whole[: max(len(whole) - cut, 0)])
    kept = 1 if cut < 1000 else 0
    interrupted(tmp_path, [])
    assert path.read_bytes() == b"".join(whole.splitlines(keepends=True)[:kept])
    with Journal(tmp_path, KEY) as journal:
        assert list(journal.items.values()) == ITEMS[:kept]


@pytest.mark.parametrize(
    "line", [b"\xff\xfe\n", b"[]\n", b'{"id": "x"}\n', b'{"id": 1, "more": 2}\n', b"\0" * 9]
)
def test_a_damaged_line_ends_what_is_taken_over(tmp_path: Path, line: bytes) -> None:
    path = interrupted(tmp_path, ITEMS[:2])
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + line + second)
    with Journal(tmp_path, KEY) as journal:
        assert list(journal.items.values()) == ITEMS[:1]


def test_a_killed_process_loses_nothing_that_it_recorded(tmp_path: Path) -> None:
    command = [sys.executable, "-c", DYING, str(tmp_path), KEY]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        # Two at once: the second works by itself, and takes nothing away from the first.
        with Journal(tmp_path, KEY) as other:
            assert other.items == {}
            other.add(ITEMS[0])
        process.send_signal(signal.SIGKILL)
    with Journal(tmp_path, KEY) as journal:
        assert [item.values["a"] for item in journal.items.values()] == [0 / 7, 1 / 7, 2 / 7]


def test_journals_nobody_went_on_with_go_after_a_week(tmp_path: Path) -> None:
    old, young = interrupted(tmp_path, ITEMS, "a" * 64), interrupted(tmp_path, ITEMS, "b" * 64)
    before = time.time() - KEPT_S - 60
    os.utime(old, (before, before))
    with Journal(tmp_path, KEY):
        assert not old.exists()
        assert young.exists()


def test_keys_tell_what_decides_apart() -> None:
    decides = {"questions": "a", "settings": {"k": 10, "where": {"a": 1, "b": 2}}}
    same = {"settings": {"where": {"b": 2, "a": 1}, "k": 10}, "questions": "a"}
    assert key_of(decides) == key_of(same)
    assert key_of(decides) != key_of({**decides, "questions": "b"})
