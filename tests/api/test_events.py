"""Streams of events: whoever began first ends first, and what is not sent takes no turn."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

import anyio

from ragsvc.api.errors import Problem
from ragsvc.api.events import EventStream
from ragsvc.api.limits import WorkGate

SLOW_S = 0.05


class LetterFrames:
    """Events are sent as they are; those of two letters are not."""

    media_type = "text/plain"
    ping = b""

    def frame(self, event: str) -> bytes | None:
        return event.encode() if len(event) < 2 else None

    def error(self, problem: Problem) -> bytes:
        raise AssertionError(problem.detail)


def slow_start(*events: str) -> Iterator[str]:
    time.sleep(SLOW_S)
    yield from events


def exchange(gate: WorkGate, streams: list[list[str]]) -> list[tuple[int, bytes]]:
    """Send all at the same time: (number, body) of every frame in the order of sending, b"" at an end."""
    sent: list[tuple[int, bytes]] = []

    async def receive() -> Any:
        await anyio.sleep(math.inf)

    async def one(number: int, events: list[str]) -> None:
        async def send(message: Any) -> None:
            if message["type"] == "http.response.body":
                sent.append((number, message["body"]))

        stream = EventStream(gate, lambda: slow_start(*events), LetterFrames())
        await stream({"type": "http"}, receive, send)

    async def together() -> None:
        async with anyio.create_task_group() as tasks:
            for number, events in enumerate(streams):
                tasks.start_soon(one, number, events)

    anyio.run(together)
    return sent


def test_an_answer_ends_before_those_that_came_much_later_begin() -> None:
    sent = exchange(WorkGate(1, 8), [["a", "b", "c"] for _ in range(5)])
    for number in range(3):
        assert sent.index((number, b"")) < sent.index((number + 2, b"a"))
    for number in range(5):
        assert [body for at, body in sent if at == number] == [b"a", b"b", b"c", b""]


def test_what_is_not_sent_takes_no_turn_and_what_is_empty_is_not_sent() -> None:
    gate = WorkGate(1, 8)
    turns: list[object] = []
    follow = gate.follow

    async def counted(call: Any, *arguments: Any) -> Any:
        turns.append(call)
        return await follow(call, *arguments)

    gate.follow = counted  # type: ignore[method-assign]
    assert exchange(gate, [["no", "a", "no", "no", "", "b", "no"]]) == [(0, b"a"), (0, b"b"), (0, b"")]
    # The empty one, "b", the end, and closing.
    assert len(turns) == 4


class BrokenFrames(LetterFrames):
    def error(self, problem: Problem) -> bytes:
        return problem.code.encode()


def test_a_stream_that_breaks_says_so_also_when_the_system_refuses_something() -> None:
    def broken() -> Iterator[str]:
        yield "a"
        raise PermissionError("no")

    sent: list[bytes] = []

    async def receive() -> Any:
        await anyio.sleep(math.inf)

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            sent.append(message["body"])

    stream = EventStream(WorkGate(1, 8), broken, BrokenFrames())
    anyio.run(stream, {"type": "http", "path": "/v1/answer"}, receive, send)
    assert sent == [b"a", b"internal", b""]
