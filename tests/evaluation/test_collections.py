"""BEIR folders and golden questions are read whole, and malformed ones are named."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ragsvc.errors import InvalidRequest, SourceNotFound
from ragsvc.evaluation import beir, golden
from ragsvc.evaluation.golden import GoldenQuestion, Kind, Split

HANDBOOK = Path(__file__).parents[1] / "golden" / "handbook.jsonl"
ANSWERABLE = {
    "id": "q1",
    "question": "How many units?",
    "answerable": True,
    "document_id": "h/a.md",
    "also": ["h/b.md"],
    "phrase": "64",
    "accept": ["sixty-four units"],
    "split": "tune",
}
UNANSWERABLE = {"id": "u1", "question": "Price?", "answerable": False, "kind": "near", "split": "report"}


def collection(folder: Path, judgements: str = "query-id\tcorpus-id\tscore\nq1\td 1\t2\nq1\td2\t0\n") -> Path:
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text('{"_id": "d 1", "text": "one"}\n', encoding="utf-8")
    (folder / "queries.jsonl").write_text(
        '{"_id": "q1", "text": "one?", "metadata": {"answer": "gold"}}\n\n'
        '{"_id": "q2", "text": "unjudged"}\n',
        encoding="utf-8",
    )
    (folder / "qrels" / "test.tsv").write_text(judgements, encoding="utf-8")
    return folder


def test_a_collection_has_its_judged_queries_and_no_gold_answers(tmp_path: Path) -> None:
    loaded = beir.load(collection(tmp_path / "set"))
    assert loaded.name == "set"
    assert loaded.queries == (beir.Query("q1", "one?"),)
    assert loaded.judgements == {"q1": {"d 1": 2, "d2": 0}}
    assert "gold" not in repr(loaded)


@pytest.mark.parametrize("line", ["q1\td1", "q1\td1\tmuch", "q1 d1 1"])
def test_a_malformed_judgement_is_named(tmp_path: Path, line: str) -> None:
    with pytest.raises(InvalidRequest, match=r"test\.tsv:2"):
        beir.load(collection(tmp_path / "set", f"query-id\tcorpus-id\tscore\n{line}\n"))


def test_a_malformed_or_missing_query_is_named(tmp_path: Path) -> None:
    folder = collection(tmp_path / "set", "absent\td1\t1\n")
    with pytest.raises(InvalidRequest, match="'absent'"):
        beir.load(folder)
    (folder / "queries.jsonl").write_text('{"text": "no id"}\n', encoding="utf-8")
    with pytest.raises(InvalidRequest, match=r"queries\.jsonl:1"):
        beir.load(folder)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match=r"corpus\.jsonl"):
        beir.load(tmp_path)
    with pytest.raises(SourceNotFound, match=r"dev\.tsv"):
        beir.load(collection(tmp_path / "set"), "dev")


@pytest.mark.data
def test_public_collections_have_the_published_sizes() -> None:
    data = os.environ.get("RAGSVC_TEST_DATA")
    if not data:
        pytest.skip("RAGSVC_TEST_DATA is not set")
    sizes = {"cranfield": 225, "npl": 93, "cisi": 76, "squad2-dev-half": 2910, "product-docs": 100}
    for name, queries in sizes.items():
        assert len(beir.load(Path(data) / name).queries) == queries, name


def test_golden_questions_are_read(tmp_path: Path) -> None:
    path = tmp_path / "golden.jsonl"
    path.write_text(f"{json.dumps(ANSWERABLE)}\n\n{json.dumps(UNANSWERABLE)}\n", encoding="utf-8")
    assert golden.load(path) == [
        GoldenQuestion("q1", "How many units?", Split.TUNE, ("h/a.md", "h/b.md"), ("64", "sixty-four units")),
        GoldenQuestion("u1", "Price?", Split.REPORT, kind=Kind.NEAR),
    ]


@pytest.mark.parametrize(
    ("row", "change"),
    [
        (ANSWERABLE, {"split": "both"}),
        (ANSWERABLE, {"answerable": "yes"}),
        (ANSWERABLE, {"phrase": ""}),
        (ANSWERABLE, {"document_id": None}),
        (UNANSWERABLE, {"kind": None}),
        (UNANSWERABLE, {"question": 7}),
    ],
)
def test_a_malformed_golden_question_is_named(
    tmp_path: Path, row: dict[str, Any], change: dict[str, Any]
) -> None:
    path = tmp_path / "golden.jsonl"
    path.write_text(json.dumps(row | change), encoding="utf-8")
    with pytest.raises(InvalidRequest, match=r"golden\.jsonl:1"):
        golden.load(path)


def test_a_repeated_golden_id_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "golden.jsonl"
    path.write_text(f"{json.dumps(ANSWERABLE)}\n{json.dumps(ANSWERABLE)}\n", encoding="utf-8")
    with pytest.raises(InvalidRequest, match="twice"):
        golden.load(path)


@pytest.mark.parametrize(
    ("answer", "accepted"),
    [
        ("The code has 64 units.", True),
        ("SIXTY-FOUR\n units", True),
        ("784→64", True),
        ("In 1964 it began.", False),
        ("640 of them.", False),
        ("Sixty-four of them.", False),
    ],
)
def test_an_answer_holds_a_phrase_from_the_beginning_of_a_word(answer: str, accepted: bool) -> None:
    question = GoldenQuestion("q", "?", Split.TUNE, ("d",), ("64", "sixty-four units"))
    assert question.accepts(answer) is accepted


def test_the_handbooks_questions_are_enough_and_ask_what_they_do_not_tell() -> None:
    questions = golden.load(HANDBOOK)
    answerable = [question for question in questions if question.answerable]
    refused = [question for question in questions if not question.answerable]
    assert len(answerable) >= 160
    assert len(refused) >= 80
    assert sum(question.kind is Kind.NEAR for question in refused) * 2 >= len(refused)
    assert [
        q.id for q in answerable if GoldenQuestion("", "", q.split, phrases=q.phrases[:1]).accepts(q.question)
    ] == []
