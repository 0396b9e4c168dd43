"""Limits of bodies: how large one may be on which route, and how slowly it may come."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

import anyio
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ragsvc.api.errors import problem_of
from ragsvc.api.memory_budget import KEY, Lease, MemoryBudget
from ragsvc.api.responses import render
from ragsvc.errors import TooLarge

# Longest pause, and also the time that a body has before its rate counts.
BODY_PAUSE_S = 30.0
MIN_BYTES_PER_S = 4096
DRAIN_S = 5.0
_UPLOAD = re.compile(r"/v1/corpora/[^/]+/documents/?")


@dataclass(frozen=True, slots=True)
class Limits:
    """max_bytes: of an upload of documents. max_query_bytes: of everything else."""

    max_bytes: int
    max_query_bytes: int

    def is_upload(self, scope: Scope) -> bool:
        """Whether a request may have a large body."""
        return _UPLOAD.fullmatch(scope["path"]) is not None


class BodyLimit:
    """ASGI middleware: refuses large, stalled and trickling bodies while they stream in.

    It also gives each request its share of the memory for bodies, and takes it back at the end.

    Before an error is sent, what the client still sends is read and thrown away for a short while:
    a client that is busy writing would otherwise see a reset connection instead of the error.
    """

    def __init__(self, app: ASGIApp, limits: Limits, memory: MemoryBudget) -> None:
        self._app = app
        self._limits = limits
        self._memory = memory

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(scope, receive, send, self._limits)
        with Lease(self._memory) as lease:
            if body.is_too_large:
                await render(problem_of(body.too_large(), scope))(scope, body.receive, body.send)
            else:
                await self._app({**scope, KEY: lease}, body.receive, body.send)


class _Body:
    """One request's body on its way in."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, limits: Limits) -> None:
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"")
        self._declared = int(length) if length.isdigit() and len(length) < 20 else 0
        self._expects_continue = b"expect" in headers
        self._complete = self._declared == 0 and b"transfer-encoding" not in headers
        self._receive, self._send = receive, send
        self._upload = limits.is_upload(scope)
        self._limits = limits
        self._max_bytes = limits.max_bytes if self._upload else limits.max_query_bytes
        self._seen = 0
        self._waited_s = 0.0

    @property
    def is_too_large(self) -> bool:
        """Whether it says so itself, or turned out to be."""
        return max(self._declared, self._seen) > self._max_bytes

    def too_large(self) -> TooLarge:
        hint = "send fewer or smaller documents, or raise RAGSVC_MAX_REQUEST_BYTES"
        if not self._upload:
            hint = "send less; the limit of what is no upload is RAGSVC_MAX_QUERY_BYTES"
        return TooLarge(f"the request body is over {self._max_bytes} bytes", hint=hint)

    async def receive(self) -> Message:
        """Pass on the next piece.

        :raises TooLarge: if the body is over the limit.
        """
        if self._complete:
            return await self._receive()
        left = BODY_PAUSE_S + self._seen / MIN_BYTES_PER_S - self._waited_s
        began = time.monotonic()
        try:
            with anyio.fail_after(min(BODY_PAUSE_S, left)):
                message = await self._receive()
        except TimeoutError as error:
            raise HTTPException(408, self._too_slow(left)) from error
        # Only what the client took: a slow disk of ours is not its fault.
        self._waited_s += time.monotonic() - began
        self._note(message)
        if self.is_too_large:
            raise self.too_large()
        return message

    @staticmethod
    def _too_slow(left: float) -> str:
        if left < BODY_PAUSE_S:
            return f"the body came more slowly than {MIN_BYTES_PER_S} bytes a second"
        return f"no part of the body came for {BODY_PAUSE_S:.0f} s"

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] >= 400 and not self._complete:
            await self._drain()
        await self._send(message)

    async def _drain(self) -> None:
        if self._expects_continue and self._seen == 0:
            return
        limit = self._seen + self._limits.max_bytes
        with anyio.move_on_after(DRAIN_S):
            while not self._complete and self._seen < limit:
                self._note(await self._receive())

    def _note(self, message: Message) -> None:
        self._seen += len(message.get("body", b""))
        self._complete = message["type"] == "http.disconnect" or not message.get("more_body", False)
