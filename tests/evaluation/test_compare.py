from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_reports import answers_report, make_report, make_setup, retrieval_report

from ragsvc.errors import InvalidRequest
from ragsvc.evaluation.comparison import compare
from ragsvc.evaluation.failures import facts, fault, headline, worst
from ragsvc.evaluation.intervals import bootstrap_mean, randomisation_test, widened
from ragsvc.evaluation.page.render import render
from ragsvc.evaluation.report import Item, ItemKind, Report

unit = st.floats(0, 1)


def report_of(values: dict[str, float], text: str = "why?") -> Report:
    return make_report([Item(name, text, {"hybrid.ndcg@10": value}) for name, value in values.items()])


@settings(deadline=None, max_examples=25)
@given(st.dictionaries(st.text("abc", min_size=1, max_size=2), st.tuples(unit, unit), min_size=1, max_size=9))
def test_a_difference_is_that_of_the_paired_values(pairs: dict[str, tuple[float, float]]):
    before = report_of({name: old for name, (old, _) in pairs.items()})
    # Another order of the questions changes nothing.
    after = report_of({name: new for name, (_, new) in reversed(pairs.items())})
    comparison = compare(before, after)
    (row,) = comparison.differences
    old, new = (np.array([pair[side] for pair in reversed(pairs.values())]) for side in (0, 1))
    assert row.before == pytest.approx(old.mean())
    assert row.after == pytest.approx(new.mean())
    assert row.change == pytest.approx(row.after - row.before, abs=1e-12)
    assert row.low is not None and row.high is not None
    assert row.low <= row.change <= row.high
    assert row.count == len(pairs)
    if not np.array_equal(old, new):
        interval = widened(bootstrap_mean(new - old), len(old), -1.0, 1.0)
        assert (row.low, row.high) == (interval.low, interval.high)
        assert row.p == randomisation_test(new, old)
    mirrored = compare(after, before)
    assert mirrored.differences[0].change == pytest.approx(-row.change, abs=1e-12)
    assert {shift.id for shift in mirrored.better} == {shift.id for shift in comparison.worse}


def test_a_report_against_itself():
    report = retrieval_report()
    comparison = compare(report, report)
    assert [row.name for row in comparison.differences] == list(report.figures)
    assert {(row.change, row.low, row.high, row.p) for row in comparison.differences} == {
        (0.0, 0.0, 0.0, 1.0)
    }
    assert (comparison.better, comparison.worse, comparison.warnings) == ((), (), ())
    assert comparison.common == 60


def test_a_lift_is_seen_and_the_rest_is_not():
    comparison = compare(retrieval_report(), retrieval_report(lift=0.05))
    rows = {row.name: row for row in comparison.differences}
    lifted = rows["hybrid.ndcg@10"]
    assert lifted.low is not None and lifted.low > 0 and lifted.p is not None and lifted.p < 0.01
    assert rows["dense.ndcg@10"].change == 0.0
    assert comparison.headline == "hybrid.ndcg@10"
    gains = [shift.after - shift.before for shift in comparison.better]
    assert gains == sorted(gains, reverse=True)
    assert len(gains) == 10


def test_only_questions_of_the_same_words_are_paired():
    before = report_of({"a": 0.1, "b": 0.5, "gone": 1.0})
    after = replace(report_of({"a": 0.4, "b": 0.5, "new": 0.0}), setup=make_setup(digest="other"))
    edited = replace(after.items[0], text="another question?")
    comparison = compare(before, replace(after, items=(edited, *after.items[1:])))
    assert comparison.common == 1
    assert [(row.before, row.after, row.count) for row in comparison.differences] == [(0.5, 0.5, 1)]
    assert "the questions differ" in comparison.warnings[0]
    assert "1 questions are in both" in comparison.warnings[0]
    assert "of 3 before and 3 after" in comparison.warnings[1]


def test_questions_without_ids_are_paired_by_their_words():
    before = make_report(
        [Item(f"line-{n}", f"{n}?", {"phrase": n / 10}) for n in (1, 2, 3)], ItemKind.ANSWERS
    )
    # A line was put before them, and one question is asked twice.
    rows = [("line-1", "new?", 1.0), ("line-2", "1?", 0.1), ("line-3", "2?", 0.4), ("line-4", "1?", 0.5)]
    after = make_report([Item(name, text, {"phrase": value}) for name, text, value in rows], ItemKind.ANSWERS)
    comparison = compare(before, after)
    assert comparison.common == 2
    assert [(shift.text, shift.before, shift.after) for shift in comparison.better] == [("2?", 0.2, 0.4)]
    assert comparison.worse == ()


