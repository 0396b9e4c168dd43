from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_reports import make_report, retrieval_report

from ragsvc.errors import InvalidRequest, SourceNotFound
from ragsvc.evaluation.comparison import compare
from ragsvc.evaluation.gate import Bound, Gate, Rule, check, read_gate
from ragsvc.evaluation.report import Figure, Item


def written(folder: Path, text: str, name: str = "gate.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_toml_and_json_say_the_same(tmp_path: Path):
    toml = """
        latency.total.p95 = { max = 0.5 }
        ["hybrid.ndcg@10"]
        min = 0.4
        max_drop = 0.01
        [hybrid."recall@10"]
        min = 1
    """
    table = {
        "latency.total.p95": {"max": 0.5},
        "hybrid.ndcg@10": {"min": 0.4, "max_drop": 0.01},
        "hybrid": {"recall@10": {"min": 1}},
    }
    rules = read_gate(written(tmp_path, toml)).rules
    assert set(rules) == set(read_gate(written(tmp_path, json.dumps(table), "gate.json")).rules)
    assert Rule("latency.total.p95", Bound.MAX, 0.5) in rules
    assert Rule("hybrid.recall@10", Bound.MIN, 1.0) in rules


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[figure", "is not TOML"),
        ("", "it bounds nothing"),
        ("[phrase]", '"phrase" bounds nothing'),
        ("min = 0.4", "unknown key 'min'"),
        ("[phrase]\nminimum = 0.4", "unknown key 'phrase.minimum'"),
        ("[phrase]\nmin = '0.4'", "phrase.min is not a number: '0.4'"),
        ("[phrase]\nmin = true", "phrase.min is not a number: True"),
        ("[phrase]\nmin = nan", "phrase.min is not a number"),
        ("[phrase]\nmin = inf", "phrase.min is not a number"),
        (f"[phrase]\nmin = 1{'0' * 400}", "phrase.min is not a number of this size"),
        (f"[phrase]\nmax = 0x{'f' * 9000}", "phrase.max is not a number of this size"),
        ("[phrase]\nmax_drop = -0.1", "phrase.max_drop is below 0"),
        ("[phrase]\nmin = 0.5\nmax = 0.4", "phrase.min is above its max"),
        ('["a.b"]\nmin = 0.5\n[a.b]\nmin = 0.4', "the same bound twice"),
    ],
)
def test_a_malformed_gate_names_file_and_key(tmp_path: Path, text: str, words: str):
    path = written(tmp_path, text)
    with pytest.raises(InvalidRequest) as caught:
        read_gate(path)
    assert str(path) in caught.value.message
    assert words in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"phrase": {"min": 0.9}, "phrase": {"min": 0.1}}', "the key 'phrase' is there twice"),
        ('{"phrase": {"max": 1, "min": 0.9, "min": 0}}', "the key 'min' is there twice"),
        ('{"phrase": {"min": 1%s}}' % ("0" * 400), "phrase.min is not a number of this size"),
        ('{"phrase": {"min": NaN}}', "phrase.min is not a number: nan"),
        ('{"phrase": {"min": 1e999}}', "phrase.min is not a number: inf"),
    ],
)
def test_json_holds_every_bound_once_and_numbers_alone(tmp_path: Path, text: str, words: str):
    with pytest.raises(InvalidRequest) as caught:
        read_gate(written(tmp_path, text, "gate.json"))
    assert "gate.json" in caught.value.message
    assert words in caught.value.message


def test_gates_that_cannot_be_read(tmp_path: Path):
    with pytest.raises(SourceNotFound):
        read_gate(tmp_path / "none.toml")
    with pytest.raises(InvalidRequest, match="not JSON"):
        read_gate(written(tmp_path, "[phrase]", "gate.json"))
    with pytest.raises(InvalidRequest, match="not a table"):
        read_gate(written(tmp_path, "[1]", "gate.json"))
    (tmp_path / "latin.toml").write_bytes(b"# \xe9")
    with pytest.raises(InvalidRequest, match="not UTF-8"):
        read_gate(tmp_path / "latin.toml")


