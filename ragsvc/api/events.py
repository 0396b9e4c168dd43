"""Server-sent events of an answer; a client that hangs up stops the work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import anyio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ragsvc.api.errors import problem_of, unexpected_problem
from ragsvc.api.limits import Gate
from ragsvc.api.rendering import encode, problem_json
from ragsvc.domain import AnswerEvent, CitationEvent, DoneEvent, PassagesEvent, TokenEvent
from ragsvc.errors import RagsvcError
from ragsvc.service.serialise import answer_json, citation_json, encodable, hit_json

PING_S = 10.0


def frame(event: AnswerEvent) -> bytes:
    """Write one event in the format of server-sent events."""
    match event:
        case PassagesEvent(passages):
            return _frame("passages", {"passages": [hit_json(hit) for hit in passages]})
        case TokenEvent(text):
            return _frame("token", {"text": encodable(text)})
        case CitationEvent(citation):
            return _frame("citation", citation_json(citation))
        case DoneEvent(answer):
            return _frame("done", answer_json(answer))


def _frame(name: str, data: Any) -> bytes:
    # JSON on one line has no raw line break, so one data line holds it all.
    return b"event: " + name.encode() + b"\ndata: " + encode(data) + b"\n\n"


class EventStream(Response):
    """Streams the events of one answer.

    Errors before the first event are raised, so they get a proper status; later ones become the
    event `error`. Every event is pulled in a thread of the gate: a client that reads slowly holds
    a slot, but no thread.
    """

    media_type = "text/event-stream"

    def __init__(self, gate: Gate, begin: Callable[[], Iterator[AnswerEvent]]) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._gate = gate
        self._begin = begin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._gate.slot():
            events = await self._gate.thread(self._begin)
            try:
                first = await self._gate.thread(next, events, None)
                await self._stream(scope, receive, _Line(send), events, first)
            finally:
                # Closing a generator raises GeneratorExit where it stands: retrieval and writing stop there.
                with anyio.CancelScope(shield=True):
                    await self._gate.thread(_close, events)

    async def _stream(
        self,
        scope: Scope,
        receive: Receive,
        line: _Line,
        events: Iterator[AnswerEvent],
        first: AnswerEvent | None,
    ) -> None:
        await line.start(self)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_watch, receive, tasks.cancel_scope)
            tasks.start_soon(_ping, line)
            await self._write(scope, line, events, first)
            tasks.cancel_scope.cancel()
        await line.finish()

    async def _write(
        self, scope: Scope, line: _Line, events: Iterator[AnswerEvent], event: AnswerEvent | None
    ) -> None:
        try:
            while event is not None:
                await line.write(frame(event))
                event = await self._gate.thread(next, events, None)
        except OSError:
            return  # the client is gone
        except RagsvcError as error:
            await line.write(_frame("error", problem_json(problem_of(error, scope))))
        except Exception as error:  # noqa: BLE001 - the status is sent: an event is all that can still tell
            await line.write(_frame("error", problem_json(unexpected_problem(error, scope))))


class _Line:
    """The way to the client; writers take turns."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._lock = anyio.Lock()

    async def start(self, response: Response) -> None:
        start = {
            "type": "http.response.start",
            "status": response.status_code,
            "headers": response.raw_headers,
        }
        await self._send(start)

    async def write(self, data: bytes) -> None:
        async with self._lock:
            await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def finish(self) -> None:
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


async def _watch(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


async def _ping(line: _Line) -> None:
    """Keep proxies from closing a stream that waits for its next word."""
    while True:
        await anyio.sleep(PING_S)
        await line.write(b": ping\n\n")


def _close(events: Iterator[AnswerEvent]) -> None:
    close = getattr(events, "close", None)
    if close is not None:
        close()
