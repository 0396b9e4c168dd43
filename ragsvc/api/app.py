"""The application: the routes over one service, and around them a log line per request."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from anyio import to_thread
from fastapi import FastAPI
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import ragsvc
from ragsvc.api import docs, openapi, page, responses
from ragsvc.api.bodies import BodyLimit, Limits
from ragsvc.api.cors import admit, allowed_origins
from ragsvc.api.errors import instance_of, problem_of, short_of_memory, unexpected_problem
from ragsvc.api.mcp.endpoint import McpEndpoint
from ragsvc.api.memory_budget import MemoryBudget
from ragsvc.api.responses import render
from ragsvc.api.routes import (
    answer,
    chat,
    corpora,
    documents,
    embeddings,
    generative,
    health,
    history,
    jobs,
    models,
    records,
    search,
    sessions,
    usage,
)
from ragsvc.api.security import AccessControl, has_key
from ragsvc.api.state import AppState

if TYPE_CHECKING:
    from ragsvc.service.service import Service
log = logging.getLogger("ragsvc.access")


def create_app(service: Service) -> FastAPI:
    """Make the application. It starts the service when it starts, and closes it when it ends."""
    settings = service.settings
    app = FastAPI(
        title="ragsvc",
        version=ragsvc.__version__,
        # Assets of the built-in pages come from a CDN; docs.py serves our own.
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.ragsvc = AppState.of_service(service)
    app.state.ragsvc_key_needed = has_key(settings.api_key)
    asking = (search, answer, chat, models, embeddings, generative)
    for room in (*asking, corpora, documents, history, sessions, records, usage, jobs, health):
        app.include_router(room.router)
    app.openapi = partial(openapi.document, app)  # type: ignore[method-assign]
    docs.install(app)
    app.state.ragsvc_mcp = McpEndpoint.install(app)
    page.install(app, settings.api_key if has_key(settings.api_key) else None)
    responses.install(app)
    # The last one added is the outermost.
    origins = allowed_origins(settings)
    app.add_middleware(AccessControl, api_key=settings.api_key, origins=origins)
    largest = settings.max_request_bytes
    limits = Limits(largest, min(largest, settings.max_query_bytes))
    app.add_middleware(BodyLimit, limits=limits, memory=MemoryBudget(settings.max_body_memory_bytes))
    # Around the check of the key: browsers ask without one whether they may ask.
    admit(app, origins)
    app.add_middleware(AccessLog)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    service = app.state.ragsvc.service
    await to_thread.run_sync(service.start)
    try:
        async with app.state.ragsvc_mcp.lifespan():
            yield
    finally:
        await to_thread.run_sync(service.close)


class AccessLog:
    """ASGI middleware. The log shows paths without their query strings: those may hold questions."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 0

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-content-type-options", b"nosniff")]
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except ClientDisconnect:
            pass
        except MemoryError as error:
            if status:
                raise
            await render(problem_of(short_of_memory(error, scope), scope))(scope, receive, watch)
        except Exception as error:
            if status:
                raise
            await render(unexpected_problem(error, scope))(scope, receive, watch)
        finally:
            client = scope.get("client") or ("-", 0)
            spent_ms = (time.perf_counter() - began) * 1000
            # 499: the client went away before there was an answer.
            line = (client[0], scope["method"], instance_of(scope), status or 499, spent_ms)
            log.info('%s "%s %s" %d %.1f ms', *line)
