"""`ragsvc sessions`, `records` and `usage`, over a service with a catalog of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from doubles import CORPUS, ME, new_home, open_service, upload

from ragsvc.domain import AnswerRequest, FeedbackRequest, RecordOrigin
from ragsvc.errors import WriterBusy
from ragsvc.evaluation.questions import load
from ragsvc.pipeline.transfer import parquet
from ragsvc.service import records
from ragsvc.service.views.records import RecordView
from ragsvc.settings import Settings
from ragsvc.store.records import Records


class RealService:
    """Opens what `main` asks for, with an embedder that needs no model."""

    @staticmethod
    def open(settings: Settings):
        return open_service(settings.home)


@pytest.fixture
def service() -> RealService:
    return RealService()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = new_home(tmp_path)
    with open_service(home) as service:
        upload(service, {"docs/backups": "Backups are made nightly. They are kept for thirty days."})
    monkeypatch.setenv("RAGSVC_HOME", str(home))
    return home


@pytest.fixture
def ids(home: Path) -> dict[str, Any]:
    """A session of two turns, of which the second is rated, and a synthetic record that is rated too."""
    with open_service(home) as service:
        session = service.records.create_session(ME, "Back\x1b[31mups", {}).id
        asked = [
            AnswerRequest(corpora=(CORPUS,), question="When are backups made?", session=session),
            AnswerRequest(corpora=(CORPUS,), question="How long are backups kept?", session=session),
            AnswerRequest(corpora=(CORPUS,), question="When?", origin=RecordOrigin.SYNTHETIC),
        ]
        records = [service.answer(ME, request).record or "" for request in asked]
        said = FeedbackRequest(score=1.0, corrected_answer="For thirty days.")
        service.records.add_feedback(ME, records[1], said)
        service.records.add_feedback(ME, records[2], said)
    return {"session": session, "records": records}


def test_sessions_are_listed_shown_renamed_and_deleted(run, ids):
    listed = run("sessions", "list", "--json").json
    assert [(each["id"], each["turn_count"]) for each in listed["sessions"]] == [(ids["session"], 2)]
    shown = run("sessions", "show", ids["session"], "--json").json
    assert [turn["id"] for turn in shown["turns"]] == ids["records"][:2]
    for words in (("list",), ("show", ids["session"])):
        ran = run("sessions", *words)
        assert ran.code == 0 and "Back" in ran.out and "\x1b" not in ran.out
    assert run("sessions", "rename", ids["session"], "Copies", "--json").json["title"] == "Copies"
    assert run("sessions", "delete", ids["session"], "--json").json == {
        "session": ids["session"],
        "deleted": 2,
    }
    ran = run("sessions", "show", ids["session"], "--json")
    assert (ran.code, ran.json["error"]["code"]) == (1, "session_not_found")
    assert "no session" in run("sessions", "list").err


def test_a_session_is_shown_a_page_at_a_time(run, ids):
    latest = run("sessions", "show", ids["session"], "-n", "1", "--json").json
    assert [turn["id"] for turn in latest["turns"]] == ids["records"][1:2]
    before = run("sessions", "show", ids["session"], "--cursor", latest["next_cursor"], "--json").json
    assert [turn["id"] for turn in before["turns"]] == ids["records"][:1]
    assert "next_cursor" not in before
    assert "--cursor" in run("sessions", "show", ids["session"], "-n", "1").err


@pytest.mark.parametrize("page", [1, 200])
def test_a_session_is_exported_whole(run, ids, tmp_path, monkeypatch, page):
    monkeypatch.setattr(records, "EXPORT_PAGE", page)
    path = tmp_path / "session.json"
    assert run("sessions", "export", ids["session"], str(path), "--json").json["records"] == 2
    assert json.loads(path.read_text()) == run("sessions", "show", ids["session"], "--json").json
    assert run("sessions", "export", ids["session"], str(tmp_path)).code == 2


def test_records_are_listed_shown_and_filtered(run, ids):
    listed = run("records", "list", "--json").json
    assert [each["id"] for each in listed["records"]] == ids["records"][::-1]
    filtered = run("records", "list", "--filter", '{"score": {"$gt": 0}, "origin": "real"}', "--json").json
    assert [each["id"] for each in filtered["records"]] == [ids["records"][1]]
    shown = run("records", "show", ids["records"][0], "--json").json
    assert shown == listed["records"][2]
    assert "made?" in run("records", "show", ids["records"][0]).out
    page = run("records", "list", "-n", "2")
    assert "+1.00" in page.out and "--cursor" in page.err
    wrong = run("records", "list", "--filter", '{"nothing": 1}', "--json")
    assert (wrong.code, wrong.json["error"]["code"]) == (2, "invalid_filter")


def test_records_are_exported_a_line_each(run, ids, tmp_path):
    path = tmp_path / "records.jsonl"
    ran = run("records", "export", str(path), "--filter", '{"origin": "real"}', "--json")
    assert ran.json == {"file": str(path), "records": 2}
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["id"] for line in lines] == ids["records"][1::-1]


@pytest.mark.parametrize(("name", "options"), [("records.parquet", ()), ("records.bin", ("--parquet",))])
def test_parquet_holds_what_the_lines_hold(run, ids, tmp_path, monkeypatch, name, options):
    lines, table = tmp_path / "records.jsonl", tmp_path / name
    # Row groups and pages end within what is there.
    monkeypatch.setattr(parquet, "RECORD_GROUP", 2)
    monkeypatch.setattr(records, "EXPORT_PAGE", 1)
    assert run("records", "export", str(lines), "--json").json["records"] == 3
    assert run("records", "export", str(table), *options, "--json").json["records"] == 3
    assert [row["id"] for row in rows_of(table)] == ids["records"][::-1]
    assert rows_of(table) == [json.loads(line) for line in lines.read_text().splitlines()]


def test_a_parquet_of_no_record_has_its_columns(run, tmp_path):
    path = tmp_path / "none.parquet"
    assert run("records", "export", str(path), "--json").json["records"] == 0
    assert pq.read_schema(path).names == list(RecordView.model_fields)


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Rows as JSON has them: maps as objects, and `metadata` out of its JSON."""
    maps = ("commits", "timings_ms")
    return [
        row | {name: dict(row[name]) for name in maps} | {"metadata": json.loads(row["metadata"])}
        for row in pq.read_table(path).to_pylist()
    ]


