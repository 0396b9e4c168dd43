"""`ragsvc mcp`: the protocol over stdin and stdout of a process that a client starts for itself."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import anyio
from anyio import to_thread

from ragsvc.api.mcp.endpoint import check_package
from ragsvc.api.server import configure_log
from ragsvc.api.state import AppState
from ragsvc.service.generators import check_generator
from ragsvc.service.rerankers import check_reranker
from ragsvc.settings.settings import Settings

if TYPE_CHECKING:
    from ragsvc.service.service import Service


def serve_stdio(settings: Settings) -> None:
    """Serve one client until it closes stdin; stdout has its messages alone, the log is on stderr.

    :raises MissingExtra: if the package of the protocol is not installed.
    :raises InvalidRequest: if there can be no such reranker or generator.
    :raises StorageError: if the home folder or its catalog cannot be used.
    """
    check_package()
    check_reranker(settings)
    check_generator(settings)
    configure_log()
    from ragsvc.service.service import Service

    anyio.run(_serve, Service.open(settings))


async def _serve(service: Service) -> None:
    from ragsvc.api.mcp.rpc_server import RpcServer

    made = RpcServer(AppState.of_service(service))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_end_at_signal, service)
        await to_thread.run_sync(service.start)
        try:
            await made.over_stdio()
        finally:
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(service.close)
        tasks.cancel_scope.cancel()


async def _end_at_signal(service: Service) -> None:
    """End politely at a signal; a thread that waits for stdin would keep the process otherwise."""
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for number in signals:
            await to_thread.run_sync(service.close)
            os._exit(128 + number)
