"""Makes `tests/` importable, so that every folder of tests can use the shared doubles."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse tests that share an id: several processes would run only one of them."""
    if len({item.nodeid for item in items}) < len(items):
        raise pytest.UsageError("several tests have the same id")
