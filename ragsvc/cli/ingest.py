"""`ragsvc ingest`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ragsvc.cli.options import CorpusArgument, HomeOption, JsonOption
from ragsvc.cli.output import make_console, say_waiting, write_json
from ragsvc.cli.progress import show_progress
from ragsvc.cli.session import local_caller, session_of
from ragsvc.errors import InvalidRequest

if TYPE_CHECKING:
    from ragsvc.domain import Prune

SOME_FAILED = 3


def ingest(
    context: typer.Context,
    corpus: CorpusArgument,
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Files and folders.")],
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove documents of these paths whose files are gone.")
    ] = False,
    allow_empty: Annotated[
        bool, typer.Option("--allow-empty", help="Let --prune empty a path that is gone or empty.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done.")] = False,
    retry: Annotated[
        bool, typer.Option("--retry", help="Read again what cost too much time or memory before.")
    ] = False,
    root_name: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="Root name of the path, for document ids.")
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            "--exclude", metavar="PATTERN", help="Leave out what matches, as in .ragsvcignore; repeatable."
        ),
    ] = None,
    encoding: Annotated[
        str, typer.Option("--encoding", metavar="NAME", help="Of text files that are not UTF-8, such as gbk.")
    ] = "",
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Bring a corpus in step with files and folders; a corpus that does not exist is made.

    Unchanged files cost nothing. Ctrl-C keeps the work done so far: run it again to go on.
    """
    from ragsvc.cli.render_ingest import render_report
    from ragsvc.domain import IngestRequest
    from ragsvc.service.views.jobs import IngestView

    request = IngestRequest(
        corpus=corpus,
        paths=tuple(paths),
        root_name=root_name,
        prune=_prune(prune, allow_empty),
        dry_run=dry_run,
        retry=retry,
        exclude=tuple(exclude or ()),
        encoding=encoding,
    )
    session = session_of(context)
    opened = session.rehearsal(home) if dry_run else session.worker(home, create=True)
    with opened as service, show_progress() as show:
        report = service.ingest(local_caller(), request, progress=show, on_wait=say_waiting)
    if as_json:
        write_json(IngestView.of(report, dry_run=dry_run))
    else:
        render_report(make_console(sys.stdout), report, dry_run=dry_run)
    return SOME_FAILED if report.documents.failed else 0


def _prune(prune: bool, allow_empty: bool) -> Prune:
    from ragsvc.domain import Prune

    if not prune:
        if allow_empty:
            raise InvalidRequest("--allow-empty says nothing without --prune", hint="add --prune")
        return Prune.KEEP
    return Prune.REMOVE_ALLOW_EMPTY if allow_empty else Prune.REMOVE
