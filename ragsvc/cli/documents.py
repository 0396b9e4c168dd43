"""`ragsvc documents list | show | delete`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

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
from ragsvc.cli.output import make_console, safe, write_json, write_line
from ragsvc.cli.session import local_caller, session_of

if TYPE_CHECKING:
    from ragsvc.domain import Document
    from ragsvc.service.service import Service

app = typer.Typer(rich_markup_mode=None, no_args_is_help=False, help="List, show and delete documents.")

DocumentArgument = Annotated[str, typer.Argument(metavar="ID", help="Document id, as list shows it.")]
_PAGE = 200
# Of the documents that were inside a deleted one, so many are named.
_LEFT = 5


@app.command("list")
def list_documents(
    context: typer.Context,
    corpus: CorpusArgument,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Show at most so many.")] = None,
    warned: Annotated[
        bool, typer.Option("--warnings", help="Only documents of which something was not read, and what.")
    ] = False,
    where: FilterOption = None,
    at: AtOption = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """List the documents of a corpus by id."""
    from ragsvc.cli.render import render_table
    from ragsvc.cli.render_ingest import warning_rows
    from ragsvc.service.views.corpora import DocumentView

    with session_of(context).service(home) as service:
        found = _pages(service, corpus, limit, reference(at), parse_filter(where), warned=warned)
        documents = [DocumentView.of(document).json_object() for document in found]
    if as_json:
        write_json({"corpus": corpus, "documents": documents})
    elif documents and warned:
        rows = warning_rows(documents)
        render_table(make_console(sys.stdout), rows, ("document_id", "code", "message"))
    elif documents:
        columns = ("document_id", "title", "characters", "media_type", "commit")
        render_table(make_console(sys.stdout), documents, columns)
    else:
        kind = (
            "document with warnings" if warned else "document" if where is None else "document that matches"
        )
        write_line(f"corpus {safe(corpus)} holds no {kind}", sys.stderr)
    return 0


@app.command("show")
def show_document(
    context: typer.Context,
    corpus: CorpusArgument,
    document_id: DocumentArgument,
    with_text: Annotated[bool, typer.Option("--text", help="Show the stored text too.")] = False,
    at: AtOption = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Show one document."""
    from ragsvc.cli.render import render_fields, render_table
    from ragsvc.service.json_values import encodable
    from ragsvc.service.views.corpora import DocumentView

    with session_of(context).service(home) as service:
        document = service.document(local_caller(), corpus, encodable(document_id), at=reference(at))
        shape = DocumentView.of(document).json_object()
        if with_text:
            piece = service.text(local_caller(), corpus, document.document_id, document.version, None, None)
            shape["text"] = encodable(piece.text)
    if as_json:
        write_json(shape)
        return 0
    text = shape.pop("text", None)
    warnings = shape.pop("warnings")
    console = make_console(sys.stdout)
    render_fields(console, shape)
    if warnings:
        console.print("\nWarnings:")
        render_table(console, warnings, ("code", "message"))
    if text is not None:
        write_line("\n" + safe(text), sys.stdout)
    return 0


@app.command("delete")
def delete_document(
    context: typer.Context,
    corpus: CorpusArgument,
    document_id: DocumentArgument,
    yes: Annotated[  # noqa: ARG001 - it never asks; whoever deletes corpora types it here too
        bool, typer.Option("--yes", "-y", help="Taken as for corpora delete; this never asks.")
    ] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Delete one document from the corpus; its file is left alone."""
    from ragsvc.service.json_values import encodable
    from ragsvc.service.views.corpora import DeletedView

    wanted = encodable(document_id)
    with session_of(context).service(home) as service:
        commit = service.delete_document(local_caller(), corpus, wanted)
        left, _ = service.documents(local_caller(), corpus, where={"_id": wanted}, cursor=None, limit=_LEFT)
    if as_json:
        view = DeletedView.model_construct(corpus=corpus, document_id=wanted, commit=commit)
        write_json(view.json_object() | {"deleted": True})
    else:
        write_line(f"deleted {safe(wanted)} at commit {commit}", sys.stdout)
    if left:
        # Attachments and tables are documents of their own, and each is deleted by its own id.
        names = ", ".join(safe(each.document_id) for each in left)
        write_line(
            f"still there, of what was inside it: {names}{' ...' if len(left) == _LEFT else ''}", sys.stderr
        )
    return 0


def _pages(
    service: Service,
    corpus: str,
    limit: int | None,
    at: str | None,
    where: Mapping[str, Any] | None,
    *,
    warned: bool,
) -> list[Document]:
    """Documents by id, all of them or the first `limit`."""
    found: list[Document] = []
    cursor: str | None = None
    while True:
        wanted = _PAGE if limit is None else min(_PAGE, limit - len(found))
        page, cursor = service.documents(
            local_caller(), corpus, cursor=cursor, limit=wanted, at=at, warned=warned, where=where
        )
        found.extend(page)
        if cursor is None or (limit is not None and len(found) >= limit):
            return found
