"""How much a torture run does, and what it counted.

RAGSVC_TORTURE: kills of the long run; unset: the short one. RAGSVC_TORTURE_SEED: repeats a run.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest
from torture_zygote import Zygote

LINES = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def kills_wanted() -> int:
    """Kills of the long run; 0: the short run."""
    return int(os.environ.get("RAGSVC_TORTURE") or 0)


@pytest.fixture(scope="session")
def seed(kills_wanted: int, say: list[str]) -> int:
    """Where random choices begin: another one each time in the long run, the same in the short."""
    chosen = int(os.environ.get("RAGSVC_TORTURE_SEED") or (random.randrange(10**6) if kills_wanted else 7))
    say.append(f"torture: seed {chosen} (RAGSVC_TORTURE_SEED={chosen} repeats it)")
    return chosen


@pytest.fixture(scope="session")
def say(pytestconfig: pytest.Config) -> list[str]:
    """Lines for the end of the run."""
    return pytestconfig.stash.setdefault(LINES, [])


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """The process that forks all others."""
    with Zygote() as started:
        yield started


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    for line in config.stash.get(LINES, []):
        terminalreporter.write_line(line)
