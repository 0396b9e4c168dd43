"""The size of the house: files, functions, classes and patterns, and what a request passes through.

    python -m benchmarks.house [--corpus FOLDER]

The static figures are counted in the syntax trees of the package. The ways are traced at run time in this
process: one ingest of a folder (its workers are processes of their own and not traced), then one search and
one answer over HTTP routes, with the bundled model and the built-in generator, each the second of its kind,
so that what loads once is not counted. A module is passed when one of its functions runs; the deepest own
stack counts frames of the package alone, in any thread.
"""

from __future__ import annotations

import argparse
import ast
import statistics
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from starlette.testclient import TestClient

from benchmarks.sets import table
from ragsvc.api.app import create_app
from ragsvc.domain import Caller, IngestRequest
from ragsvc.service.service import Service
from ragsvc.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "ragsvc"
QUESTION = "How does a diffusion model work?"


class Trace:
    """Counts what runs in this process, in every thread that begins after it."""

    def __init__(self) -> None:
        self._frames: set[tuple[str, str]] = set()
        self._deepest = 0
        self._prefix = str(PACKAGE)
        threading.setprofile(self._see)
        sys.setprofile(self._see)

    def of(self, name: str, act: Callable[[], Any]) -> list[str]:
        """Do something twice; the second time's name, modules, functions and deepest own stack."""
        act()
        self._frames.clear()
        self._deepest = 0
        act()
        files = {file for file, _ in self._frames}
        return [name, str(len(files)), str(len(self._frames)), str(self._deepest)]

    def _see(self, frame: FrameType, event: str, _: Any) -> None:
        if event != "call" or not frame.f_code.co_filename.startswith(self._prefix):
            return
        self._frames.add((frame.f_code.co_filename, frame.f_code.co_qualname))
        depth, above = 0, frame
        while above is not None:
            depth += above.f_code.co_filename.startswith(self._prefix)
            above = above.f_back  # type: ignore[assignment]
        self._deepest = max(self._deepest, depth)


def counted() -> list[list[str]]:
    """The static figures: name and value."""
    trees = {path: ast.parse(path.read_text("utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}
    lines = {path: len(path.read_text("utf-8").splitlines()) for path in trees}
    nodes = [node for tree in trees.values() for node in ast.walk(tree)]
    classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    lengths = [(node.end_lineno or node.lineno) - node.lineno + 1 for node in functions]
    names: dict[str, int] = {}
    for node in classes:
        if not node.name.startswith("_"):
            names[node.name] = names.get(node.name, 0) + 1
    return [
        ["files", str(len(trees))],
        ["lines", str(sum(lines.values()))],
        ["median and longest file", f"{statistics.median(lines.values()):.0f}, {max(lines.values())}"],
        [
            "median and ninth decile of a function",
            f"{statistics.median(lengths):.0f}, {statistics.quantiles(lengths, n=10)[-1]:.0f}",
        ],
        ["functions of more than 40 lines", f"{100 * sum(n > 40 for n in lengths) / len(lengths):.1f} %"],
        ["classes", str(len(classes))],
        ["dataclasses", str(sum(_is_dataclass(node) for node in classes))],
        ["public class names that two classes share", str(sum(count > 1 for count in names.values()))],
        ["compiled patterns", str(sum(_is_pattern(node) for node in nodes))],
    ]


def _is_dataclass(node: ast.ClassDef) -> bool:
    return any("dataclass" in ast.unparse(each) for each in node.decorator_list)


def _is_pattern(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "re.compile"


def ways(folder: Path) -> list[list[str]]:
    """What an ingest, a search and an answer pass through."""
    with tempfile.TemporaryDirectory() as home, Service.open(Settings(home=Path(home))) as service:
        trace = Trace()
        request = IngestRequest(corpus="c", paths=(str(folder),))
        ingested = trace.of("ingest of a folder", lambda: service.ingest(Caller(), request))
        app = create_app(service)
        with TestClient(app, base_url="http://127.0.0.1") as client:
            search = {"corpus": "c", "query": QUESTION}
            answer = {"corpus": "c", "question": QUESTION}
            return [
                trace.of("`POST /v1/answer`", lambda: _checked(client.post("/v1/answer", json=answer))),
                trace.of("`POST /v1/search`", lambda: _checked(client.post("/v1/search", json=search))),
                ingested,
            ]


def _checked(response: Any) -> None:
    if response.status_code != 200:
        raise SystemExit(f"the service answered {response.status_code}: {response.text[:300]}")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=ROOT / "corpora" / "handbook")
    given = parser.parse_args()
    print(table(("figure", "value"), counted()), end="\n\n")
    print(table(("way", "modules", "functions", "deepest own stack"), ways(given.corpus)))


if __name__ == "__main__":
    main()
