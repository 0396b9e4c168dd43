"""Writes docker/requirements.txt: what the image installs, at the versions of constraints.txt, with hashes.

.venv/bin/python docker/lock.py        # needs uv (pip install uv) and a package index
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "docker" / "requirements.txt"
# It is installed first, from the index that has it without CUDA; so what only CUDA needs is left out too.
APART = "torch"
CUDA = ("nvidia", "cuda", "triton")
# What builds the package itself.
BUILD = ("setuptools",)
HEAD = (
    "# What the image installs besides torch. Made by docker/lock.py: change constraints.txt, and run it.\n"
)


def normal(name: str) -> str:
    """The name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins() -> dict[str, str]:
    """Lines of constraints.txt by normal name."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return {normal(line.split("==")[0]): line for line in lines if line and not line.startswith("#")}


def needed() -> set[str]:
    """Names of all that ragsvc needs where this runs, and what those need in turn."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    todo = [Requirement(line) for line in (*project["dependencies"], *BUILD)]
    seen: set[tuple[str, frozenset[str]]] = set()
    while todo:
        wanted = todo.pop()
        key = (normal(wanted.name), frozenset(wanted.extras))
        if key in seen:
            continue
        seen.add(key)
        for line in metadata.distribution(wanted.name).requires or ():
            further = Requirement(line)
            extras = ("", *wanted.extras)
            if further.marker and not any(further.marker.evaluate({"extra": extra}) for extra in extras):
                continue
            if key[0] != APART or not normal(further.name).startswith(CUDA):
                todo.append(further)
    return {name for name, _ in seen} - {APART}


def main() -> int:
    """Write the file; gives the exit code."""
    known, names = pins(), sorted(needed())
    missing = [name for name in names if name not in known]
    if missing:
        print(f"not in constraints.txt: {', '.join(missing)}", file=sys.stderr)
        return 1
    options = [
        "--quiet",
        "--no-deps",
        "--generate-hashes",
        "--no-header",
        "--no-annotate",
        "--python-version",
        "3.11",
    ]
    with tempfile.TemporaryDirectory() as folder:
        wanted, made = Path(folder) / "wanted.txt", Path(folder) / "made.txt"
        wanted.write_text("".join(f"{known[name]}\n" for name in names))
        subprocess.run(["uv", "pip", "compile", wanted, *options, "--output-file", made], check=True)
        TARGET.write_text(HEAD + made.read_text())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
