"""Limits: how much work is in hand at once, how large a body may be and how slowly it may come."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import anyio
from anyio import CapacityLimiter, to_thread
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ragsvc.api.errors import problem_of
from ragsvc.api.rendering import render
from ragsvc.errors import Overloaded, TooLarge

T = TypeVar("T")

BODY_PAUSE_S = 30.0
DRAIN_S = 5.0


class Gate:
    """A bounded pool of threads for blocking calls, with a bounded queue before it."""

    def __init__(self, workers: int, capacity: int, hint: str = "try again in a second") -> None:
        """Open, with nothing in work.

        workers: calls that begin at work at once, and as many that go on. capacity: calls at work or waiting.
        hint: for those refused.
        """
        self._limiter = CapacityLimiter(max(1, min(workers, capacity)))
        self._following = CapacityLimiter(max(1, min(workers, capacity)))
        self._capacity = capacity
        self._hint = hint
        self._held = 0

    @classmethod
    def for_queries(cls, capacity: int) -> Gate:
        """Gate of searches and answers: twice the cores at work, and as many that go on; the rest waits."""
        hint = "try again in a second, or raise RAGSVC_MAX_CONCURRENT_QUERIES"
        return cls(max(4, 2 * (os.cpu_count() or 1)), capacity, hint)

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold one place.

        :raises Overloaded: if all places are held.
        """
        if self._held >= self._capacity:
            raise Overloaded(
                f"{self._held} such requests are in work or waiting, the most this server takes",
                hint=self._hint,
            )
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1

    async def thread(self, call: Callable[..., T], *arguments: Any) -> T:
        """Run a blocking call in a thread; the caller holds a slot."""
        return await to_thread.run_sync(call, *arguments, limiter=self._limiter)

    async def follow(self, call: Callable[..., T], *arguments: Any) -> T:
        """As `thread`, to go on with what is in work: it does not stand in line behind what begins.

        Else every piece of an answer would wait until all others have begun, and all end last.
        """
        return await to_thread.run_sync(call, *arguments, limiter=self._following)

    async def run(self, call: Callable[..., T], *arguments: Any) -> T:
        """Run a blocking call in a thread, in a slot of its own.

        :raises Overloaded: if all places are held.
        """
        with self.slot():
            return await self.thread(call, *arguments)


class BodyLimit:
    """ASGI middleware: refuses large and stalled bodies while they stream in.

    Before an error is sent, what the client still sends is read and thrown away for a short while:
    a client that is busy writing would otherwise see a reset connection instead of the error.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(scope, receive, send, self._max_bytes)
        if body.declared > self._max_bytes:
            response = render(problem_of(body.too_large(), scope))
            await response(scope, body.receive, body.send)
            return
        await self._app(scope, body.receive, body.send)


class _Body:
    """One request's body on its way in."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, max_bytes: int) -> None:
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"")
        self.declared = int(length) if length.isdigit() and len(length) < 20 else 0
        self._expects_continue = b"expect" in headers
        self._complete = self.declared == 0 and b"transfer-encoding" not in headers
        self._receive, self._send = receive, send
        self._max_bytes = max_bytes
        self._seen = 0

    def too_large(self) -> TooLarge:
        return TooLarge(
            f"the request body is over {self._max_bytes} bytes",
            hint="send fewer or smaller documents, or raise RAGSVC_MAX_REQUEST_BYTES",
        )

    async def receive(self) -> Message:
        """Pass on the next piece.

        :raises TooLarge: if the body is over the limit.
        """
        if self._complete:
            return await self._receive()
        try:
            with anyio.fail_after(BODY_PAUSE_S):
                message = await self._receive()
        except TimeoutError as error:
            raise HTTPException(408, f"no part of the body came for {BODY_PAUSE_S:.0f} s") from error
        self._note(message)
        if self._seen > self._max_bytes:
            raise self.too_large()
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] >= 400 and not self._complete:
            await self._drain()
        await self._send(message)

    async def _drain(self) -> None:
        if self._expects_continue and self._seen == 0:
            return
        limit = self._seen + self._max_bytes
        with anyio.move_on_after(DRAIN_S):
            while not self._complete and self._seen < limit:
                self._note(await self._receive())

    def _note(self, message: Message) -> None:
        self._seen += len(message.get("body", b""))
        self._complete = message["type"] == "http.disconnect" or not message.get("more_body", False)
