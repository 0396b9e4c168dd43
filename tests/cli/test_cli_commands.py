"""Each command: what it asks of the service, what it prints, which exit code it gives."""

from __future__ import annotations

import typing
from pathlib import Path

import pytest
from scripted_service import TEXT

from ragsvc.cli.jobs import KindName, StateName
from ragsvc.cli.render_ingest import _HINTS
from ragsvc.cli.search import ModeName
from ragsvc.domain import (
    AnswerRequest,
    Failure,
    IngestRequest,
    JobKind,
    JobState,
    Mode,
    Prune,
    SearchRequest,
    SkippedSource,
    SourceCaveat,
)
from ragsvc.errors import DocumentError
from ragsvc.settings.settings import Settings

HIT_KEYS = [
    "rank", "score", "corpus", "document_id", "version", "chunk_id", "source", "title", "start", "end",
    "text", "page", "headings", "metadata", "duplicates", "places",
]  # fmt: skip


def test_ingest_gives_the_contract_object(run, service):
    ran = run("ingest", "handbook", "a", "b", "--json")
    assert ran.code == 0
    assert list(ran.json) == [
        "corpus", "commit", "documents", "warnings", "chunks", "embedded", "seconds", "failures", "skipped",
        "notices",
    ]  # fmt: skip
    assert list(ran.json["documents"]) == ["added", "changed", "unchanged", "removed", "skipped", "failed"]
    assert ran.json["chunks"] == {"added": 9, "removed": 1}
    assert ran.json["skipped"] == [{"source": "/srv/.git", "code": "hidden"}]
    assert service.asked[-1] == IngestRequest(corpus="handbook", paths=("a", "b"))
    assert "waiting" in ran.err


@pytest.mark.parametrize(
    ("flags", "prune"),
    [
        ((), Prune.KEEP),
        (("--prune",), Prune.REMOVE),
        (("--prune", "--allow-empty"), Prune.REMOVE_ALLOW_EMPTY),
    ],
)
def test_ingest_flags_reach_the_service(run, service, flags, prune):
    assert run("ingest", "handbook", "a", *flags, "--dry-run", "--as", "docs").code == 0
    assert service.asked[-1] == IngestRequest(
        corpus="handbook", paths=("a",), root_name="docs", prune=prune, dry_run=True
    )


def test_allow_empty_alone_is_a_usage_error(run, service):
    ran = run("ingest", "handbook", "a", "--allow-empty")
    assert ran.code == 2
    assert "--prune" in ran.err
    assert service.asked == []


def test_what_was_skipped_or_not_read_is_named(run, service):
    disks = (SkippedSource(f"/srv/{number}.iso", "unsupported_type") for number in range(25))
    service.skipped = (SkippedSource("/srv/.git", "hidden"), *disks)
    service.warnings = (SourceCaveat("/srv/a.pdf", "page_without_text", "page 3 of 12 has no text"),)
    ran = run("ingest", "handbook", "a")
    assert ran.code == 0
    assert "0 failed; 1 with warnings" in ran.out
    assert "25 unsupported_type, 1 hidden" in ran.out
    assert "/srv/7.iso" in ran.out and "/srv/.git" not in ran.out and "… and 5 more" in ran.out
    assert "page 3 of 12 has no text" in ran.out
    assert run("ingest", "handbook", "a", "--json").json["warnings"] == [
        {"source": "/srv/a.pdf", "code": "page_without_text", "message": "page 3 of 12 has no text"}
    ]


def test_documents_with_warnings_are_listed_by_warning(run):
    ran = run("documents", "list", "handbook", "--warnings")
    assert ran.code == 0
    assert "handbook/a.pdf" in ran.out and "page_without_text" in ran.out


def test_failed_files_are_listed_with_code_and_hint(run, service):
    service.failures = (Failure("/srv/a.pdf", "parser_timeout", "a.pdf took too long"),)
    ran = run("ingest", "handbook", "a")
    assert ran.code == 3
    assert "/srv/a.pdf" in ran.out
    assert "hint:  parser_timeout: RAGSVC_PARSE_TIMEOUT_S" in ran.out
    as_json = run("ingest", "handbook", "a", "--json")
    assert as_json.code == 3
    assert as_json.json["failures"] == [
        {"source": "/srv/a.pdf", "code": "parser_timeout", "error": "a.pdf took too long"}
    ]


