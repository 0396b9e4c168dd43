"""Export, import and rebuild with the real model: time, size, memory, and whether the answers stay.

    python -m benchmarks.carry HOME CORPUS [--queries 200] [--folder FOLDER]

HOME holds the corpus already; it is only read. With a folder, it is ingested once more at the other place,
which must embed nothing. Prints a table; exit code 4 when a hit, a score or a count differs.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.sets import table
from ragsvc.domain import Caller, Mode, SearchRequest, SearchResult
from ragsvc.service.service import Service
from ragsvc.settings import Settings

ME = Caller()
TOLERANCE = 1e-5
# Runs one command line and tells its own peak of memory, which a child's usage would not tell alone.
_RUN = """
import json, re, sys
from pathlib import Path
from ragsvc.cli.main import main
code = main(sys.argv[1:])
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
print(json.dumps({"peak_kib": int(peak[1])}), file=sys.stderr)
sys.exit(code)
"""


def ragsvc(*words: str) -> tuple[dict[str, Any], float, float]:
    """Run the command line; its JSON, wall seconds, and peak memory in MiB."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _RUN, *words, "--json"], capture_output=True, text=True, check=False
    )
    wall = time.perf_counter() - started
    if done.returncode not in (0, 3):
        raise SystemExit(f"ragsvc {' '.join(words)} gave {done.returncode}: {done.stdout}{done.stderr}")
    peak = json.loads(done.stderr.splitlines()[-1])["peak_kib"] / 1024
    return json.loads(done.stdout), wall, peak


def make_queries(service: Service, corpus: str, count: int) -> list[str]:
    """Some words that stand together in the stored texts."""
    pick = random.Random(5)
    documents, _ = service.documents(ME, corpus, cursor=None, limit=1000)
    queries = []
    while len(queries) < count:
        document = pick.choice(documents)
        start = pick.randrange(max(document.characters - 200, 1))
        text = service.text(
            ME, corpus, document.document_id, None, start, min(start + 200, document.characters)
        )
        words = re.findall(r"\w+", text.text)[1:-1]
        if len(words) > 3:
            first = pick.randrange(len(words) - 2)
            queries.append(" ".join(words[first : first + pick.randint(2, 9)]))
    return queries


def found(home: Path, corpus: str, queries: list[str]) -> list[SearchResult]:
    """What each query finds, modes in turn."""
    with Service.open(Settings(home=home)) as service:
        return [
            service.search(
                ME, SearchRequest(corpora=(corpus,), query=query, k=10, mode=list(Mode)[number % 3])
            )
            for number, query in enumerate(queries)
        ]


def same(one: SearchResult, other: SearchResult) -> bool:
    """Whether both found the same, with the same scores."""
    shown = [
        [
            (hit.passage.chunk_id, hit.passage.document_id, hit.passage.page, hit.duplicates)
            for hit in result.hits
        ]
        for result in (one, other)
    ]
    near = all(abs(a.score - b.score) <= TOLERANCE for a, b in zip(one.hits, other.hits, strict=False))
    return shown[0] == shown[1] and near


def told(report: dict[str, Any], wall_s: float, peak_mib: float) -> str:
    """Times and memory of one command."""
    return f"{report['seconds']:.1f} s ({wall_s:.1f} s; {peak_mib:.0f} MiB)"


def measure(home: Path, corpus: str, count: int, folder: Path | None, work: Path) -> int:
    """Carry the corpus to a new home; returns the exit code."""
    out, there = work / "out", work / "there"
    exported, export_s, export_mib = ragsvc("export", corpus, str(out), "--home", str(home))
    imported, import_s, import_mib = ragsvc("import", str(out), "--home", str(there))
    with Service.open(Settings(home=home)) as service:
        queries = make_queries(service, corpus, count)
    before = found(home, corpus, queries)
    after = found(there, corpus, queries)
    rebuilt, rebuild_s, _ = ragsvc("rebuild", corpus, "--home", str(there))
    last = found(there, corpus, queries)
    equal = sum(same(a, b) for a, b in zip(before, after, strict=True))
    equal_last = sum(same(a, b) for a, b in zip(before, last, strict=True))
    counts = ", ".join(str(exported[name]) for name in ("documents", "chunks", "vectors"))
    rows: list[tuple[str, str]] = [
        ("documents, chunks, vectors", counts),
        ("size of the export", f"{exported['size_bytes'] / 2**20:.1f} MiB"),
        ("export, work (whole command; peak memory)", told(exported, export_s, export_mib)),
        ("import, work (whole command; peak memory)", told(imported, import_s, import_mib)),
        ("queries with the same hits and scores", f"{equal} of {count}"),
        ("rebuild (whole command), texts embedded", f"{rebuild_s:.1f} s, {rebuilt['embedded']}"),
        ("the same after the rebuild", f"{equal_last} of {count}"),
    ]
    wrong = equal < count or equal_last < count or rebuilt["embedded"]
    if folder is not None:
        report, _, _ = ragsvc("ingest", corpus, str(folder), "--home", str(there))
        rows.append(
            ("ingest of the same folder there", f"{report['embedded']} texts embedded, {report['documents']}")
        )
        wrong = wrong or report["embedded"]
    print(table(("figure", "value"), rows))
    return 4 if wrong else 0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("home", type=Path)
    parser.add_argument("corpus")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="ragsvc-carry-"))
    try:
        return measure(arguments.home, arguments.corpus, arguments.queries, arguments.folder, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
