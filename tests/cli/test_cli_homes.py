"""Homes: which commands make one, and that what is advised is for the home that was named."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from doubles import new_home, open_service

from ragsvc.cli import output
from ragsvc.cli.main import app, main
from ragsvc.errors import RagsvcError

READERS = [
    ["search", "c", "x"],
    ["ask", "c", "x"],
    ["log", "c"],
    ["tag", "c"],
    ["tag", "c", "v1"],
    ["rollback", "c", "head~1"],
    ["reindex", "c"],
    ["gc"],
    ["verify"],
    ["rebuild", "c"],
    ["export", "c", "away"],
    ["corpora", "show", "c"],
    ["corpora", "delete", "c", "--yes"],
    ["documents", "list", "c"],
    ["documents", "show", "c", "a"],
    ["documents", "delete", "c", "a"],
    ["jobs", "list"],
    ["jobs", "show", "j"],
    ["jobs", "cancel", "j"],
]


@pytest.mark.parametrize("words", READERS, ids=" ".join)
def test_what_only_reads_makes_no_home(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    for name in ("typo", "docs"):
        assert main([*words, "--home", name, "--json"]) == 1
        error = json.loads(capsys.readouterr().out)["error"]
        assert error["code"] == "home_not_found"
        assert error["message"].endswith(f"folder {name}")
        assert error["hint"].endswith(f"ragsvc ingest CORPUS PATH (with --home {name})")
    assert [path.name for path in tmp_path.rglob("*")] == ["docs"]


def test_no_home_is_no_corpus(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RAGSVC_HOME", str(tmp_path / "none"))
    assert main(["corpora", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"corpora": []}
    assert main(["corpora", "list"]) == 0
    assert capsys.readouterr().err == "no corpus yet; make one: ragsvc ingest NAME PATH\n"
    assert main(["corpora", "list", "--home", str(tmp_path / "a b")]) == 0
    assert capsys.readouterr().err.endswith(f"ragsvc ingest NAME PATH --home '{tmp_path}/a b'\n")
    assert list(tmp_path.iterdir()) == []


def opened(settings, *, create):
    """The real thing without a model; a home that is to be made is copied, which is quicker."""
    if create and not settings.home.exists():
        new_home(settings.home.parent, settings.home.name)
    return open_service(settings.home, create=create)


def test_a_dry_run_tells_what_an_ingest_would_do_and_makes_nothing(tmp_path, capsys):
    (tmp_path / "a.txt").write_text("An apple.")
    words = ["ingest", "c", str(tmp_path / "a.txt"), "--home", str(tmp_path / "home"), "--json"]
    assert main([*words, "--dry-run"], opener=opened) == 0
    assert json.loads(capsys.readouterr().out)["documents"]["added"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert main(words, opener=opened) == 0
    assert json.loads(capsys.readouterr().out)["documents"]["added"] == 1
    assert main([*words, "--dry-run"], opener=opened) == 0
    assert json.loads(capsys.readouterr().out)["documents"]["unchanged"] == 1


@pytest.mark.parametrize("named", [True, False])
def test_what_is_to_be_typed_next_names_the_home_that_was_named(named, tmp_path, monkeypatch, capsys):
    home = new_home(tmp_path, "my home")
    (tmp_path / "a.txt").write_text("An apple.")
    monkeypatch.setenv("RAGSVC_HOME", str(home))
    option = ["--home", str(home)] if named else []
    end = f" --home '{home}'\n" if named else "\n"

    def run(*words: str) -> str:
        main([*words, *option], opener=opened)
        return "".join(capsys.readouterr())

    assert "no corpus yet" in run("corpora", "list")
    run("ingest", "c", str(tmp_path / "a.txt"))
    (tmp_path / "a.txt").write_text("A pear.")
    run("ingest", "c", str(tmp_path / "a.txt"))
    assert run("log", "c", "-n", "1").endswith(f"older ones: ragsvc log c --before 2{end}")
    assert run("tag", "c").endswith(f"ragsvc tag c NAME{end}")
    assert run("rollback", "c", "1").endswith(f"undo: ragsvc rollback c 2{end}")
    advised = f" (with{end.rstrip()})\n" if named else "\n"
    assert run("rollback", "c", "v9").endswith(f"ragsvc log c lists commits and tags{advised}")
    next(home.rglob("vectors-*.npy")).write_bytes(b"")
    assert f"now type: ragsvc rebuild c{end}" in run("verify")


@pytest.mark.parametrize("hint", ["", "ragsvc tag --help", "name the folder that ragsvc export made"])
def test_advice_that_needs_no_home_stays_as_it_is(hint, capsys):
    output.write_error(RagsvcError("no", hint=hint), as_json=True, home=Path("x"))
    assert json.loads(capsys.readouterr().out)["error"]["hint"] == hint


def test_advised_commands_exist():
    named = re.search(r"\(([a-z|]+)\)", output._COMMAND.pattern)
    known = {command.name for command in app.registered_commands}
    known |= {group.name for group in app.registered_groups}
    assert named is not None
    assert known - set(named[1].split("|")) == {"eval", "export", "import", "mcp", "serve"}
    assert set(named[1].split("|")) <= known
