"""Homes that cannot be used say what is wrong and what to type: exit code 1, and no traceback."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from doubles import ingest, new_home, open_service
from torture_zygote import Zygote

SHOWN = ("message", "hint")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("refusals")
    (base / "docs").mkdir()
    (base / "docs" / "a.md").write_text("# Apple\n\nAn apple is a fruit.\n")
    made = new_home(base)
    with open_service(made) as service:
        ingest(service, base / "docs")
    return made


def refused(zygote: Zygote, home: Path, *words: str) -> dict[str, Any]:
    """Run a command twice, for people and as JSON; gives the error, which both show."""
    told = zygote.value("torture_disk:command", [*words, "--home", str(home)])
    as_json = zygote.value("torture_disk:command", [*words, "--home", str(home), "--json"])
    assert (told["code"], as_json["code"]) == (1, 1), (told, as_json)
    assert "Traceback" not in told["err"] + as_json["err"]
    error = json.loads(as_json["out"])["error"]
    assert isinstance(error, dict)
    for part in SHOWN:
        assert error[part], error
        assert error[part] in told["err"]
    return error


COMMANDS = (
    ("ingest", "c", "{docs}"),
    ("search", "c", "apple"),
    ("corpora", "list"),
    ("documents", "list", "c"),
    ("rollback", "c", "head~1"),
    ("gc",),
    ("rebuild", "c"),
    ("serve", "--port", "0"),
)


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "garbage": lambda _: b"this is no database " * 1000,
    "cut": lambda content: content[: len(content) // 3 + 7],
    "holes": lambda content: content[:4096] + b"\xa5" * (len(content) - 4096),
    "header": lambda content: bytes(100) + content[100:],
}
named = pytest.mark.parametrize("number", range(len(COMMANDS)), ids=lambda number: COMMANDS[number][0])


def words_of(number: int, home: Path) -> list[str]:
    return [word.format(docs=home.parent / "docs") for word in COMMANDS[number]]


def some(all_of_them: bool, number: int, names: Sequence[str]) -> Sequence[str]:
    """In the short run each command meets one of the faults."""
    return names if all_of_them else [names[number % len(names)]]


@named
def test_a_read_only_home(
    mounting: Zygote, home: Path, tmp_path: Path, number: int, kills_wanted: int
) -> None:
    for state in some(bool(kills_wanted), number, ("used", "new")):
        place = tmp_path / state
        place.mkdir()
        if state == "used":
            shutil.copytree(home, place, dirs_exist_ok=True)
        before = sorted(path.name for path in place.rglob("*"))
        mounted = mounting.run("torture_disk:bind_read_only", str(place), inside=True)
        assert not mounted.crash, mounted.crash
        words = words_of(number, home)
        if state == "used" or words[0] in ("ingest", "serve"):
            error = refused(mounting, place, *words)
            assert error["code"] == "home_not_writable", error
            assert str(place) in error["message"]
            assert "--home" in error["hint"]
        elif words[0] != "corpora":
            assert refused(mounting, place, *words)["code"] == "home_not_found"
        assert sorted(path.name for path in place.rglob("*")) == before


@named
def test_a_newer_schema(zygote: Zygote, home: Path, tmp_path: Path, number: int, kills_wanted: int) -> None:
    place = Path(shutil.copytree(home, tmp_path / "home"))
    with closing(sqlite3.connect(place / "catalog.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    error = refused(zygote, place, *words_of(number, home))
    assert error["code"] == "catalog_newer"
    assert "9999" in error["message"]
    assert "upgrade" in error["hint"]


@named
def test_a_damaged_catalog(
    zygote: Zygote, home: Path, tmp_path: Path, number: int, kills_wanted: int
) -> None:
    for damage in some(bool(kills_wanted), number, (*DAMAGE, "folder")):
        place = Path(shutil.copytree(home, tmp_path / damage))
        catalog = place / "catalog.db"
        content = catalog.read_bytes()
        catalog.unlink()
        if damage == "folder":
            catalog.mkdir()
        else:
            catalog.write_bytes(DAMAGE[damage](content))
        before = catalog.read_bytes() if catalog.is_file() else b""
        error = refused(zygote, place, *words_of(number, home))
        assert error["code"] in ("catalog_damaged", "home_not_writable"), error
        assert str(catalog) in error["message"]
        assert before == (catalog.read_bytes() if catalog.is_file() else b"")
