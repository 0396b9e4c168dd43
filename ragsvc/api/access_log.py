"""The outermost layer: an access log line per request, and the answer to errors nobody foresaw."""

from __future__ import annotations

import logging
import time

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ragsvc.api.errors import instance_of, problem_of, short_of_memory, unexpected_problem
from ragsvc.api.responses import render

log = logging.getLogger("ragsvc.access")


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
