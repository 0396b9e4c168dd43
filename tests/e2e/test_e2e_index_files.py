"""Index files that are damaged under a running server: it goes on, notices, and writes them anew."""

from __future__ import annotations

import os
import shutil
from functools import partial
from pathlib import Path

import pytest
from real_server import Server, World, wait_for

pytestmark = pytest.mark.e2e


def index_files(home: Path) -> list[Path]:
    return sorted(home.glob("*/*/*.npy"))


def truncate(path: Path) -> None:
    os.truncate(path, 10)


def damage(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\xff" * 40)


def close_off(path: Path) -> None:
    path.chmod(0)


def test_a_server_lives_through_spoilt_index_files(world: World, handbook: Path) -> None:
    home = Path(shutil.copytree(handbook, world.folder / "spoilt" / "home"))
    server = Server(world, home)
    try:
        server.wait_until_ready()
        query = {"corpus": "handbook", "query": "What is a diffusion model?"}
        expected = server.post("/v1/search", **query)["hits"]
        for spoil in (truncate, damage, Path.unlink, close_off):
            before = {path: path.read_bytes() for path in index_files(home)}
            for path in before:
                spoil(path)
            for _ in range(3):
                assert server.post("/v1/search", **query)["hits"] == expected, spoil.__name__
            if spoil is close_off and os.geteuid() == 0:
                continue  # it can read everything
            wait_for(partial(is_whole, before), 30)
        assert world.ragsvc("verify", "--home", home).code == 0
        assert server.http.get("/healthz").status_code == 200
    finally:
        server.close()


def is_whole(before: dict[Path, bytes]) -> bool:
    try:
        return all(path.read_bytes() == was for path, was in before.items())
    except OSError:
        return False
