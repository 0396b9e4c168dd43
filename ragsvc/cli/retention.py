"""`ragsvc gc`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ragsvc.cli.options import HomeOption, JsonOption
from ragsvc.cli.output import safe, say_waiting, write_json, write_line
from ragsvc.cli.session import local_caller, session_of

if TYPE_CHECKING:
    from ragsvc.domain import CollectReport


def gc(
    context: typer.Context,
    corpus: Annotated[
        str | None, typer.Argument(metavar="[CORPUS]", help="Whose commits may go; all without one.")
    ] = None,
    keep: Annotated[
        int | None,
        typer.Option(
            "--keep",
            metavar="N",
            min=1,
            show_default=False,
            help="Newest commits of a corpus to keep. [RAGSVC_KEEP_COMMITS; default: 10]",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be removed.")] = False,
    vacuum: Annotated[
        bool, typer.Option("--vacuum", help="Make the catalog's file smaller too; needs room for a copy.")
    ] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Remove old commits, and all texts, vectors and index files that only they needed.

    Tagged commits stay, and so does what a running process reads. Searches go on meanwhile.
    """
    from ragsvc.service.views.upkeep import CollectView

    with session_of(context).worker(home) as service:
        report = service.maintenance.collect(
            local_caller(), corpus, keep=keep, dry_run=dry_run, vacuum=vacuum, on_wait=say_waiting
        )
    if as_json:
        write_json(CollectView.of(report))
    else:
        _render(report, vacuum=vacuum and not dry_run)
    return 0


def _render(report: CollectReport, *, vacuum: bool) -> None:
    done = "would be removed" if report.dry_run else "removed"
    write_line(
        f"{done}: {report.commits} commits with {report.documents} states of documents; {report.versions} "
        f"texts, {report.chunks} chunks, {report.vectors} vectors, {report.terms} terms, {report.indexes} "
        f"index folders; {report.seconds:.1f} s",
        sys.stdout,
    )
    for line in report.kept:
        write_line(f"kept: {safe(line)}", sys.stdout)
    if report.postponed:
        write_line(f"texts and vectors were left alone, {safe(report.postponed)}", sys.stderr)
    if report.dry_run:
        return
    write_line(f"{_size(report.freed_bytes)} given back to the disk", sys.stdout)
    if report.reusable_bytes and not vacuum:
        write_line(
            f"{_size(report.reusable_bytes)} inside the catalog are free for what comes; "
            "--vacuum gives them back to the disk",
            sys.stdout,
        )


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f} MB"
