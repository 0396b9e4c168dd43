"""A small server of the OpenAI kind on this machine, with all the ways in which such a server may fail."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WORDS = ["The pear ", "grows on ", "a tree [1]", "."]
LIES = ["The pear ", "sings [9", "9]. It ", "flies [0] ", "to [12345]", " the moon [", "2].", " See [1]."]
KEY = "sk-test-0123456789abcdef"
# Status and body of the list of models.
LISTING = (200, {"object": "list", "data": [{"id": "tiny", "object": "model"}]})


@dataclass
class Seen:
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class State:
    """What a test may look at. gone: a client hung up while something was being sent to it."""

    url: str
    words: list[str]
    listing: tuple[int, Any]
    seen: list[Seen] = field(default_factory=list)
    gone: threading.Event = field(default_factory=threading.Event)
    closing: threading.Event = field(default_factory=threading.Event)

    def asked(self) -> list[Seen]:
        """The chat completions that were asked for."""
        return [seen for seen in self.seen if seen.path.endswith("/chat/completions")]


class Handler(BaseHTTPRequestHandler):
    """One request; `answers` says how chat completions go."""

    protocol_version = "HTTP/1.1"
    state: State
    answers: Callable[[Handler], None]

    def do_GET(self) -> None:
        self._note({})
        if self.path.endswith("/models"):
            self.json(*self.state.listing)
        else:
            self.json(404, {"error": {"message": "no such route"}})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        self._note(json.loads(self.rfile.read(length) or b"{}"))
        with suppress(BrokenPipeError, ConnectionResetError):
            type(self).answers(self)
            return
        self.state.gone.set()

    def _note(self, body: dict[str, Any]) -> None:
        self.state.seen.append(Seen(self.command, self.path, dict(self.headers), body))

    @property
    def body(self) -> dict[str, Any]:
        return self.state.seen[-1].body

    def json(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        self.raw(status, json.dumps(value).encode(), "application/json", headers)

    def raw(self, status: int, data: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(data)),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def begin(self) -> None:
        """Start a stream of events; the end of the connection ends it."""
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Connection", "close")
        self.end_headers()

    def send(self, data: bytes) -> None:
        self.wfile.write(data)
        self.wfile.flush()

    def event(self, value: Any) -> None:
        self.send(b"data: " + json.dumps(value).encode() + b"\n\n")

    def words(self, words: list[str]) -> None:
        for word in words:
            self.event({"choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}]})

    def end(self, reason: str = "stop") -> None:
        self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
        if (self.body.get("stream_options") or {}).get("include_usage"):
            self.event({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 4}})
        self.send(b"data: [DONE]\n\n")

    def wait(self, seconds: float) -> None:
        """Pause; notice when the client goes away meanwhile."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.state.closing.is_set():
            self.connection.settimeout(0.02)
            with suppress(TimeoutError):
                if self.connection.recv(1, socket.MSG_PEEK) == b"":
                    raise BrokenPipeError
            time.sleep(0.01)
        self.connection.settimeout(None)

    def log_message(self, *arguments: Any) -> None:
        """Be silent."""


def good(handler: Handler) -> None:
    handler.begin()
    handler.event({"choices": [{"index": 0, "delta": {"role": "assistant"}, "finish_reason": None}]})
    limit = handler.body.get("max_tokens", 99)
    handler.words(handler.state.words[:limit])
    handler.end("length" if limit < len(handler.state.words) else "stop")


def uncounted(handler: Handler) -> None:
    """Tells no tokens."""
    handler.begin()
    handler.words(handler.state.words)
    handler.send(b"data: [DONE]\n\n")


def lying(handler: Handler) -> None:
    """Citations that name nothing, split over pieces."""
    handler.begin()
    handler.words(LIES)
    handler.end()


def mixed(handler: Handler) -> None:
    """The truth, and lies around it."""
    handler.begin()
    handler.words([*LIES, " ", *WORDS, " ", *LIES])
    handler.end()


def slow(handler: Handler) -> None:
    """One word, then silence."""
    handler.begin()
    handler.words(WORDS[:1])
    handler.wait(30)


def silent(handler: Handler) -> None:
    """Not even a status."""
    handler.wait(30)


def commenting(handler: Handler) -> None:
    """Keeps the connection alive and says nothing."""
    handler.begin()
    for _ in range(300):
        handler.send(b": working\n\n")
        handler.wait(0.05)


