"""Bodies that cost many times their size: memory stays bounded, and whoever asks for health is answered."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest
from real_server import Server

pytestmark = pytest.mark.e2e

MIB = 1 << 20
SIZE = 60 * MIB
JSON = {"content-type": "application/json"}
LISTS = b"[]," * (SIZE // 3) + b"[]"
WORDS = b"plain text, " * 500
BODIES = {
    "a filter of lists": ("/v1/search", b'{"corpus":"handbook","query":"x","filter":{"a":[' + LISTS + b"]}}"),
    "metadata of lists": (
        "/v1/corpora/dear/documents",
        b'{"documents":[{"id":"a","text":"b","metadata":{"a":[' + LISTS + b"]}}]}",
    ),
    "no documents but lists": ("/v1/corpora/dear/documents", b"[" + LISTS + b"]"),
    "wrong documents": ("/v1/corpora/dear/documents", b'{"documents":[' + LISTS + b"]}"),
    "one text": (
        "/v1/corpora/dear/documents",
        b'{"documents":[{"id":"a","text":"' + b"a b, c. " * (SIZE // 8) + b'"}]}',
    ),
    "one text with an emoji": (
        "/v1/corpora/dear/documents",
        b'{"documents":[{"id":"a","text":"' + b"a b, c. " * (SIZE // 8) + "\U0001f600".encode() + b'"}]}',
    ),
    "many documents": (
        "/v1/corpora/dear/documents",
        b'{"documents":['
        + b",".join(b'{"id":"%d","text":"%s"}' % (number, WORDS) for number in range(9000))
        + b"]}",
    ),
}


@contextmanager
def watched(server: Server, seen: list[int], healthy: list[int]) -> Iterator[None]:
    """Note the memory of the server, and ask for its health, for the length of the block."""
    process = psutil.Process(server._process.pid)
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            seen.append(process.memory_info().rss)
            healthy.append(server.http.get("/healthz").status_code)
            time.sleep(0.02)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()


@pytest.mark.parametrize("name", BODIES)
def test_a_body_of_60_mib(server: Server, name: str) -> None:
    path, body = BODIES[name]
    before = psutil.Process(server._process.pid).memory_info().rss
    seen, healthy = [before], []
    with watched(server, seen, healthy):
        response = server.http.post(path, content=body, headers=JSON)
    assert response.status_code in (202, 413, 422, 503), response.text[:300]
    assert max(seen) - before < 400 * MIB
    assert set(healthy) == {200}
    if response.status_code == 202:
        server.http.delete(response.headers["location"])
        server.ended(response.json(), 120)


def test_many_dear_bodies_at_once(server: Server) -> None:
    body = b'{"corpus":"handbook","query":"x","filter":{"a":[' + b"0.5," * 240_000 + b"1]}}"
    before = psutil.Process(server._process.pid).memory_info().rss
    seen, healthy, statuses = [before], [], []

    def send() -> None:
        statuses.append(server.http.post("/v1/search", content=body, headers=JSON).status_code)

    with watched(server, seen, healthy):
        senders = [threading.Thread(target=send) for _ in range(30)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
    assert set(statuses) <= {422, 503} and 422 in statuses
    assert max(seen) - before < 600 * MIB
    assert set(healthy) == {200}
