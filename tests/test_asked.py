"""The questions about other people's texts, their corpus, and the reading of answers by people."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest
from sample_reports import make_report, make_setup

from benchmarks import reading
from benchmarks.asked_corpus import NAME, QUESTIONS, write
from benchmarks.quality import asked
from ragsvc.evaluation.figures import figures_of
from ragsvc.evaluation.outcome import Outcome, judge, outcome_values
from ragsvc.evaluation.questions import Question, load
from ragsvc.evaluation.report import Item, ItemKind, Report

ASKED = load(QUESTIONS)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Text by id, white space folded."""
    folder = tmp_path_factory.mktemp("corpus") / NAME
    return {name: " ".join((folder.parent / name).read_text("utf-8").split()) for name in write(folder)}


def test_the_questions_are_many_and_of_many_kinds() -> None:
    assert ASKED.malformed == () and ASKED.notes == ()
    assert len(ASKED.questions) >= 220
    assert len({question.kind for question in ASKED.questions}) == 11
    assert len({question.origin for question in ASKED.questions}) >= 9
    unanswerable = sum(not question.answerable for question in ASKED.questions)
    assert 0.15 <= unanswerable / len(ASKED.questions) <= 0.18


def test_both_halves_have_as_many_of_each_kind() -> None:
    for kind in {question.kind for question in ASKED.questions}:
        halves = Counter(question.split for question in ASKED.questions if question.kind == kind)
        assert set(halves) == {"tune", "report"} and abs(halves["tune"] - halves["report"]) <= 1
    for origin in {question.origin for question in ASKED.questions}:
        halves = Counter(question.split for question in ASKED.questions if question.origin == origin)
        assert abs(halves["tune"] - halves["report"]) <= 5


def test_what_is_accepted_stands_in_the_documents(corpus: dict[str, str]) -> None:
    """What is written here holds all that is asked of it; another Python has texts of its own."""
    assert len(corpus) >= 150
    astray: dict[bool, list[tuple[str, ...]]] = {True: [], False: []}
    for question in ASKED.questions:
        assert set(question.documents) <= corpus.keys(), question.id
        text = " ".join(corpus[name] for name in question.documents)
        if question.answerable:
            assert question.expected is not None and question.documents, question.id
            foreign = question.origin in ("reference", "sources")
            for group in question.expected.accept:
                if not any(re.search(pattern, text, re.IGNORECASE) for pattern in group):
                    astray[foreign].append((question.id, *group))
    assert astray[False] == [] and len(astray[True]) <= 5, astray


def test_no_refusal_is_a_good_answer_and_no_stub_is_one() -> None:
    """A pattern that a shrug matches would praise it."""
    shrugs = (
        "I do not know.",
        "The documents do not say.",
        "See the documentation.",
        "Please ask a colleague.",
    )
    praised = [
        (question.id, shrug)
        for question in ASKED.questions
        if question.answerable and question.expected is not None
        for shrug in shrugs
        if judge(question.expected, question.kind, shrug).outcome is not Outcome.WRONG
    ]
    assert praised == []


def test_no_question_answers_itself() -> None:
    """What repeats the question has not answered it."""
    echoing = [
        question.text
        for question in ASKED.questions
        if question.answerable and question.expected is not None
        if judge(question.expected, question.kind, question.text).outcome is Outcome.GOOD
    ]
    assert echoing == []


def graded(question: Question, outcome: Outcome) -> Item:
    detail = {
        "answerable": question.answerable, "answered": "refused" not in outcome, "confidence": 0.5,
        "answer": "" if "refused" in outcome else "An answer.", "wanted": ["a"], "found": ["a"], "cited": [],
        "outcome": outcome.value, "kind": question.kind,
    }  # fmt: skip
    return Item(question.id, question.text, outcome_values(outcome, question.kind), detail)


def half(split: str) -> Report:
    items = [
        graded(each, Outcome.GOOD if each.answerable else Outcome.ANSWERED_WRONGLY)
        for each in ASKED.questions
        if each.split == split
    ]
    setup = make_setup(settings={"split": split})
    return make_report(items, ItemKind.ANSWERS, figures=figures_of(items), setup=setup)


def test_the_section_tells_outcomes_by_kind() -> None:
    section = asked.conclude({NAME: half("report")})
    assert "| good | 100 % (" in section.body and "| without an answer: answered | 100 % (" in section.body
    steps = sum(each.kind == "steps" and each.split == "report" for each in ASKED.questions)
    assert f"| steps | {steps} | 100 (" in section.more and "| refusal | 0" not in section.more


def test_only_the_open_half_can_be_read() -> None:
    assert asked.pages({NAME: half("report")}) == {}
    files = asked.pages({NAME: half("tune")})
    tune = [question for question in ASKED.questions if question.split == "tune"]
    assert len(files["asked-tune.jsonl"].splitlines()) == len(tune)
    assert all(question.text in files["asked-tune.md"] for question in tune)


def answers(name: str, path: Path, count: int = 12) -> Path:
    rows = [
        {"id": f"q{n}", "question": f"Question {n}?", "answer": f"{name} says {n}", "answered": n % 4 != 0}
        for n in range(count)
    ]
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return path


def test_blind_verdicts_come_back_to_their_systems(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = answers("Anna", tmp_path / "1.jsonl"), answers("Boris", tmp_path / "2.jsonl", count=10)
    out = tmp_path / "sheet"
    given = ["sheet", "--of", f"one={one}", "--of", f"two={two}", "--count", "8", "--out", str(out)]
    assert reading.main(given) == 0
    text = (out / reading.SHEET).read_text("utf-8")
    assert text.count("## ") == 8 and "(refused)" in text
    assert not re.search(r"\bone\b|\btwo\b", text)
    # The same seed draws the same; letters are dealt anew for each question.
    key = json.loads((out / reading.KEY).read_text("utf-8"))
    assert len({letters["A"] for letters in key.values()}) == 2
    rows = []
    for line in (out / reading.FORM).read_text("utf-8").splitlines():
        row = json.loads(line)
        rows.append(row | {each: "good" if key[row["id"]][each] == "one" else "Wrong" for each in "AB"})
    with pytest.raises(SystemExit, match="no verdict yet"):
        reading.main(["score", str(out)])
    (out / reading.FORM).write_text("\n".join(map(json.dumps, rows)), "utf-8")
    capsys.readouterr()
    assert reading.main(["score", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "| one | 8 | 100 (" in shown and "| two | 8 | 0 (" in shown
    with pytest.raises(SystemExit, match="is there already"):
        reading.main(given)


def test_answers_that_are_alike_need_not_be_read_twice() -> None:
    one = {name: {"answer": name, "answered": True} for name in "abc"}
    two = one | {"b": {"answer": "other", "answered": True}}
    assert reading.drawn({"one": one, "two": two}, 9, 1, differing=True)[0] == ["b"]
    with pytest.raises(SystemExit, match="answered every common question alike"):
        reading.drawn({"one": one, "two": one}, 9, 1, differing=True)


def test_half_filled_forms_are_refused() -> None:
    key = {"q": {"A": "one", "B": "two"}}
    with pytest.raises(SystemExit, match="q, B: '' is none of"):
        reading.score('{"id": "q", "A": "good", "B": ""}', key)
    with pytest.raises(SystemExit, match="q, B: 'fine' is none of"):
        reading.score('{"id": "q", "A": "good", "B": "fine"}', key)
