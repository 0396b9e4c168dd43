"""`ragsvc jobs list | show | cancel`."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import typer

from ragsvc.cli.options import HomeOption, JsonOption
from ragsvc.cli.output import make_console, write_json, write_line, write_more
from ragsvc.cli.session import local_caller, session_of

app = typer.Typer(rich_markup_mode=None, no_args_is_help=False, help="List, show and cancel jobs.")

CorpusFilter = Annotated[
    str | None, typer.Option("--corpus", metavar="CORPUS", show_default=False, help="Only of this corpus.")
]
# Spelt out: the help must not wait for the domain. A test compares them.
StateName = Literal["queued", "running", "done", "failed", "cancelled"]
KindName = Literal["ingest"]
StateFilter = Annotated[
    StateName | None, typer.Option("--state", show_default=False, help="Only in this state.")
]
KindFilter = Annotated[KindName | None, typer.Option("--kind", show_default=False, help="Only of this kind.")]
JobArgument = Annotated[str, typer.Argument(metavar="JOB", help="Job id, as list shows it.")]


@app.command("list")
def list_jobs(
    context: typer.Context,
    corpus: CorpusFilter = None,
    state: StateFilter = None,
    kind: KindFilter = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="How many at most.")] = 100,
    cursor: Annotated[
        str | None, typer.Option("--cursor", metavar="CURSOR", help="Where the list before ended.")
    ] = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """List jobs, latest first."""
    from ragsvc.cli.render import render_table
    from ragsvc.domain import JobFilter, JobKind, JobState
    from ragsvc.service.views.jobs import JobsView, JobView

    where = JobFilter(corpus, JobState(state) if state else None, JobKind(kind) if kind else None)
    with session_of(context).service(home) as service:
        found, following = service.jobs(local_caller(), where, cursor=cursor, limit=limit)
    view = JobsView.of(map(JobView.of, found), following)
    if as_json:
        write_json(view)
    elif view.jobs:
        columns = ("id", "kind", "corpus", "state", "progress", "attempts", "created_at")
        render_table(make_console(sys.stdout), view.json_object()["jobs"], columns)
        write_more(following)
    else:
        write_line("no job", sys.stderr)
    return 0


@app.command("show")
def show_job(
    context: typer.Context, job_id: JobArgument, as_json: JsonOption = False, home: HomeOption = None
) -> int:
    """Show one job with its result or error."""
    from ragsvc.cli.render import render_fields
    from ragsvc.service.views.jobs import JobView

    with session_of(context).service(home) as service:
        view = JobView.of(service.job(local_caller(), job_id))
    if as_json:
        write_json(view)
    else:
        render_fields(make_console(sys.stdout), view.json_object())
    return 0


@app.command("cancel")
def cancel_job(
    context: typer.Context, job_id: JobArgument, as_json: JsonOption = False, home: HomeOption = None
) -> int:
    """Ask a job to stop; what it has prepared is kept, and nothing half is published."""
    from ragsvc.service.views.jobs import JobView

    with session_of(context).service(home) as service:
        job = service.cancel_job(local_caller(), job_id)
    if as_json:
        write_json(JobView.of(job))
    else:
        write_line(f"job {job.id} is {job.state}", sys.stdout)
    return 0