@given(st.floats(0, 1), st.sampled_from([Bound.MIN, Bound.MAX]), st.floats(0, 1))
def test_bounds_are_inclusive(value: float, limit: Bound, bound: float):
    report = make_report([Item("a", "?", {})], figures={"phrase": Figure(value, value, value, 1)})
    breaches = check(report, Gate("gate.toml", (Rule("phrase", limit, bound),)))
    beyond = value < bound - 1e-9 if limit is Bound.MIN else value > bound + 1e-9
    assert bool(breaches) == beyond
    assert check(report, Gate("gate.toml", (Rule("phrase", limit, value),))) == []


def test_a_figure_that_is_not_there_is_a_breach():
    report = retrieval_report()
    rules = (Rule("hybrid.ndgc@10", Bound.MIN, 0.0), Rule("latency.generate.p95", Bound.MAX, 9.0))
    breaches = check(report, Gate("gate.toml", rules))
    assert [(breach.figure, breach.value) for breach in breaches] == [(rule.figure, None) for rule in rules]
    assert "is not in the report" in breaches[0].message


def test_what_is_not_a_number_does_not_pass():
    nan = float("nan")
    report = make_report([Item("a", "?", {})], figures={"phrase": Figure(nan, nan, nan, 1)})
    rules = (Rule("phrase", Bound.MIN, 0.0), Rule("phrase", Bound.MAX, 1.0))
    assert [breach.value for breach in check(report, Gate("gate.toml", rules))] == [None, None]


def test_latency_by_name():
    rules = (Rule("latency.total.p95", Bound.MAX, 0.05), Rule("latency.retrieve.p95", Bound.MAX, 0.05))
    (breach,) = check(retrieval_report(), Gate("gate.toml", rules))
    assert breach.message == "latency.total.p95 is 0.0900, above 0.05"


def test_changes_need_a_baseline():
    before, after = retrieval_report(lift=0.05), retrieval_report()
    rules = (
        Rule("hybrid.ndcg@10", Bound.MAX_DROP, 0.01),
        Rule("dense.ndcg@10", Bound.MAX_DROP, 0.0),
        Rule("new", Bound.MAX_DROP, 0.1),
    )
    gate = Gate("gate.toml", rules)
    with pytest.raises(InvalidRequest) as caught:
        check(after, gate)
    assert "--baseline" in caught.value.hint
    breaches = check(after, gate, compare(before, after))
    assert [breach.figure for breach in breaches] == ["hybrid.ndcg@10", "new"]
    assert "fell by 0.0" in breaches[0].message
    rises = Gate("gate.toml", (Rule("hybrid.ndcg@10", Bound.MAX_RISE, 0.01),))
    assert [breach.limit for breach in check(before, rises, compare(after, before))] == [Bound.MAX_RISE]


def test_a_change_over_few_of_the_baselines_questions_passes_no_gate():
    def asked(ids: range, value: float):
        return make_report([Item(f"q{n}", f"{n}?", {"phrase": 0.9 if n == 0 else value}) for n in ids])

    gate = Gate("gate.toml", (Rule("phrase", Bound.MAX_DROP, 0.1),))
    before = asked(range(100), 0.9)
    after = replace(asked(range(1), 0.9), items=(before.items[0], *asked(range(100, 199), 0.1).items))
    (breach,) = check(after, gate, compare(before, after))
    assert breach.value is None
    assert "only 1 of its 100 questions in the baseline" in breach.message
    half = asked(range(50, 150), 0.9)
    assert check(half, gate, compare(before, half)) == []


def test_a_rise_of_latency_is_bounded():
    before = retrieval_report()
    after = replace(before, latency_s={"total": {"p50": 0.04, "p95": 0.2}})
    rules = (
        Rule("latency.total.p95", Bound.MAX_RISE, 0.1),
        Rule("latency.total.p50", Bound.MAX_RISE, 0.0),
        Rule("latency.retrieve.p50", Bound.MAX_RISE, 0.0),
    )
    breaches = check(after, Gate("gate.toml", rules), compare(before, after))
    assert [breach.message for breach in breaches] == [
        "latency.total.p95 rose by 0.1100, more than 0.1",
        "latency.retrieve.p50 is not in both reports, so max_rise 0 cannot hold",
    ]
