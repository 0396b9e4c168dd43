"""Acts around a disk of a few megabytes: a tmpfs in the mount namespace of the zygote."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import torture_verbs

from ragsvc.cli.main import main

BALLAST = "ballast"
_BLOCK = 4096


def mount(folder: str, size: int) -> None:
    """Mount an empty disk of `size` bytes; to be run inside the zygote."""
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True, capture_output=True
    )


def bind_read_only(folder: str) -> None:
    """Make a folder read-only, for root as well; to be run inside the zygote."""
    for options in (["--bind", folder, folder], ["-o", "remount,bind,ro", folder]):
        subprocess.run(["mount", *options], check=True, capture_output=True)


def fill(disk: str, home: str, room: int) -> None:
    """Put a copy of a home on the disk and leave `room` bytes, rounded to blocks, beside it."""
    for path in Path(disk).iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    shutil.copytree(home, Path(disk) / "home")
    (Path(disk) / "tmp").mkdir()
    with (Path(disk) / BALLAST).open("wb") as ballast:
        ballast.truncate(0)
        left = _free(disk) - room
        os.posix_fallocate(ballast.fileno(), 0, left - left % _BLOCK)


def drain(disk: str) -> None:
    """Free the space again."""
    (Path(disk) / BALLAST).unlink()


def act(disk: str, folder: str, verb: str, arguments: dict[str, Any]) -> None:
    """Do one thing to the home on the disk, with temporary files on the disk too."""
    tempfile.tempdir = f"{disk}/tmp"
    os.environ["TMPDIR"] = tempfile.tempdir
    torture_verbs.act(f"{disk}/home", folder, verb, arguments)


def command(words: list[str]) -> dict[str, Any]:
    """Run a command line in this process; gives its exit code and what it wrote."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(words)
    return {"code": code, "out": out.getvalue(), "err": err.getvalue()}


def _free(disk: str) -> int:
    status = os.statvfs(disk)
    return status.f_bavail * status.f_frsize
