from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ragsvc.store.catalog import Catalog


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "home") as opened:
        yield opened
