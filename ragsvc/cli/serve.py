"""`ragsvc serve`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ragsvc.cli.options import HomeOption, JsonOption
from ragsvc.cli.output import write_json, write_line
from ragsvc.cli.session import session_of


def serve(
    context: typer.Context,
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; other than loopback needs RAGSVC_API_KEY.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen on.")] = 8000,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=1,
            max=64,
            show_default=False,
            help="Server processes; each loads the model. [RAGSVC_WORKERS; default: 1]",
        ),
    ] = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Answer over HTTP until Ctrl-C; what other commands ingest meanwhile is picked up."""
    from ragsvc.api.server import serve as run_server

    settings = session_of(context).settings(home)
    if workers is not None:
        settings = settings.model_copy(update={"workers": workers})
    try:
        run_server(settings, host, port)
    except KeyboardInterrupt:
        # The usual way to stop a server, so it is not an interruption.
        write_line("stopped", sys.stderr)
    if as_json:
        write_json({"served": {"host": host, "port": port, "workers": settings.workers}})
    return 0
