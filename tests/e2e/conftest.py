"""Fixtures: one handbook, embedded once by the real model; servers over copies of it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from browser_page import FLAGS
from playwright.sync_api import Browser, sync_playwright
from real_server import HANDBOOK, Server, World

API_KEY = "correct horse battery staple"


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("e2e"))
    yield world
    left = [child for child in psutil.Process().children() if "ragsvc" in child.cmdline()]
    for child in left:
        child.kill()
    assert not left
    assert not world.calls.exists(), world.calls.read_text()


@pytest.fixture(scope="session")
def cut_off() -> tuple[str, ...]:
    """What to put before a command that is to run without a network; empty where that is forbidden."""
    command = ("unshare", "--map-root-user", "--net")
    try:
        permitted = subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        permitted = False
    return command if permitted else ()


@pytest.fixture(scope="session")
def handbook(world: World, cut_off: tuple[str, ...]) -> Path:
    """A home with the handbook, made by the command line, without a network where that can be had."""
    home = world.folder / "handbook-home"
    done = world.ragsvc("ingest", "handbook", HANDBOOK, "--home", home, "--json", prefix=cut_off)
    assert done.code == 0, done.err
    assert done.json["documents"]["added"] >= 40
    return home


@pytest.fixture(scope="session")
def server(world: World, handbook: Path) -> Iterator[Server]:
    """A server without a key, as `make run` starts it."""
    home = shutil.copytree(handbook, world.folder / "open" / "home")
    server = Server(world, home, {"RAGSVC_MAX_CONCURRENT_QUERIES": "12"})
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def keyed_server(world: World, handbook: Path) -> Iterator[Server]:
    """A server with a key, whose corpora may be spoilt."""
    home = shutil.copytree(handbook, world.folder / "keyed" / "home")
    server = Server(world, home, {"RAGSVC_API_KEY": API_KEY})
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium of this machine, for the tests of the page."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("no chromium is installed")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()
