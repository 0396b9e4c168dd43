"""`ragsvc verify` and `ragsvc rebuild`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ragsvc.cli.options import CorpusArgument, HomeOption, JsonOption
from ragsvc.cli.output import safe, say_waiting, write_json, write_line
from ragsvc.cli.progress import show_progress
from ragsvc.cli.session import Session, local_caller, session_of
from ragsvc.errors import CatalogDamaged

if TYPE_CHECKING:
    from pathlib import Path

    from ragsvc.domain import RebuildReport, VerifyReport

CHECK_FAILED = 4


def verify(
    context: typer.Context,
    corpus: Annotated[
        str | None, typer.Argument(metavar="[CORPUS]", help="Name of the corpus; all without one.")
    ] = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Check catalog, texts, chunks, vectors and index files; changes nothing. Exit code 4: damage."""
    from ragsvc.service.views.upkeep import VerifyView

    session = session_of(context)
    report = _verified(session, corpus, home)
    if as_json:
        write_json(VerifyView.of(report))
    else:
        for problem in report.problems:
            place = f"{safe(problem.corpus)}: " if problem.corpus else ""
            write_line(f"{place}{safe(problem.message)} [{problem.code}]", sys.stderr)
        checked = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in report.checked.items())
        repairs = dict.fromkeys(_typed(session, problem.repair) for problem in report.problems)
        verdict = "all is well" if not repairs else f"damaged; now type: {'; '.join(repairs)}"
        write_line(f"checked {checked} in {report.seconds:.1f} s: {safe(verdict)}", sys.stdout)
    return CHECK_FAILED if report.problems else 0


def _typed(session: Session, repair: str) -> str:
    """A repair as it is to be typed; some are words or commands of the system."""
    return session.typed(repair) if repair.startswith("ragsvc ") else repair


def _verified(session: Session, corpus: str | None, home: Path | None) -> VerifyReport:
    """Check; a catalog that cannot be opened is what was looked for, not an error of the check."""
    from ragsvc.domain import VerifyProblem, VerifyReport

    try:
        with session.worker(home) as service, show_progress() as progress:
            return service.maintenance.verify(local_caller(), corpus, progress=progress)
    except CatalogDamaged as error:
        return VerifyReport({}, (VerifyProblem("", error.code, error.message, error.hint),), 0.0)


def rebuild(
    context: typer.Context, corpus: CorpusArgument, as_json: JsonOption = False, home: HomeOption = None
) -> int:
    """Make all that derives from the stored texts anew: chunks, missing vectors, index files."""
    from ragsvc.service.views.upkeep import RebuildView

    with session_of(context).worker(home) as service, show_progress() as progress:
        report = service.maintenance.rebuild(local_caller(), corpus, progress=progress, on_wait=say_waiting)
    if as_json:
        write_json(RebuildView.of(report))
    else:
        _render(report)
    return 0


def _render(report: RebuildReport) -> None:
    write_line(
        f"rebuilt {safe(report.corpus)} at commit {report.commit}: {report.texts} texts, "
        f"{report.chunks} chunks; {report.rechunked} texts were cut anew, {report.embedded} chunks "
        f"embedded; {report.seconds:.1f} s",
        sys.stdout,
    )
    for line in report.unmended:
        write_line(f"not mended: {safe(line)}", sys.stderr)
