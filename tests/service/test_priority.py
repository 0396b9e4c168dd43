"""Long work gives way; what answers questions keeps its priority."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ragsvc.priority import NICENESS

AT_END = """
import atexit, os, sys
atexit.register(lambda: print(os.nice(0), file=sys.stderr))
from ragsvc.__main__ import main
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("command", "gives_way"), [("export c {0}/missing/to", True), ("gc c", True), ("corpora list", False)]
)
def test_only_long_work_gives_way(command: str, gives_way: bool, tmp_path: Path) -> None:
    words = [word.format(tmp_path) for word in command.split()]
    ran = subprocess.run(
        [sys.executable, "-c", AT_END, *words, "--home", str(tmp_path / "home")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    own = os.nice(0)
    assert int(ran.stderr.split()[-1]) == (max(own, NICENESS) if gives_way else own)
