"""Makes `tests/` importable, so that every folder of tests can use the shared doubles."""

from __future__ import annotations

from collections import Counter

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every test an id of its own: of those that share one, several processes would run only one."""
    shared = {name for name, count in Counter(item.nodeid for item in items).items() if count > 1}
    for item in items:
        if item.nodeid in shared:
            # Schemathesis tells its operations apart by the name alone.
            item._nodeid = f"{item.nodeid.rpartition('::')[0]}::{item.name}"
    if len({item.nodeid for item in items}) < len(items):
        raise pytest.UsageError("several tests have the same id")
