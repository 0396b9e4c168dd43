"""The bundled reader: it finds answers, and refuses a file that is not the published one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ragsvc.domain import ReaderText
from ragsvc.errors import ModelMismatch, ModelNotFound
from ragsvc.models.reader import REPORT, WEIGHTS, BundledReader

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not BundledReader.is_there(), reason="no weights are installed"),
]
LOCK = "The Ghent lock was built in 1969 by the city. It has 12 gates. It was closed by Anna Peeters."


def test_it_finds_what_is_asked() -> None:
    reader = BundledReader()
    for question, answer in (("Who closed the lock?", "Anna Peeters"), ("When was it built?", "1969")):
        (finding,) = reader.read(question, [ReaderText("Locks", LOCK)])
        start, end, _ = finding.spans[0]
        assert answer in LOCK[start:end]


def test_an_answer_is_told_from_none() -> None:
    reader = BundledReader()
    said, unsaid = reader.read(
        "Who closed the lock?", [ReaderText("Locks", LOCK), ReaderText("Pears", "Pears ripen in autumn.")]
    )
    assert said.margin > unsaid.margin
    assert said.answerable > unsaid.answerable
    assert said.relevance > unsaid.relevance


def test_another_file_is_refused(tmp_path: Path) -> None:
    weights = tmp_path / "reader.safetensors"
    data = bytearray(WEIGHTS.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    weights.with_suffix(".json").write_text(REPORT.read_text("utf-8"), "utf-8")
    with pytest.raises(ModelMismatch):
        BundledReader(weights).warm_up()
    with pytest.raises(ModelNotFound):
        BundledReader(tmp_path / "none.safetensors").warm_up()


def test_its_report_tells_its_hash_and_its_data() -> None:
    report = json.loads(REPORT.read_text("utf-8"))
    assert len(report["sha256"]) == 64 and report["data"] and report["development"]
