"""`ragsvc eval`: measure retrieval and answers, compare reports, hold them to a gate."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragsvc.cli.options import (
    AtOption,
    CorpusArgument,
    FilterOption,
    HomeOption,
    JsonOption,
    parse_filter,
    reference,
)
from ragsvc.cli.output import make_console, write_json
from ragsvc.cli.progress import show_progress
from ragsvc.cli.session import local_caller, session_of
from ragsvc.errors import InvalidRequest

if TYPE_CHECKING:
    from ragsvc.domain import Mode

app = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=False,
    help="Measure retrieval and answers, compare reports, hold figures to a gate.",
)

SplitOption = Annotated[
    str | None, typer.Option("--split", metavar="NAME", help="Only questions of this split.")
]
BaselineOption = Annotated[
    Path | None, typer.Option("--baseline", metavar="REPORT.json", help="An earlier report to compare with.")
]
GateOption = Annotated[
    Path | None,
    typer.Option("--gate", metavar="FILE", help="TOML or JSON with bounds of figures; exit code 4: broken."),
]
OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="REPORT.json", help="Write the whole report there.")
]
HtmlOption = Annotated[
    Path | None, typer.Option("--html", metavar="PAGE.html", help="Draw the report there, as one page.")
]
WorstOption = Annotated[int, typer.Option("--worst", min=0, help="How many of the worst questions to show.")]
FreshOption = Annotated[
    bool, typer.Option("--fresh", help="Start anew, even where an interrupted run could be taken up.")
]
_HINT = "--questions FILE.jsonl names your own, --beir DIR a collection in the BEIR layout"


@app.command("retrieval")
def retrieval(
    context: typer.Context,
    corpus: CorpusArgument,
    questions: Annotated[
        Path | None, typer.Option("--questions", metavar="FILE", help="Questions as JSONL.")
    ] = None,
    beir: Annotated[
        Path | None, typer.Option("--beir", metavar="DIR", help="queries.jsonl and qrels/ of a collection.")
    ] = None,
    split: SplitOption = None,
    k: Annotated[int, typer.Option("-k", min=1, max=200, help="Where the figures are cut.")] = 10,
    modes: Annotated[
        str, typer.Option("--modes", metavar="NAMES", help="Which legs to search with.")
    ] = "hybrid,dense,lexical",
    at: AtOption = None,
    where: FilterOption = None,
    baseline: BaselineOption = None,
    worst: WorstOption = 5,
    gate: GateOption = None,
    out: OutOption = None,
    html: HtmlOption = None,
    fresh: FreshOption = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Measure how well the right documents are found. Exit code 4: the gate is broken."""
    from ragsvc.cli.evaluate_report import EvaluationReport, Wishes
    from ragsvc.evaluation.report import ItemKind
    from ragsvc.evaluation.requests import RetrievalEvaluation

    if (questions is None) == (beir is None):
        raise InvalidRequest("give either --questions or --beir", hint=_HINT)
    request = RetrievalEvaluation(
        corpus=corpus,
        questions=questions,
        beir=beir,
        split=split,
        k=k,
        modes=_modes(modes),
        at=reference(at),
        where=parse_filter(where),
        fresh=fresh,
    )
    wishes = Wishes(baseline, gate, out, html, worst, as_json)
    conclusion = EvaluationReport.prepare(wishes, ItemKind.RETRIEVAL, _inputs(questions, beir, split))
    with session_of(context).worker(home) as service, show_progress() as progress:
        report = service.evaluations.retrieval(local_caller(), request, progress=progress)
    return conclusion.conclude(report)