def broken(handler: Handler) -> None:
    """Goes away in the middle of an answer."""
    handler.begin()
    handler.words(WORDS[:2])


def cut(handler: Handler) -> None:
    """Goes away in the middle of a chunk that it announced."""
    handler.close_connection = True
    handler.send_response(200)
    handler.send_header("Content-Type", "text/event-stream")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.send(b'40\r\ndata: {"choices": [{"delta"')


def failing_inside(handler: Handler) -> None:
    handler.begin()
    handler.words(WORDS[:1])
    handler.event({"error": {"message": "out of memory", "type": "server_error"}})


def endless(handler: Handler) -> None:
    handler.begin()
    while not handler.state.closing.is_set():
        handler.words(["and on " * 2000])


def brooding(handler: Handler) -> None:
    """Thinks without end."""
    handler.begin()
    while not handler.state.closing.is_set():
        handler.event({"choices": [{"delta": {"reasoning_content": "and on " * 2000}}]})


def huge_line(handler: Handler) -> None:
    handler.begin()
    while not handler.state.closing.is_set():
        handler.send(b"data: " + b"x" * 60_000)


def wrong_json(handler: Handler) -> None:
    handler.begin()
    handler.send(b'data: {"choices": [\n\n')


def page(handler: Handler) -> None:
    handler.raw(200, b"<html>Welcome</html>", "text/html")


def whole(handler: Handler) -> None:
    """Knows nothing of streams."""
    choice = {"message": {"content": "".join(handler.state.words)}, "finish_reason": "length"}
    usage = {"prompt_tokens": 7, "completion_tokens": 4}
    handler.json(200, {"choices": [choice], "usage": usage})


def unauthorised(handler: Handler) -> None:
    """Repeats the key that it was sent, as some do."""
    given = handler.headers.get("Authorization", "none")
    handler.json(401, {"error": {"message": f"Incorrect API key provided: {given}"}})


def unknown_model(handler: Handler) -> None:
    handler.json(404, {"error": {"message": f"model '{handler.body.get('model')}' not found"}})


def refusing(handler: Handler) -> None:
    handler.json(400, {"error": {"message": "This model's maximum context length is 512 tokens"}})


def strict(handler: Handler) -> None:
    """Takes neither `stream_options` nor `max_tokens`."""
    if "stream_options" in handler.body:
        handler.json(422, {"detail": "stream_options: extra fields are not permitted"})
    elif "max_tokens" in handler.body:
        handler.json(400, {"error": {"message": "Use 'max_completion_tokens' instead."}})
    else:
        good(handler)


def redirecting(target: str) -> Callable[[Handler], None]:
    def answer(handler: Handler) -> None:
        handler.raw(307, b"", "text/plain", {"Location": f"{target}/chat/completions"})

    return answer


def telling(status: int, value: Any) -> Callable[[Handler], None]:
    """One JSON value, whatever was asked."""
    return lambda handler: handler.json(status, value)


def telling_inside(words: str) -> Callable[[Handler], None]:
    """An error in the middle of a stream."""

    def answer(handler: Handler) -> None:
        handler.begin()
        handler.words(WORDS[:1])
        handler.event({"error": {"message": words}})

    return answer


def passing(status: int, times: int, retry_after: str | None = None) -> Callable[[Handler], None]:
    """Fails a number of times, then is good."""

    def answer(handler: Handler) -> None:
        if len(handler.state.asked()) > times:
            return good(handler)
        headers = {} if retry_after is None else {"Retry-After": retry_after}
        handler.json(status, {"error": {"message": "try later"}}, headers)

    return answer


class Server(ThreadingHTTPServer):
    """Waits for its requests to end; many may come at once."""

    daemon_threads = False
    request_queue_size = 128


@contextmanager
def serving(
    answers: Callable[[Handler], None], words: list[str] | None = None, listing: tuple[int, Any] = LISTING
) -> Iterator[State]:
    """Serve on a free port of the loopback; `url` of what is given is the base of the API."""
    server = Server(("127.0.0.1", 0), Handler)
    state = State(
        f"http://127.0.0.1:{server.server_address[1]}/v1", WORDS if words is None else words, listing
    )
    server.RequestHandlerClass = type("Given", (Handler,), {"state": state, "answers": staticmethod(answers)})
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        state.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()


def dead_url() -> str:
    """Where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/v1"
