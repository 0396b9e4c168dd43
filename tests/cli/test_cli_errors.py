"""Errors: one line and a hint for people, one object for programs, the right code, never a traceback."""

from __future__ import annotations

import stat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_service import ScriptedService

from ragsvc.cli.main import exit_code, main
from ragsvc.cli.options import parse_filter
from ragsvc.cli.output import one_line, safe
from ragsvc.errors import CorpusNotFound, InvalidFilter, InvalidName, RagsvcError, RootEmpty
from ragsvc.text.invisibles import hides

USAGE_ERRORS = [
    ("nope",),
    ("search",),
    ("search", "handbook"),
    ("search", "handbook", "x", "-k", "0"),
    ("search", "handbook", "x", "-k", "201"),
    ("search", "handbook", "x", "-k", "9" * 5000),
    ("search", "handbook", "x", "--mode", "psychic"),
    ("search", "handbook", "x", "--filter", "{"),
    ("search", "handbook", "x", "--filter", "[1]"),
    ("search", "handbook", "x", "--filter", '{"a": NaN}'),
    ("search", "handbook", "x", "--filter", '{"a":' * 100_000),
    ("ask", "handbook", "too", "many"),
    ("serve", "--port", "70000"),
    ("corpora",),
    ("corpora", "explode"),
    ("ingest", "handbook"),
]


@pytest.mark.parametrize("words", USAGE_ERRORS, ids=lambda words: " ".join(words)[:40])
def test_usage_errors(run, words):
    ran = run(*words)
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.startswith("error: ")
    assert "hint:  " in ran.err
    as_json = run(*words, "--json")
    assert as_json.code == 2
    assert as_json.json["error"].keys() == {"code", "message", "hint"}
    assert as_json.json["error"]["hint"]


def test_json_after_two_dashes_is_a_word(run, service):
    assert run("search", "handbook", "--", "--json").out.startswith("  1. ")
    assert service.asked[-1].query == "--json"


def test_an_error_of_the_service(run, service):
    service.error = CorpusNotFound("corpus 'x' does not exist", hint="ragsvc ingest x PATH")
    ran = run("search", "x", "y")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == ("error: corpus 'x' does not exist [corpus_not_found]\nhint:  ragsvc ingest x PATH\n")
    assert run("search", "x", "y", "--json").json == {
        "error": {
            "code": "corpus_not_found",
            "message": "corpus 'x' does not exist",
            "hint": "ragsvc ingest x PATH",
        }
    }


def test_exit_codes_follow_the_error_tree():
    assert exit_code(InvalidName("")) == 2
    assert exit_code(InvalidFilter("")) == 2
    assert exit_code(RootEmpty("")) == 1
    assert exit_code(RagsvcError("")) == 1


def test_a_bug_is_one_line_and_its_details_are_private(run, service, tmp_path):
    service.error = KeyError("secret corner")
    ran = run("ask", "handbook", "x", "--home", str(tmp_path))
    log = tmp_path / "error.log"
    assert ran.code == 1
    assert "Traceback" not in ran.err + ran.out
    assert "[internal]" in ran.err
    assert str(log) in ran.err
    assert "secret corner" in log.read_text()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert run("ask", "handbook", "x", "--json", "--home", str(tmp_path)).json["error"]["code"] == "internal"


def test_a_bug_without_a_home_is_written_elsewhere(run, service, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    service.error = RecursionError()
    ran = run("ask", "handbook", "x", "--home", str(tmp_path / "missing"))
    assert ran.code == 1
    assert len(list(tmp_path.glob("ragsvc-*.log"))) == 1
    assert not (tmp_path / "missing").exists()


def test_ctrl_c_is_one_line(run, service):
    service.error = KeyboardInterrupt()
    ran = run("ingest", "handbook", "a")
    assert (ran.code, ran.out) == (130, "")
    assert ran.err == "stopped; what was done is kept, run it again\n"
    assert run("ingest", "handbook", "a", "--json").json["error"]["code"] == "cancelled"


def test_a_bad_setting_is_named(run, monkeypatch):
    monkeypatch.setenv("RAGSVC_PARSE_WORKERS", "many")
    ran = run("corpora", "list")
    assert ran.code == 2
    assert "RAGSVC_PARSE_WORKERS" in ran.err


@settings(max_examples=12, deadline=None)
@given(st.lists(st.text(st.characters(codec=None, exclude_characters="\0")), max_size=4))
def test_no_argument_makes_it_crash(words):
    service = ScriptedService()
    for command in (["search", "handbook"], ["documents", "show", "handbook"], []):
        assert main([*command, *words], opener=service.open) in {0, 1, 2}
        assert main([*command, *words, "--json"], opener=service.open) in {0, 1, 2}


@given(st.text(st.characters(codec=None)))
def test_safe_text_is_printable_and_shows_every_character(text):
    shown = safe(text)
    assert not hides(shown)
    assert hides(text) or len(shown) == len(text)
    shown.encode()
    assert all(char in "\n\t" or ord(char) >= 32 for char in shown)
    assert len(one_line(text, 20)) <= 20
    assert len(one_line(text).splitlines()) <= 1


@given(st.dictionaries(st.text(), st.integers() | st.booleans() | st.text() | st.none()))
def test_every_json_object_is_a_filter(value):
    import json

    assert parse_filter(json.dumps(value)) == value
