"""`ragsvc export` and `ragsvc import`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragsvc.cli.options import AtOption, CorpusArgument, HomeOption, JsonOption
from ragsvc.cli.output import safe, say_waiting, write_json, write_line
from ragsvc.cli.progress import show_progress
from ragsvc.cli.session import local_caller, session_of

if TYPE_CHECKING:
    from ragsvc.domain import CarryReport

HEAD = "head"


def export(
    context: typer.Context,
    corpus: CorpusArgument,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that does not exist yet.")],
    at: AtOption = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Write a corpus to a folder of Parquet files that can be carried away, versioned and analysed.

    Consistent while others write; the same commit gives the same files.
    """
    from ragsvc.service.views.upkeep import CarryView

    with session_of(context).worker(home) as service, show_progress() as progress:
        report = service.maintenance.export_corpus(
            local_caller(), corpus, folder, at=at or HEAD, progress=progress
        )
    if as_json:
        write_json(CarryView.of(report))
    else:
        write_line(f"exported {_told(report)} to {safe(report.folder)}", sys.stdout)
    return 0


def import_(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that ragsvc export made.")],
    name: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="Name of the corpus; by default as it was.")
    ] = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Make a corpus from an exported folder. Nothing is embedded; every file is checked first."""
    from ragsvc.service.views.upkeep import CarryView

    with session_of(context).worker(home, create=True) as service, show_progress() as progress:
        report = service.maintenance.import_corpus(
            local_caller(), folder, name=name, progress=progress, on_wait=say_waiting
        )
    if as_json:
        write_json(CarryView.of(report))
    else:
        write_line(f"imported {_told(report)} from {safe(report.folder)}", sys.stdout)
    return 0


def _told(report: CarryReport) -> str:
    return (
        f"{safe(report.corpus)} at commit {report.commit}: {report.documents} documents, "
        f"{report.chunks} chunks, {report.vectors} vectors; {report.size_bytes / 2**20:.1f} MiB, "
        f"{report.seconds:.1f} s;"
    )