def test_hints_are_about_codes_and_settings_that_exist():
    assert set(_HINTS) <= {error.code for error in DocumentError.__subclasses__()}
    named = {word for hint in _HINTS.values() for word in hint.split() if word.startswith("RAGSVC_")}
    assert named <= {f"RAGSVC_{name.upper()}" for name in Settings.model_fields}


def test_output_for_programs_is_neither_wrapped_nor_padded(run, service):
    service.failures = (Failure("/srv/" + "x" * 300, "broken", "bad " * 80),)
    for words in (["ingest", "a", "b"], ["search", "a", "b"], ["documents", "list", "handbook"]):
        lines = run(*words).out.splitlines()
        assert [line for line in lines if line != line.rstrip()] == []
    assert "x" * 300 + "  broken" in run("ingest", "a", "b").out


def test_search_gives_the_contract_object(run, service):
    ran = run("search", "handbook", "locks", "-k", "2", "--mode", "lexical", "--filter", '{"a": 1}', "--json")
    assert service.asked[-1] == SearchRequest(
        corpora=("handbook",), query="locks", k=2, mode=Mode.LEXICAL, where={"a": 1}
    )
    assert list(ran.json) == ["corpus", "commit", "query", "mode", "hits"]
    hit = ran.json["hits"][0]
    assert list(hit) == HIT_KEYS
    assert hit["text"] == TEXT
    assert hit["chunk_id"] == f"ab12:0-{len(TEXT)}"
    assert hit["metadata"] == {"lang": "en", "year": None}
    assert hit["source"] == "/srv/handbook/locks\ufffd.md"


def test_several_corpora_are_named_with_commas(run, service):
    run("search", "one,two", "x")
    assert service.asked[-1].corpora == ("one", "two")


def test_hits_and_sources_of_several_corpora_name_theirs(run):
    assert "  1. handbook: Locks [bold]" in run("search", "handbook,two", "x").out
    assert "  1. handbook: Locks [bold]" in run("ask", "handbook,two", "who won?").out
    assert "[1] handbook: Locks — /srv" in run("ask", "handbook,two", "a deadlock?").out
    assert "handbook: " not in run("search", "handbook", "x").out + run("ask", "handbook", "deadlock").out


def test_the_modes_on_the_command_line_are_the_modes():
    assert typing.get_args(ModeName) == tuple(Mode)
    assert typing.get_args(StateName) == tuple(JobState)
    assert typing.get_args(KindName) == tuple(JobKind)


def test_documents_cannot_drive_the_terminal(run):
    ran = run("search", "handbook", "locks")
    assert "\x1b" not in ran.out
    assert "\u202e" not in ran.out and "one second<U+202E>." in ran.out
    assert "[bold]not markup[/bold]" in ran.out
    assert f"locks\ufffd.md:0-{len(TEXT)} (page 3)" in ran.out
    assert "\x1b" not in run("documents", "show", "handbook", "handbook/1.md", "--text").out


def test_ask_gives_answer_sources_and_quotes(run, service):
    ran = run("ask", "handbook", "what about a deadlock?")
    assert ran.code == 0
    assert service.asked[-1] == AnswerRequest(corpora=("handbook",), question="what about a deadlock?")
    lines = ran.out.splitlines()
    assert lines[0] == "A deadlock is found after one second. [1]"
    assert "[1] Locks — /srv/handbook/locks.md" in lines
    assert any(line.startswith("    22-64 (page 3): “A deadlock is found after") for line in lines)


def test_a_quote_of_a_recording_says_from_when_to_when(run):
    out = run("ask", "handbook", "what is said of a deadlock?").out
    assert "    22-64 (12:03-12:17): “A deadlock is found after" in out


def test_ask_gives_the_contract_object(run):
    ran = run("ask", "handbook", "what about a deadlock?", "--json")
    assert list(ran.json) == [
        "corpus", "commit", "question", "answered", "answer", "confidence", "citations", "passages",
        "unsupported", "generator", "timings_s",
    ]  # fmt: skip
    assert list(ran.json["citations"][0]) == [
        "marker", "document_id", "version", "source", "title", "start", "end", "quote", "page", "corpus",
        "places",
    ]  # fmt: skip


def test_sentences_without_support_are_shown_and_listed(run):
    ran = run("ask", "handbook", "what about a deadlock in doubt?")
    place = ran.out.splitlines().index("No passage bears out:")
    assert ran.out.splitlines()[place + 1].strip() == "A deadlock is found after one second."
    assert run("ask", "handbook", "a deadlock in doubt", "--json").json["unsupported"] == [
        {"start": 0, "end": 37}
    ]