@app.command("answers")
def answers(
    context: typer.Context,
    corpus: CorpusArgument,
    questions: Annotated[Path, typer.Option("--questions", metavar="FILE", help="Questions as JSONL.")],
    split: SplitOption = None,
    k: Annotated[int, typer.Option("-k", min=1, max=200, help="How many passages to read.")] = 6,
    at: AtOption = None,
    where: FilterOption = None,
    baseline: BaselineOption = None,
    worst: WorstOption = 5,
    gate: GateOption = None,
    out: OutOption = None,
    html: HtmlOption = None,
    fresh: FreshOption = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Measure answers, their citations, and what is refused. Exit code 4: the gate is broken."""
    from ragsvc.cli.evaluate_report import EvaluationReport, Wishes
    from ragsvc.evaluation.report import ItemKind
    from ragsvc.evaluation.requests import AnswersEvaluation

    request = AnswersEvaluation(
        corpus=corpus,
        questions=questions,
        split=split,
        k=k,
        at=reference(at),
        where=parse_filter(where),
        fresh=fresh,
    )
    wishes = Wishes(baseline, gate, out, html, worst, as_json)
    conclusion = EvaluationReport.prepare(wishes, ItemKind.ANSWERS, (questions,))
    with session_of(context).worker(home) as service, show_progress() as progress:
        report = service.evaluations.answers(local_caller(), request, progress=progress)
    return conclusion.conclude(report)


@app.command("compare")
def compare(
    before: Annotated[Path, typer.Argument(metavar="A.json", help="The earlier report.")],
    after: Annotated[Path, typer.Argument(metavar="B.json", help="The later report.")],
    gate: GateOption = None,
    html: HtmlOption = None,
    as_json: JsonOption = False,
    home: HomeOption = None,  # noqa: ARG001 - accepted after every command, needed by none of these files
) -> int:
    """Compare two reports question by question. Exit code 4: the gate is broken."""
    from ragsvc.cli.evaluate_report import (
        CHECK_FAILED,
        EvaluationReport,
        Wishes,
        gate_json,
        path_of,
        write_page,
    )
    from ragsvc.cli.render_report import render_comparison, render_gate
    from ragsvc.evaluation.comparison import compare as compare_reports
    from ragsvc.evaluation.gate import check
    from ragsvc.evaluation.report import read_report

    report = read_report(after)
    wishes = Wishes(baseline=before, gate=gate, html=html)
    ready = EvaluationReport.prepare(wishes, report.kind, (before, after))
    comparison = compare_reports(ready.baseline or read_report(before), report)
    breaches = [] if ready.gate is None else check(report, ready.gate, comparison)
    write_page(ready.html, [report], comparison)
    if as_json:
        write_json(
            {
                "comparison": asdict(comparison),
                "gate": gate_json(ready.gate, breaches),
                "html": path_of(ready.html),
            }
        )
    else:
        console = make_console(sys.stdout)
        render_comparison(console, comparison)
        if ready.html is not None:
            console.print(f"wrote {path_of(ready.html)}")
        if ready.gate is not None:
            render_gate(console, ready.gate, breaches)
    return CHECK_FAILED if breaches else 0


@app.command("page")
def page(
    reports: Annotated[list[Path], typer.Argument(metavar="REPORT.json...", help="Reports to draw.")],
    html: Annotated[Path, typer.Option("--html", metavar="PAGE.html", help="The page to write.")],
    as_json: JsonOption = False,
    home: HomeOption = None,  # noqa: ARG001 - accepted after every command
) -> int:
    """Draw reports as one page that needs no network."""
    from ragsvc.cli.evaluate_report import path_of, write_page
    from ragsvc.cli.output_files import OutputFile
    from ragsvc.evaluation.report import read_report

    target = OutputFile.tried(html, "--html", reports)
    write_page(target, [read_report(path) for path in reports], None)
    if as_json:
        write_json({"html": path_of(target), "reports": len(reports)})
    else:
        make_console(sys.stdout).print(f"wrote {path_of(target)}")
    return 0


def _modes(text: str) -> tuple[Mode, ...]:
    """Read the value of `--modes`.

    :raises InvalidRequest: if a name is unknown.
    """
    from ragsvc.domain import Mode

    names = dict.fromkeys(name.strip() for name in text.split(","))
    unknown = [name for name in names if name not in set(Mode)]
    if unknown:
        raise InvalidRequest(f"--modes: unknown mode {unknown[0]!r}", hint=f"--modes {','.join(Mode)}")
    return tuple(Mode(name) for name in names)


def _inputs(questions: Path | None, beir: Path | None, split: str | None) -> tuple[Path | None, ...]:
    """Files that are read, so that none is overwritten."""
    if beir is None:
        return (questions,)
    return beir / "corpus.jsonl", beir / "queries.jsonl", beir / "qrels" / f"{split or 'test'}.tsv"
