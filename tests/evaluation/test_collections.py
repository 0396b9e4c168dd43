"""BEIR folders are read as far as they can be, and what is malformed is named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ragsvc.errors import InvalidRequest, SourceNotFound
from ragsvc.evaluation import beir
from ragsvc.evaluation.report import InputDefect

HEAD = "query-id\tcorpus-id\tscore\n"


def collection(folder: Path, judgements: str = "q1\td 1\t2\nq1\td2\t0\n") -> Path:
    (folder / "qrels").mkdir(parents=True)
    (folder / "queries.jsonl").write_text(
        '{"_id": "q1", "text": "one?", "metadata": {"answer": "gold"}}\n\n'
        '{"_id": "q2", "text": "unjudged"}\n',
        encoding="utf-8",
    )
    (folder / "qrels" / "test.tsv").write_text(HEAD + judgements, encoding="utf-8")
    return folder


def test_a_collection_has_its_judged_queries_and_no_gold_answers(tmp_path: Path) -> None:
    loaded = beir.load(collection(tmp_path / "set"))
    assert loaded.name == "set"
    assert loaded.queries == (beir.TestQuery("q1", "one?"),)
    assert loaded.judgements == {"q1": {"d 1": 2, "d2": 0}}
    assert loaded.malformed == ()
    assert "gold" not in repr(loaded)
    assert [question.judgements for question in loaded.questions] == [{"d 1": 2, "d2": 0}]


@pytest.mark.parametrize("line", ["q1\td1", "q1\td1\tmuch", "q1 d1 1", "q1\td1\t1" + "0" * 400])
def test_a_malformed_judgement_is_named_and_the_rest_used(tmp_path: Path, line: str) -> None:
    loaded = beir.load(collection(tmp_path / "set", f"{line}\nq1\td2\t1\n"))
    assert [each.place for each in loaded.malformed] == ["test.tsv:2"]
    assert loaded.judgements == {"q1": {"d2": 1}}
    with pytest.raises(InvalidRequest, match=r"test\.tsv:2"):
        beir.load(collection(tmp_path / "bad", f"{line}\n"))


def test_a_malformed_or_missing_query_is_named_and_the_rest_used(tmp_path: Path) -> None:
    folder = collection(tmp_path / "set", "absent\td1\t1\nq1\td1\t1\n")
    queries = folder / "queries.jsonl"
    queries.write_bytes(
        queries.read_bytes() + b'{"text": "no id"}\n{"_id": "q1", "text": "again"}\n\xff\n[]\n'
    )
    loaded = beir.load(folder)
    assert loaded.queries == (beir.TestQuery("q1", "one?"),)
    places = ["queries.jsonl:4", "queries.jsonl:5", "queries.jsonl:6", "queries.jsonl:7", "queries.jsonl"]
    assert [each.place for each in loaded.malformed] == places
    assert loaded.malformed[-1] == InputDefect("queries.jsonl", "lacks the judged query 'absent'")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match=r"test\.tsv"):
        beir.load(tmp_path)
    with pytest.raises(SourceNotFound, match=r"dev\.tsv") as caught:
        beir.load(collection(tmp_path / "set"), "dev")
    assert caught.value.hint == "its splits: test; choose one with --split"


@pytest.mark.parametrize("line", ["q1 0 d2 1", "q1\t0\td2\t1", "q1 Q0   d2 1"])
def test_judgements_in_the_columns_of_trec_are_read(tmp_path: Path, line: str) -> None:
    folder = collection(tmp_path / "set")
    (folder / "qrels" / "test.tsv").write_text(f"{line}\nq1 0 d3 0\n", encoding="utf-8")
    loaded = beir.load(folder)
    assert loaded.malformed == ()
    assert loaded.judgements == {"q1": {"d2": 1, "d3": 0}}


def test_queries_without_a_right_document_are_counted(tmp_path: Path) -> None:
    loaded = beir.load(collection(tmp_path / "set", "q1\td1\t0\nq2\td1\t1\n"))
    (note,) = loaded.notes
    assert note.error == "1 query has no grade above 0, and nothing found counts as right: q1"
    assert loaded.notes == beir.load(tmp_path / "set").notes


def test_the_digest_is_of_queries_and_judgements(tmp_path: Path) -> None:
    digests = {
        beir.load(collection(tmp_path / name, judgements)).digest
        for name, judgements in (("a", "q1\td1\t1\n"), ("b", "q1\td1\t1\n"), ("c", "q1\td1\t2\n"))
    }
    assert len(digests) == 2


@pytest.mark.data
def test_public_collections_have_the_published_sizes() -> None:
    data = os.environ.get("RAGSVC_TEST_DATA")
    if not data:
        pytest.skip("RAGSVC_TEST_DATA is not set")
    sizes = {"cranfield": 225, "npl": 93, "cisi": 76, "squad2-dev-half": 2910, "product-docs": 100}
    for name, queries in sizes.items():
        loaded = beir.load(Path(data) / name)
        assert (len(loaded.queries), loaded.malformed) == (queries, ()), name
