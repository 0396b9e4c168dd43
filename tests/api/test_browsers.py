"""Calls from web pages of other origins."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake import FakeService
from pydantic import SecretStr
from starlette.testclient import TestClient

from ragsvc.api.app import create_app
from ragsvc.api.cors import allowed_origins
from ragsvc.errors import InvalidRequest
from ragsvc.settings.settings import Settings

PATH = "/v1/chat/completions"
PAGE = "http://localhost:3000"
KEY = {"Authorization": "Bearer k"}
CHAT = {"model": "ragsvc/handbook", "messages": [{"role": "user", "content": "How?"}]}
# What the openai client for JavaScript sends first from a browser.
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,x-stainless-lang",
}


def page_of(tmp_path: Path, origins: str | None, key: str | None = "k") -> TestClient:
    secret = None if key is None else SecretStr(key)
    settings = Settings(home=tmp_path, api_key=secret, allowed_origins=origins)
    return TestClient(create_app(FakeService(settings)), base_url="http://localhost")


@pytest.mark.parametrize(("origins", "shown"), [(f"https://a.example, {PAGE}", PAGE), ("*", "*")])
def test_pages_of_allowed_origins_may_call(tmp_path: Path, origins: str, shown: str) -> None:
    with page_of(tmp_path, origins) as client:
        asked = client.options(PATH, headers={"Origin": PAGE} | PREFLIGHT)
        assert asked.status_code == 200, asked.text
        assert asked.headers["access-control-allow-origin"] == shown
        assert "POST" in asked.headers["access-control-allow-methods"]
        allowed = asked.headers["access-control-allow-headers"]
        assert {"authorization", "content-type", "x-stainless-lang"} <= set(allowed.split(","))
        for keys, status in ((KEY, 200), ({}, 401)):
            # Errors too are there to be read.
            response = client.post(PATH, json=CHAT | {"stream": True}, headers={"Origin": PAGE} | keys)
            assert response.status_code == status
            assert response.headers["access-control-allow-origin"] == shown
            assert "access-control-allow-credentials" not in response.headers


@pytest.mark.parametrize("origins", [None, "", " ", "https://a.example"])
def test_pages_of_other_origins_get_nothing_to_read(tmp_path: Path, origins: str | None) -> None:
    with page_of(tmp_path, origins) as client:
        asked = client.options(PATH, headers={"Origin": PAGE} | PREFLIGHT)
        assert asked.status_code in (400, 401)
        response = client.post(PATH, json=CHAT, headers={"Origin": PAGE} | KEY)
        for got in (asked, response):
            assert "access-control-allow-origin" not in got.headers


def test_without_a_key_pages_of_this_machine_can_be_allowed(tmp_path: Path) -> None:
    with page_of(tmp_path, PAGE, None) as client:
        response = client.post(PATH, json=CHAT, headers={"Origin": PAGE})
        assert (response.status_code, response.headers["access-control-allow-origin"]) == (200, PAGE)
        refused = client.post(PATH, json=CHAT, headers={"Origin": "https://evil.example"})
        assert refused.status_code == 403 and "access-control-allow-origin" not in refused.headers


@pytest.mark.parametrize("origins", ["*", "https://a.example", f"{PAGE},https://a.example"])
def test_without_a_key_no_other_page_can_be_allowed(tmp_path: Path, origins: str) -> None:
    for key in (None, SecretStr("")):
        with pytest.raises(InvalidRequest, match="RAGSVC_API_KEY"):
            allowed_origins(Settings(home=tmp_path, api_key=key, allowed_origins=origins))


@pytest.mark.parametrize(
    "origin",
    ["localhost:3000", "http://", "http://a.example/", "HTTP://a.example", "http://a.example:x", "ftp://a",
     "http://me@a.example", "http://a.example?b", "null", "http://[::1", "http://A.example",
     "https://a.example:443", "http://localhost:80", "https://exämple.org", "http://a b.example"],
)  # fmt: skip
def test_what_is_no_origin_is_refused(tmp_path: Path, origin: str) -> None:
    settings = Settings(home=tmp_path, api_key=SecretStr("k"), allowed_origins=origin)
    with pytest.raises(InvalidRequest, match="no origin"):
        allowed_origins(settings)


def test_origins_are_taken_as_browsers_write_them(tmp_path: Path) -> None:
    given = "http://[::1]:3000, https://a.example,,https://a.example"
    settings = Settings(home=tmp_path, api_key=SecretStr("k"), allowed_origins=given)
    assert allowed_origins(settings) == ("http://[::1]:3000", "https://a.example")
