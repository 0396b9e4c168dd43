"""`ragsvc reindex`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ragsvc.cli.options import CorpusArgument, HomeOption, JsonOption
from ragsvc.cli.output import one_line, safe, say_waiting, write_json, write_line
from ragsvc.cli.progress import show_progress
from ragsvc.cli.session import local_caller, session_of


def reindex(
    context: typer.Context,
    corpus: CorpusArgument,
    embedder: Annotated[
        str | None,
        typer.Option(
            "--embedder",
            metavar="MODEL",
            show_default=False,
            help="Embedding model: bundled:NAME, a folder, or a sentence-transformers name.",
        ),
    ] = None,
    chunk_tokens: Annotated[
        int | None,
        typer.Option("--chunk-tokens", min=16, max=8192, show_default=False, help="Chunk size, in tokens."),
    ] = None,
    chunk_overlap_tokens: Annotated[
        int | None,
        typer.Option(
            "--chunk-overlap-tokens", min=0, max=4096, show_default=False, help="Overlap of the chunks."
        ),
    ] = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Give a corpus another embedding model or chunking, while it is searched.

    What is not given stays as it is. Servers answer from the old index until the new one is complete.
    Ctrl-C keeps the work done so far: run it again to go on. ragsvc rollback undoes it, until gc.
    """
    from ragsvc.service.views.history import ReindexView

    with session_of(context).worker(home) as service, show_progress() as show:
        report = service.maintenance.reindex(
            local_caller(),
            corpus,
            embedder=embedder,
            chunk_tokens=chunk_tokens,
            chunk_overlap_tokens=chunk_overlap_tokens,
            progress=show,
            on_wait=say_waiting,
        )
    if as_json:
        write_json(ReindexView.of(report))
    elif report.profile == report.previous:
        write_line(f"{safe(corpus)} has this profile already: nothing to do", sys.stdout)
    else:
        write_line(
            f"{safe(corpus)} at commit {report.commit}: {report.documents} documents in {report.chunks} "
            f"chunks under {one_line(report.embedder)}; {report.embedded} texts embedded; "
            f"{report.seconds:.1f} s",
            sys.stdout,
        )
    return 0
