"""Answers are good, partly good or wrong by the patterns of their question, and told so by kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from doubles import CORPUS, ME, new_home, open_service, upload
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from sample_reports import make_report

from ragsvc.cli.render_report import render_figures
from ragsvc.evaluation.answers import figures_of_all
from ragsvc.evaluation.figures import figures_of
from ragsvc.evaluation.outcome import (
    LONG_CHARS,
    OF_ANSWERABLE,
    OF_UNANSWERABLE,
    SHORT_CHARS,
    Expectation,
    Outcome,
    judge,
    kind_of,
    outcome_values,
    read_expectation,
)
from ragsvc.evaluation.page.render import render
from ragsvc.evaluation.questions import parse
from ragsvc.evaluation.report import Item, ItemKind
from ragsvc.evaluation.requests import AnswersEvaluation

STEPS = Expectation((("unplug", "pull the plug"), (r"\bdrain",), (r"\b10 minutes\b",)), reject=("gas valve",))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Unplug it, DRAIN the tank, then wait 10 minutes.", Outcome.GOOD),
        ("**Pull the\nplug**. Drain it. Wait `10 minutes`.", Outcome.GOOD),
        ("First unplug it.", Outcome.PARTLY),
        ("Unplug it and drain it, wait 110 minutes.", Outcome.PARTLY),
        ("Call the fitter.", Outcome.WRONG),
        ("Unplug it, drain it, wait 10 minutes, and close the gas valve.", Outcome.WRONG),
        ("Unplug it and close the gas valve.", Outcome.WRONG),
        (None, Outcome.WRONGLY_REFUSED),
    ],
)
def test_every_group_must_match_and_nothing_rejected(answer: str | None, expected: Outcome) -> None:
    assert judge(STEPS, "steps", answer).outcome is expected


def test_a_verdict_says_why() -> None:
    verdict = judge(STEPS, "steps", "Pull the plug, mind the gas valve.")
    assert verdict.missing == (r"\bdrain", r"\b10 minutes\b")
    assert verdict.rejected == ("gas valve",)
    assert not verdict.too_long


def test_what_is_half_right_by_its_own_patterns_is_partly_good() -> None:
    expected = Expectation((("4.2 bar",),), partly=(r"\bbar\b",), reject=("9 bar",))
    assert judge(expected, "fact", "It is given in bar.").outcome is Outcome.PARTLY
    assert judge(expected, "fact", "It is 9 bar.").outcome is Outcome.WRONG
    assert judge(expected, "fact", "It is warm.").outcome is Outcome.WRONG


def test_a_good_answer_leaves_out_what_is_beside_the_point() -> None:
    expected = Expectation((("18.90",),), reject=("pump",), surplus=("HX-210",))
    assert judge(expected, "fact", "HX-211: 18.90").outcome is Outcome.GOOD
    beside = judge(expected, "fact", "HX-210: 8.40, HX-211: 18.90")
    assert beside.outcome is Outcome.PARTLY and beside.surplus == ("HX-210",)
    assert judge(expected, "fact", "HX-210: 8.40").outcome is Outcome.WRONG
    assert judge(expected, "fact", "HX-210: pump, HX-211: 18.90").outcome is Outcome.WRONG


def test_emphasis_is_no_obstacle_and_dunders_are_no_emphasis() -> None:
    assert judge(Expectation((("__init__",),)), "code", "Write `__init__` first").outcome is Outcome.GOOD
    assert judge(Expectation((("release 2.1.10",),)), "fact", "release **2.1.10**").outcome is Outcome.GOOD


@pytest.mark.parametrize(
    ("kind", "longest", "limit"),
    [("fact", None, SHORT_CHARS), ("steps", None, LONG_CHARS), ("fact", 80, 80), ("steps", 80, 80)],
)
def test_a_long_answer_is_partly_good_at_best(kind: str, longest: int | None, limit: int) -> None:
    expected = Expectation((("amber",),), max_chars=longest)
    fits = "amber".ljust(limit, ".")
    assert judge(expected, kind, fits).outcome is Outcome.GOOD
    verdict = judge(expected, kind, fits + ".")
    assert verdict.outcome is Outcome.PARTLY and verdict.too_long


def test_other_kinds_may_be_as_long_as_they_like() -> None:
    for kind in (None, "anything"):
        assert judge(Expectation((("amber",),)), kind, "amber" * 5000).outcome is Outcome.GOOD


def test_questions_without_an_answer_are_rightly_refused_or_not() -> None:
    def outcome(expected: Expectation, answer: str | None) -> Outcome:
        return judge(expected, "refusal", answer, answerable=False).outcome

    assert outcome(Expectation(), None) is Outcome.RIGHTLY_REFUSED
    assert outcome(Expectation(), "12 euros") is Outcome.ANSWERED_WRONGLY
    saying_so = Expectation((("no price",),), reject=(r"\d",))
    assert outcome(saying_so, "There is no price for it.") is Outcome.RIGHTLY_REFUSED
    assert outcome(saying_so, "There is no price but 12.") is Outcome.ANSWERED_WRONGLY


@given(
    answer=st.one_of(st.none(), st.text("ab ", max_size=9)),
    accept=st.lists(st.sampled_from(["a", "b", "ab", "aab"]), max_size=3),
    reject=st.lists(st.sampled_from(["bb", "aa"]), max_size=1),
    answerable=st.booleans(),
)
def test_every_answer_has_exactly_one_outcome_of_its_side(
    answer: str | None, accept: list[str], reject: list[str], answerable: bool
) -> None:
    expected = Expectation(tuple((each,) for each in accept), reject=tuple(reject))
    found = judge(expected, "fact", answer, answerable=answerable).outcome
    assert found in (OF_ANSWERABLE if answerable else OF_UNANSWERABLE)
    values = outcome_values(found, "fact")
    assert sum(value for name, value in values.items() if kind_of(name) is None) == 1.0
    assert sum(value for name, value in values.items() if kind_of(name) is not None) == 1.0
    # Another thing to reject never makes an answer better.
    order = [Outcome.GOOD, Outcome.PARTLY, Outcome.WRONG]
    harder = judge(Expectation(expected.accept, reject=(*reject, "a")), "fact", answer).outcome
    if answerable and found in order:
        assert order.index(harder) >= order.index(found)


def test_a_line_tells_what_is_expected() -> None:
    row = {
        "question": "?",
        "accept": ["a", ["b", "c"]],
        "partly": ["d"],
        "reject": ["e"],
        "surplus": ["f"],
        "max_chars": 9,
    }
    expected = Expectation((("a",), ("b", "c")), ("d",), ("e",), ("f",), 9)
    assert parse(json.dumps(row).encode(), "q").expected == expected
    assert parse(b'{"question": "?"}', "q").expected is None


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"accept": "a"}, '"accept" must be a list'),
        ({"accept": [[]]}, "regular expression of 1 to"),
        ({"accept": ["(a"]}, r"'\(a' in \"accept\" is no regular expression"),
        ({"accept": ["a*"]}, "matches every answer"),
        ({"accept": [" "]}, "regular expression of 1 to"),
        ({"reject": ["a" * 1001]}, 'each of "reject"'),
        ({"accept": ["a"], "max_chars": 0}, "whole number from 1"),
        ({"accept": ["a"], "max_chars": True}, "whole number from 1"),
        ({"max_chars": 9}, 'without "accept"'),
        ({"partly": ["a"]}, 'without "accept"'),
        ({"surplus": ["a"]}, 'without "accept"'),
    ],
)
def test_what_cannot_be_expected_is_told(row: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_expectation(row)


def graded(name: str, outcome: Outcome, kind: str, confidence: float) -> Item:
    detail = {
        "answerable": outcome in OF_ANSWERABLE,
        "answered": "refused" not in outcome,
        "confidence": confidence,
        "answer": "",
        "outcome": outcome.value,
    }
    return Item(name, f"{name}?", outcome_values(outcome, kind), detail)


ITEMS = [
    graded("a", Outcome.GOOD, "fact", 0.9),
    graded("b", Outcome.WRONG, "fact", 0.8),
    graded("c", Outcome.PARTLY, "steps", 0.7),
    graded("d", Outcome.WRONGLY_REFUSED, "steps", 0.95),
    graded("e", Outcome.ANSWERED_WRONGLY, "refusal", 0.3),
]


def test_outcomes_have_shares_over_all_and_by_kind() -> None:
    figures = figures_of(ITEMS) | figures_of_all(ITEMS, {})
    assert figures["good"].value == 0.25 and figures["good"].count == 4
    assert figures["good:fact"].value == 0.5 and figures["good:fact"].count == 2
    assert figures["wrongly_refused:steps"].value == 0.5
    assert figures["answered_wrongly"].value == 1.0 and figures["answered_wrongly"].count == 1
    assert "good:refusal" not in figures
    # Above it stands the refused one alone, which is left out of what was answered.
    assert figures["auroc_good"].value == 0.75 and figures["auroc_good"].count == 5
    assert figures["auroc_good_answered"].value == 1.0 and figures["auroc_good_answered"].count == 4


def test_people_see_them_by_kind() -> None:
    report = make_report(ITEMS, ItemKind.ANSWERS, figures=figures_of(ITEMS))
    console = Console(width=220, record=True, quiet=False, file=None)
    with console.capture() as shown:
        render_figures(console, report)
    lines = shown.get().splitlines()
    (facts,) = [line for line in lines if line.strip().startswith("fact")]
    assert "0.500" in facts and not any("good:fact" in line for line in lines)
    (head,) = [line for line in lines if line.strip().startswith("kind")]
    assert all(words in head for words in ("good", "partly", "wrong", "rightly refused"))
    page = render([report])
    assert "Kind: fact" in page and "What became of the questions" in page
    assert "wrong answer" in page


def test_answers_of_the_service_are_graded(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {
            "id": "good",
            "question": "What does the brass lantern burn?",
            "accept": ["whale oil"],
            "kind": "fact",
        },
        {
            "id": "wrong",
            "question": "What does the brass lantern burn?",
            "accept": ["tallow"],
            "kind": "fact",
        },
        {"id": "none", "question": "Which planet has rings?", "answerable": False, "kind": "far"},
        {"id": "plain", "question": "What burns?"},
    ]
    path = tmp_path / "q.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    home = new_home(tmp_path)
    with open_service(home, max_false_refusals=1e-9) as service:
        upload(service, {"lantern.md": "# Lantern\n\nThe brass lantern burns whale oil from a copper tank."})
        report = service.evaluations.answers(ME, AnswersEvaluation(CORPUS, path))
        rest = tmp_path / "rest.jsonl"
        rest.write_text("\n".join(map(json.dumps, rows[2:])), encoding="utf-8")
        ungraded = service.evaluations.answers(ME, AnswersEvaluation(CORPUS, rest))
    items = {item.id: item for item in report.items}
    assert items["good"].detail["outcome"] == "good"
    assert items["wrong"].detail["outcome"] == "wrong" and items["wrong"].detail["missing"] == ["tallow"]
    assert items["none"].detail["outcome"] in ("rightly_refused", "answered_wrongly")
    assert "outcome" not in items["plain"].detail
    assert report.figures["good"].value == 0.5 and report.figures["good:fact"].count == 2
    assert all("outcome" not in item.detail for item in ungraded.items)
