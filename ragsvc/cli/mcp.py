"""`ragsvc mcp`."""

from __future__ import annotations

import typer

from ragsvc.cli.options import HomeOption
from ragsvc.cli.session import session_of


def mcp(context: typer.Context, home: HomeOption = None) -> int:
    """Serve a client of the Model Context Protocol over stdin and stdout, until it closes them."""
    from ragsvc.api.mcp.stdio import serve_stdio

    serve_stdio(session_of(context).settings(home))
    return 0
