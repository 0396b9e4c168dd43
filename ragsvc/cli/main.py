"""The command line: one app, one place that turns errors into words and exit codes.

Exit codes: 0 done, 1 error and nothing changed, 2 usage, 3 committed but some files failed,
4 a check failed, 130 interrupted, 141 the reader of the output went away.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import typer
from typer.exceptions import TyperException

from ragsvc import __version__
from ragsvc.cli import (
    corpora,
    documents,
    evaluate,
    evaluate_make,
    history,
    ingest,
    jobs,
    mcp,
    models,
    records,
    reindex,
    retention,
    search,
    serve,
    sessions,
    train,
    transfer,
    upkeep,
)
from ragsvc.cli.output import ClosedPipe, describe_crash, prepare_streams, write_error, write_line
from ragsvc.cli.session import Opener, Session, open_service
from ragsvc.errors import Cancelled, InternalError, InvalidRequest, RagsvcError, RootEmpty

USAGE = 2
INTERRUPTED = 130
PIPE_CLOSED = 141
_STOPPED = "stopped; what was done is kept, run it again"


class Usage(InvalidRequest):
    """The command line could not be understood."""

    code = "usage"


# Plain help instead of rich panels: importing rich would double the time of `--help`.
app = typer.Typer(
    name="ragsvc",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        write_line(f"ragsvc {__version__}", sys.stdout)
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 - its callback does the work
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Ask your documents, and check every answer character by character.

    ragsvc ingest CORPUS PATH reads files; ragsvc ask CORPUS QUESTION answers from them.
    """
    if context.invoked_subcommand is None:
        write_line(context.get_help(), sys.stdout)


app.command("ingest")(ingest.ingest)
app.command("search")(search.search)
app.command("ask")(search.ask)
app.command("log")(history.log)
app.command("tag")(history.tag)
app.command("rollback")(history.rollback)
app.command("reindex")(reindex.reindex)
app.command("gc")(retention.gc)
app.command("verify")(upkeep.verify)
app.command("rebuild")(upkeep.rebuild)
app.command("export")(transfer.export)
app.command("import")(transfer.import_)
app.command("serve")(serve.serve)
app.command("mcp")(mcp.mcp)
app.add_typer(corpora.app, name="corpora")
app.add_typer(documents.app, name="documents")
evaluate.app.command("make")(evaluate_make.make)
app.add_typer(evaluate.app, name="eval")
app.add_typer(jobs.app, name="jobs")
app.command("train")(train.train)
app.command("generate")(models.generate)
app.add_typer(models.app, name="models")
app.add_typer(sessions.app, name="sessions")
app.add_typer(records.app, name="records")
app.command("usage")(records.usage)


def main(
    argv: Sequence[str] | None = None,
    *,
    opener: Opener = open_service,
    give_way: Callable[[], None] = lambda: None,
) -> int:
    """Run one command line and give its exit code; nothing but a signal leaves it otherwise.

    argv: words after the program's name; `sys.argv` when None.
    opener: opens the service from settings.
    give_way: lowers the priority of the process before long work; nothing where the process is not ours.
    """
    prepare_streams()
    words = list(sys.argv[1:] if argv is None else argv)
    as_json = "--json" in (words[: words.index("--")] if "--" in words else words)
    session = Session(opener, give_way)
    try:
        try:
            return _run(words, session)
        except KeyboardInterrupt:
            return _interrupted(as_json)
        except RagsvcError as error:
            write_error(error, as_json=as_json, home=session.given)
            return exit_code(error)
        except ClosedPipe:
            raise
        except Exception as error:  # noqa: BLE001 - the last line: nobody shall see a traceback
            write_error(describe_crash(error, session.home), as_json=as_json)
            return exit_code(InternalError(""))
    except ClosedPipe:
        _silence_stdout()
        return PIPE_CLOSED


def _run(words: list[str], session: Session) -> int:
    """Parse and run one command; what the parser refuses comes out as `Usage`."""
    command = typer.main.get_command(app)
    try:
        # Not command.main(): it would swallow every EPIPE, also those that are faults of ours.
        with command.make_context("ragsvc", words, obj=session) as context:
            code = command.invoke(context)
    except typer.Exit as end:
        return end.exit_code
    except typer.Abort as end:
        raise KeyboardInterrupt from end
    except TyperException as problem:
        at = getattr(problem, "ctx", None)
        path = "ragsvc" if at is None else at.command_path
        raise Usage(problem.format_message(), hint=f"{path} --help") from problem
    return code if isinstance(code, int) else 0


def exit_code(error: RagsvcError) -> int:
    """2 for words that cannot be right whatever the state of the home folder; else 1."""
    return USAGE if isinstance(error, InvalidRequest) and not isinstance(error, RootEmpty) else 1


def _interrupted(as_json: bool) -> int:
    if as_json:
        write_error(Cancelled(_STOPPED), as_json=True)
    else:
        write_line(_STOPPED, sys.stderr)
    return INTERRUPTED


def _silence_stdout() -> None:
    """Point stdout at nothing, so that the interpreter's last flush cannot fail."""
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError):
        return
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, descriptor)
    os.close(null)
