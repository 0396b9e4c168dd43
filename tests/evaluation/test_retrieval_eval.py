"""Retrieval is measured as trec_eval measures it, over one commit, and goes on after an interruption."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytrec_eval
from doubles import CORPUS, ME, new_home, open_service, search, upload

from ragsvc.domain import Collapse, Mode, Progress, Role, SearchRequest, Turn
from ragsvc.errors import CorpusNotFound, InvalidRequest, StaleContent
from ragsvc.evaluation.report import Item, Report
from ragsvc.evaluation.requests import RetrievalEvaluation
from ragsvc.service.service import Service

NOUNS = "anchor basil copper delta ember falcon garnet harbour indigo juniper kelp lantern maple nectar"
WORDS = NOUNS.split()
MEASURES = {"ndcg@10": "ndcg_cut_10", "recall@10": "recall_10", "precision@10": "P_10", "mrr": "recip_rank"}


def text_of(seed: int, sentences: int = 14) -> str:
    draw = random.Random(seed)
    return " ".join(" ".join(draw.choices(WORDS, k=8)).capitalize() + "." for _ in range(sentences))


# Several chunks each; twins share all their text, so that scores tie.
DOCUMENTS = {f"d{n:02}": text_of(n) for n in range(24)} | {"twin-a": text_of(0), "twin-b": text_of(99)}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with open_service(new_home(tmp_path_factory.mktemp("retrieval"))) as opened:
        upload(opened, DOCUMENTS)
        yield opened


@pytest.fixture(scope="module")
def questions() -> list[dict[str, Any]]:
    draw = random.Random(5)
    return [
        {
            "id": f"q{n}",
            "question": " ".join(draw.choices(WORDS, k=3)) + "?",
            "documents": {name: draw.randint(0, 3) for name in draw.sample(sorted(DOCUMENTS), 6)},
        }
        for n in range(12)
    ]


def write(folder: Path, rows: list[dict[str, Any]], *more: str) -> Path:
    path = folder / "q.jsonl"
    path.write_text("\n".join([*map(json.dumps, rows), *more]), encoding="utf-8")
    return path


def measure(service: Service, path: Path, **rest: Any) -> Report:
    return service.evaluations.retrieval(ME, RetrievalEvaluation(CORPUS, path, **rest))


def test_figures_are_those_of_trec_eval(
    service: Service, questions: list[dict[str, Any]], tmp_path: Path
) -> None:
    report = measure(service, write(tmp_path, questions))
    qrels = {row["id"]: row["documents"] for row in questions}
    for mode in Mode:
        run: dict[str, dict[str, float]] = {}
        for row in questions:
            best: dict[str, float] = {}
            for hit in search(service, row["question"], mode, k=200, collapse=Collapse.OFF).hits:
                name = hit.passage.document_id
                best[name] = max(best.get(name, hit.score), hit.score)
            run[row["id"]] = best
        oracle = pytrec_eval.RelevanceEvaluator(qrels, {*MEASURES.values(), "recall_100"}).evaluate(run)
        for item in report.items:
            for name, measure_name in (MEASURES | {"recall@100": "recall_100"}).items():
                expected = oracle[item.id][measure_name]
                assert item.values[f"{mode}.{name}"] == pytest.approx(expected, abs=1e-9), (mode, name)
    assert set(report.tests) == {f"hybrid.ndcg@10 against {other}.ndcg@10" for other in ("dense", "lexical")}
    assert all(figure.low <= figure.value <= figure.high for figure in report.figures.values())
    assert report.figures["hybrid.ndcg@10"].count == len(questions)


def test_items_say_what_was_wanted_and_found(service: Service, tmp_path: Path) -> None:
    rows = [{"id": "a", "question": DOCUMENTS["d03"][:60], "documents": {"d04": 1, "d03": 2, "d05": 0}}]
    report = measure(service, write(tmp_path, rows), modes=(Mode.DENSE,), k=3)
    detail = report.items[0].detail
    assert detail["wanted"] == ["d03", "d04"]
    assert detail["found"]["dense"][0] == "d03"
    assert len(detail["found"]["dense"]) == 10
    assert "dense.ndcg@3" in report.figures
    assert report.tests == {}


def test_what_cannot_be_scored_is_counted_or_listed(service: Service, tmp_path: Path) -> None:
    rows = [
        {"id": "a", "question": "copper?", "documents": ["d01", "gone"]},
        {"id": "b", "question": "no documents?"},
        {"id": "c", "question": "unanswerable?", "answerable": False},
    ]
    report = measure(service, write(tmp_path, rows, "{", '{"question": 7}'))
    assert [item.id for item in report.items] == ["a"]
    assert (report.setup.settings["left_out"], report.setup.settings["unknown_documents"]) == (2, 1)
    assert [each.place for each in report.malformed] == ["q.jsonl:4", "q.jsonl:5"]
    assert [(note.place, note.error) for note in report.notes] == [
        ("q.jsonl:1", f"question a names a document that {report.setup.corpus} lacks: gone")
    ]


def test_spans_are_found_by_offsets_or_by_quote(service: Service, tmp_path: Path) -> None:
    text = DOCUMENTS["d07"]
    start = text.index(".") + 2
    end = text.index(".", start) + 1
    quote = text[start:end]
    spans = {
        "offsets": {"document_id": "d07", "start": start, "end": end},
        "quote": {"document_id": "d07", "quote": quote.replace(" ", "\n")},
        "moved": {"document_id": "d07", "start": 1, "end": 1 + len(quote), "quote": quote},
        "astray": {"document_id": "d07", "quote": "nowhere to be found"},
        "beyond": {"document_id": "d07", "start": 10**6, "end": 10**7},
        "unknown": {"document_id": "gone", "start": 0, "end": 7},
    }
    rows = [{"id": name, "question": quote, "spans": [span]} for name, span in spans.items()]
    report = measure(service, write(tmp_path, rows))
    values = {item.id: item.values for item in report.items}
    assert values["offsets"]["dense.span_recall@5"] == 1.0
    assert 0.0 < values["offsets"]["dense.span_iou@5"] <= 1.0
    assert values["offsets"] == values["quote"] == values["moved"]
    assert values["offsets"]["dense.ndcg@10"] > 0.0
    astray = ["astray", "beyond", "unknown"]
    assert [name for name in values if "dense.span_recall@5" not in values[name]] == astray
    # They are measured by their documents, so they are noted and not told of as left out.
    assert report.malformed == ()
    assert [each.place for each in report.notes] == ["q.jsonl:4", "q.jsonl:5", "q.jsonl:6"]
    assert all(each.error.endswith("left out") for each in report.notes)


def test_a_quote_that_stands_in_several_places_is_noted(service: Service, tmp_path: Path) -> None:
    rows = [{"question": "copper?", "spans": [{"document_id": "d07", "quote": "e"}]}]
    (note,) = measure(service, write(tmp_path, rows)).notes
    assert note.place == "q.jsonl:1"
    assert f"stands {DOCUMENTS['d07'].count('e')} times in 'd07'" in note.error


def test_judgements_of_documents_that_the_corpus_lacks_are_counted(service: Service, tmp_path: Path) -> None:
    rows = "".join(f"q{n}\tgone{n}\t1\n" for n in range(7)) + "q0\td01\t1\nq1\tirrelevant\t0\n"
    (tmp_path / "set" / "qrels").mkdir(parents=True)
    (tmp_path / "set" / "qrels" / "test.tsv").write_text(rows, encoding="utf-8")
    queries = "".join(f'{{"_id": "q{n}", "text": "copper?"}}\n' for n in range(7))
    (tmp_path / "set" / "queries.jsonl").write_text(queries, encoding="utf-8")
    report = service.evaluations.retrieval(
        ME, RetrievalEvaluation(CORPUS, beir=tmp_path / "set", modes=(Mode.LEXICAL,))
    )
    (note,) = report.notes
    assert note.place == "set"
    said = f"the judgements of 7 queries name 7 documents that {CORPUS} lacks: "
    assert note.error == said + "gone0, gone1, gone2, gone3, gone4, …"


class Stopped(BaseException):
    """What Ctrl-C does, at a chosen question."""


def stop_at(number: int) -> Any:
    def progress(progress: Progress) -> None:
        if progress.stage == "evaluate" and progress.done == number:
            raise Stopped

    return progress


def test_an_interrupted_run_goes_on_and_finds_the_same(
    service: Service, questions: list[dict[str, Any]], tmp_path: Path
) -> None:
    path = write(tmp_path, questions)
    request = RetrievalEvaluation(CORPUS, path)
    whole = measure(service, path)
    for number in (5, 9):
        with pytest.raises(Stopped):
            service.evaluations.retrieval(ME, request, progress=stop_at(number))
    other = service.evaluations.retrieval(ME, replace(request, k=5))
    assert other.resumed == 0
    seen: list[Progress] = []
    report = service.evaluations.retrieval(ME, request, progress=seen.append)
    assert (whole.resumed, report.resumed) == (0, 9)
    assert (report.items, report.figures, report.tests) == (whole.items, whole.figures, whole.tests)
    assert seen[-1] == Progress("evaluate", 12, 12, "questions")
    assert list((service.settings.home / "evaluations").iterdir()) == []


def test_other_questions_another_commit_or_fresh_begin_anew(
    questions: list[dict[str, Any]], tmp_path: Path
) -> None:
    with open_service(new_home(tmp_path)) as service:
        upload(service, {name: DOCUMENTS[name] for name in sorted(DOCUMENTS)[:8]})
        path = write(tmp_path, questions)

        def interrupted() -> None:
            with pytest.raises(Stopped):
                request = RetrievalEvaluation(CORPUS, path, fresh=True)
                service.evaluations.retrieval(ME, request, progress=stop_at(7))

        interrupted()
        assert measure(service, path, fresh=True).resumed == 0
        interrupted()
        write(tmp_path, questions[:-1])
        assert measure(service, path).resumed == 0
        write(tmp_path, questions)
        old = service.maintenance.details(ME, CORPUS).summary.commit
        upload(service, {"new": text_of(77)})
        assert measure(service, path).resumed == 0
        earlier = measure(service, path, at=str(old))
        assert (earlier.resumed, earlier.setup.commit) == (7, old)
        assert "new" not in json.dumps([item.detail for item in earlier.items])


def test_what_an_evaluation_leaves_in_a_home_troubles_no_upkeep(
    questions: list[dict[str, Any]], tmp_path: Path
) -> None:
    with open_service(new_home(tmp_path)) as service:
        upload(service, {name: DOCUMENTS[name] for name in sorted(DOCUMENTS)[:8]})
        path = write(tmp_path, questions)
        with pytest.raises(Stopped):
            service.evaluations.retrieval(ME, RetrievalEvaluation(CORPUS, path), progress=stop_at(3))
        assert service.maintenance.verify(ME, None).problems == ()
        service.maintenance.collect(ME, None)
        service.maintenance.rebuild(ME, CORPUS)
        assert service.maintenance.verify(ME, None).problems == ()
        assert measure(service, path).resumed == 3


def test_queries_are_embedded_once_in_the_life_of_a_catalog(
    questions: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from doubles import HashEmbedder

    asked: list[str] = []
    embed = HashEmbedder.embed_queries

    def counted(self: HashEmbedder, texts: list[str]) -> Any:
        asked.extend(texts)
        return embed(self, texts)

    monkeypatch.setattr(HashEmbedder, "embed_queries", counted)
    home = new_home(tmp_path)
    path = write(tmp_path, questions)
    for _ in range(2):
        with open_service(home) as service:
            upload(service, {name: DOCUMENTS[name] for name in sorted(DOCUMENTS)[:8]})
            report = measure(service, path)
            assert sorted(asked) == sorted({row["question"] for row in questions})
    assert report.resumed == 0


def test_filters_hold_and_what_cannot_be_evaluated_is_said(
    service: Service, questions: list[dict[str, Any]], tmp_path: Path
) -> None:
    path = write(tmp_path, questions)
    with pytest.raises(CorpusNotFound):
        service.evaluations.retrieval(ME, RetrievalEvaluation("none", path))
    with pytest.raises(InvalidRequest, match="by this filter"):
        measure(service, path, where={"document_id": "nothing"})
    with pytest.raises(InvalidRequest, match="k must be"):
        measure(service, path, k=0)
    with pytest.raises(InvalidRequest, match="what is to be asked"):
        measure(service, path, beir=tmp_path)
    write(tmp_path, [{"question": "?", "documents": ["elsewhere/x.md"]}])
    with pytest.raises(InvalidRequest, match=r"elsewhere/x\.md"):
        measure(service, path)
    write(tmp_path, [{"question": "?"}])
    with pytest.raises(InvalidRequest, match="which documents"):
        measure(service, path)


def test_a_collection_is_measured_like_questions(
    service: Service, questions: list[dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "qrels").mkdir()
    rows = [json.dumps({"_id": row["id"], "text": row["question"]}) for row in questions]
    (tmp_path / "queries.jsonl").write_text("\n".join(rows), encoding="utf-8")
    lines = [f"{row['id']}\t{name}\t{grade}" for row in questions for name, grade in row["documents"].items()]
    (tmp_path / "qrels" / "test.tsv").write_text("\n".join(lines), encoding="utf-8")
    report = service.evaluations.retrieval(ME, RetrievalEvaluation(CORPUS, beir=tmp_path))
    assert report.items == measure(service, write(tmp_path, questions)).items


def test_a_question_in_a_conversation_is_searched_as_the_service_does(
    service: Service, tmp_path: Path
) -> None:
    history = (Turn(Role.USER, "Tell me of the falcon and the garnet."), Turn(Role.ASSISTANT, "I will."))
    row = {
        "question": "Is it near the harbour?",
        "documents": ["d01"],
        "history": [{"role": turn.role, "content": turn.content} for turn in history],
    }
    item: Item = measure(service, write(tmp_path, [row])).items[0]
    for mode in Mode:
        request = SearchRequest(
            corpora=(CORPUS,), query=row["question"], k=200, mode=mode, collapse=Collapse.OFF, history=history
        )
        best: dict[str, float] = {}
        for hit in service.search(ME, request).hits:
            best.setdefault(hit.passage.document_id, hit.score)
        assert set(item.detail["found"][mode]) <= set(best)
        assert best[item.detail["found"][mode][0]] == max(best.values())


def test_a_corpus_that_goes_away_meanwhile_gives_no_report_and_gc_waits(
    questions: list[dict[str, Any]], tmp_path: Path
) -> None:
    with open_service(new_home(tmp_path), keep_commits=1) as service:
        upload(service, {name: DOCUMENTS[name] for name in sorted(DOCUMENTS)[:8]})
        path = write(tmp_path, questions)
        expected = measure(service, path)

        def overtake(progress: Progress) -> None:
            if progress.stage == "evaluate" and progress.done == 2:
                service.delete_document(ME, CORPUS, "d01")
                service.maintenance.collect(ME, None)

        request = RetrievalEvaluation(CORPUS, path)
        assert service.evaluations.retrieval(ME, request, progress=overtake).items == expected.items

        def delete(progress: Progress) -> None:
            if progress.stage == "evaluate" and progress.done == 2:
                service.delete_corpus(ME, CORPUS)

        with pytest.raises(StaleContent):
            service.evaluations.retrieval(ME, request, progress=delete)


def test_an_empty_corpus_is_told(tmp_path: Path, questions: list[dict[str, Any]]) -> None:
    with open_service(new_home(tmp_path)) as service:
        upload(service, {"a": "Soon gone."})
        service.delete_document(ME, CORPUS, "a")
        with pytest.raises(InvalidRequest, match="nothing to search in"):
            measure(service, write(tmp_path, questions))


def test_questions_that_the_service_refuses_are_listed_and_the_rest_measured(
    service: Service, tmp_path: Path
) -> None:
    turn = {"role": "user", "content": "Hello."}
    rows: list[dict[str, Any]] = [
        {"id": "long", "question": "copper " * 10_000, "documents": ["d01"]},
        {"id": "talkative", "question": "copper?", "documents": ["d01"], "history": [turn] * 300},
        {"id": "fine", "question": "copper?", "documents": ["d01"]},
    ]
    report = measure(service, write(tmp_path, rows))
    assert [item.id for item in report.items] == ["fine"]
    assert [each.place for each in report.malformed] == ["q.jsonl:1", "q.jsonl:2"]
    with pytest.raises(InvalidRequest, match="no question can be asked"):
        measure(service, write(tmp_path, rows[:1]))
