"""Answers are measured as the service gives them: refusals, references, citations, confidence, time."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from doubles import CORPUS, ME, HashEmbedder, new_home, open_service, upload

from ragsvc.domain import Answer, AnswerRequest, Citation, F32Matrix, Progress
from ragsvc.errors import DiskFull, InvalidRequest, RagsvcError, StorageError, WriterBusy
from ragsvc.evaluation import answer_metrics, calibration
from ragsvc.evaluation.answers import AnswerOutcome, answer_item, bare, bins_of, figures_of_all
from ragsvc.evaluation.figures import figures_of
from ragsvc.evaluation.questions import GoldSpan, Question
from ragsvc.evaluation.report import Item, ItemKind, Report, read_report, to_json
from ragsvc.evaluation.requests import AnswersEvaluation
from ragsvc.service.service import Service
from ragsvc.store import engine
from ragsvc.store.vectors import Vectors

DOCUMENTS = {
    "harbour.md": "# Harbour\n\nThe harbour master closes the eastern gate at nine in the evening.",
    "kelp.md": "# Kelp\n\nGiant kelp grows half a metre every day in cold water. Otters sleep in it.",
    "lantern.md": "# Lantern\n\nThe brass lantern burns whale oil from a round copper tank. It is heavy.",
    "maple.md": "# Maple\n\nForty litres of maple sap boil down to a single litre of dark syrup.",
}
QUESTIONS: list[dict[str, Any]] = [
    {
        "id": "gate",
        "question": "When does the harbour master close the eastern gate?",
        "documents": ["harbour.md"],
        "spans": [{"document_id": "harbour.md", "quote": "nine in the evening"}],
        "answers": ["The harbour master closes the eastern gate at nine in the evening."],
        "phrases": ["nine"],
    },
    {
        "id": "kelp",
        "question": "How much does giant kelp grow every day in cold water?",
        "documents": ["kelp.md"],
        "answers": ["half a metre"],
        "phrases": ["half a metre"],
    },
    {"id": "plain", "question": "What does the brass lantern burn?"},
    {"id": "near", "question": "Who painted the lighthouse?", "answerable": False, "kind": "near"},
    {"id": "far", "question": "Which planet has rings?", "answerable": False, "kind": "far"},
    {"id": "odd", "question": "Why zzz?", "answerable": False, "kind": "unanswerable"},
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = new_home(tmp_path_factory.mktemp("answers"))
    with open_service(made) as service:
        upload(service, DOCUMENTS)
    return made


@pytest.fixture
def bold(home: Path) -> Iterator[Service]:
    """A service that refuses next to nothing."""
    with open_service(home, max_false_refusals=1e-9) as service:
        yield service


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "q.jsonl"
    made.write_text("\n".join(map(json.dumps, QUESTIONS)), encoding="utf-8")
    return made


def measure(service: Service, path: Path, **rest: Any) -> Report:
    return service.evaluations.answers(ME, AnswersEvaluation(CORPUS, path, **rest))


def test_values_are_those_of_the_services_own_answers(bold: Service, path: Path) -> None:
    report = measure(bold, path)
    items = {item.id: item for item in report.items}
    for row in QUESTIONS:
        answer = bold.answer(ME, AnswerRequest(corpora=(CORPUS,), question=row["question"]))
        text = bare(answer.answer) if answer.answered else ""
        item = items[row["id"]]
        assert item.detail["answer"] == text
        assert item.detail["confidence"] == answer.confidence
        if row.get("answers"):
            assert item.values["token_f1"] == answer_metrics.token_f1(text, row["answers"])
            assert item.values["rouge_l"] == answer_metrics.rouge_l(text, row["answers"])
            assert item.values["bleu"] == answer_metrics.sentence_bleu(text, row["answers"])
            assert item.values["phrase"] == float(answer_metrics.holds_phrase(text, row["phrases"]))
    assert items["gate"].values["answered"] == 1.0
    assert items["gate"].values["document@3"] == items["gate"].values["cited_document"] == 1.0
    assert items["gate"].values["citation_reads_back"] == 1.0
    assert items["gate"].values["citation_recall"] == 1.0
    assert items["gate"].values["supported"] == 1.0
    assert "document@3" not in items["plain"].values
    assert "token_f1" not in items["plain"].values


def test_the_report_has_every_figure_and_survives_json(bold: Service, path: Path, tmp_path: Path) -> None:
    report = measure(bold, path)
    assert report.kind is ItemKind.ANSWERS
    of_all = {"answered", "refused_answerable", "refused_unanswerable", "refused_near", "refused_far"}
    compared = {"phrase", "exact_match", "token_f1", "rouge_l", "bleu", "corpus_bleu"}
    cited = {"document@3", "cited_document", "citation_reads_back", "citation_precision", "citation_recall"}
    sure = {"auroc", "refusal_recall@5%", "calibration_error", "supported"}
    assert set(report.figures) == of_all | compared | cited | sure
    assert (report.figures["answered"].count, report.figures["refused_unanswerable"].count) == (3, 3)
    assert report.figures["auroc"].count == 6
    assert sum(each.count for each in report.reliability) == 6
    assert set(report.latency_s) == {"retrieve", "evidence", "generate", "total"}
    for stage in report.latency_s.values():
        assert 0.0 <= stage["p50"] <= stage["p95"] <= stage["p99"]
    assert all(figure.low <= figure.value <= figure.high for figure in report.figures.values())
    written = tmp_path / "report.json"
    written.write_text(json.dumps(to_json(report)), encoding="utf-8")
    assert read_report(written) == report


def test_without_unanswerable_questions_nothing_is_said_of_confidence(bold: Service, path: Path) -> None:
    path.write_text("\n".join(map(json.dumps, QUESTIONS[:3])), encoding="utf-8")
    report = measure(bold, path)
    assert report.reliability == ()
    assert {"auroc", "refusal_recall@5%", "calibration_error", "refused_unanswerable"}.isdisjoint(
        report.figures
    )


def test_a_refusal_is_a_wrong_answer(home: Path, path: Path) -> None:
    with open_service(home, max_false_refusals=1.0 - 1e-9) as service:
        report = measure(service, path)
    refused = [item for item in report.items if item.detail["answerable"] and not item.detail["answered"]]
    assert refused
    for item in refused:
        compared = {"phrase", "exact_match", "token_f1", "rouge_l", "bleu"} & item.values.keys()
        assert all(item.values[name] == 0.0 for name in compared)
        assert item.values["refused_answerable"] == 1.0
        assert item.detail["answer"] == ""
        assert {"citation_reads_back", "supported", "cited_document"}.isdisjoint(item.values)


class Stopped(BaseException):
    """What Ctrl-C does."""


def test_an_interrupted_run_goes_on_and_finds_the_same(bold: Service, path: Path) -> None:
    def stop(progress: Progress) -> None:
        if progress.stage == "evaluate" and progress.done == 4:
            raise Stopped

    whole = measure(bold, path)
    with pytest.raises(Stopped):
        bold.evaluations.answers(ME, AnswersEvaluation(CORPUS, path), progress=stop)
    report = measure(bold, path)
    assert report.resumed == 4
    assert (report.items, report.figures, report.reliability) == (
        whole.items,
        whole.figures,
        whole.reliability,
    )


def test_what_decides_refusals_decides_the_journal(bold: Service, home: Path, path: Path) -> None:
    def stop(progress: Progress) -> None:
        if progress.stage == "evaluate" and progress.done == 4:
            raise Stopped

    with pytest.raises(Stopped):
        bold.evaluations.answers(ME, AnswersEvaluation(CORPUS, path), progress=stop)
    with open_service(home, max_false_refusals=0.2) as other:
        assert measure(other, path).resumed == 0
    assert measure(bold, path).resumed == 4


def answer(answered: bool, *citations: Citation) -> Answer:
    text = "At nine [1]." if answered else "I cannot."
    return Answer(
        corpus=CORPUS,
        commit=1,
        question="?",
        answered=answered,
        answer=text,
        confidence=0.5,
        citations=citations,
        passages=(),
        generator="none",
        timings_s={},
    )  # type: ignore[arg-type]


def test_citations_that_do_not_read_back_are_counted() -> None:
    citation = Citation(
        marker=1,
        document_id="a",
        version="v",
        source="s",
        title="t",
        start=10,
        end=20,
        quote="at nine",
        page=None,
    )
    question = Question("q", "?", documents={"a": 1}, spans=(GoldSpan("a", 0, 5),))
    item = answer_item(question, AnswerOutcome(answer(True, citation), (False,)), [("a", 0, 5)])
    assert item.values["citation_reads_back"] == 0.0
    assert item.values["citation_precision"] == item.values["citation_recall"] == 0.0
    assert item.values["cited_document"] == 1.0
    uncited = answer_item(question, AnswerOutcome(answer(True), ()))
    assert uncited.values["citation_reads_back"] == 0.0


def test_a_document_of_the_same_text_is_as_right(tmp_path: Path, path: Path) -> None:
    wanted: dict[str, Any] = {"documents": ["b.md"], "spans": []}
    for quote in ("harbour master", "nine in the evening"):
        wanted["spans"] += [{"document_id": name, "quote": quote} for name in ("a.md", "b.md")]
    row = {"id": "gate", "question": QUESTIONS[0]["question"], **wanted}
    path.write_text(json.dumps(row), encoding="utf-8")
    with open_service(new_home(tmp_path), max_false_refusals=1e-9) as service:
        upload(service, {"a.md": DOCUMENTS["harbour.md"], "b.md": DOCUMENTS["harbour.md"]} | DOCUMENTS)
        (item,) = measure(service, path).items
    assert "b.md" not in (*item.detail["found"], *item.detail["cited"])
    names = ("document@3", "cited_document", "citation_precision", "citation_recall")
    assert [item.values[name] for name in names] == [1.0] * 4


class Counting(HashEmbedder):
    """Tells which texts were embedded while latency was measured."""

    def __init__(self, name: str = "hash") -> None:
        super().__init__(name)
        self.queries: list[str] = []

    def embed_queries(self, texts: Sequence[str]) -> F32Matrix:
        self.queries += texts
        return super().embed_queries(texts)


def test_latency_is_that_of_a_service_that_remembers_nothing(home: Path, path: Path) -> None:
    """Also in the second run, and in one that was taken up when all answers were there."""

    def watch(progress: Progress) -> None:
        if progress.stage == "latency" and progress.done == 0:
            embedder.queries.clear()
            embedder.texts.clear()
        if progress.stage == "evaluate" and progress.done == 0:
            seen.append((tuple(embedder.queries), frozenset(embedder.texts)))
        if progress.stage == "evaluate" and progress.done == stop:
            raise Stopped

    embedder = Counting()
    seen: list[tuple[tuple[str, ...], frozenset[str]]] = []
    with open_service(home, lambda _: embedder, max_false_refusals=1e-9) as service:
        request = AnswersEvaluation(CORPUS, path)
        for stop in (7, len(QUESTIONS), 7):
            if stop == len(QUESTIONS):
                with pytest.raises(Stopped):
                    service.evaluations.answers(ME, request, progress=watch)
                continue
            report = service.evaluations.answers(ME, request, progress=watch)
            assert "total" in report.latency_s
    assert report.resumed == len(QUESTIONS)
    assert seen[0] == seen[1] == seen[2]
    assert seen[0][0] == tuple(row["question"] for row in QUESTIONS)
    assert seen[0][1]


def stored_vectors(home: Path) -> int:
    with closing(sqlite3.connect(home / "catalog.db")) as catalog:
        return int(catalog.execute("SELECT count(*) FROM vector").fetchone()[0])


def test_what_a_run_embeds_is_kept_and_nothing_of_a_plain_answer_after_it(tmp_path: Path, path: Path) -> None:
    made = new_home(tmp_path)
    with open_service(made, max_false_refusals=1e-9) as service:
        upload(service, DOCUMENTS)
        before = stored_vectors(made)
        measure(service, path)
        kept = stored_vectors(made)
        assert kept > before
        assert service.answer(
            ME, AnswerRequest(corpora=(CORPUS,), question="Which purple zebra grows in water?")
        ).answered
        assert stored_vectors(made) == kept


@pytest.mark.parametrize("error", [DiskFull, WriterBusy, StorageError])
@pytest.mark.parametrize("method", ["put", "held"])
def test_what_cannot_be_kept_is_embedded_anew(
    bold: Service, path: Path, monkeypatch: pytest.MonkeyPatch, error: type[RagsvcError], method: str
) -> None:
    def refuse(*_: Any) -> Any:
        calls.append(1)
        raise error("no", hint="no")

    calls: list[int] = []
    expected = measure(bold, path)
    monkeypatch.setattr(Vectors, method, refuse)
    assert measure(bold, path).items == expected.items
    # Each try may have waited for another writer.
    assert len(calls) <= 2


def test_a_writer_that_does_not_end_costs_no_report(
    tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_S", 0.1)
    with open_service(new_home(tmp_path), max_false_refusals=1e-9) as service:
        upload(service, DOCUMENTS)
        with closing(sqlite3.connect(tmp_path / "home" / "catalog.db", isolation_level=None)) as other:

            def write(progress: Progress) -> None:
                if progress.stage == "evaluate" and not other.in_transaction:
                    other.execute("BEGIN IMMEDIATE")

            request = AnswersEvaluation(CORPUS, path)
            report = service.evaluations.answers(ME, request, progress=write)
            other.execute("ROLLBACK")
        assert len(report.items) == len(QUESTIONS)


def test_markers_are_no_words_of_an_answer() -> None:
    assert bare("At nine [1][2]. Not\nten [12] or [x].") == "At nine. Not ten or [x]."


def test_a_kind_never_hides_a_figure() -> None:
    for kind in ("answerable", "unanswerable"):
        item = answer_item(Question("q", "?", False, kind=kind), AnswerOutcome(answer(True), ()))
        assert item.values["refused_unanswerable"] == 0.0
        assert "refused_answerable" not in item.values


def test_figures_of_confidence_are_those_of_calibration() -> None:
    sure = [0.9, 0.8, 0.7, 0.2, 0.6, 0.1]
    truth = [True, True, True, True, False, False]
    items = [
        Item(f"q{n}", "?", {}, {"answerable": yes, "confidence": each, "answer": "a b c d e"})
        for n, (each, yes) in enumerate(zip(sure, truth, strict=True))
    ]
    figures = figures_of_all(items, {"q0": ["a b c d f"], "q1": (), "q4": ["never compared"]})
    assert figures["auroc"].value == calibration.auroc(sure, truth)
    assert figures["refusal_recall@5%"].value == calibration.refusal_recall(sure, truth)[0]
    assert figures["calibration_error"].value == calibration.expected_calibration_error(sure, truth)
    assert figures["corpus_bleu"].value == answer_metrics.corpus_bleu(["a b c d e"], [["a b c d f"]])
    assert bins_of(items) == calibration.reliability(sure, truth)
    assert bins_of([replace(item, detail=item.detail | {"answerable": True}) for item in items]) == ()


def test_few_questions_leave_every_figure_open() -> None:
    items = [
        Item(f"q{n}", "?", {"token_f1": 0.63}, {"answerable": yes, "confidence": each, "answer": "a b c d e"})
        for n, (each, yes) in enumerate([(0.9, True), (0.1, False)])
    ]
    found = {**figures_of(items[:1]), **figures_of_all(items, {"q0": ["a b c d e"]})}
    assert {name: (figure.value, figure.low < 0.4, figure.high) for name, figure in found.items()} == {
        "token_f1": (0.63, True, pytest.approx(0.969, abs=1e-3)),
        "corpus_bleu": (pytest.approx(1.0), True, 1.0),
        "auroc": (1.0, True, 1.0),
        "refusal_recall@5%": (1.0, True, 1.0),
        "calibration_error": (pytest.approx(0.1), True, pytest.approx(0.83, abs=0.01)),
    }


def test_what_cannot_be_evaluated_is_said(bold: Service, path: Path) -> None:
    with pytest.raises(InvalidRequest, match="split"):
        measure(bold, path, split="none")
    with pytest.raises(InvalidRequest, match="k must be"):
        measure(bold, path, k=201)
