"""Records through the service: what is kept of an answer, sessions as histories, policies and deletion."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from doubles import CORPUS, ME, new_home, open_service, upload

from ragsvc.domain import (
    Answer,
    AnswerRequest,
    Caller,
    DoneEvent,
    FeedbackRequest,
    PassagesEvent,
    RecordOrigin,
    Role,
    Turn,
)
from ragsvc.errors import DiskFull, InvalidRequest, RecordNotFound, RecordsOff, SessionNotFound
from ragsvc.service.service import Service

MARK = "Xylophagous"
TEXTS = {
    "docs/backups": f"Backups are made nightly by {MARK}. They are kept for thirty days.",
    "docs/locks": "A deadlock is found after one second.",
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return new_home(tmp_path)


@pytest.fixture
def service(home: Path) -> Iterator[Service]:
    with open_service(home) as opened:
        upload(opened, TEXTS)
        yield opened


def ask(service: Service, question: str, caller: Caller = ME, **rest: Any) -> Answer:
    return service.answer(caller, AnswerRequest(corpora=(CORPUS,), question=question, **rest))


def bytes_of(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file())


def test_a_record_says_what_was_asked_read_and_answered(service: Service) -> None:
    answer = ask(service, f"When are backups made by {MARK}?", metadata={"page": "/"})
    assert answer.record is not None and answer.session is None
    record = service.records.get(ME, answer.record)
    assert (record.question, record.answer) == (answer.question, answer.answer)
    assert (record.answered, record.confidence) == (answer.answered, answer.confidence)
    assert (record.owner, record.corpora, record.origin) == ("local", (CORPUS,), RecordOrigin.REAL)
    assert record.commits == {CORPUS: answer.commit} == answer.commits
    assert [each.document_id for each in record.passages] == [
        hit.passage.document_id for hit in answer.passages
    ]
    assert [(each.start, each.end, each.quote) for each in record.citations] == [
        (cited.start, cited.end, cited.quote) for cited in answer.citations
    ]
    assert record.timings_ms.keys() == answer.timings_s.keys()
    assert record.latency_ms >= sum(record.timings_ms.values()) * 0.5 > 0
    assert (record.metadata, record.parent, record.feedback) == ({"page": "/"}, None, ())


def test_a_stream_is_kept_once_it_is_whole(service: Service) -> None:
    request = AnswerRequest(corpora=(CORPUS,), question="When are backups made?")
    broken = service.stream_answer(ME, request)
    assert isinstance(next(broken), PassagesEvent)
    broken.close()
    assert service.records.page(ME) == ([], None)
    *_, last = service.stream_answer(ME, request)
    assert isinstance(last, DoneEvent) and last.answer.record is not None
    assert service.records.get(ME, last.answer.record).answer == last.answer.answer


def test_the_turns_of_a_session_are_the_history(service: Service) -> None:
    session = service.records.create_session(ME, "Backups", {})
    first = ask(service, "When are backups made?", session=session.id)
    follow_up = ask(service, "How long are they kept?", session=session.id)
    said = (Turn(Role.USER, first.question), Turn(Role.ASSISTANT, first.answer))
    assert (follow_up.session, first.session) == (session.id, session.id)
    assert follow_up.searched == ask(service, "How long are they kept?", history=said).searched is not None
    own = ask(
        service, "How long are they kept?", session=session.id, history=(Turn(Role.USER, "A deadlock?"),)
    )
    assert own.searched != follow_up.searched
    found, turns, _ = service.records.session(ME, session.id)
    assert [turn.id for turn in turns] == [first.record, follow_up.record, own.record]
    assert [turn.parent for turn in turns] == [None, first.record, follow_up.record]
    assert found.turns == 3
    with pytest.raises(SessionNotFound):
        ask(service, "When?", session="0" * 32)


def test_a_turn_is_found_by_another_process(service: Service, home: Path) -> None:
    session = service.records.create_session(ME, "", {})
    with open_service(home) as other:
        first = ask(service, "When are backups made?", session=session.id)
        second = ask(other, "How long are they kept?", session=session.id)
        assert [turn.id for turn in service.records.session(ME, session.id)[1]] == [
            first.record,
            second.record,
        ]


def test_what_was_asked_is_there_after_a_restart(service: Service, home: Path) -> None:
    answer = ask(service, "When are backups made?")
    service.records.close()
    with open_service(home) as again:
        assert again.records.page(ME)[0][0].id == answer.record


def test_a_full_disk_stops_no_answer_and_no_reading(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = service.records.create_session(ME, "", {}).id
    kept = ask(service, "When are backups made?", session=session).record

    def full(_: object) -> int:
        raise DiskFull("no room")

    with monkeypatch.context() as patch:
        patch.setattr(service.records._queue, "_write", full)
        later = ask(service, "How long are they kept?", session=session).record
        assert [record.id for record in service.records.page(ME)[0]] == [kept]
        assert [turn.id for turn in service.records.session(ME, session)[1]] == [kept]
        with pytest.raises(DiskFull):
            service.records.delete_session(ME, session)
    assert [record.id for record in service.records.page(ME)[0]] == [later, kept]


def test_feedback_counts_and_is_checked(service: Service) -> None:
    record = ask(service, "When are backups made?").record or ""
    said = FeedbackRequest(score=1.0, label="good", tags=("short",))
    kept = service.records.add_feedback(Caller(principal="ada"), record, said)
    assert (kept.owner, kept.score, kept.tags) == ("ada", 1.0, ("short",))
    assert service.records.page(ME, {"score": {"$gte": 1}})[0][0].feedback == (kept,)
    with pytest.raises(InvalidRequest):
        service.records.add_feedback(ME, record, FeedbackRequest(score=1.5))
    with pytest.raises(RecordNotFound):
        service.records.add_feedback(ME, "f" * 32, said)
    row = service.records.usage(ME, 1)[0]
    assert (row.day, row.questions, row.feedback, row.score) == (
        datetime.now(UTC).date().isoformat(),
        1,
        1,
        1.0,
    )
    with pytest.raises(InvalidRequest):
        service.records.usage(ME, 0)


def test_what_is_far_from_the_corpus_is_told(service: Service) -> None:
    ask(service, "Who won the cup in 1966, and what is a quark?")
    assert service.records.usage(ME)[0].far == 1.0


def test_meters_have_the_same_figures(service: Service) -> None:
    record = ask(service, "When are backups made?").record or ""
    ask(service, "Who won the cup in 1966, and what is a quark?")
    service.records.add_feedback(ME, record, FeedbackRequest(score=-1.0))
    row = service.records.usage(ME)[0]
    shown = {
        line.split("{")[0]: float(line.rsplit(" ", 1)[1])
        for line in service.records.meters.exposition().decode().splitlines()
        if not line.startswith("#")
    }
    assert shown["ragsvc_questions_total"] == row.questions == 2
    assert shown["ragsvc_unanswered_total"] == row.unanswered * row.questions
    assert shown["ragsvc_far_total"] == row.far * row.questions
    assert (shown["ragsvc_feedback_total"], shown["ragsvc_score_sum"]) == (row.feedback, -1.0)
    assert shown["ragsvc_latency_seconds_count"] == 2
    assert shown["ragsvc_records_dropped"] == 0


@pytest.mark.parametrize("whose", ["session", "record", "own", "corpus"])
def test_what_is_deleted_leaves_no_trace_in_the_home(service: Service, home: Path, whose: str) -> None:
    mark = "Quoxalotl"
    session = service.records.create_session(ME, mark, {})
    title = service.records.create_session(ME, "", {}).id
    answer = ask(service, f"{mark}: when are backups made?", session=session.id, metadata={"m": mark})
    service.records.add_feedback(ME, answer.record or "", FeedbackRequest(score=1, comment=mark))
    service.records.flush()
    assert mark.encode() in bytes_of(home)
    if whose in ("record", "corpus"):
        service.records.rename_session(ME, session.id, "")
    if whose == "session":
        assert service.records.delete_session(ME, session.id) == 1
    elif whose == "record":
        service.records.delete(ME, answer.record or "")
    elif whose == "own":
        assert service.records.delete_own(ME) == 1
        with pytest.raises(SessionNotFound):
            service.records.session(ME, title)
    else:
        service.delete_corpus(ME, CORPUS)
        assert MARK.encode() not in bytes_of(home)
    assert mark.encode() not in bytes_of(home)
    with pytest.raises(RecordNotFound):
        service.records.get(ME, answer.record or "")


def test_what_waits_in_another_process_of_the_server_goes_too(home: Path) -> None:
    with open_service(home, workers=2) as service, open_service(home, workers=2) as other:
        upload(service, TEXTS)
        ask(other, "When are backups made?")
        assert service.records.delete_own(ME) == 1
        other.records.flush()
        assert service.records.page(ME) == ([], None)


def test_anonymous_keeps_figures_and_no_text(home: Path) -> None:
    mark = "Quoxalotl"
    with open_service(home, records="anonymous") as service:
        upload(service, TEXTS)
        session = service.records.create_session(ME, mark, {})
        answer = ask(service, f"{mark}: when are backups made?", session=session.id)
        said = FeedbackRequest(score=1, comment=mark, corrected_answer=mark, label="good")
        service.records.add_feedback(ME, answer.record or "", said)
        record = service.records.get(ME, answer.record or "")
        assert (record.question, record.answer, record.searched) == ("", "", None)
        assert {cited.quote for cited in record.citations} <= {""}
        assert [len(record.citations), record.confidence] == [len(answer.citations), answer.confidence]
        assert [(each.comment, each.label) for each in record.feedback] == [("", "good")]
        assert ask(service, "How long are they kept?", session=session.id).searched is None
        assert service.records.usage(ME)[0].questions == 2
    assert mark.encode() not in bytes_of(home)


def test_off_keeps_nothing(home: Path) -> None:
    with open_service(home, records="off") as service:
        upload(service, TEXTS)
        answer = ask(service, "When are backups made?")
        assert (answer.record, answer.session, answer.answered) == (None, None, answer.answered)
        assert service.records.page(ME) == ([], None)
        assert b"ragsvc_questions_total{" in service.records.meters.exposition()
        for call in (
            lambda: service.records.create_session(ME, "", {}),
            lambda: ask(service, "When?", session="0" * 32),
            lambda: service.records.rename_session(ME, "0" * 32, "Backups"),
            lambda: service.records.add_feedback(ME, "0" * 32, FeedbackRequest(score=1)),
        ):
            with pytest.raises(RecordsOff):
                call()


def test_retention_is_swept_where_jobs_are(service: Service) -> None:
    ask(service, "When are backups made?")
    service.records.flush()
    service.settings.keep_records_days = 1e-9
    service._runner._sweep()
    assert service.records.page(ME) == ([], None)
    service.settings.keep_records_days = 1e300
    service._runner._sweep()
