"""Makes `tests/` importable, so that every folder of tests can use the shared doubles."""

from __future__ import annotations

import pytest

# A minute and more each: begun last, one of them would keep one core busy and leave the others idle.
SLOW_FILES = ("test_doc_samples", "test_torture_", "test_e2e_", "test_job_budget")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse tests that share an id, of which several processes would run only one; slow files come first."""
    if len({item.nodeid for item in items}) < len(items):
        raise pytest.UsageError("several tests have the same id")
    items.sort(key=lambda item: not item.path.name.startswith(SLOW_FILES))
