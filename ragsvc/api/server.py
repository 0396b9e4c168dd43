"""The server process."""

from __future__ import annotations

import ipaddress
import logging
import socket
import sys

import uvicorn
from fastapi import FastAPI

from ragsvc.api.app import create_app
from ragsvc.api.cors import allowed_origins
from ragsvc.api.mcp.endpoint import has_package
from ragsvc.api.protocol import PoliteProtocol
from ragsvc.api.security import has_key
from ragsvc.api.supervisor import Supervisor
from ragsvc.errors import AddressUnavailable, InvalidRequest
from ragsvc.service.generators import advice_on, check_generator
from ragsvc.service.rerankers import check_reranker
from ragsvc.settings.settings import Settings

log = logging.getLogger("ragsvc.api")

KEEP_ALIVE_S = 10
SHUTDOWN_S = 10
MAX_HEADER_BYTES = 64 << 10
BACKLOG = 2048


def serve(settings: Settings, host: str = "127.0.0.1", port: int = 8000) -> None:
    """Serve until a signal ends it.

    :raises InvalidRequest: if the address or an allowed origin is not this machine's and no key is set, or
        there can be no such reranker or generator.
    :raises AddressUnavailable: if the address cannot be used, for example because another program has it.
    :raises StorageError: if the home folder or its catalog cannot be used.
    :raises ServerFailed: if one of several processes dies whenever it starts.
    """
    check_address(settings, host)
    allowed_origins(settings)
    check_reranker(settings)
    check_generator(settings)
    listener = bind(host, port)
    configure_log()
    for advice in advice_on(settings):
        log.warning(advice)
    shown = f"[{host}]" if ":" in host else host
    url = f"http://{shown}:{listener.getsockname()[1]}"
    with listener:
        if settings.workers == 1:
            _serve_alone(settings, listener, url)
        else:
            words = f"serving on %s with %d workers, {places()}"
            Supervisor(settings, listener, lambda: log.info(words, url, settings.workers)).run()


def _serve_alone(settings: Settings, listener: socket.socket, url: str) -> None:
    # The service brings heavy libraries along: the parent of several servers does not need them.
    from ragsvc.service.service import Service

    config = configuration(create_app(Service.open(settings)))
    log.info("serving on %s, %s", url, places())
    uvicorn.Server(config).run(sockets=[listener])


def places() -> str:
    """Where a server has what, in words."""
    mcp = "MCP at /mcp" if has_package() else "no MCP without pip install 'ragsvc[mcp]'"
    return f"page at /, described at /docs, {mcp}"


def configuration(app: FastAPI) -> uvicorn.Config:
    """Say how to serve: no WebSockets, no trust in proxies' headers, a limit to every wait."""
    return uvicorn.Config(
        app,
        http=PoliteProtocol,
        ws="none",
        lifespan="on",
        loop="asyncio",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=SHUTDOWN_S,
        h11_max_incomplete_event_size=MAX_HEADER_BYTES,
    )


def check_address(settings: Settings, host: str) -> None:
    """Refuse to be reachable from other machines without a key.

    :raises InvalidRequest: if the address is not loopback and no key is set.
    """
    if not is_loopback(host) and not has_key(settings.api_key):
        raise InvalidRequest(
            f"host {host} is reachable from other machines and RAGSVC_API_KEY is not set",
            hint="set RAGSVC_API_KEY to a long random text, or serve on 127.0.0.1",
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address; a name other than localhost counts as not."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bind(host: str, port: int) -> socket.socket:
    """Open the listening socket.

    :raises AddressUnavailable: if the address cannot be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's algorithm off only where the protocol is named: 40 ms a response otherwise.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        # At once: a second server sees that the port is taken, and early clients wait unrefused.
        listener.listen(BACKLOG)
    except (OSError, OverflowError, UnicodeError) as error:
        listener.close()
        message = f"cannot listen on {host} port {port}: {error}"
        raise AddressUnavailable(message, hint="choose another one with --host and --port") from error
    return listener


def configure_log() -> None:
    """Send the log to stderr; an embedding program that has configured logging keeps its own way."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    for library in ("uvicorn", "alembic", "faiss", "mcp"):
        logging.getLogger(library).setLevel(logging.WARNING)
