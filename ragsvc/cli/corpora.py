"""`ragsvc corpora list | show | graph | delete`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ragsvc.cli.options import AtOption, CorpusArgument, HomeOption, JsonOption, reference
from ragsvc.cli.output import make_console, safe, write_json, write_line
from ragsvc.cli.session import local_caller, session_of
from ragsvc.errors import Cancelled, HomeNotFound, InvalidRequest

OUTLIERS = 20

app = typer.Typer(rich_markup_mode=None, no_args_is_help=False, help="List, show and delete corpora.")


@app.command("list")
def list_corpora(context: typer.Context, as_json: JsonOption = False, home: HomeOption = None) -> int:
    """List all corpora with their sizes."""
    from ragsvc.cli.render import render_table
    from ragsvc.service.views.corpora import CorpusView

    session = session_of(context)
    try:
        with session.service(home) as service:
            corpora = [CorpusView.of(corpus).json_object() for corpus in service.corpora(local_caller())]
    except HomeNotFound:
        corpora = []  # the first thing that people ask a new installation
    if as_json:
        write_json({"corpora": corpora})
    elif corpora:
        render_table(
            make_console(sys.stdout), corpora, ("name", "documents", "chunks", "commit", "created_at")
        )
    else:
        write_line(f"no corpus yet; make one: {safe(session.typed('ragsvc ingest NAME PATH'))}", sys.stderr)
    return 0


@app.command("show")
def show_corpus(
    context: typer.Context,
    corpus: CorpusArgument,
    duplicates: Annotated[
        bool, typer.Option("--duplicates", help="List documents that hold the same text, or nearly.")
    ] = False,
    outliers: Annotated[
        bool, typer.Option("--outliers", help="List the twenty documents that are least like the others.")
    ] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Show one corpus: its sizes, profile, last commits and tags."""
    from ragsvc.cli.render import render_corpus, render_duplicates, render_outliers
    from ragsvc.service.views.corpora import DuplicatesView, OutliersView
    from ragsvc.service.views.history import CorpusDetailsView

    with session_of(context).service(home) as service:
        details = service.maintenance.details(local_caller(), corpus)
        shape = CorpusDetailsView.of_details(details).json_object()
        if duplicates:
            alike = service.maintenance.duplicates(local_caller(), corpus)
            shape["duplicates"] = DuplicatesView.of(corpus, alike).json_object()["duplicates"]
        if outliers:
            unlike = service.maintenance.outliers(local_caller(), corpus, OUTLIERS)
            shape["outliers"] = OutliersView.of(corpus, unlike).json_object()["outliers"]
    if as_json:
        write_json(shape)
        return 0
    console = make_console(sys.stdout)
    render_corpus(console, shape)
    if duplicates:
        render_duplicates(console, shape["duplicates"])
    if outliers:
        render_outliers(console, shape["outliers"])
    return 0


@app.command("graph")
def show_graph(
    context: typer.Context,
    corpus: CorpusArgument,
    entity: Annotated[
        str | None,
        typer.Option(
            "--entity", metavar="NAME", help="What is named together with it, and by which documents."
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=200, help="Show at most so many.")] = 50,
    at: AtOption = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Show what documents name by their structure, and what they name together."""
    from ragsvc.cli.render import render_graph
    from ragsvc.service.json_values import encodable
    from ragsvc.service.views.relations import GraphView

    named = None if entity is None else encodable(entity)
    with session_of(context).service(home) as service:
        graph = service.relations.graph(local_caller(), corpus, entity=named, limit=limit, at=reference(at))
    shape = GraphView.of(graph).json_object()
    if as_json:
        write_json(shape)
        return 0
    render_graph(make_console(sys.stdout), shape)
    if graph.unread:
        typed = session_of(context).typed(f"ragsvc rebuild {corpus}")
        documents = "1 document is" if graph.unread == 1 else f"{graph.unread} documents are"
        words = f"{documents} from an older version, and not read for it"
        write_line(f"{words}: {safe(typed)}", sys.stderr)
    return 0


@app.command("delete")
def delete_corpus(
    context: typer.Context,
    corpus: CorpusArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Delete a corpus with all its documents."""
    with session_of(context).service(home) as service:
        summary = service.corpus(local_caller(), corpus)
        if not yes:
            _confirm(corpus, summary.documents, can_ask=sys.stdin.isatty() and not as_json)
        service.delete_corpus(local_caller(), corpus)
        models = [model.name for model in service.models.trained_on(local_caller(), corpus)]
    names = list(dict.fromkeys(models))
    if as_json:
        write_json(
            {"corpus": corpus, "deleted": True, "documents": summary.documents, "models_trained_on_it": names}
        )
    else:
        write_line(f"deleted corpus {safe(corpus)} ({summary.documents} documents)", sys.stdout)
    for name in names:
        # What a model learned from texts is not in the corpus and does not go with it.
        typed = session_of(context).typed(f"ragsvc models delete {name} --yes")
        write_line(f"the model {name} was trained on it and is kept: {typed}", sys.stderr)
    return 0


def _confirm(corpus: str, documents: int, *, can_ask: bool) -> None:
    """Ask on the terminal.

    :raises InvalidRequest: if nobody can be asked.
    :raises Cancelled: if the answer is no.
    """
    if not can_ask:
        raise InvalidRequest(
            f"deleting corpus {corpus!r} with {documents} documents needs a confirmation", hint="add --yes"
        )
    if not typer.confirm(f"Delete corpus {safe(corpus)} with {documents} documents?", err=True):
        raise Cancelled("nothing was deleted", hint="answer y, or add --yes")
