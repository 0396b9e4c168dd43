from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ran import Ran
from sample_reports import HOSTILE, answers_report, make_report, make_setup, retrieval_report
from scripted_service import ScriptedService

from ragsvc.cli.render_report import say_malformed
from ragsvc.domain import Caller, Mode, Progress
from ragsvc.errors import CorpusNotFound
from ragsvc.evaluation.report import InputDefect, Report, read_report, to_json
from ragsvc.evaluation.requests import AnswersEvaluation, RetrievalEvaluation

Run = Callable[..., Ran]


class ScriptedEvaluations:
    """Gives reports from a script, and records what was asked for."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.reports: dict[str, Report] = {"retrieval": retrieval_report(), "answers": answers_report()}

    def retrieval(
        self,
        caller: Caller,
        request: RetrievalEvaluation,
        *,
        progress: Callable[[Progress], None] | None = None,
    ) -> Report:
        return self._give("retrieval", request)

    def answers(
        self,
        caller: Caller,
        request: AnswersEvaluation,
        *,
        progress: Callable[[Progress], None] | None = None,
    ) -> Report:
        return self._give("answers", request)

    def _give(self, kind: str, request: Any) -> Report:
        self.asked.append(request)
        if request.corpus != "handbook":
            raise CorpusNotFound(f"corpus {request.corpus!r} does not exist")
        return self.reports[kind]


@pytest.fixture
def evaluations(service: ScriptedService, monkeypatch: pytest.MonkeyPatch) -> ScriptedEvaluations:
    scripted = ScriptedEvaluations()
    monkeypatch.setattr(service, "evaluations", scripted, raising=False)
    return scripted


def stored(path: Path, report: Report) -> str:
    path.write_text(json.dumps(to_json(report)), encoding="utf-8")
    return str(path)


def gate_file(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_retrieval_hands_on_what_was_asked(run: Run, evaluations: ScriptedEvaluations, tmp_path: Path):
    ran = run(
        "eval", "retrieval", "handbook", "--beir", str(tmp_path), "--split", "dev", "-k", "5",
        "--modes", "lexical, hybrid", "--at", "head~1", "--filter", '{"lang": "en"}', "--fresh", "--json",
        "--worst", "1",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert evaluations.asked == [
        RetrievalEvaluation(
            "handbook", None, tmp_path, "dev", 5, (Mode.LEXICAL, Mode.HYBRID), "head~1", {"lang": "en"}, True
        )
    ]
    assert "items" not in ran.json["report"]
    assert ran.json["report"]["figures"]["hybrid.ndcg@10"]["count"] == 60
    assert [set(item) for item in ran.json["worst"]] == [{"id", "text", "values", "detail"}]
    assert [ran.json[name] for name in ("comparison", "gate", "out", "html")] == [None] * 4


def test_answers_hands_on_what_was_asked(run: Run, evaluations: ScriptedEvaluations):
    ran = run("eval", "answers", "handbook", "--questions", "mine.jsonl", "--split", "dev", "-k", "3")
    assert ran.code == 0, ran.err
    assert evaluations.asked == [AnswersEvaluation("handbook", Path("mine.jsonl"), "dev", 3)]
    assert "Right phrase" in ran.out
    assert "latency (p50, p95, p99): retrieve 4 ms, 11 ms, 20 ms; evidence" in ran.out
    assert ran.out.count("[line-") == 5
    assert "questions.jsonl:12: not JSON" in ran.err
    assert "1 line could not be used" in ran.err


def test_retrieval_in_words(run: Run, evaluations: ScriptedEvaluations):
    report = evaluations.reports["retrieval"]
    ran = run("eval", "retrieval", "handbook", "--questions", "q.jsonl", "--worst", "60")
    (row,) = [line for line in ran.out.splitlines() if line.startswith("nDCG@10")]
    for system in ("hybrid", "dense", "lexical"):
        assert f"{report.figures[f'{system}.ndcg@10'].value:.3f} (" in row
    assert "hybrid nDCG@10 against lexical nDCG@10: p = 0.210" in ran.out
    assert "wanted: notes/" in ran.out and "found by dense: notes/" in ran.out
    assert HOSTILE not in ran.out and "\x1b" not in ran.out
    quiet = run("eval", "retrieval", "handbook", "--questions", "q.jsonl", "--worst", "0")
    assert "Worst questions" not in quiet.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "give either --questions or --beir"),
        (("--questions", "q.jsonl", "--beir", "dir"), "give either --questions or --beir"),
        (("--questions", "q.jsonl", "--modes", "hybrid,fuzzy"), "unknown mode 'fuzzy'"),
        (("--questions", "q.jsonl", "--modes", ""), "unknown mode ''"),
        (("--questions", "q.jsonl", "-k", "0"), "-k"),
        (("--questions", "q.jsonl", "--filter", "x"), "--filter is not JSON"),
    ],
)
def test_usage(run: Run, evaluations: ScriptedEvaluations, words: tuple[str, ...], message: str):
    ran = run("eval", "retrieval", "handbook", *words)
    assert (ran.code, evaluations.asked) == (2, [])
    assert message in ran.err


def test_report_and_page_are_written(run: Run, evaluations: ScriptedEvaluations, tmp_path: Path):
    out, html = tmp_path / "report.json", tmp_path / "page.html"
    out.write_text("an older report")
    ran = run(
        "eval", "retrieval", "handbook", "--questions", "q.jsonl", "--out", str(out), "--html", str(html)
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert read_report(out) == evaluations.reports["retrieval"]
    assert html.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert f"wrote {out}" in ran.out and f"wrote {html}" in ran.out
    assert sorted(tmp_path.iterdir()) == [html, out]


def test_what_cannot_be_written_is_said_before_the_work(
    run: Run, evaluations: ScriptedEvaluations, tmp_path: Path
):
    questions = tmp_path / "q.jsonl"
    questions.write_text("")
    gate = gate_file(tmp_path / "gate.toml", "[x]\nmin = 0")
    (tmp_path / "link.json").symlink_to(questions)
    cases = {
        ("--out", str(tmp_path / "none" / "report.json")): (1, "cannot be written"),
        ("--html", str(tmp_path)): (2, "is not a file"),
        ("--out", "/dev/null"): (2, "is not a file"),
        ("--out", str(questions)): (2, "would overwrite"),
        ("--out", str(tmp_path / "link.json")): (2, "would overwrite"),
        ("--gate", gate, "--html", gate): (2, "would overwrite"),
        ("--out", str(tmp_path / "a"), "--html", str(tmp_path / "x" / ".." / "a")): (2, "name one file"),
        ("--gate", str(tmp_path / "none.toml")): (1, "cannot read"),
        ("--baseline", str(tmp_path / "none.json")): (1, "cannot read"),
    }
    for words, (code, message) in cases.items():
        ran = run("eval", "answers", "handbook", "--questions", str(questions), *words)
        assert (ran.code, evaluations.asked) == (code, []), words
        assert message in ran.err, words
    assert questions.read_text() == ""
    assert len(list(tmp_path.iterdir())) == 3


def test_a_report_that_cannot_be_written_any_more_is_kept(
    run: Run, evaluations: ScriptedEvaluations, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder, rescue = tmp_path / "gone", tmp_path / "rescue"
    folder.mkdir()
    rescue.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(rescue))
    give = evaluations.answers

    def meanwhile(*args: Any, **options: Any) -> Report:
        folder.rmdir()
        return give(*args, **options)

    monkeypatch.setattr(evaluations, "answers", meanwhile)
    ran = run("eval", "answers", "handbook", "--questions", "q", "--out", str(folder / "report.json"))
    assert ran.code == 1
    (kept,) = rescue.iterdir()
    assert f"hint:  the report is kept in {kept}" in ran.err
    assert read_report(kept) == evaluations.reports["answers"]


def test_a_link_stays_a_link(run: Run, evaluations: ScriptedEvaluations, tmp_path: Path):
    real, link = tmp_path / "real.json", tmp_path / "link.json"
    link.symlink_to(real)
    assert run("eval", "answers", "handbook", "--questions", "q", "--out", str(link)).code == 0
    assert link.is_symlink()
    assert read_report(real).kind == "answers"


def test_a_broken_gate_is_exit_code_4_and_everything_is_written(
    run: Run, evaluations: ScriptedEvaluations, tmp_path: Path
):
    gate = gate_file(tmp_path / "gate.toml", '["hybrid.ndcg@10"]\nmin = 0.99\n[latency.total.p95]\nmax = 9')
    out = tmp_path / "report.json"
    words = ("eval", "retrieval", "handbook", "--questions", "q", "--gate", gate, "--out", str(out))
    ran = run(*words)
    assert ran.code == 4
    assert "gate: hybrid.ndcg@10 is 0." in ran.err and "below 0.99" in ran.err
    assert "gate gate.toml FAILED: 1 of 2 rules broken" in ran.out
    assert "nDCG@10" in ran.out and out.exists()
    ran = run(*words, "--json")
    assert ran.code == 4
    assert (ran.json["gate"]["passed"], len(ran.json["gate"]["breaches"])) == (False, 1)
    assert ran.json["gate"]["breaches"][0]["figure"] == "hybrid.ndcg@10"
    assert ran.json["out"] == str(out)


def test_a_gate_that_holds(run: Run, evaluations: ScriptedEvaluations, tmp_path: Path):
    gate = gate_file(tmp_path / "gate.json", '{"hybrid.ndcg@10": {"min": 0.1}}')
    ran = run("eval", "retrieval", "handbook", "--questions", "q", "--gate", gate)
    assert ran.code == 0
    assert "gate gate.json passed (1 rule)" in ran.out


def test_a_baseline(run: Run, evaluations: ScriptedEvaluations, tmp_path: Path):
    before = stored(tmp_path / "before.json", retrieval_report(lift=0.05))
    gate = gate_file(tmp_path / "gate.toml", '["hybrid.ndcg@10"]\nmax_drop = 0.01')
    words = ("eval", "retrieval", "handbook", "--questions", "q", "--gate", gate)
    ran = run(*words)
    assert (ran.code, evaluations.asked) == (2, [])
    assert "--baseline REPORT.json" in ran.err
    ran = run(*words, "--baseline", before)
    assert ran.code == 4
    assert "hybrid.ndcg@10 fell by 0.0" in ran.err
    (row,) = [line for line in ran.out.splitlines() if line.startswith("hybrid nDCG@10  ")]
    assert "worse, p" in row
    assert "worse: 0." in ran.out
    answers = stored(tmp_path / "answers.json", answers_report())
    ran = run("eval", "retrieval", "handbook", "--questions", "q", "--baseline", answers)
    assert ran.code == 2
    assert "is a report of answers, not of retrieval" in ran.err


def test_compare(run: Run, tmp_path: Path):
    before = stored(tmp_path / "a.json", retrieval_report())
    other = replace(retrieval_report(lift=0.05), setup=make_setup(digest="other"))
    after = stored(tmp_path / "b.json", other)
    html = tmp_path / "page.html"
    ran = run("eval", "compare", before, after, "--html", str(html))
    assert ran.code == 0, ran.err
    assert "warning: the questions differ" in ran.err
    assert "better, p < 0.001" in ran.out
    assert "What changed" in html.read_text(encoding="utf-8")
    gate = gate_file(tmp_path / "gate.toml", '["hybrid.ndcg@10"]\nmax_rise = 0.01')
    ran = run("eval", "compare", before, after, "--json", "--gate", gate)
    assert ran.code == 4
    first = ran.json["comparison"]["differences"][0]
    assert (first["name"], first["count"]) == ("hybrid.ndcg@10", 60)
    assert ran.json["gate"]["breaches"][0]["limit"] == "max_rise"
    assert run("eval", "compare", before, stored(tmp_path / "c.json", answers_report())).code == 2
    assert run("eval", "compare", before, str(tmp_path / "gate.toml")).code == 2


def test_page(run: Run, tmp_path: Path):
    reports = [stored(tmp_path / "a.json", retrieval_report()), stored(tmp_path / "b.json", answers_report())]
    html = tmp_path / "page.html"
    ran = run("eval", "page", *reports, "--html", str(html), "--json")
    assert ran.json == {"html": str(html), "reports": 2}
    assert "2 evaluations" in html.read_text(encoding="utf-8")
    ran = run("eval", "page", *reports, "--html", reports[0])
    assert ran.code == 2
    assert "would overwrite" in ran.err


def test_errors_of_the_service_and_interrupts(
    run: Run, evaluations: ScriptedEvaluations, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    out = tmp_path / "report.json"
    ran = run("eval", "answers", "nowhere", "--questions", "q", "--out", str(out), "--json")
    assert (ran.code, ran.json["error"]["code"]) == (1, "corpus_not_found")

    def interrupted(*_: Any, **__: Any) -> Report:
        raise KeyboardInterrupt

    monkeypatch.setattr(evaluations, "answers", interrupted)
    ran = run("eval", "answers", "handbook", "--questions", "q", "--out", str(out))
    assert (ran.code, list(tmp_path.iterdir())) == (130, [])
    assert "run it again" in ran.err


def test_lines_left_out_and_what_is_odd_about_others_are_told_apart(capsys):
    odd = tuple(InputDefect(f"q.jsonl:{n}", "names a document that docs lacks: gone") for n in range(2, 25))
    say_malformed(make_report([], malformed=(InputDefect("q.jsonl:1", "not JSON"),), notes=odd))
    said = capsys.readouterr().err.splitlines()
    assert said[:3] == [
        "q.jsonl:1: not JSON",
        "warning: 1 line could not be used; the figures are of the others",
        "note: q.jsonl:2: names a document that docs lacks: gone",
    ]
    assert said[-1] == "note: … and 3 more; --json lists all"
