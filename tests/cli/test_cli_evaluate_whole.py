"""The whole command over a real service: questions in, report, comparison and gate out."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import doubles
import pytest

from ragsvc.cli.main import main

DOCUMENTS = {
    "wal.md": "The write-ahead log is turned on by the pragma journal mode.",
    "vacuum.md": "Vacuum gives free pages back to the file system.",
    "lock.md": "A writer lock is freed when its process dies.",
}
QUESTIONS = [
    {"id": "wal", "question": "write-ahead log pragma", "documents": ["wal.md"], "phrases": ["journal"]},
    {"id": "lock", "question": "writer lock freed", "documents": {"lock.md": 2, "gone.md": 1}},
    {"id": "far", "question": "boiled eggs", "answerable": False},
]


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    lines = [json.dumps(question) for question in QUESTIONS]
    path.write_text("\n".join([*lines, "{torn"]), encoding="utf-8")
    return path


def test_from_questions_to_a_gate(questions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with doubles.open_service(doubles.new_home(tmp_path)) as service:
        doubles.upload(service, DOCUMENTS, corpus="notes")

        def opener(settings: Any, *, create: bool) -> AbstractContextManager[Any]:
            return nullcontext(service)

        def run(*words: str) -> tuple[int, dict[str, Any], str]:
            code = main((*words, "--json"), opener=opener)
            captured = capsys.readouterr()
            return code, json.loads(captured.out), captured.err

        for kind in ("retrieval", "answers"):
            first, gate = tmp_path / f"{kind}.json", tmp_path / f"{kind}.toml"
            words = ("eval", kind, "notes", "--questions", str(questions))
            code, shown, err = run(*words, "--out", str(first))
            assert code == 0
            assert "questions.jsonl:4" in err
            assert len(shown["report"]["malformed"]) == 1
            name = "hybrid.recall@10" if kind == "retrieval" else "refused_unanswerable"
            gate.write_text(f'["{name}"]\nmin = {shown["report"]["figures"][name]["value"]}\nmax_drop = 0')
            page = tmp_path / f"{kind}.html"
            code, shown, _ = run(*words, "--baseline", str(first), "--gate", str(gate), "--html", str(page))
            assert (code, shown["gate"]["passed"]) == (0, True)
            assert {row["change"] for row in shown["comparison"]["differences"]} == {0.0}
            assert shown["comparison"]["warnings"] == []
            assert page.read_text(encoding="utf-8").count("<svg") > 3
            gate.write_text(f'["{name}"]\nmin = 1.1')
            assert run(*words, "--gate", str(gate))[0] == 4
