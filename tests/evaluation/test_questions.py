"""A user's questions: what a line may hold, and that a bad line is listed and no more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragsvc.domain import Role, Turn
from ragsvc.errors import InvalidRequest, SourceNotFound
from ragsvc.evaluation.answer_metrics import holds_phrase
from ragsvc.evaluation.questions import GoldSpan, Question, judged, load, parse

HANDBOOK = Path(__file__).parents[1] / "golden" / "handbook.jsonl"
FULL: dict[str, Any] = {
    "id": "q1",
    "question": "How many units?",
    "answerable": True,
    "documents": {"h/a.md": 2, "h/b.md": 0},
    "spans": [
        {"document_id": "h/a.md", "start": 3, "end": 9},
        {"document_id": "h/a.md", "quote": "64 units"},
        {"document_id": "h/a.md", "start": 3, "end": 11, "quote": "64 units"},
    ],
    "answers": ["64"],
    "phrases": ["64", "sixty-four"],
    "history": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Yes?"}],
    "kind": "definition",
    "split": "tune",
    "origin": "me",
    "difficulty": "an unknown field",
}


def write(path: Path, *lines: Any) -> Path:
    path.write_text("\n".join(x if isinstance(x, str) else json.dumps(x) for x in lines), encoding="utf-8")
    return path


def test_a_full_line_is_read_whole_and_a_short_one_has_defaults(tmp_path: Path) -> None:
    loaded = load(write(tmp_path / "q.jsonl", FULL, "", {"question": "Why?"}))
    assert loaded.malformed == ()
    assert loaded.questions == (
        Question(
            "q1",
            "How many units?",
            True,
            {"h/a.md": 2, "h/b.md": 0},
            (
                GoldSpan("h/a.md", 3, 9),
                GoldSpan("h/a.md", quote="64 units"),
                GoldSpan("h/a.md", 3, 11, "64 units"),
            ),
            ("64",),
            ("64", "sixty-four"),
            (Turn(Role.USER, "Hello"), Turn(Role.ASSISTANT, "Yes?")),
            "definition",
            "tune",
            "me",
        ),
        Question("line-3", "Why?"),
    )
    assert [question.id for question in judged(loaded.questions)] == ["q1"]


def test_spans_tell_the_right_documents_when_nothing_else_does() -> None:
    row = {"question": "?", "spans": [{"document_id": "a", "quote": "x"}]}
    question = parse(json.dumps(row).encode(), "line-1")
    assert question.judgements == {"a": 1}
    assert judged([question]) == (question,)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ("[" * 100_000, "not readable"),
        ("{}", '"question"'),
        ({"question": " "}, '"question"'),
        ({"question": "\ud800"}, "surrogate"),
        ({"question": "?", "id": 7}, '"id"'),
        ({"question": "?", "answerable": "yes"}, '"answerable"'),
        ({"question": "?", "answerable": False, "documents": ["a"]}, "unanswerable"),
        ({"question": "?", "documents": "a"}, '"documents"'),
        ({"question": "?", "documents": {"a": 1.5}}, "whole numbers"),
        ({"question": "?", "documents": {"a": True}}, "whole numbers"),
        ('{"question": "?", "documents": {"a": NaN}}', "whole numbers"),
        ({"question": "?", "documents": {"a": 10**400}}, "a grade is from"),
        (f'{{"question": "?", "documents": {{"a": {"1" * 5000}}}}}', "too many digits"),
        ({"question": "?", "spans": {}}, '"spans"'),
        ({"question": "?", "spans": [{"document_id": "a"}]}, '"spans"'),
        ({"question": "?", "spans": [{"document_id": "a", "start": 5, "end": 5}]}, '"spans"'),
        ({"question": "?", "spans": [{"document_id": "a", "start": True, "end": 5}]}, '"spans"'),
        ({"question": "?", "answers": [""]}, '"answers"'),
        ({"question": "?", "history": [{"role": "system", "content": "x"}]}, '"history"'),
        ({"question": "?", "phrases": ["x", ""]}, 'each of "phrases"'),
        ({"question": "?", "documents": [1]}, 'each of "documents"'),
        ('{"question": "?", "phrases": ["a"], "phrases": ["b"]}', "'phrases' is there twice"),
        ('{"question": "?", "documents": {"a": 1, "a": 0}}', "'a' is there twice"),
        ({"question": "?", "kind": "a\nb"}, '"kind"'),
        ({"question": "?", "id": "good"}, "twice"),
    ],
)
def test_a_malformed_line_is_listed_by_number_and_the_rest_is_used(
    tmp_path: Path, line: Any, said: str
) -> None:
    loaded = load(write(tmp_path / "q.jsonl", {"id": "good", "question": "Why?"}, line, {"question": "How?"}))
    assert [question.id for question in loaded.questions] == ["good", "line-3"]
    assert [each.place for each in loaded.malformed] == ["q.jsonl:2"]
    assert said in loaded.malformed[0].error
    assert len(loaded.malformed[0].error) < 200


def test_bytes_that_are_no_text_spoil_their_line_alone(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"question": "One\xe2\x80\xa8?"}\r\n\xff\xfe\n{"question": "Three"}')
    loaded = load(path)
    assert [question.text for question in loaded.questions] == ["One\u2028?", "Three"]
    assert [each.place for each in loaded.malformed] == ["q.jsonl:2"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda x: st.lists(x) | st.dictionaries(st.sampled_from(sorted(FULL)) | st.text(), x),
        max_leaves=12,
    )
)
def test_whatever_is_json_is_a_question_or_is_told_why_not(value: Any) -> None:
    row = {"question": "?"} | value if isinstance(value, dict) else value
    try:
        question = parse(json.dumps(row).encode(), "line-1")
    except ValueError as error:
        assert str(error)
    else:
        assert question.text.strip()


def test_nothing_to_ask_is_an_error_that_helps(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match=r"none\.jsonl"):
        load(tmp_path / "none.jsonl")
    with pytest.raises(InvalidRequest, match=r"q\.jsonl:1"):
        load(write(tmp_path / "q.jsonl", "no"))
    with pytest.raises(InvalidRequest, match="holds no question"):
        load(write(tmp_path / "q.jsonl", ""))
    with pytest.raises(InvalidRequest, match="'dev'") as caught:
        load(write(tmp_path / "q.jsonl", FULL), "dev")
    assert "tune" in caught.value.hint


def test_splits_are_chosen_and_digests_tell_files_and_splits_apart(tmp_path: Path) -> None:
    path = write(tmp_path / "q.jsonl", FULL, {"question": "Why?", "split": "report"})
    assert [question.id for question in load(path, "report").questions] == ["line-2"]
    digests = [load(path).digest, load(path, "tune").digest, load(path, "report").digest]
    assert load(path).digest == digests[0]
    digests.append(load(write(path, FULL)).digest)
    assert len(set(digests)) == 4


def test_the_handbooks_questions_are_enough_and_ask_what_they_do_not_tell() -> None:
    loaded = load(HANDBOOK)
    answerable = [question for question in loaded.questions if question.answerable]
    refused = [question for question in loaded.questions if not question.answerable]
    assert loaded.malformed == ()
    assert {question.split for question in loaded.questions} == {"tune", "report"}
    assert len(answerable) >= 160
    assert len(refused) >= 80
    assert sum(question.kind == "near" for question in refused) * 2 >= len(refused)
    assert all(question.documents and question.phrases for question in answerable)
    assert [q.id for q in answerable if holds_phrase(q.text, q.phrases[:1])] == []


def test_what_is_odd_about_a_line_that_is_used_is_noted(tmp_path: Path) -> None:
    path = write(
        tmp_path / "q.jsonl",
        {"question": "Why?", "document": ["a"], "Phrases": ["x"], "difficulty": 3},
        {"question": "How?", "document": ["a"], "documents": {"a": 0, "b": -1}},
        {"question": "Who?", "answerable": False, "documents": {"a": 0}},
    )
    loaded = load(path)
    assert loaded.malformed == ()
    assert [question.line for question in loaded.questions] == [1, 2, 3]
    assert [(note.place, note.error) for note in loaded.notes] == [
        ("q.jsonl", "1 question has a field that is not known: Phrases (did you mean phrases?)"),
        ("q.jsonl", "2 questions have a field that is not known: document (did you mean documents?)"),
        ("q.jsonl:2", "none of its documents has a grade above 0: nothing found counts as right"),
    ]


@pytest.mark.parametrize(
    "text", ['[{"question": "Why?"},\n{"question": "How?"}]', '\ufeff [\n{"question": "?"}\n]']
)
def test_a_json_array_is_one_clear_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "q.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidRequest, match=r"q\.json is a JSON array; write one object a line") as caught:
        load(path)
    assert "jq" in caught.value.hint
