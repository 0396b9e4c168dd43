"""Hostile input to a real server: the right status, a clear problem, nothing outside the home folder."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from real_server import Server, World

pytestmark = pytest.mark.e2e

ASK = {"corpus": "handbook", "question": "What is a GAN?"}
JSON = {"content-type": "application/json"}


def assert_problem(response: httpx.Response, *statuses: int) -> dict[str, Any]:
    assert response.status_code in statuses, (response.status_code, response.text[:300])
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == response.status_code
    assert problem["code"]
    assert problem["title"]
    assert "Traceback" not in response.text
    assert isinstance(problem, dict)
    return problem


BODIES = {
    "ten megabytes": (json.dumps(ASK | {"question": "x" * 10_000_000}).encode(), 413),
    "over the body limit": (b" " * (65 << 20), 413),
    "deep lists": (b"[" * 200_000, 422),
    "deep filter": (b'{"corpus":"handbook","question":"x","filter":' + b'{"a":' * 5000, 422),
    "NUL": (b'{"corpus":"handbook","question":"a\\u0000b"}', 422),
    "lone surrogate": (b'{"corpus":"handbook","question":"\\ud83d"}', 422),
    "not UTF-8": (b'{"corpus":"handbook","question":"\xff\xfe"}', 422),
    "number": (json.dumps(ASK | {"question": 5}).encode(), 422),
    "list": (json.dumps(ASK | {"question": ["a"]}).encode(), 422),
    "k": (json.dumps(ASK | {"k": "six"}).encode(), 422),
    "huge k": (json.dumps(ASK | {"k": 10**30}).encode(), 422),
    "stream": (json.dumps(ASK | {"stream": "yes"}).encode(), 422),
    "unknown field": (json.dumps(ASK | {"temperature": 1}).encode(), 422),
    "filter": (json.dumps(ASK | {"filter": {"a": {"$where": "1=1"}}}).encode(), 422),
    "unknown corpus": (json.dumps(ASK | {"corpus": "nowhere"}).encode(), 404),
    "one unknown corpus": (json.dumps(ASK | {"corpus": ["handbook", "nowhere"]}).encode(), 404),
    "path as corpus": (json.dumps(ASK | {"corpus": "../../etc"}).encode(), 422),
    "SQL as corpus": (json.dumps(ASK | {"corpus": "x'; drop table corpus;--"}).encode(), 422),
    "nothing": (b"", 422),
    "half": (b'{"corpus": "hand', 422),
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
def test_bodies(server: Server, name: str) -> None:
    body, status = BODIES[name]
    for path in ("/v1/answer", "/v1/search"):
        sent = body if path.endswith("answer") else body.replace(b'"question"', b'"query"', 1)
        assert_problem(server.http.post(path, content=sent, headers=JSON), status)


@pytest.mark.parametrize(
    "question", ["ﷺ" * 5000, "\u202e\u0301" * 3000, "😀" * 9000, "a" * 19_999, "' OR 1=1 --", "\t"]
)
def test_odd_questions_are_answered_or_refused(server: Server, question: str) -> None:
    response = server.http.post("/v1/answer", json=ASK | {"question": question})
    assert response.status_code == 200 or assert_problem(response, 413, 422)


def everything_outside(world: World, server: Server) -> set[Path]:
    """All paths that a server of this run could have made, but for those under its home.

    Its working folder and its folder for temporary files are in the world's, its home two levels down.
    """
    roots = (world.folder, world.folder / "tmp", server.home.parent, world.folder.parent)
    outside = {path for root in roots for path in root.glob("*")}
    return outside | set(Path("/etc").glob("e2e*"))


NAMES = ["../e2e-evil.md", "../../../e2e-evil.md", "/etc/e2e-evil.md", "a/../../e2e-evil.md",
         "..\\e2e-evil.md", "C:\\e2e-evil.md", "", ".", "..", "a//b.md", "a\x00b.md", "a\nb.md",
         "x" * 5000 + ".md", "y" * 300 + ".md"]  # fmt: skip


def test_upload_names_cannot_leave_the_home(world: World, server: Server) -> None:
    before = everything_outside(world, server)
    for name in NAMES:
        raw = name.encode("unicode_escape") if "\\" in name else name.encode()
        body = (
            b'--b\r\nContent-Disposition: form-data; name="files"; filename="%s"\r\n\r\nx\r\n--b--\r\n' % raw
        )
        headers = {"content-type": "multipart/form-data; boundary=b"}
        response = server.http.post("/v1/corpora/evil/documents", content=body, headers=headers)
        assert_problem(response, 422)
    for corpus in ("..%2F..%2Fevil", "%2e%2e", "a%00b", "Evil", "%2Fetc"):
        response = server.http.post(f"/v1/corpora/{corpus}/documents", files=[("files", ("a.md", b"x"))])
        assert_problem(response, 404, 405, 422)
    assert everything_outside(world, server) == before
    assert not (server.home / "evil").exists()


def test_ids_are_never_paths(world: World, server: Server) -> None:
    before = everything_outside(world, server)
    texts = {
        "../../e2e-evil.md": "Ibex one.",
        "/etc/e2e-evil": "Ibex two.",
        "a\\..\\b": "Ibex three.",
        "☃": "Ibex.",
    }
    documents = [{"id": name, "text": text} for name, text in texts.items()]
    job = server.ended(server.post("/v1/corpora/ids/documents", documents=documents))
    assert job["state"] == "done"
    for name, text in texts.items():
        found = server.http.get("/v1/corpora/ids/text", params={"document_id": name})
        assert found.json()["text"] == text
        assert server.http.delete("/v1/corpora/ids/document", params={"id": name}).status_code == 200
    for path in ("/etc/passwd", "../catalog.db", str(server.home / "catalog.db"), f"file://{server.home}"):
        for route in ("text?document_id=", "document?id="):
            assert_problem(server.http.get(f"/v1/corpora/ids/{route}{path}"), 404)
    for path in ("/v1/jobs/..%2F..%2Fcatalog.db", "/docs/..%2Fapp.py", "/docs/%2e%2e/%2e%2e/app.py"):
        assert_problem(server.http.get(path), 404)
    assert everything_outside(world, server) == before


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "127.0.0.1.evil.example"},
        {"host": "localhost@evil.example"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
    ],
)
def test_web_pages_of_others_are_refused(server: Server, headers: dict[str, str]) -> None:
    assert_problem(server.http.post("/v1/answer", json=ASK, headers=headers), 403, 421)
    assert_problem(server.http.get("/v1/corpora", headers=headers), 403, 421)


def test_this_machine_is_not_refused(server: Server) -> None:
    for headers in ({"host": "localhost"}, {"host": "[::1]:8000"}, {"origin": server.url}):
        assert server.http.get("/v1/corpora", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "value", [None, "", "Bearer", "Bearer wrong", "Basic Zm9vOmJhcg==", "Bearer correct horse"]
)
def test_a_key_is_needed_for_all_but_health(keyed_server: Server, value: str | None) -> None:
    headers = {} if value is None else {"Authorization": value}
    with httpx.Client(base_url=keyed_server.url, headers=headers, trust_env=False) as stranger:
        for path in ("/v1/corpora", "/readyz", "/docs", "/openapi.json", "/v1/jobs", "/nowhere"):
            response = stranger.get(path)
            assert_problem(response, 401)
            assert response.headers["www-authenticate"].startswith("Bearer")
        assert_problem(stranger.post("/v1/answer", content=b"[" * 1000), 401)
        assert stranger.get("/healthz").status_code == 200
    assert keyed_server.http.get("/v1/corpora").status_code == 200


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "PATCH", "TRACE", "BREW"])
def test_other_methods(server: Server, method: str) -> None:
    for path in ("/v1/answer", "/v1/corpora", "/healthz", "/nowhere"):
        response = server.http.request(method, path)
        if (method, path) == ("HEAD", "/healthz"):
            assert (response.status_code, response.content) == (200, b"")
            continue
        assert response.status_code in (404, 405)
        assert response.status_code == 404 or response.headers["allow"]
        assert method == "HEAD" or assert_problem(response, 404, 405)


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST /v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -5\r\n\r\n",
        b"POST /v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /" + b"a" * 2_000_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X: y\r\n" * 400_000 + b"\r\n",
    ],
    ids=["no host", "TLS", "length", "chunk", "long path", "many headers"],
)
def test_what_is_not_http_is_a_400(server: Server, sent: bytes) -> None:
    with server.socket() as line:
        answered = b""
        try:
            line.sendall(sent)
            line.shutdown(socket.SHUT_WR)
            answered = line.recv(100)
        except OSError:
            pass  # closed in our face while we were still sending
        assert not answered or answered.split()[1][:1] == b"4", answered
    assert server.http.get("/healthz").status_code == 200


def test_slow_senders_keep_nobody_waiting(server: Server) -> None:
    lines = [server.socket() for _ in range(60)]
    try:
        for number, line in enumerate(lines):
            head = b"POST /v1/answer HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            line.sendall(head if number % 2 else head + b'Content-Length: 5000\r\n\r\n{"corpus"')
        started = time.monotonic()
        assert server.search("handbook", "What is a GAN?", k=1)
        assert time.monotonic() - started < 10
    finally:
        for line in lines:
            line.close()
