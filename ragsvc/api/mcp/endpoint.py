"""`POST /mcp`: the protocol over streamable HTTP, behind the checks that every route has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

import anyio
from anyio import to_thread
from fastapi import FastAPI
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from ragsvc.api.responses import RPC_PATHS
from ragsvc.api.state import AppState
from ragsvc.api.strict_route import INLINE_PARSE_BYTES, check_containers, read_body
from ragsvc.errors import MissingExtra

if TYPE_CHECKING:
    from anyio.abc import TaskGroup, TaskStatus
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

    from ragsvc.api.mcp.rpc_server import RpcServer


def has_package() -> bool:
    """Whether the package of the protocol is there; it is not imported."""
    # The package mcp below version 2 is another one under the same name, without this part.
    return find_spec("mcp_types") is not None


def check_package() -> None:
    """Check that the package of the protocol is there.

    :raises MissingExtra: if it is not.
    """
    if not has_package():
        raise MissingExtra(
            "the Model Context Protocol needs the package mcp", hint="pip install 'ragsvc[mcp]'"
        )


class McpEndpoint:
    """ASGI application of the route.

    The package takes half a second to import: it waits for the first request.
    """

    def __init__(self, state: AppState) -> None:
        self._state = state
        self._tasks: TaskGroup | None = None
        self._manager: StreamableHTTPSessionManager | None = None
        self._lock = anyio.Lock()

    @classmethod
    def install(cls, app: FastAPI) -> McpEndpoint:
        """Add the route, with and without a slash at its end. It sends no events of its own: no GET."""
        made = cls(app.state.ragsvc)
        for path in RPC_PATHS:
            app.router.routes.append(Route(path, made, methods=["POST"]))
        return made

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Accept requests until the block ends."""
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            try:
                yield
            finally:
                self._tasks = self._manager = None
                tasks.cancel_scope.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        check_package()
        raw = await read_body(Request(scope, receive))
        if len(raw) > INLINE_PARSE_BYTES:
            await self._state.parser.thread(check_containers, raw)
        manager = await self._opened()
        await manager.handle_request(scope, _again(raw, receive), send)

    async def _opened(self) -> StreamableHTTPSessionManager:
        async with self._lock:
            if self._manager is None:
                assert self._tasks is not None, "the application was not started"
                self._manager = await self._tasks.start(self._serve)
        return self._manager

    async def _serve(self, *, task_status: TaskStatus[StreamableHTTPSessionManager]) -> None:
        def load() -> RpcServer:
            from ragsvc.api.mcp import rpc_server

            return rpc_server.RpcServer(self._state)

        made = await to_thread.run_sync(load)
        async with made.over_http(self._state.settings.max_request_bytes) as manager:
            task_status.started(manager)
            await anyio.sleep_forever()


def _again(raw: bytes, receive: Receive) -> Receive:
    """A body that was read before, and then what the client does."""
    waiting = [raw]

    async def receive_again() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return receive_again
