from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where packed models are unpacked, once for all tests of a process."""
    return tmp_path_factory.mktemp("unpacked")
