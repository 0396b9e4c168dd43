from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from fake import FakeService
from starlette.testclient import TestClient

from ragsvc.api import server
from ragsvc.api.app import create_app
from ragsvc.settings.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, api_key=None, max_request_bytes=256 << 10, max_concurrent_queries=4)


@pytest.fixture
def service(settings: Settings) -> FakeService:
    return FakeService(settings)


@pytest.fixture
def client(service: FakeService) -> Iterator[TestClient]:
    with TestClient(create_app(service), base_url="http://localhost") as client:
        yield client


@pytest.fixture
def running(service: FakeService) -> Iterator[int]:
    """Port of a real server over the fake service."""
    listener = server.bind("127.0.0.1", 0)
    running = uvicorn.Server(server.configuration(create_app(service)))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
    thread.start()
    while not running.started:
        time.sleep(0.01)
    yield listener.getsockname()[1]
    running.should_exit = True
    thread.join(15)
    listener.close()
    assert not thread.is_alive()
