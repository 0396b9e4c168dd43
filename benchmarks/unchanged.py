"""A second ingest of 10,000 unchanged files, against reading and hashing them alone.

    python -m benchmarks.unchanged [--files 10000] [--words 12] [--runs 5]

Everything goes through the command line and the bundled model. What a process needs to start is measured
with the second ingest of a single file, and taken off the wall time. Exit code 4 when a figure misses its
target.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.sets import table
from benchmarks.texts import paragraphs

FILES_PER_FOLDER = 100
TARGET_S = 5.0


def write_files(folder: Path, count: int, words: int) -> None:
    """Different short texts, as a tree of folders; MedQuAD's or the handbook's words."""
    for number, text in enumerate(islice(paragraphs(), count)):
        inner = folder / f"part-{number // FILES_PER_FOLDER:04}"
        inner.mkdir(parents=True, exist_ok=True)
        body = " ".join(text.split()[:words])
        (inner / f"note-{number:06}.md").write_text(f"{body} {number}.\n", encoding="utf-8")


def ingest(home: Path, corpus: str, folder: Path) -> tuple[dict[str, Any], float]:
    """The report of an ingest by command line, and its wall time in seconds."""
    command = [sys.executable, "-m", "ragsvc", "ingest", corpus, str(folder), "--prune", "--json"]
    start = time.perf_counter()
    done = subprocess.run([*command, "--home", str(home)], stdout=subprocess.PIPE, check=False)
    wall = time.perf_counter() - start
    if done.returncode != 0:
        raise SystemExit(f"the ingest gave {done.returncode}: {done.stdout.decode()}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report, wall


def hash_all(folder: Path) -> float:
    """Seconds to read and hash every file: what exactness cannot do without."""
    start = time.perf_counter()
    for path in sorted(folder.rglob("*.md")):
        hashlib.sha256(path.read_bytes()).digest()
    return time.perf_counter() - start


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--words", type=int, default=12, help="of each file; only the first ingest minds")
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home, folder, lone = (Path(scratch) / name for name in ("home", "folder", "lone"))
        write_files(folder, given.files, given.words)
        write_files(lone, 1, given.words)
        first, _ = ingest(home, "many", folder)
        ingest(home, "one", lone)
        print(f"first ingest: {first['documents']['added']} files, {first['embedded']} texts embedded, "
              f"{first['seconds']:.0f} s", file=sys.stderr)  # fmt: skip
        works, walls, hashes, reports = [], [], [], []
        for _ in range(given.runs):
            hashes.append(hash_all(folder))
            starting = ingest(home, "one", lone)[1]
            report, wall = ingest(home, "many", folder)
            reports.append(report)
            works.append(report["seconds"])
            walls.append(wall - starting)
    embedded = sum(report["embedded"] for report in reports)
    unchanged = min(report["documents"]["unchanged"] for report in reports)
    commits = len({report["commit"] for report in reports} | {first["commit"]}) - 1
    ratio = median(work / alone for work, alone in zip(works, hashes, strict=True))
    rows = [
        ("files unchanged", str(unchanged), str(given.files)),
        ("texts embedded", str(embedded), "0"),
        ("commits made", str(commits), "0"),
        ("seconds of work, median", f"{median(works):.2f} (most {max(works):.2f})", f"< {TARGET_S:.0f}"),
        ("wall less that of one file, median", f"{median(walls):.2f}", f"< {TARGET_S:.0f}"),
        ("reading and hashing the files alone", f"{median(hashes):.2f}", ""),
        ("work over reading and hashing, ratio", f"{ratio:.1f}", ""),
    ]
    print(table((f"second ingest of {given.files} files", "value", "target"), rows))
    fast = max(median(works), median(walls)) < TARGET_S
    return 0 if embedded == commits == 0 and unchanged == given.files and fast else 4


if __name__ == "__main__":
    raise SystemExit(main())
