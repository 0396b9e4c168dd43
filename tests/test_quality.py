"""The command behind the README's tables: what it says of reports, and what it keeps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from doubles import ME, new_home, open_service
from sample_reports import make_report

from benchmarks.quality import abstention, golden, multiturn, retrieval, spans
from benchmarks.quality.__main__ import PARTS, README, replaced, write
from benchmarks.quality.jobs import Bench, Job, Section
from benchmarks.sets import BASELINES
from ragsvc.evaluation import figures
from ragsvc.evaluation.figures import figures_of
from ragsvc.evaluation.report import Bin, Item, ItemKind, Report, read_report
from ragsvc.evaluation.requests import AnswersEvaluation, RetrievalEvaluation

WORDS = ["anchor", "basil", "copper", "delta", "ember", "falcon", "garnet", "harbour", "indigo", "juniper"]
SECRET = "a question of the half that nobody reads"


def searched(values: Mapping[str, list[float]]) -> Report:
    """A report of hybrid, dense and lexical searches with these nDCG@10."""
    items = [
        Item(f"q{number}", "?", {f"{name}.ndcg@10": each[number] for name, each in values.items()})
        for number in range(len(next(iter(values.values()))))
    ]
    pairs = [("hybrid.ndcg@10", f"{name}.ndcg@10") for name in values if name != "hybrid"]
    return make_report(items, figures=figures_of(items), tests=figures.tests_of(items, pairs))


def collections(default: float, plain: float, dense: float = 0.3) -> dict[str, Report]:
    legs = {"hybrid": [default] * 20, "dense": [dense] * 20, "lexical": [0.2] * 20}
    return {
        key: report
        for name in BASELINES
        for key, report in (
            (f"retrieval.{name}", searched(legs)),
            (f"retrieval.{name}.none", searched({"hybrid": [plain] * 20})),
        )
    }


def held(section: Section) -> list[bool]:
    return [check.held for check in section.checks]


def test_retrieval_has_a_row_for_each_set_and_holds_to_its_aims() -> None:
    good = retrieval.conclude(collections(default=0.95, plain=0.9))
    assert held(good) == [True] * 4
    rows = good.body.splitlines()
    assert len(rows) == 2 + len(BASELINES) + 1
    assert "| cranfield | 20 | .200 | .300 | .900 | **.950** |" in good.body
    assert "| **mean** |" in rows[-1] and "**.950**" in rows[-1] and ".623" in rows[-1]


@pytest.mark.parametrize(
    ("default", "plain", "dense", "expected"),
    [
        (0.95, 0.6, 0.3, [False, True, True, True]),
        (0.95, 0.9, 0.99, [True, False, False, True]),
        (0.42, 0.9, 0.3, [True, True, True, False]),
    ],
)
def test_a_missed_line_of_the_acceptance_is_told(
    default: float, plain: float, dense: float, expected: list[bool]
) -> None:
    section = retrieval.conclude(collections(default, plain, dense))
    assert held(section) == expected
    assert section.text.count("MISSED") == expected.count(False)


def test_another_reranker_has_a_column_only_when_it_was_measured() -> None:
    reports = collections(0.95, 0.9)
    assert "other" not in retrieval.conclude(reports).body
    more = {f"retrieval.{name}.other": searched({"hybrid": [0.93] * 20}) for name in BASELINES}
    assert "| .900 | .930 | **.950** |" in retrieval.conclude(reports | more).body


def answered(count: int, right: int, refused: int) -> Report:
    """`count` answerable questions and ten without an answer, of which `refused` are refused."""
    items = []
    for number in range(count):
        values = {"document@3": 1.0, "phrase": float(number < right), "refused_answerable": 0.0}
        detail = {"answered": True, "cited": ["a"], "answerable": True}
        items.append(Item(f"a{number}", SECRET, values | {"citation_reads_back": 1.0}, detail))
    for number in range(10):
        no = float(number < refused)
        values = {"refused_unanswerable": no, "refused_near": no}
        detail = {"answered": not no, "cited": [] if no else ["a"], "answerable": False}
        items.append(Item(f"u{number}", SECRET, values, detail))
    bins = (Bin(0.5, 0.6, 0.55, 0.75, 8),)
    return make_report(items, ItemKind.ANSWERS, figures=figures_of(items), reliability=bins)


def test_golden_questions_are_held_to_their_aims() -> None:
    section = golden.conclude({golden.NAME: answered(20, right=18, refused=9)})
    assert all(held(section))
    assert "90.0 % (18 of 20)" in section.body and "90.0 % (9 of 10)" in section.body
    section = golden.conclude({golden.NAME: answered(20, right=15, refused=8)})
    assert held(section).count(False) == 2
    assert section.body.count("**missed**") == 2


def test_nothing_of_a_private_question_is_written(tmp_path: Path) -> None:
    report = answered(20, right=18, refused=9)
    job = Job("golden", AnswersEvaluation("handbook", golden.QUESTIONS), private=True)
    write(tmp_path, [job, replace(job, name="open", private=False)], {"golden": report, "open": report})
    assert read_report(tmp_path / "golden.json").figures == report.figures
    assert SECRET not in (tmp_path / "golden.json").read_text("utf-8")
    assert SECRET in (tmp_path / "open.json").read_text("utf-8")
    write(tmp_path, [job], {"golden": report})
    assert SECRET not in (tmp_path / "quality.html").read_text("utf-8")
    assert SECRET not in golden.conclude({golden.NAME: report}).text


def test_abstention_draws_the_reliability_plot() -> None:
    report = answered(20, right=18, refused=9)
    more = {name: report.figures["phrase"] for name in abstention.ROWS}
    section = abstention.conclude({abstention.NAME: replace(report, figures={**report.figures, **more})})
    assert section.body.startswith("30 questions, 10 of them without an answer")
    assert "| 0.5 – 0.6 | .550 | .750 | 8 | `###########¦###.....` |" in section.more


def test_chunks_that_hold_a_span_share_a_character_with_it() -> None:
    chunks = {"a": [("a", 0, 10), ("a", 10, 20), ("a", 20, 30)], "b": [("b", 0, 50)]}
    assert spans.holding([("a", 5, 10)], chunks) == [("a", 0, 10)]
    assert spans.holding([("a", 9, 11), ("a", 10, 12)], chunks) == [("a", 0, 10), ("a", 10, 20)]
    assert spans.holding([("a", 29, 30), ("b", 3, 4)], chunks) == [("a", 20, 30), ("b", 0, 50)]
    assert spans.holding([("c", 0, 9)], chunks) == []


def test_spans_are_measured_at_every_depth_through_the_service(tmp_path: Path) -> None:
    text = " ".join(f"Sentence {number} tells of {word}." for number, word in enumerate(WORDS * 40))
    folder = tmp_path / spans.CORPUS / spans.FOLDER
    folder.mkdir(parents=True)
    (folder / "long.md").write_text(text, "utf-8")
    start = text.index("Sentence 77 ")
    gold = {"content": text[start : start + 25], "start_index": start, "end_index": start + 25}
    question = {"_id": "q", "corpus_id": "long", "text": "Sentence 77?", "references": [gold]}
    (folder.parent / "questions.jsonl").write_text(json.dumps(question), "utf-8")
    home = new_home(tmp_path)
    with open_service(home) as service:
        (job,) = spans.prepare(service, Bench(tmp_path, tmp_path, (), None))
        assert isinstance(job.request, RetrievalEvaluation) and job.then is not None
        report = job.then(service, home, service.evaluations.retrieval(ME, job.request))
    found = report.figures
    assert found["ideal.span_recall"].value == 1.0
    assert found["hybrid.span_recall@5"].value <= found["hybrid.span_recall@10"].value
    assert 0.0 < found["ideal.span_iou"].value < 0.5
    assert found["hybrid.span_iou@n"].value in (0.0, pytest.approx(found["ideal.span_iou"].value))
    assert "| as many as hold the answer |" in spans.conclude({spans.NAME: report}).body


def test_follow_ups_are_compared_with_the_question_alone() -> None:
    def of(score: float) -> Report:
        items = [Item(f"q{n}", "?", {multiturn.NDCG: score, multiturn.RECALL: score}) for n in range(12)]
        return make_report(items, figures=figures_of(items))

    scores = zip(multiturn.NAMES.values(), (0.5, 0.75, 0.5), strict=True)
    rows = multiturn.conclude({name: of(score) for name, score in scores}).body.splitlines()
    assert rows[4].startswith("| last turn | .500 |") and rows[4].endswith("|  |  |")
    assert "+.250" in rows[5] and "+.000" in rows[6]


def test_the_readme_has_a_place_for_every_part() -> None:
    text = README.read_text("utf-8")
    for name in PARTS:
        changed = replaced(text, name, "| new |")
        assert f"<!-- quality: {name} -->\n| new |\n<!-- quality: end -->" in changed
        assert replaced(changed, name, "| old |") == replaced(text, name, "| old |")
    with pytest.raises(SystemExit, match="no place for other"):
        replaced(text, "other", "| new |")
    blank = "<!-- quality: a -->\n<!-- quality: end -->\n\n<!-- quality: b -->\nrows\n<!-- quality: end -->\n"
    assert replaced(blank, "a", "new") == blank.replace("a -->\n", "a -->\nnew\n")
