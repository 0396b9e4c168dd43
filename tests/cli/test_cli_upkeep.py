"""`verify` and `rebuild` through the command line, over a home that is really damaged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from doubles import ingest, new_home, open_service

from ragsvc.cli.main import main


@pytest.fixture
def home(tmp_path: Path) -> Path:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.md").write_text("An apple and a lemon.")
    home = new_home(tmp_path)
    with open_service(home) as service:
        ingest(service, docs)
    return home


def run(home: Path, capfd: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main([*words, "--home", str(home)], opener=lambda settings, *, create: open_service(settings.home))
    return code, *capfd.readouterr()


def test_a_sound_home_is_said_to_be_sound(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(home, capfd, "verify")
    assert (code, err) == (0, "")
    assert "1 texts" in out
    assert "all is well" in out
    code, out, _ = run(home, capfd, "verify", "c", "--json")
    assert (code, json.loads(out)["ok"], json.loads(out)["problems"]) == (0, True, [])


def test_damage_is_exit_code_4_with_what_to_type(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    next(home.rglob("vectors-*.npy")).write_bytes(b"")
    code, out, err = run(home, capfd, "verify")
    assert code == 4
    assert f"now type: ragsvc rebuild c --home {home}\n" in out
    assert "vectors-" in err
    code, out, _ = run(home, capfd, "verify", "--json")
    problem = json.loads(out)["problems"][0]
    assert (code, problem["code"], problem["repair"]) == (4, "index_damaged", "ragsvc rebuild c")
    code, out, err = run(home, capfd, "rebuild", "c")
    assert (code, err) == (0, "")
    assert "1 texts, 1 chunks; 0 texts were cut anew, 0 chunks embedded" in out
    assert run(home, capfd, "verify")[0] == 0
    code, out, _ = run(home, capfd, "rebuild", "c", "--json")
    assert (code, json.loads(out)["embedded"]) == (0, 0)


def test_a_catalog_that_cannot_be_opened_is_a_finding(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (home / "catalog.db").write_bytes(b"no database at all, " * 400)
    for name in ("catalog.db-wal", "catalog.db-shm"):
        (home / name).unlink(missing_ok=True)
    code, out, _ = run(home, capfd, "verify", "--json")
    problem = json.loads(out)["problems"][0]
    assert (code, problem["code"]) == (4, "catalog_damaged")
    assert "mv " in problem["repair"]
    code, _, err = run(home, capfd, "rebuild", "c")
    assert code == 1
    assert "Traceback" not in err


def test_a_corpus_that_is_not_there(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for command in ("verify", "rebuild"):
        code, out, _ = run(home, capfd, command, "d", "--json")
        assert (code, json.loads(out)["error"]["code"]) == (1, "corpus_not_found")
