"""The page /docs: complete without any other machine, and drawn by a real browser where there is one."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from browser_page import FLAGS
from playwright.sync_api import expect, sync_playwright
from real_server import Server

pytestmark = pytest.mark.e2e


def test_all_that_the_page_loads_comes_from_here(server: Server) -> None:
    page = server.http.get("/docs")
    assert page.status_code == 200
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(loaded) >= 4
    for address in loaded:
        if not address.startswith("data:"):
            assert address.startswith("/")
            assert server.http.get(address).status_code == 200


def test_a_browser_draws_the_operations_and_calls_nobody_else(server: Server, tmp_path: Path) -> None:
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("no chromium is installed")
    record = tmp_path / "net.json"
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
               "--disable-component-update", "--disable-sync", "--disable-quic", "--no-first-run",
               "--virtual-time-budget=20000", f"--user-data-dir={tmp_path}", f"--log-net-log={record}",
               "--dump-dom", f"{server.url}/docs"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    document = server.http.get("/openapi.json").json()
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert (
                operation["summary"].replace("'", "&#39;") in done.stdout
                or operation["summary"] in done.stdout
            )
        assert path in done.stdout.replace("<wbr>", "").replace("\u200b", "")
    events = json.loads(record.read_text())["events"]
    # The browser itself may look for updates; what counts is what the page asked for.
    asked = [event["params"] for event in events if "url" in event.get("params", {})]
    called = {params["url"] for params in asked if str(params.get("initiator", "")).startswith(server.url)}
    hosts = {urlsplit(url).hostname for url in called if url.startswith(("http", "ws"))}
    assert hosts == {"127.0.0.1"}


def test_after_the_login_it_can_be_typed_into_the_address_bar(keyed_server: Server) -> None:
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("no chromium is installed")
    key = keyed_server.headers["Authorization"].removeprefix("Bearer ")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=FLAGS)
        page = browser.new_page()
        refused = page.goto(f"{keyed_server.url}/docs")
        assert refused is not None and refused.status == 401
        page.goto(keyed_server.url)
        page.fill("#key", key)
        page.press("#key", "Enter")
        expect(page.get_by_role("button", name="Log out")).to_be_visible()
        page.goto(f"{keyed_server.url}/docs")
        expect(page.get_by_text("/v1/records").first).to_be_visible(timeout=60_000)
        typed = page.goto(f"{keyed_server.url}/v1/corpora")
        assert typed is not None and typed.status == 403
        browser.close()
