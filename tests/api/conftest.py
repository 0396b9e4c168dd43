from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fake import FakeService
from starlette.testclient import TestClient

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
