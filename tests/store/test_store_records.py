"""Records: what goes in comes out, filters say what they say, and what is deleted leaves no trace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_records import made_record
from store_building import ME, SPEC, document, sync

from ragsvc.domain import AnswerRecord, Caller, FeedbackRequest, RecordOrigin
from ragsvc.errors import InvalidFilter, InvalidRequest, RagsvcError, RecordNotFound, SessionNotFound
from ragsvc.store.catalog import Catalog
from ragsvc.store.record_filters import parse_record_filter

MARK = "Xylophagous"
OTHER = Caller(principal="other")


@pytest.fixture
def stored(catalog: Catalog) -> Catalog:
    for name in ("one", "two"):
        catalog.corpora.create(ME, name, SPEC)
    return catalog


def bytes_of(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file())


def found(catalog: Catalog, where: dict[str, Any]) -> list[str]:
    """Questions of what a filter finds, oldest first."""
    page, _ = catalog.records.page(ME, parse_record_filter(where), None, 1000)
    return [record.question for record in page][::-1]


def test_a_record_comes_back_as_it_was(stored: Catalog) -> None:
    record = made_record(corpora=("one", "two"), metadata={"lang": "de", "deep": {"n": [1, 2]}}, searched="x")
    assert stored.records.add([record]) == 1
    assert stored.records.get(ME, record.id) == record
    said = stored.records.add_feedback(
        OTHER, record.id, FeedbackRequest(score=-0.5, label="wrong", comment="no", tags=("a", "b"))
    )
    assert (said.owner, said.record, said.score) == ("other", record.id, -0.5)
    assert stored.records.get(ME, record.id) == replace(record, feedback=(said,))
    with pytest.raises(RecordNotFound):
        stored.records.get(ME, "0" * 32)


def test_a_session_holds_its_turns_in_order(stored: Catalog) -> None:
    session = stored.sessions.create(ME, "Backups", {"client": "page"})
    turns = [made_record(session=session.id, question=f"q{n}", created_at=f"2026-01-0{n}") for n in (1, 2, 3)]
    stored.records.add(turns)
    assert stored.sessions.turns(ME, session.id) == (turns, None)
    latest, earlier = stored.sessions.turns(ME, session.id, limit=2)
    assert latest == turns[1:]
    assert stored.sessions.turns(ME, session.id, earlier, 2) == (turns[:1], None)
    first, later = stored.sessions.turns_from_first(ME, session.id, limit=2)
    assert first == turns[:2]
    assert stored.sessions.turns_from_first(ME, session.id, later, 2) == (turns[2:], None)
    shown = stored.sessions.get(ME, session.id)
    assert (shown.turns, shown.updated_at, shown.metadata) == (3, "2026-01-03", {"client": "page"})
    assert stored.sessions.rename(ME, session.id, "Copies").title == "Copies"
    assert stored.sessions.delete(ME, session.id) == 3
    for call in (stored.sessions.get, stored.sessions.delete):
        with pytest.raises(SessionNotFound):
            call(ME, session.id)
    assert stored.records.page(ME, None, None, 10) == ([], None)


def test_what_belongs_to_something_that_is_gone_is_not_written(stored: Catalog) -> None:
    kept = made_record()
    late = [made_record(session="f" * 32), made_record(corpora=("one", "never"))]
    assert stored.records.add([kept, *late]) == 1
    assert stored.records.page(ME, None, None, 10) == ([kept], None)


@pytest.mark.parametrize("name", ["records", "sessions"])
def test_pages_hold_everything_once(stored: Catalog, name: str) -> None:
    stored.records.add([made_record(question=str(n)) for n in range(7)])
    for n in range(7):
        stored.sessions.create(ME, str(n), {})
    pages: list[Any] = []
    cursor = None
    while True:
        if name == "records":
            page, cursor = stored.records.page(ME, None, cursor, 3)
        else:
            page, cursor = stored.sessions.page(ME, cursor, 3)
        pages += page
        if cursor is None:
            break
    assert [getattr(each, "question", None) or each.title for each in pages] == list("6543210")
    with pytest.raises(InvalidRequest):
        stored.sessions.page(ME, "x", 3)


def test_filters_over_every_field(stored: Catalog) -> None:
    session = stored.sessions.create(ME, "", {})
    records = [
        made_record(question="a", confidence=0.1, answered=False, support=None, metadata={"lang": "en"}),
        made_record(question="b", corpora=("one", "two"), session=session.id, owner="other"),
        made_record(question="c", corpora=("two",), origin=RecordOrigin.SYNTHETIC, metadata={"n": 3}),
        made_record(question="d", created_at="2026-02-01T00:00:00.000Z"),
    ]
    stored.records.add(records)
    stored.records.add_feedback(ME, records[1].id, FeedbackRequest(score=1.0))
    stored.records.add_feedback(ME, records[3].id, FeedbackRequest(score=-1.0))
    wanted = {
        "abcd": {},
        "bc": {"corpus": "two"},
        "ad": {"corpus": {"$ne": "two"}},
        "b": {"session": session.id},
        "acd": {"session": None},
        "a": {"answered": False},
        "bcd": {"confidence": {"$gte": 0.5}},
        "c": {"origin": "synthetic"},
        "d": {"created_at": {"$gt": "2026-01-31"}},
        "bd": {"score": {"$exists": True}},
        "ac": {"score": {"$exists": False}},
    }
    for questions, where in wanted.items():
        assert found(stored, where) == list(questions), where
    more = [
        ("acd", {"session": {"$ne": session.id}}),
        ("acd", {"session": {"$exists": False}}),
        ("b", {"owner": {"$in": ["other", 3]}}),
        ("b", {"score": {"$gt": 0}}),
        ("c", {"metadata.n": 3}),
        ("abd", {"$not": {"metadata.n": {"$exists": True}}}),
        ("ac", {"$or": [{"metadata.lang": "en"}, {"metadata.n": {"$lte": 3}}]}),
        ("", {"answered": 1}),
        ("", {"confidence": "0.75"}),
        ("", {"origin": True}),
        ("abcd", {"origin": {"$nin": []}}),
    ]
    for questions, where in more:
        assert found(stored, where) == list(questions), where
    for wrong in ({"title": "x"}, {"metadata": {"$exists": True}}, {"$nor": []}, {"corpus": {"$like": "x"}}):
        with pytest.raises(InvalidFilter):
            parse_record_filter(wrong)


conditions = st.one_of(
    st.builds(lambda value: {"answered": value}, st.booleans()),
    st.builds(
        lambda operator, value: {"confidence": {operator: value}},
        st.sampled_from(["$gt", "$gte", "$lt", "$lte", "$eq", "$ne"]),
        st.sampled_from([0.25, 0.5, 0.75]),
    ),
    st.builds(lambda value: {"metadata.lang": value}, st.sampled_from(["en", "de"])),
    st.builds(lambda value: {"session": {"$exists": value}}, st.booleans()),
    st.builds(lambda value: {"corpus": {"$in": value}}, st.lists(st.sampled_from(["one", "two"]))),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(one=conditions, other=conditions)
def test_and_or_and_not_are_those_of_sets(many: Catalog, one: dict[str, Any], other: dict[str, Any]) -> None:
    a, b = set(found(many, one)), set(found(many, other))
    everything = set(found(many, {}))
    assert set(found(many, {"$and": [one, other]})) == a & b
    assert set(found(many, {"$or": [one, other]})) == a | b
    assert set(found(many, {"$not": one})) == everything - a


@pytest.fixture
def many(stored: Catalog) -> Catalog:
    session = stored.sessions.create(ME, "", {}).id
    stored.records.add(
        [
            made_record(
                question=f"{n:02}",
                answered=n % 2 == 0,
                confidence=(n % 3 + 1) / 4,
                session=session if n % 5 == 0 else None,
                corpora=(("one",), ("two",), ("one", "two"))[n % 3],
                metadata=[{}, {"lang": "en"}, {"lang": ["de", "en"]}][n % 3],
            )
            for n in range(30)
        ]
    )
    return stored


def _session(catalog: Catalog, session: str, record: AnswerRecord) -> None:
    catalog.sessions.delete(ME, session)


def _record(catalog: Catalog, session: str, record: AnswerRecord) -> None:
    catalog.sessions.rename(ME, session, "plain")
    catalog.records.delete(ME, record.id)


def _owner(catalog: Catalog, session: str, record: AnswerRecord) -> None:
    assert catalog.records.delete_owner("other") == 1


def _corpus(catalog: Catalog, session: str, record: AnswerRecord) -> None:
    catalog.sessions.rename(ME, session, "plain")
    catalog.deletion.delete_corpus(ME, "two")


def _retention(catalog: Catalog, session: str, record: AnswerRecord) -> None:
    catalog.sessions.rename(ME, session, "plain")
    assert catalog.records.expire("2026-01-01T12:00:00.000Z") == 1


@pytest.mark.parametrize("remove", [_session, _record, _owner, _corpus, _retention])
def test_what_is_deleted_leaves_no_trace(
    stored: Catalog, remove: Callable[[Catalog, str, AnswerRecord], None]
) -> None:
    sync(stored, "one", {"a": document("plain words")})
    session = stored.sessions.create(OTHER, MARK, {}).id
    gone = made_record(
        owner="other",
        session=session,
        corpora=("two",),
        question=f"{MARK}? " * 500,
        searched=MARK,
        answer=f"{MARK}. " * 900,
        citations=(replace(made_record().citations[0], quote=MARK),),
        metadata={MARK: MARK},
    )
    kept = made_record(created_at="2026-01-02")
    stored.records.add([gone, kept])
    said = FeedbackRequest(score=1, label=MARK, comment=MARK, corrected_answer=MARK, tags=(MARK,))
    stored.records.add_feedback(OTHER, gone.id, said)
    assert MARK.encode() in bytes_of(stored.home.path)
    remove(stored, session, gone)
    assert MARK.encode() not in bytes_of(stored.home.path)
    assert stored.records.page(ME, None, None, 10) == ([kept], None)
    assert stored.integrity.damaged_database() == []


def test_of_a_document_that_is_forgotten_no_word_stays(stored: Catalog) -> None:
    document_id = 'r/"a".md'
    session = stored.sessions.create(ME, "talk", {}).id
    cited = replace(made_record().citations[0], document_id=document_id, quote=MARK)
    read = replace(made_record().passages[0], document_id=document_id)
    other = made_record().citations[0]
    records = [
        made_record(session=session, answer=f"{MARK}. " * 900, citations=(other, cited), passages=(read,)),
        made_record(session=session, searched=f"When? {MARK}"),
        made_record(answer=f"{MARK}, not cited", passages=(read,)),
        # Neither the same name in another corpus nor one that only looks alike is concerned.
        made_record(citations=(replace(cited, corpus="two", quote=""),)),
        made_record(citations=(replace(other, quote=f'"corpus":"one","document_id":"{document_id}"'),)),
        made_record(passages=(replace(read, document_id=f"{document_id}x"),)),
    ]
    stored.records.add(records)
    said = stored.records.add_feedback(ME, records[0].id, FeedbackRequest(score=-1.0, comment="old"))
    assert MARK.encode() in bytes_of(stored.home.path)
    assert stored.records.forget_document("one", document_id) == 2
    assert MARK.encode() not in bytes_of(stored.home.path)
    page, _ = stored.records.page(ME, None, None, 10)
    blank = tuple(replace(each, quote="") for each in records[0].citations)
    assert page[::-1] == [
        replace(records[0], answer="", citations=blank, feedback=(said,)),
        replace(records[1], searched=None),
        replace(records[2], answer="", citations=(replace(records[2].citations[0], quote=""),)),
        *records[3:],
    ]
    assert stored.records.forget_document("one", document_id) == 0
    assert stored.integrity.damaged_database() == []


def test_what_a_person_said_of_answers_of_others_goes_too(stored: Catalog) -> None:
    record = made_record()
    stored.records.add([record])
    stored.records.add_feedback(OTHER, record.id, FeedbackRequest(score=1, comment=MARK))
    assert stored.records.delete_owner("other") == 0
    assert stored.records.get(ME, record.id) == record
    assert MARK.encode() not in bytes_of(stored.home.path)


def test_errors_of_the_database_hold_no_text(stored: Catalog) -> None:
    record = made_record(question="Quoxalotl?", confidence=float("nan"))
    with pytest.raises(RagsvcError) as caught:
        stored.records.add([record])
    told: BaseException | None = caught.value
    while told is not None:
        assert "Quoxalotl" not in str(told)
        told = told.__cause__ or told.__context__


def test_a_chain_is_closed_where_records_go(stored: Catalog) -> None:
    chain = [made_record(id=f"{n:032x}", parent=f"{n - 1:032x}" if n else None) for n in range(5)]
    stored.records.add(chain)
    stored.records.delete(ME, chain[2].id)
    stored.records.delete(ME, chain[1].id)
    assert stored.records.get(ME, chain[3].id).parent == chain[0].id
    stored.records.delete(ME, chain[0].id)
    assert stored.records.get(ME, chain[3].id).parent is None
    assert stored.records.get(ME, chain[4].id).parent == chain[3].id


def test_retention_takes_what_is_old_and_sessions_without_turns(stored: Catalog) -> None:
    full = stored.sessions.create(ME, "full", {})
    empty = stored.sessions.create(ME, "empty", {})
    stored.records.add([made_record(session=full.id, created_at="2090-01-01"), made_record()])
    assert stored.records.expire("2089-01-01") == 1
    assert stored.records.expire("2089-01-01") == 0
    assert [session.id for session in stored.sessions.page(ME, None, 10)[0]] == [full.id]
    with pytest.raises(SessionNotFound):
        stored.sessions.get(ME, empty.id)


def test_usage_is_what_can_be_worked_out_by_hand(stored: Catalog) -> None:
    day = "2026-03-0"
    records = [
        made_record(created_at=f"{day}1T00:00", latency_ms=10, support=0.5),
        made_record(created_at=f"{day}1T23:00", latency_ms=30, support=1.0, corpora=("one", "two")),
        made_record(
            created_at=f"{day}1T12:00", latency_ms=20, support=None, answered=False, far=True, confidence=0
        ),
        made_record(created_at=f"{day}2T12:00", latency_ms=5),
        made_record(created_at="2026-02-28T12:00"),
    ]
    stored.records.add(records)
    for record, score in ((records[0], 1.0), (records[0], 0.0), (records[2], -0.5)):
        stored.records.add_feedback(ME, record.id, FeedbackRequest(score=score))
    rows = stored.records.usage(ME, "2026-03-01")
    assert [(row.day[-2:], row.corpus, row.questions) for row in rows] == [
        ("02", "one", 1),
        ("01", "one", 3),
        ("01", "two", 1),
    ]
    busy = rows[1]
    assert (busy.unanswered, busy.far) == (pytest.approx(1 / 3), pytest.approx(1 / 3))
    assert (busy.support, busy.feedback, busy.score) == (0.75, 3, pytest.approx(1 / 6))
    assert (busy.latency_p50_ms, busy.latency_p95_ms) == (20.0, 29.0)
    assert (rows[2].feedback, rows[2].score, rows[2].support) == (0, None, 1.0)
