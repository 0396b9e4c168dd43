from __future__ import annotations

import random
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fake import FakeService
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient
from test_errors import assert_problem

from ragsvc.api.app import create_app
from ragsvc.api.uploads import file_name
from ragsvc.errors import InvalidName, InvalidRequest
from ragsvc.settings.settings import Settings

URL = "/v1/corpora/new/documents"
MULTIPART = {"content-type": "multipart/form-data; boundary=B"}


def part(name: bytes, content: bytes = b"text", field: bytes = b"files") -> bytes:
    head = b'--B\r\nContent-Disposition: form-data; name="' + field + b'"; filename="' + name + b'"\r\n\r\n'
    return head + content + b"\r\n"


def send(client: TestClient, *parts: bytes, end: bytes = b"--B--\r\n") -> object:
    return client.post(URL, content=b"".join(parts) + end, headers=MULTIPART)


def spooled(service: FakeService) -> list[Path]:
    return [path for spool in service.spools for path in [spool.folder] if path.exists()]


def test_files_keep_their_bytes_and_relative_names(client: TestClient, service: FakeService) -> None:
    files = {"a.md": "one", "sub/dir/b.md": "--B\r\n", "日本.txt": "x" * 70_000, "empty": ""}
    response = client.post(URL, files=[("files", (name, text.encode())) for name, text in files.items()])
    assert response.status_code == 202
    assert response.headers["location"] == f"/v1/jobs/{response.json()['id']}"
    assert service.corpora_texts["new"] == files


@pytest.mark.parametrize(
    "name",
    [b"../x", b"a/../b", b"/etc/passwd", b"a//b", b"./a", b"a/", b"", b"..", b"..\\x", b"C:\\x\\y", b"a\\\\b",
     b"a\x00b", b"a\x1fb", b"a\x7fb", "a\u0085b".encode(), b"\xff", b"\xed\xa0\x80", b"x" * 256,
     b"d/" * 300 + b"x"],
)  # fmt: skip
def test_file_names_that_are_refused(client: TestClient, service: FakeService, name: bytes) -> None:
    response = send(client, part(b"good.md"), part(name))
    assert_problem(response, 422, "invalid_name")
    assert spooled(service) == []
    assert "new" not in service.corpora_texts


@pytest.mark.parametrize("names", [(b"a", b"a"), (b"a", b"a/b"), (b"a/b", b"a"), (b"a/b/c", b"a/b")])
def test_files_that_would_overwrite_each_other_are_refused(
    client: TestClient, service: FakeService, names: tuple[bytes, bytes]
) -> None:
    assert_problem(send(client, *map(part, names)), 422, "invalid_name")
    assert spooled(service) == []


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([], id="no part"),
        pytest.param([part(b"a.md", field=b"file")], id="other field"),
        pytest.param(
            [b'--B\r\nContent-Disposition: form-data; name="files"\r\n\r\nx\r\n'], id="no file name"
        ),
        pytest.param([b"--B\r\nX: y\r\n\r\nx\r\n"], id="no disposition"),
        pytest.param([b"--B\r\n\r\nx\r\n"], id="no header"),
        pytest.param([b"garbage"], id="garbage"),
        pytest.param([b"--B\r\nbad header\r\n\r\nx\r\n"], id="bad header"),
        pytest.param([b"--B\r\n" + b"X: y\r\n" * 10_000], id="many headers"),
    ],
)
def test_multipart_that_is_refused(client: TestClient, service: FakeService, parts: list[bytes]) -> None:
    assert_problem(send(client, *parts), 422, "invalid_request")
    assert spooled(service) == []


def test_a_body_without_its_end_or_boundary_is_refused(client: TestClient, service: FakeService) -> None:
    assert_problem(send(client, part(b"a.md"), end=b""), 422, "invalid_request")
    for kind in (
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=" + "b" * 300,
    ):
        response = client.post(URL, content=part(b"a"), headers={"content-type": kind})
        assert_problem(response, 422, "invalid_request")
    assert spooled(service) == []


def test_an_upload_over_the_limit_leaves_nothing(client: TestClient, service: FakeService) -> None:
    def pieces() -> Iterator[bytes]:
        yield part(b"a.md", b"x" * 1000)[:-2]
        for _ in range(100):
            yield b"x" * 10_000

    assert_problem(client.post(URL, content=pieces(), headers=MULTIPART), 413, "too_large")
    assert spooled(service) == []


def test_a_large_upload_takes_little_memory(tmp_path: Path) -> None:
    service = FakeService(Settings(home=tmp_path, api_key=None, max_request_bytes=64 << 20))
    # The spooled files are counted here, not read back.
    service.submit_spool = lambda caller, corpus, spool, documents: service._job(corpus, {"a": ""})  # type: ignore[method-assign]

    def pieces() -> Iterator[bytes]:
        yield part(b"a.md", b"")[:-2]
        for _ in range(500):
            yield b"x" * (64 << 10)
        yield b"\r\n--B--\r\n"

    # The test client collects the body itself, so the routes are driven with a stream of our own.
    async def drive() -> int:
        body = pieces()
        status = 0

        async def receive() -> dict[str, object]:
            piece = next(body, b"")
            return {"type": "http.request", "body": piece, "more_body": bool(piece)}

        async def respond(message: dict[str, object]) -> None:
            nonlocal status
            status = int(str(message.get("status", status)))

        headers = [(b"host", b"localhost"), (b"content-type", MULTIPART["content-type"].encode())]
        headers.append((b"transfer-encoding", b"chunked"))
        scope = {"type": "http", "method": "POST", "path": URL, "raw_path": URL.encode(), "query_string": b"",
                 "headers": headers, "scheme": "http", "http_version": "1.1", "root_path": ""}  # fmt: skip
        await create_app(service)(scope, receive, respond)
        return status

    import anyio

    tracemalloc.start()
    assert anyio.run(drive) == 202
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    written = sum(path.stat().st_size for path in service.spools[0].folder.iterdir())
    service.close()
    assert written == 500 * (64 << 10)
    assert peak_bytes < 8 << 20


def test_fifty_uploads_at_once_all_arrive(client: TestClient, service: FakeService) -> None:
    def upload(number: int) -> int:
        text = random.Random(number).randbytes(20_000).hex().encode()
        files = [("files", (f"{number}/{i}.md", text)) for i in range(3)]
        return client.post(URL, files=files).status_code

    with ThreadPoolExecutor(50) as pool:
        assert list(pool.map(upload, range(50))) == [202] * 50
    assert len(service.corpora_texts["new"]) == 150
    assert spooled(service) == []


@given(st.binary(max_size=40))
def test_any_file_name_is_safe_or_refused(name: bytes) -> None:
    try:
        found = file_name(b'form-data; name="files"; filename="' + name + b'"')
    except (InvalidName, InvalidRequest):
        return
    assert not found.startswith("/") and "\\" not in found and "\0" not in found
    assert not {"", ".", ".."} & set(found.split("/"))
