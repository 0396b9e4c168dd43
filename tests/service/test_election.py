"""Which server runs the jobs: one at a time, whatever lies in the place of the lock."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from ragsvc.errors import HomeNotWritable
from ragsvc.service.job_runner import JobElection


def folder(path: Path) -> None:
    path.mkdir()
    (path / "what somebody keeps here").touch()


def dead_link(path: Path) -> None:
    path.symlink_to(path.parent / "no" / "such" / "file")


def ring(path: Path) -> None:
    path.symlink_to(path)


def listener(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


@pytest.mark.parametrize("obstruct", [folder, dead_link, ring, listener])
def test_what_is_in_the_place_of_the_lock_moves_aside(
    tmp_path: Path, obstruct: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    obstruct(Path("jobs.lock"))
    one, other = JobElection(Path()), JobElection(Path())
    assert one.stand() and not other.stand()
    (aside,) = [path for path in Path().iterdir() if path.name != "jobs.lock"]
    assert aside.name.startswith("jobs.lock.")
    assert not aside.is_dir() or any(aside.iterdir())
    one.resign()
    assert other.stand()
    other.resign()


def test_a_home_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(HomeNotWritable) as caught:
        JobElection(tmp_path / "gone").stand()
    assert "gone" in caught.value.message
