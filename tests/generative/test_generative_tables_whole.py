"""Every table of docs/generative-figures.md comes out whole, on little data and after a few steps."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.asked import Asked, Seen
from benchmarks.generative import (
    abstention,
    compression,
    digits,
    out_of_corpus,
    synthetic_vectors,
    texts,
)
from benchmarks.generative.question_sets import EncodedSet
from benchmarks.generative.vectors import normalised
from ragsvc.evaluation.drafts.golden_set import DraftLine
from ragsvc.generative.datasets import TextData


def vectors(count: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(5).normal(size=(6, 16))
    noise = 0.3 * random.normal(size=(count, 16))
    return normalised((centres[random.integers(0, 6, count)] + noise).astype(np.float32))


def rows_of(printed: str) -> list[list[str]]:
    lines = [line for line in printed.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def run(module: object, monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", ["table", *words])
    module.main()


@pytest.fixture
def file(tmp_path: Path) -> str:
    np.save(tmp_path / "v.npy", vectors(900))
    return str(tmp_path / "v.npy")


def test_compression(file: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(compression, "QUERIES", 30)
    run(compression, monkeypatch, "--vectors", file, "--sizes", "8", "--steps", "5")
    printed = capsys.readouterr().out
    rows = rows_of(printed)
    assert len(rows) == 2 + 3 + 6
    assert rows[2][2:5] == ["1.000"] * 3
    assert "- 8 bytes: autoencoder" in printed


def test_made_vectors(file: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(synthetic_vectors, "QUERIES", 20)
    monkeypatch.setattr(synthetic_vectors, "CLUSTERS", 4)
    run(synthetic_vectors, monkeypatch, "--vectors", file, "--steps", "5", "--rows", "200")
    rows = rows_of(capsys.readouterr().out)
    assert {len(row) for row in rows} == {14}
    found = {row[0]: row for row in rows[2:]}
    assert len(found) == 10
    real, sphere = found["real, held out"], found["uniform on the sphere"]
    assert float(real[1]) < float(sphere[1])
    assert float(real[5]) > float(sphere[5])


def test_digits(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    run(digits, monkeypatch, "--seeds", "1", "--steps", "3")
    rows = rows_of(capsys.readouterr().out)
    assert len(rows) == 2 + 7
    found = {row[0]: float(row[1]) for row in rows[2:]}
    assert found["real, held out"] < found["noise"]


def test_questions_of_another_corpus(capsys: pytest.CaptureFixture[str]) -> None:
    inside = EncodedSet("one", vectors(200), vectors(40, 1))
    outside = EncodedSet("other", vectors(200), -vectors(40, 2))
    fitted = out_of_corpus.Oddity.of(inside.chunks, 20)
    row = out_of_corpus.row(fitted, inside, outside, "turned round")
    assert row[:3] == ["one / other", "turned round", "40 / 40"]
    assert all(float(each) > 0.9 for each in row[3:7])


def test_abstention(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    groups = np.array(["answerable", "near"] * 60)
    known = random.normal(size=(120, 2)) + (groups == "near")[:, None]
    articles = np.full(120, "")
    test = np.arange(120) >= 100
    found = abstention.probabilities(known, groups, articles, test)
    row = abstention.row("as shipped", found, found, groups)
    assert float(row[1]) > 0.6
    assert row[2] == "+0.0000 (+0.0000 to +0.0000)"
    file = tmp_path / "seen.jsonl"
    file.write_text('[{"corpus": "c", "text": "Why?", "group": "near", "article": ""}, {"a": 1.0}]\n')
    assert abstention.read([file]) == [Seen(Asked("c", "Why?", "near"), {"a": 1.0})]


def test_texts() -> None:
    some = tuple(f"The reader of page {n} finds the answer of page {n + 1}." for n in range(30))
    data = TextData("made", some[:24], some[24:])
    table, network = texts.perplexities(data, 1, 0)
    rows = rows_of(table)
    assert len(rows) == 2 + len(texts.ORDERS) + 1
    counted = [float(row[1]) for row in rows[2:-1]]
    assert counted[1] < counted[0]
    assert len(rows_of(texts.samples(network, data))) == 2 + 5


def test_other_forms_of_questions() -> None:
    asked = ["What is a vector database?", "What is an autoencoder?", "How are models compared with others?"]
    drafted = [DraftLine(question, "definition", ("a.md",)) for question in asked]
    rows = {row[0]: row for row in rows_of(texts.forms(drafted))[2:]}
    assert list(rows) == ["as drafted", "mistyped", "key words", "told"]
    assert rows["told"][1] == "2"
    assert float(rows["mistyped"][5]) > 0.5