def test_an_export_that_fails_leaves_the_old_file(run, ids, tmp_path, monkeypatch):
    path = tmp_path / "records.jsonl"
    path.write_text("old")
    monkeypatch.setattr(records, "EXPORT_PAGE", 1)
    taken = iter([False, True])

    def page(self, *args, **kept):
        if next(taken):
            raise WriterBusy("no more", hint="again")
        return read(self, *args, **kept)

    read = Records.page
    monkeypatch.setattr(Records, "page", page)
    assert run("records", "export", str(path)).code != 0
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir() if each.name.endswith(".partial")] == []


def test_records_are_deleted_one_by_one_or_all(run, ids):
    for words in ((), (ids["records"][0], "--mine")):
        assert run("records", "delete", *words).code == 2
    assert run("records", "delete", ids["records"][0], "--json").json == {"deleted": 1}
    assert run("records", "show", ids["records"][0]).code == 1
    assert "deleted 2 records" in run("records", "delete", "--mine").out
    assert "no record" in run("records", "list").err


def test_an_erased_document_leaves_no_word_in_records(run, ids, home):
    document = "docs/backups"
    assert run("documents", "delete", CORPUS, document).code == 0
    assert b"nightly" in b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    words = ("records", "forget", "--corpus", CORPUS, "--document", document)
    shown = run(*words, "--json").json
    assert shown == {"corpus": CORPUS, "document_id": document, "blanked": 3}
    assert run("gc", CORPUS, "--keep", "1").code == 0
    assert "blanked 0 answers" in run(*words).out
    for turn in run("records", "list", "--json").json["records"]:
        assert turn["answer"] == "" and {each["quote"] for each in turn["citations"]} <= {""}
        assert turn["question"] and turn["latency_ms"] > 0
    assert "(text not kept)" in run("sessions", "show", ids["session"]).out
    kept = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert b"nightly" not in kept


def test_ratings_become_questions_that_an_evaluation_takes(run, ids, tmp_path):
    path = tmp_path / "golden.jsonl"
    ran = run("records", "to-golden", str(path), "--json")
    assert ran.json == {"file": str(path), "questions": 1, "skipped": {"unrated": 1, "synthetic": 1}}
    (question,) = load(path).questions
    assert (question.id, question.answers) == (ids["records"][1], ("For thirty days.",))
    assert len(question.history) == 2
    report = run("eval", "answers", CORPUS, "--questions", str(path), "--json")
    assert report.code == 0, report.err
    both = run("records", "to-golden", str(path), "--synthetic")
    assert "wrote 2 questions" in both.out and "left out: 1 unrated" in both.err


def test_nothing_rated_writes_nothing(run, tmp_path):
    path = tmp_path / "golden.jsonl"
    assert run("records", "to-golden", str(path), "--json").json == {
        "file": None,
        "questions": 0,
        "skipped": {},
    }
    assert "nothing was written" in run("records", "to-golden", str(path)).out
    assert not path.exists()


def test_usage_in_figures(run, ids):
    shown = run("usage", "--days", "2", "--json").json
    assert shown["days"] == 2
    assert [(row["corpus"], row["questions"], row["feedback"]) for row in shown["usage"]] == [(CORPUS, 3, 2)]
    assert "latency_p95_ms" in run("usage").out
    assert run("usage", "--days", "0").code == 2


def test_a_question_that_is_typed_is_kept_too(run):
    answer = run("ask", CORPUS, "When are backups made?", "--json").json
    assert run("records", "show", answer["record"], "--json").json["question"] == answer["question"]
