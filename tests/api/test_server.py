from __future__ import annotations

import http.client
import json
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from fake import FakeService

from ragsvc.api import bodies, events, protocol, server
from ragsvc.cli.main import exit_code
from ragsvc.errors import AddressUnavailable, InvalidRequest
from ragsvc.settings.settings import Settings


def ask(
    port: int, question: dict[str, object]
) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    body = json.dumps({"corpus": "handbook", "question": "x"} | question)
    connection.request("POST", "/v1/answer", body, {"content-type": "application/json"})
    return connection, connection.getresponse()


def test_a_client_that_hangs_up_stops_the_work(running: int, service: FakeService) -> None:
    service.tokens, service.stall = 10_000, 0.01
    connection, response = ask(running, {"stream": True})
    assert response.status == 200
    assert response.readline() == b"event: passages\n"
    while service.sent < 5:
        time.sleep(0.01)
    response.close()
    connection.close()
    assert service.stream_closed.wait(5)
    assert service.sent < 1000


def test_a_quiet_stream_sends_comments(
    running: int, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "PING_S", 0.05)
    service.tokens, service.stall = 1, 0.4
    connection, response = ask(running, {"stream": True})
    text = response.read().decode()
    connection.close()
    assert ": ping\n\n" in text
    assert text.index("event: passages") < text.index(": ping") < text.index("event: done")


def test_events_arrive_while_the_answer_is_written(running: int, service: FakeService) -> None:
    service.tokens, service.stall = 2, 1.0
    began = time.monotonic()
    connection, response = ask(running, {"stream": True})
    assert response.readline() == b"event: passages\n"
    assert time.monotonic() - began < 0.9
    response.read()
    connection.close()


def test_responses_are_not_held_back(running: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", running, timeout=10)
    spent = []
    for _ in range(20):
        began = time.perf_counter()
        connection.request("GET", "/healthz")
        connection.getresponse().read()
        spent.append(time.perf_counter() - began)
    connection.close()
    # Nagle's algorithm and delayed acknowledgements would make it 40 ms.
    assert sorted(spent)[10] < 0.03


def test_a_connection_that_never_sends_its_request_is_closed(
    running: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_S", 0.2)
    for start in (b"", b"GET / HTTP/1.1\r\nHost: "):
        with socket.create_connection(("127.0.0.1", running), timeout=5) as client:
            client.sendall(start)
            assert client.recv(1) == b""


def test_a_body_that_stalls_is_answered(running: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_PAUSE_S", 0.2)
    monkeypatch.setattr(bodies, "DRAIN_S", 0.1)
    with socket.create_connection(("127.0.0.1", running), timeout=5) as client:
        head = b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        client.sendall(head + b'Content-Length: 50\r\n\r\n{"corpus":')
        assert client.recv(4096).startswith(b"HTTP/1.1 408 ")


def test_a_client_that_is_still_sending_sees_the_refusal(running: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", running, timeout=10)
    connection.request("POST", "/v1/search", b"x" * (500 << 10), {"content-type": "application/json"})
    response = connection.getresponse()
    assert response.status == 413
    assert json.loads(response.read())["code"] == "too_large"
    connection.close()


def test_a_taken_port_is_an_error_with_a_hint() -> None:
    with (
        server.bind("127.0.0.1", 0) as listener,
        pytest.raises(AddressUnavailable, match="cannot listen") as caught,
    ):
        listener.listen()
        server.bind("127.0.0.1", listener.getsockname()[1])
    assert "--port" in caught.value.hint
    assert exit_code(caught.value) == 1, "nothing is wrong with the words"
    with pytest.raises(AddressUnavailable):
        server.bind("no such host", 0)
    with pytest.raises(AddressUnavailable):
        server.bind("127.0.0.1", 70_000)


def test_serve_refuses_other_addresses_before_it_opens_anything(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="RAGSVC_API_KEY"):
        server.serve(Settings(home=tmp_path / "none", api_key=None), "0.0.0.0", 0)
    assert not (tmp_path / "none").exists()


def refused(port: int, sent: bytes) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Status, headers and problem that a connection is answered with; the server then closes it."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(sent)
        answered = b""
        while part := client.recv(65536):
            answered += part
    head, _, body = answered.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    assert headers["content-type"] == "application/problem+json"
    assert int(headers["content-length"]) == len(body)
    return int(first.split()[1]), headers, json.loads(body)


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\nX y\r\n\r\n",
        b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
    ids=["no host", "TLS", "header", "length", "chunk", "long"],
)
def test_what_is_not_http_is_refused_as_a_problem(
    running: int, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    status, headers, problem = refused(running, sent)
    assert (status, problem["status"], problem["code"]) == (400, 400, "invalid_request")
    assert headers["connection"] == "close" and problem["hint"]
    assert "Traceback" not in caplog.text


def test_above_the_limit_of_connections_health_is_still_told(
    running: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "MAX_CONNECTIONS", 3)
    monkeypatch.setattr(protocol, "RESERVE", 4)
    head = b"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    idle = [socket.create_connection(("127.0.0.1", running), timeout=10) for _ in range(4)]
    try:
        while True:
            status, headers, problem = refused(running, head % b"/v1/corpora")
            if status == 503:
                break
        assert problem["code"] == "overloaded" and headers["retry-after"] == "1"
        assert problem["instance"] == "/v1/corpora"
        for _ in range(20):  # more than the reserve: the oldest idle one goes
            idle.append(socket.create_connection(("127.0.0.1", running), timeout=10))
        with socket.create_connection(("127.0.0.1", running), timeout=10) as client:
            client.sendall(head % b"/healthz")
            assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
        assert idle[0].recv(1) == b""
    finally:
        for line in idle:
            line.close()
    deadline = time.monotonic() + 10
    while True:
        with socket.create_connection(("127.0.0.1", running), timeout=10) as client:
            client.sendall(head % b"/v1/corpora")
            if client.recv(4096).startswith(b"HTTP/1.1 200 "):
                break
        assert time.monotonic() < deadline


def test_a_body_that_trickles_is_refused(running: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """No pause is long, but the whole is slower than a line of the slowest kind."""
    monkeypatch.setattr(bodies, "BODY_PAUSE_S", 0.4)
    monkeypatch.setattr(bodies, "DRAIN_S", 0.1)
    with socket.create_connection(("127.0.0.1", running), timeout=10) as client:
        head = b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        client.sendall(head + b"Content-Length: 5000\r\n\r\n")
        client.settimeout(0.1)
        answered = b""
        for _ in range(100):
            try:
                client.sendall(b" ")
                answered += client.recv(4096)
            except TimeoutError:
                continue
            except OSError:
                break
            if answered:
                break
        # The head may come before the body does.
        client.settimeout(10)
        with suppress(OSError):
            while more := client.recv(4096):
                answered += more
    assert answered.startswith(b"HTTP/1.1 408 ") and b"bytes a second" in answered
