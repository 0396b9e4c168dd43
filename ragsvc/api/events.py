"""Events sent as they come; a client that hangs up stops the work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Generic, Protocol, TypeVar

import anyio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ragsvc.api.errors import Problem, problem_of, unexpected_problem
from ragsvc.api.limits import WorkGate
from ragsvc.api.responses import encode, problem_json
from ragsvc.domain import AnswerEvent, CitationEvent, DoneEvent, PassagesEvent, TokenEvent
from ragsvc.errors import RagsvcError
from ragsvc.pipeline.iterators import close
from ragsvc.service.json_values import encodable, plain
from ragsvc.service.views.answers import AnswerView, CitationView, hit_views

Event = TypeVar("Event")
In = TypeVar("In", contravariant=True)

PING_S = 10.0


class Frames(Protocol[In]):
    """How events are written to the client."""

    @property
    def media_type(self) -> str:
        """Media type of the body."""
        ...

    @property
    def ping(self) -> bytes:
        """What keeps a quiet connection open; b"" where nothing may be added."""
        ...

    def frame(self, event: In) -> bytes | None:
        """Write one event; None when it is not sent; b"" when it only says that the work goes on."""
        ...

    def error(self, problem: Problem) -> bytes:
        """Write why the body ends here."""
        ...


class AnswerFrames:
    """Server-sent events: `passages`, `token`, `citation`, `done`, and `error`."""

    media_type = "text/event-stream"
    ping = b": ping\n\n"

    def frame(self, event: AnswerEvent) -> bytes | None:
        """Write one event in the format of server-sent events."""
        match event:
            case PassagesEvent(passages):
                return _frame("passages", plain({"passages": hit_views(passages)}))
            case TokenEvent(text):
                # An empty one only says that the work goes on.
                return _frame("token", {"text": encodable(text)}) if text else b""
            case CitationEvent(citation):
                return _frame("citation", CitationView.of(citation))
            case DoneEvent(answer):
                return _frame("done", AnswerView.of(answer))

    def error(self, problem: Problem) -> bytes:
        """Write the last event of a stream that broke."""
        return _frame("error", problem_json(problem))


def _frame(name: str, data: Any) -> bytes:
    # JSON on one line has no raw line break, so one data line holds it all.
    return b"event: " + name.encode() + b"\ndata: " + encode(data) + b"\n\n"


class EventStream(Response, Generic[Event]):
    """Sends events as they come.

    Errors before the first frame are raised, so they get a proper status; later ones become a frame of
    their own. Every frame is made in a thread of the gate: a client that reads slowly holds a slot, but
    no thread.
    """

    def __init__(self, gate: WorkGate, begin: Callable[[], Iterator[Event]], frames: Frames[Event]) -> None:
        super().__init__(
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}, media_type=frames.media_type
        )
        del self.headers["content-length"]
        self._gate = gate
        self._begin = begin
        self._frames = frames

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._gate.slot():
            events = await self._gate.thread(self._begin)
            try:
                await self._stream(scope, receive, _Line(self, send), events)
            finally:
                # Closing a generator raises GeneratorExit where it stands: retrieval and writing stop there.
                with anyio.CancelScope(shield=True):
                    await self._gate.follow(close, events)

    async def _stream(self, scope: Scope, receive: Receive, line: _Line, events: Iterator[Event]) -> None:
        failure: Exception | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_watch, receive, tasks.cancel_scope)
            if self._frames.ping:
                tasks.start_soon(_ping, line, self._frames.ping)
            failure = await self._write(scope, line, events)
            tasks.cancel_scope.cancel()
        if failure is not None:
            raise failure
        await line.finish()

    async def _write(self, scope: Scope, line: _Line, events: Iterator[Event]) -> Exception | None:
        """Write all events; gives back what went wrong while a status could still tell."""
        turn, ended = self._gate.thread, False
        while not ended:
            try:
                data = await turn(self._next, events)
            except Exception as error:  # noqa: BLE001 - raised again, or told as far as that is still possible
                if not line.started:
                    return error
                data, ended = self._frames.error(_told(error, scope)), True
            if data is None:
                break
            try:
                if data:
                    await line.write(data)
            except OSError:
                break  # the client is gone
            turn = self._gate.follow
        return None

    def _next(self, events: Iterator[Event]) -> bytes | None:
        """What is sent next, or b"" where a client that went away is noticed; None at the end."""
        for event in events:
            if (data := self._frames.frame(event)) is not None:
                return data
        return None


def _told(error: Exception, scope: Scope) -> Problem:
    return problem_of(error, scope) if isinstance(error, RagsvcError) else unexpected_problem(error, scope)


class _Line:
    """The way to the client; writers take turns. The first one sends the status."""

    def __init__(self, response: Response, send: Send) -> None:
        self._response = response
        self._send = send
        self._lock = anyio.Lock()
        self.started = False

    async def write(self, data: bytes) -> None:
        async with self._lock:
            if not self.started:
                self.started = True
                await self._send(
                    {
                        "type": "http.response.start",
                        "status": self._response.status_code,
                        "headers": self._response.raw_headers,
                    }
                )
            await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def finish(self) -> None:
        if self.started:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})


async def _watch(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


async def _ping(line: _Line, ping: bytes) -> None:
    """Keep proxies from closing a stream that waits for its next word."""
    while True:
        await anyio.sleep(PING_S)
        await line.write(ping)
