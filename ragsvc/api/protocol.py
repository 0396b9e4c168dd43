"""HTTP/1.1 as uvicorn speaks it, with limits to connections and waits, and refusals as problem+json.

uvicorn waits for ever for the head of a request, refuses in plain text, and above its limit of connections
also those who ask whether it is alive.
"""

from __future__ import annotations

import logging
from asyncio import TimerHandle, Transport
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import h11
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from ragsvc.api.errors import FRAMEWORK, Problem, instance_of, problem_of
from ragsvc.api.responses import ProblemResponse, problem_json, render
from ragsvc.api.security import PUBLIC
from ragsvc.errors import Overloaded

log = logging.getLogger("ragsvc.api")

HEAD_S = 20.0
MAX_CONNECTIONS = 512
# Above the limit, for those who ask whether the server is alive, and for refusals.
RESERVE = 128
LINGER_S = 2.0
_CLOSE = {"connection": "close", "x-content-type-options": "nosniff"}


class PoliteProtocol(H11Protocol):
    """One connection."""

    _head_timer: TimerHandle | None = None
    _refused = False

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.app = _Crowd(self.app, self)
        self._since = self.loop.time()

    @property
    def is_crowded(self) -> bool:
        """Whether there are more connections, or more requests in work, than the server takes."""
        return max(len(self.connections), len(self.tasks)) > MAX_CONNECTIONS

    @property
    def _is_idle(self) -> bool:
        """Whether no request began, or all have been answered."""
        return self.cycle is None or self.cycle.response_complete

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS + RESERVE:
            self._make_room()
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; nothing more can be said where an answer has begun."""
        code, title, _ = FRAMEWORK[400]
        hint = "send HTTP/1.1 to this port; for TLS put a proxy in front"
        problem = Problem(400, title, code, f"the request is not HTTP/1.1: {msg}", hint, "/")
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        with suppress(h11.LocalProtocolError):
            self._answer(400, problem_json(problem))
        self._refused = True
        # Who is still sending would otherwise see a reset connection instead of the answer.
        self.flow.resume_reading()
        self.transport.write_eof()
        self.loop.call_later(LINGER_S, self.transport.close)

    def data_received(self, data: bytes) -> None:
        """Take in what came; after a refusal it is thrown away."""
        if not self._refused:
            super().data_received(data)

    def _answer(self, status: int, content: Mapping[str, Any]) -> None:
        response = ProblemResponse(content, status, _CLOSE)
        head = h11.Response(status_code=status, headers=response.raw_headers, reason=b"Bad Request")
        for event in (head, h11.Data(data=bytes(response.body)), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")

    def _make_room(self) -> None:
        """Close the connection that has been idle longest, perhaps this one."""
        idle = [other for other in self.connections if isinstance(other, PoliteProtocol) and other._is_idle]
        oldest = min(idle, key=lambda other: other._since, default=self)
        oldest.transport.close()

    def _wait_for_head(self, since: object = None) -> None:
        """Look again after HEAD_S; close when no request began since and none is in work."""
        if since is not None and self._is_idle and since is self._mark():
            self.transport.close()
            return
        self._head_timer = self.loop.call_later(HEAD_S, self._wait_for_head, self._mark())

    def _mark(self) -> object:
        """Another object for every request of the connection, and one for none."""
        return self.cycle if self.cycle is not None else self


class _Crowd:
    """ASGI middleware around all others: refuses requests while there are too many connections."""

    def __init__(self, app: ASGIApp, protocol: PoliteProtocol) -> None:
        self._app = app
        self._protocol = protocol

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._protocol.is_crowded and scope["type"] == "http" and scope["path"] not in PUBLIC:
            busy = Overloaded(
                f"more than {MAX_CONNECTIONS} connections are open, the most this server takes",
                hint="try again in a second, and close connections that are not needed",
            )
            log.warning("too many connections: %s", instance_of(scope))
            response = render(problem_of(busy, scope))
            response.headers.update(_CLOSE)
            await response(scope, receive, send)
            return
        await self._app(scope, receive, send)
