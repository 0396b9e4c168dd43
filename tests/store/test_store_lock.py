"""The writer lock between processes and threads."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ragsvc.errors import HomeNotWritable, InternalError, WriterBusy
from ragsvc.store.lock import WriterLock

HOLD = """
import sys, time
from pathlib import Path
from ragsvc.store.lock import WriterLock
with WriterLock(Path(sys.argv[1])).hold():
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(home: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_process_waits_says_for_whom_and_gives_up(tmp_path: Path) -> None:
    lock, told = WriterLock(tmp_path), []
    with holder(tmp_path) as process:
        with pytest.raises(WriterBusy) as caught, lock.hold(0.2, told.append):
            pass
        assert str(process.pid) in caught.value.message
        assert len(told) == 1
        assert str(process.pid) in told[0]
        os.kill(process.pid, signal.SIGKILL)
        with lock.hold(5):
            assert lock.held
    assert not lock.held


def test_threads_of_one_process_exclude_each_other(tmp_path: Path) -> None:
    inside, most = 0, []

    def work() -> None:
        nonlocal inside
        with WriterLock(tmp_path).hold(10):
            inside += 1
            most.append(inside)
            time.sleep(0.01)
            inside -= 1

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 5


def test_holding_it_twice_is_a_bug_that_is_named(tmp_path: Path) -> None:
    with WriterLock(tmp_path).hold():
        with pytest.raises(InternalError), WriterLock(tmp_path).hold():
            pass
        assert WriterLock(tmp_path).held
    with WriterLock(tmp_path).hold(0):
        pass


def test_a_home_that_is_no_folder(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(HomeNotWritable), WriterLock(file).hold():
        pass


@pytest.mark.parametrize("kind", ["folder", "loop"])
def test_what_stands_in_the_place_of_the_lock_file_is_moved_away(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "writer.lock"
    if kind == "folder":
        (place / "deep").mkdir(parents=True)
    else:
        place.symlink_to("writer.lock")
    with WriterLock(tmp_path).hold(0):
        assert place.is_file()


def test_a_lock_file_that_was_moved_away_while_it_was_waited_for_is_opened_again(tmp_path: Path) -> None:
    lock = WriterLock(tmp_path)
    opened = lock._open
    files: list[int] = []

    def open_and_lose() -> int:
        files.append(opened())
        if len(files) == 1:
            (tmp_path / "writer.lock").rename(tmp_path / "elsewhere")
        return files[-1]

    lock._open = open_and_lose  # type: ignore[method-assign]
    with lock.hold(0):
        assert len(files) == 2
        with pytest.raises(WriterBusy):
            _take_from_a_thread(tmp_path)


def _take_from_a_thread(home: Path) -> None:
    failures: list[BaseException] = []

    def take() -> None:
        try:
            with WriterLock(home).hold(0):
                pass
        except WriterBusy as error:
            failures.append(error)

    thread = threading.Thread(target=take)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
