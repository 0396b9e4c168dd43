"""Home folders that are damaged, foreign or forbidden: one clear error with a hint, never a traceback."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from real_server import ROOT, Ran, Server, World

pytestmark = pytest.mark.e2e

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


def assert_refused(done: Ran, *named: str) -> None:
    assert done.code == 1, done
    assert done.out == ""
    assert "Traceback" not in done.err
    assert done.err.startswith("error: ")
    assert "\nhint:  " in done.err
    assert "[internal" not in done.err
    for word in named:
        assert word in done.err


def test_a_file_as_home(world: World, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("I am a file")
    assert_refused(world.ragsvc("corpora", "list", "--home", home), str(home))
    assert_refused(world.ragsvc("serve", "--port", "0", "--home", home / "below"), str(home))
    assert home.read_text() == "I am a file"


@pytest.mark.parametrize("damage", ["garbage", "cut", "holes", "folder"])
def test_a_damaged_catalog(world: World, handbook: Path, tmp_path: Path, damage: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    catalog = home / "catalog.db"
    content = (handbook / "catalog.db").read_bytes()
    if damage == "folder":
        catalog.mkdir()
    elif damage == "garbage":
        catalog.write_bytes(b"this is no database " * 1000)
    elif damage == "cut":
        catalog.write_bytes(content[: len(content) // 3 + 7])
    else:
        catalog.write_bytes(content[:4096] + b"\xa5" * (len(content) - 4096))
    before = catalog.read_bytes() if catalog.is_file() else b""
    done = world.ragsvc("ask", "handbook", "What is a GAN?", "--home", home)
    assert_refused(done, "catalog.db")
    assert world.ragsvc("corpora", "list", "--home", home, "--json").code == 1
    assert before == (catalog.read_bytes() if catalog.is_file() else b"")


def test_a_catalog_of_a_newer_version(world: World, handbook: Path, tmp_path: Path) -> None:
    home = shutil.copytree(handbook, tmp_path / "home")
    with sqlite3.connect(home / "catalog.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    done = world.ragsvc("ingest", "handbook", ROOT / "corpora", "--home", home)
    assert_refused(done, "catalog.db", "newer")


def test_damaged_indexes_are_made_again(world: World, handbook: Path, server: Server, tmp_path: Path) -> None:
    home = shutil.copytree(handbook, tmp_path / "home")
    files = [path for path in home.glob("*/**/*") if path.is_file() and "spool" not in path.parts]
    assert files
    for number, path in enumerate(files):
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2] if number % 2 else b"\xff" * len(content))
    mended = world.ragsvc("search", "handbook", "What is a transformer?", "--json", "--home", home)
    assert mended.code == 0, mended.err
    assert mended.json["hits"] == server.search("handbook", "What is a transformer?")


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that another user can reach, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="e2e-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_a_home_that_may_not_be_written(world: World, public_folder: Path) -> None:
    prefix = NOBODY if os.geteuid() == 0 else ()
    reach = [*prefix, sys.executable, "-c", f"import os; os.listdir({str(ROOT)!r})"]
    if prefix and (not shutil.which("setpriv") or subprocess.run(reach, capture_output=True).returncode):
        pytest.skip("root may write everything, and no other user reaches this Python and this folder")
    home = public_folder / "home"
    home.mkdir(mode=0o555)
    done = subprocess.run(
        [*prefix, sys.executable, "-m", "ragsvc", "ingest", "c", str(public_folder), "--home", str(home)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=public_folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert_refused(Ran(done.returncode, done.stdout, done.stderr), str(home))
    assert list(home.iterdir()) == []


def test_words_that_cannot_be_right(world: World, handbook: Path) -> None:
    filtered = world.ragsvc("ask", "handbook", "x", "--filter", "{not json", "--home", handbook)
    assert filtered.code == 2
    assert "hint:" in filtered.err
    unknown = world.ragsvc("ask", "hanbdook", "x", "--home", handbook)
    assert_refused(unknown, "hanbdook", "handbook")
    shown = world.ragsvc("ask", "hanbdook", "x", "--home", handbook, "--json")
    assert shown.code == 1
    assert set(shown.json["error"]) == {"code", "message", "hint"}