def test_an_unanswered_question_is_no_error(run):
    ran = run("ask", "handbook", "who won?")
    assert ran.code == 0
    assert "Closest passages" in ran.out
    assert run("ask", "handbook", "who won?", "--json").json["answered"] is False


def test_duplicates_of_a_corpus(run):
    assert "duplicates" not in run("corpora", "show", "handbook", "--json").json
    shape = run("corpora", "show", "handbook", "--duplicates", "--json").json
    assert shape["documents"] == 450
    assert shape["duplicates"][1] == {"kind": "near", "similarity": 0.844, "documents": ["a.md", "b.md"]}
    ran = run("corpora", "show", "handbook", "--duplicates")
    assert "nearly the same text (0.84):\n  a.md\n  b.md" in ran.out
    assert "\x1b" not in ran.out


def test_outliers_of_a_corpus(run):
    assert "outliers" not in run("corpora", "show", "handbook", "--json").json
    shape = run("corpora", "show", "handbook", "--outliers", "--json").json
    assert shape["outliers"] == [{"document_id": "menu.md", "distance": 0.912, "nearest": "a.md"}]
    ran = run("corpora", "show", "handbook", "--outliers")
    assert "Least like the others:" in ran.out
    assert "menu.md" in ran.out


def test_relations_of_a_corpus(run):
    shape = run("corpora", "graph", "handbook", "--entity", "Ann", "--json").json
    assert shape["entity"]["documents"] == 7 and shape["edges"][0]["documents"] == 2
    ran = run("corpora", "graph", "handbook", "--entity", "Ann")
    assert ["Fees", "tag", "3", "2"] in [line.split() for line in ran.out.splitlines()]
    assert "a.md" in ran.out and "8 more" in ran.out and "\x1b" not in ran.out
    assert "ragsvc rebuild handbook" in ran.err
    assert "person, author" in run("corpora", "graph", "handbook").out


def test_documents_by_a_filter(run, service):
    assert run("documents", "list", "handbook", "--filter", '{"_mentions": "Ann"}', "--json").code == 0
    assert {"_mentions": "Ann"} in service.asked


def test_corpora_commands(run, service):
    assert run("corpora", "list", "--json").json["corpora"][0]["name"] == "handbook"
    assert "handbook" in run("corpora", "list").out
    assert run("corpora", "show", "handbook", "--json").json["documents"] == 450
    assert run("corpora", "delete", "handbook").code == 2
    assert ("delete_corpus", "handbook") not in service.asked
    assert run("corpora", "delete", "handbook", "--yes", "--json").json["deleted"] is True
    assert ("delete_corpus", "handbook") in service.asked


def test_documents_commands(run, service):
    listed = run("documents", "list", "handbook", "--json").json["documents"]
    assert len({document["document_id"] for document in listed}) == 450
    assert len(run("documents", "list", "handbook", "--limit", "210", "--json").json["documents"]) == 210
    shown = run("documents", "show", "handbook", "handbook/1.md", "--text", "--json").json
    assert shown["text"] == TEXT
    assert shown["metadata"] == {"lang": "en"}
    assert run("documents", "delete", "handbook", "handbook/1.md", "--json").json["commit"] == 5
    assert run("documents", "delete", "handbook", "handbook/1.md", "--yes").code == 0
    assert run("documents", "show", "handbook", "nope").code == 1


def test_jobs_commands(run):
    job = run("jobs", "list", "--json").json["jobs"][0]
    assert job["progress"] == {"done": 1, "total": 3, "unit": "files"}
    assert "payload" not in job
    assert "1/3 files" in run("jobs", "list").out
    some = run(
        "jobs", "list", "--corpus", "c", "--state", "done", "--kind", "ingest", "-n", "1", "--cursor", "9"
    )
    assert "1/3 files" in some.out and "--cursor 7" in some.err
    assert run("jobs", "list", "--state", "lost").code == 2
    assert run("jobs", "cancel", "j1", "--json").json["state"] == "cancelled"
    assert run("jobs", "show", "j2", "--json").json["error"]["code"] == "job_not_found"


def test_home_is_taken_from_the_option_then_the_environment(run, service, monkeypatch):
    monkeypatch.setenv("RAGSVC_HOME", "from-env")
    run("corpora", "list")
    assert service.asked[-1].home == Path("from-env")
    run("corpora", "list", "--home", "from-option")
    assert service.asked[-1].home == Path("from-option")
    monkeypatch.setenv("RAGSVC_HOME", "")
    run("corpora", "list")
    assert service.asked[-1].home == Path("indexes")
