"""`python -m ragsvc.api.worker LISTENER`: one of several server processes on one listening socket.

LISTENER is the number of the inherited socket. On stdin come the settings as a line of JSON, and the end
of stdin means that the parent is gone. A line of JSON on stdout says that it serves, or why it cannot.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import uvicorn

from ragsvc.api.app import create_app
from ragsvc.api.server import BACKLOG, SHUTDOWN_S, configuration, configure_log
from ragsvc.errors import RagsvcError
from ragsvc.service.service import Service
from ragsvc.settings import Settings

_LAST_S = SHUTDOWN_S + 10

Tell = Callable[[Mapping[str, Any]], None]


class _SharedListener(socket.socket):
    """A listening socket whose queue stays as long as it is, whatever asyncio wants.

    asyncio takes one number both for the length of the queue and for how many connections it accepts
    before it looks at anything else; with a large one the first worker to wake would take them all.
    """

    def listen(self, backlog: int = BACKLOG, /) -> None:  # noqa: ARG002
        super().listen(BACKLOG)


class _TellingServer(uvicorn.Server):
    """Says when it begins to accept."""

    def __init__(self, config: uvicorn.Config, tell: Tell) -> None:
        super().__init__(config)
        self._tell = tell

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._tell({"serving": True})


def main() -> int:
    """Serve until SIGTERM, or until the parent is gone; gives the exit code."""
    listener = _SharedListener(fileno=int(sys.argv[1]))
    # A job's process that outlives its server must not keep the port.
    listener.set_inheritable(False)
    # Stdout carries our word alone: what a library prints goes to stderr.
    words = os.dup(1)
    os.dup2(2, 1)

    def tell(word: Mapping[str, Any]) -> None:
        with contextlib.suppress(BrokenPipeError):
            # On a line of its own, whatever was printed before stdout was ours.
            os.write(words, b"\n" + json.dumps(word).encode() + b"\n")

    settings = Settings.model_validate_json(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_parent, name="ragsvc-parent", daemon=True).start()
    configure_log()
    try:
        service = Service.open(settings)
    except RagsvcError as error:
        tell({"error": {"code": error.code, "message": error.message, "hint": error.hint}})
        return 1
    config = configuration(create_app(service))
    config.backlog = 1
    _TellingServer(config, tell).run(sockets=[listener])
    return 0


def _end_with_parent() -> None:
    """End politely when stdin ends, and in any case a little later."""
    # Not through sys.stdin: a thread that waits there holds its lock while the interpreter ends.
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_LAST_S)
    os._exit(1)


if __name__ == "__main__":
    raise SystemExit(main())