def test_what_indexed_and_measured_is_compared_too():
    before = report_of({"a": 0.5})
    setup = make_setup(embedder="other", profile="ef" * 32, version="0.2.0")
    items = [Item("a", "why?", {"hybrid.ndcg@10": 0.5, "dense.mrr": 0.2})]
    warnings = compare(before, make_report(items, setup=setup)).warnings
    assert warnings == (
        "the embedders differ: bundled:all-MiniLM-L6-v2 and other",
        "the versions of ragsvc differ: 0.1.0 and 0.2.0",
        "only the later report has the figures dense.mrr",
    )
    (chunks, lost) = compare(
        make_report(items), replace(before, setup=make_setup(profile="ef" * 32))
    ).warnings
    assert "the profiles differ" in chunks
    assert lost == "only the baseline has the figures dense.mrr"


def test_one_question_decides_nothing():
    (row,) = compare(report_of({"a": 0.2}), report_of({"a": 0.6})).differences
    assert row.low is not None and row.high is not None
    assert row.low < 0.0 < row.high
    assert row.p == 1.0


def test_figures_that_are_no_means_have_no_interval():
    before, after = answers_report(), answers_report(seed=1)
    row = {row.name: row for row in compare(before, after).differences}["auroc"]
    assert (row.before, row.after, row.low, row.high, row.p, row.count) == (0.91, 0.91, None, None, None, 0)


def test_what_may_not_be_compared():
    with pytest.raises(InvalidRequest, match="retrieval and one of answers"):
        compare(retrieval_report(), answers_report())
    other = replace(report_of({"z": 1.0}), setup=make_setup(corpus="wiki", settings={"fusion": "rrf"}))
    comparison = compare(report_of({"a": 1.0}), other)
    assert comparison.differences == ()
    assert comparison.warnings == (
        "the corpora differ: handbook and wiki",
        "the settings differ: fusion convex -> rrf, dense weight 0.6 -> unset",
        "the reports have no question in common: nothing is compared question by question",
    )


def test_the_worst_questions_are_told_with_what_they_got():
    items = [
        Item("fine", "?", {"phrase": 1.0}),
        Item("half", "?", {"phrase": 0.0, "document@3": 1.0}),
        Item("bad", "?", {"phrase": 0.0, "document@3": 0.0}),
        Item("refused", "?", {"refused_unanswerable": 1.0}),
        Item("made up", "?", {"refused_unanswerable": 0.0}),
    ]
    report = make_report(items, ItemKind.ANSWERS)
    assert headline(report) == "phrase"
    assert [item.id for item in worst(report, 9)] == ["made up", "bad", "half"]
    assert worst(report, 0) == []
    detail = {"answered": True, "answerable": False, "wanted": [], "found": {"dense": [], "lexical": ["a"]}}
    assert facts(detail | {"confidence": 0.5, "answer": ""}) == [
        ("answerable", ("no",)),
        ("found by dense", ("nothing",)),
        ("found by lexical", ("a",)),
        ("confidence", ("0.500",)),
    ]


def test_every_kind_of_failure_is_among_the_worst_answers() -> None:
    refused = {"answered": 0.0, "refused_answerable": 1.0, "document@3": 1.0}
    answered = {"answered": 1.0, "refused_answerable": 0.0, "document@3": 1.0}
    items = [Item(f"r{n}", "?", refused) for n in range(9)]
    items += [
        Item("made up", "?", {"refused_unanswerable": 0.0, "supported": 1.0}),
        Item("lost", "?", answered | {"document@3": 0.0}),
        Item("wordy", "?", answered | {"token_f1": 0.2}),
        Item("wrong", "?", answered | {"phrase": 0.0, "token_f1": 0.4}),
        Item("fine", "?", answered | {"phrase": 1.0, "token_f1": 1.0}),
        Item("unknown", "?", {}),
    ]
    report = make_report(items, ItemKind.ANSWERS)
    # Few of the questions have references: they do not decide for the others.
    assert headline(report) == "document@3"
    found = worst(report, 4)
    assert [item.id for item in found] == ["r0", "made up", "lost", "wrong"]
    words = [fault(report, item) for item in found]
    assert [each.failure for each in words if each] == [
        "wrongly refused", "wrongly answered", "right document missing", "no right phrase"
    ]  # fmt: skip
    assert [item.id for item in worst(report, 99)][-1] == "wordy"
    assert "wrongly answered" in render([report])


def test_settings_are_called_by_plain_words() -> None:
    before, after = (
        make_report([], setup=make_setup(settings=settings))
        for settings in (
            {"left_out": 4, "unknown_documents": 2, "split": None},
            {"left_out": 10, "unknown_documents": 0, "where": None},
        )
    )
    words = [words for words in compare(before, after).warnings if words.startswith("the settings")]
    assert words == [
        "the settings differ: questions that were not scored 4 -> 10, "
        "named documents that the corpus lacks 2 -> 0"
    ]
    page = render([after])
    assert "<dt>questions that were not scored</dt><dd>10</dd>" in page
    assert "<dt>filter</dt>" not in page and "null" not in page
