"""Open-loop load: requests leave on schedule, however slow the replies are."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

THREADS = 64
# A server closes connections that were idle for 10 s; one that may be about to be closed is not used.
_IDLE_S = 5.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of one request; times are seconds of the monotonic clock.

    due: when it was to leave. done: when the reply was read.
    status: of HTTP; 0 when there was no reply. commit: what it was answered from, 0 if unknown.
    """

    due: float
    done: float
    status: int
    commit: int

    @property
    def latency_s(self) -> float:
        """From the time at which it was to leave, so that what queues is seen."""
        return self.done - self.due


class Connections:
    """Kept connections to one server, the one last used first."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._lock = threading.Lock()
        self._idle: list[tuple[float, http.client.HTTPConnection]] = []

    def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Send JSON; status and body of the reply."""
        client = self._take()
        try:
            client.request("POST", path, body, {"Content-Type": "application/json"})
            reply = client.getresponse()
            content = reply.read()
        except BaseException:
            client.close()
            raise
        with self._lock:
            self._idle.append((time.monotonic(), client))
        return reply.status, content

    def close(self) -> None:
        """Close what is open."""
        with self._lock:
            for _, client in self._idle:
                client.close()
            self._idle.clear()

    def _take(self) -> http.client.HTTPConnection:
        with self._lock:
            while self._idle:
                since, client = self._idle.pop()
                if time.monotonic() - since < _IDLE_S:
                    return client
                client.close()
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)


def drive(
    connections: Connections, corpus: str, queries: Sequence[str], rate: float, go_on: Callable[[int], bool]
) -> list[Reply]:
    """Search at a fixed rate until `go_on(requests sent)` is false.

    :param queries: asked in turn, round and round.
    :param rate: requests a second.
    """
    asked = itertools.cycle(queries)
    pending = []
    with ThreadPoolExecutor(THREADS) as pool:
        start = time.monotonic() + 0.1
        for number in itertools.count():
            if not go_on(number):
                break
            due = start + number / rate
            time.sleep(max(0.0, due - time.monotonic()))
            pending.append(pool.submit(_ask, connections, corpus, next(asked), due))
        return [future.result() for future in pending]


def _ask(connections: Connections, corpus: str, query: str, due: float) -> Reply:
    body = json.dumps({"corpus": corpus, "query": query, "k": 10}).encode()
    try:
        status, content = connections.post("/v1/search", body)
        commit = json.loads(content)["commit"] if status == 200 else 0
    except (OSError, http.client.HTTPException):
        status, commit = 0, 0
    return Reply(due, time.monotonic(), status, commit)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0..1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
