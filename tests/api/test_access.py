from __future__ import annotations

import logging
from pathlib import Path

import pytest
from fake import FakeService
from pydantic import SecretStr
from starlette.testclient import TestClient
from test_errors import assert_problem

from ragsvc.api.app import create_app
from ragsvc.api.server import check_address
from ragsvc.errors import InvalidRequest
from ragsvc.settings.settings import Settings

PATHS = ["/readyz", "/docs", "/openapi.json", "/docs/swagger-ui.css", "/v1/corpora", "/nothing"]


def keyed(tmp_path: Path, key: str) -> TestClient:
    settings = Settings(home=tmp_path, api_key=SecretStr(key))
    return TestClient(create_app(FakeService(settings)), base_url="http://elsewhere.example")


@pytest.mark.parametrize("path", PATHS)
def test_with_a_key_everything_but_health_needs_it(tmp_path: Path, path: str) -> None:
    client = keyed(tmp_path, "kéy-1")
    right = {"Authorization": "Bearer kéy-1".encode()}
    assert client.get("/healthz").status_code == 200
    assert client.get(path, headers=right).status_code == (404 if path == "/nothing" else 200)
    for wrong in [b"Bearer k", b"Bearer ", b"Bearer", b"Basic k\xc3\xa9y-1", b"k\xc3\xa9y-1", b"\xff", None]:
        response = client.get(path, headers={"Authorization": wrong} if wrong is not None else {})
        assert_problem(response, 401, "unauthenticated")
        assert response.headers["www-authenticate"].startswith("Bearer")
    twice = [("Authorization", "Bearer x"), ("Authorization", "Bearer y")]
    assert_problem(client.get(path, headers=twice), 401, "unauthenticated")


def test_with_a_key_the_openapi_document_says_so(tmp_path: Path) -> None:
    document = keyed(tmp_path, "k").get("/openapi.json", headers={"Authorization": "Bearer k"}).json()
    assert document["paths"]["/healthz"]["get"]["security"] == []
    assert document["paths"]["/v1/search"]["post"]["security"] == [{"key": []}]


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST"])
def test_without_a_key_this_machine_may_call(client: TestClient, host: str) -> None:
    headers = {"Host": host, "Origin": f"http://{host}"}
    assert client.get("/v1/corpora", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "localhost.evil.example"},
        {"Host": "127.0.0.1.evil.example:80"},
        {"Host": "localhost@evil.example"},
        {"Host": "evil.example@localhost"},
        {"Host": ""},
        {"Host": "localhost:99999"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": ""},
        {"Origin": "http://[::1"},
    ],
)
def test_without_a_key_other_hosts_and_origins_are_refused(
    client: TestClient, headers: dict[str, str]
) -> None:
    assert_problem(client.get("/v1/corpora", headers=headers), 403, "host_refused")


def test_other_addresses_need_a_key(tmp_path: Path) -> None:
    open_to_all = Settings(home=tmp_path, api_key=None)
    for host in ("127.0.0.1", "::1", "localhost", "127.1.2.3"):
        check_address(open_to_all, host)
    for host in ("0.0.0.0", "::", "192.168.1.5", "example.org", ""):
        with pytest.raises(InvalidRequest, match="RAGSVC_API_KEY"):
            check_address(open_to_all, host)
        with pytest.raises(InvalidRequest):
            check_address(Settings(home=tmp_path, api_key=SecretStr("")), host)
        check_address(Settings(home=tmp_path, api_key=SecretStr("k")), host)


def test_the_access_log_has_no_query_strings_or_keys(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "ragsvc")
    headers = {"Authorization": "Bearer secret-key"}
    keyed(tmp_path, "secret-key").get("/v1/corpora/x%0aINFO%20fake/document?id=secret-id", headers=headers)
    assert '"GET /v1/corpora/x%0aINFO%20fake/document" 4' in caplog.text
    assert "secret" not in caplog.text
