"""How much a torture run does, and what it counted.

RAGSVC_TORTURE: kills of the long run; unset: the short one. RAGSVC_TORTURE_SEED: repeats a run.
"""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterator

import pytest
from torture_zygote import UNSHARE, Zygote

MOUNT = ("mount", "-t", "tmpfs", "tmpfs")
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
def no_mounts(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Why this machine lets us mount nothing; "" when it does."""
    folder = tmp_path_factory.mktemp("probe")
    probe = subprocess.run([*UNSHARE, *MOUNT, str(folder)], capture_output=True, text=True)
    return probe.stderr.strip() or f"exit code {probe.returncode}" if probe.returncode else ""


@pytest.fixture(scope="session")
def zygote(no_mounts: str) -> Iterator[Zygote]:
    """The process that forks all others, with mounts of its own where the machine allows it."""
    with Zygote(*(() if no_mounts else UNSHARE)) as started:
        yield started


@pytest.fixture
def mounting(zygote: Zygote, no_mounts: str) -> Zygote:
    """The same, for tests that mount something."""
    if no_mounts:
        pytest.skip(f"it takes a mount namespace, which this machine refuses: {no_mounts}")
    return zygote


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    for line in config.stash.get(LINES, []):
        terminalreporter.write_line(line)
