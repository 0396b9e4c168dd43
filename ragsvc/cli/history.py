"""`ragsvc log`, `ragsvc tag` and `ragsvc rollback`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ragsvc.cli.options import CorpusArgument, HomeOption, JsonOption
from ragsvc.cli.output import make_console, one_line, safe, say_waiting, write_json, write_line
from ragsvc.cli.session import Session, local_caller, session_of
from ragsvc.errors import InvalidRequest

if TYPE_CHECKING:
    from ragsvc.domain import RollbackReport
    from ragsvc.service.maintenance import MaintenanceService

REF_HELP = "A commit number, a tag, head, or head~N (N commits earlier)."
HEAD = "head"
RefArgument = Annotated[str, typer.Argument(metavar="REF", help=REF_HELP)]


def log(
    context: typer.Context,
    corpus: CorpusArgument,
    limit: Annotated[int, typer.Option("-n", min=1, max=10_000, help="Show at most so many.")] = 20,
    before: Annotated[
        int | None, typer.Option("--before", metavar="N", min=1, help="Only commits older than this one.")
    ] = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Show the history of a corpus, newest commit first."""
    from ragsvc.cli.render import render_log
    from ragsvc.domain import CommitId
    from ragsvc.service.views.history import CommitsView

    session = session_of(context)
    with session.service(home) as service:
        older = None if before is None else CommitId(before)
        commits = service.maintenance.log(local_caller(), corpus, limit=limit + 1, before=older)
    shape = CommitsView.of(corpus, commits, limit).json_object()
    if as_json:
        write_json(shape)
        return 0
    if shape["commits"]:
        render_log(make_console(sys.stdout), shape["commits"])
    else:
        write_line(f"corpus {safe(corpus)} has no commit{' before that' if before else ''}", sys.stderr)
    if shape["next_before"] is not None:
        command = session.typed(f"ragsvc log {corpus} --before {shape['next_before']}")
        write_line(f"older ones: {safe(command)}", sys.stderr)
    return 0


def tag(
    context: typer.Context,
    corpus: CorpusArgument,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Name to give; without one, list all.")
    ] = None,
    ref: Annotated[str | None, typer.Argument(metavar="[REF]", help=f"{REF_HELP} [default: {HEAD}]")] = None,
    delete: Annotated[bool, typer.Option("--delete", help="Take the tag away.")] = False,
    move: Annotated[bool, typer.Option("--move", help="Take the tag from another commit.")] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Name a commit of a corpus, so that it is kept and can be gone back to; or list the names."""
    if delete and (name is None or ref is not None or move):
        raise InvalidRequest("--delete takes the name of a tag, and nothing else", hint="ragsvc tag --help")
    if move and name is None:
        raise InvalidRequest("--move needs the name of a tag", hint="ragsvc tag --help")
    session = session_of(context)
    with session.service(home) as service:
        if name is None:
            return _list_tags(session, service.maintenance, corpus, as_json=as_json)
        if delete:
            return _delete_tag(service.maintenance, corpus, name, as_json=as_json)
        return _set_tag(service.maintenance, corpus, name, ref or HEAD, move=move, as_json=as_json)


def rollback(
    context: typer.Context,
    corpus: CorpusArgument,
    ref: RefArgument,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Make a corpus what it was at a commit, by a new commit; nothing in between is lost.

    Files are left alone: the next ingest of a folder brings the corpus in step with it again.
    """
    from ragsvc.service.json_values import encodable
    from ragsvc.service.views.history import RollbackView

    session = session_of(context)
    with session.service(home) as service:
        report = service.maintenance.rollback(local_caller(), corpus, encodable(ref), on_wait=say_waiting)
    if as_json:
        write_json(RollbackView.of(report))
    else:
        _say_rollback(session, report)
    return 0


def _list_tags(session: Session, maintenance: MaintenanceService, corpus: str, *, as_json: bool) -> int:
    from ragsvc.cli.render import render_table
    from ragsvc.service.views.history import TagsView

    view = TagsView.of(corpus, maintenance.tags(local_caller(), corpus))
    if as_json:
        write_json(view)
    elif view.tags:
        rows = view.json_object()["tags"]
        render_table(make_console(sys.stdout), rows, ("tag", "commit", "created_at", "principal"))
    else:
        command = session.typed(f"ragsvc tag {corpus} NAME")
        write_line(f"corpus {safe(corpus)} has no tag; make one: {safe(command)}", sys.stderr)
    return 0


def _set_tag(
    maintenance: MaintenanceService, corpus: str, name: str, ref: str, *, move: bool, as_json: bool
) -> int:
    from ragsvc.service.json_values import encodable
    from ragsvc.service.views.history import TagView

    made = maintenance.set_tag(local_caller(), corpus, encodable(name), at=encodable(ref), move=move)
    if as_json:
        write_json({"corpus": corpus, **TagView.of(made).json_object()})
    else:
        write_line(f"{one_line(made.name)} names commit {made.commit} of {safe(corpus)}", sys.stdout)
    return 0


def _delete_tag(maintenance: MaintenanceService, corpus: str, name: str, *, as_json: bool) -> int:
    from ragsvc.service.json_values import encodable

    maintenance.delete_tag(local_caller(), corpus, encodable(name))
    if as_json:
        write_json({"corpus": corpus, "tag": encodable(name), "deleted": True})
    else:
        write_line(f"deleted the tag {one_line(name)} of {safe(corpus)}", sys.stdout)
    return 0


def _say_rollback(session: Session, report: RollbackReport) -> None:
    corpus = safe(report.corpus)
    if report.commit == report.previous:
        write_line(f"{corpus} is what it was at commit {report.to} already; nothing changed", sys.stdout)
        return
    model = "; indexed as it was then" if report.profile_changed else ""
    write_line(
        f"{corpus} at commit {report.commit} is what it was at commit {report.to}: {report.added} added, "
        f"{report.changed} changed, {report.removed} removed{model}",
        sys.stdout,
    )
    undo = session.typed(f"ragsvc rollback {report.corpus} {report.previous}")
    write_line(f"undo: {safe(undo)}", sys.stdout)
