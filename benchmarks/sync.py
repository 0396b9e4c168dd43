"""Sync on a real folder: a second ingest, small edits, and ten kills.

    python -m benchmarks.sync FOLDER [--home DIR]

Ingests a copy of the folder through the command line; ingests it again; edits one paragraph of one page
fifty times; kills an ingest into a fresh home ten times with SIGKILL and compares its end with the first.
Exit code 4 when a figure misses its target.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.sets import table
from ragsvc.domain import Caller, Collapse, Mode, SearchRequest
from ragsvc.service.service import Service
from ragsvc.settings import Settings

CORPUS = "docs"
EDITS = 50
KILLS = 10
QUERIES = 60


def ragsvc(*words: str) -> dict:
    """Run the command line; its JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "ragsvc", *words, "--json"], stdout=subprocess.PIPE, check=False
    )
    if done.returncode not in (0, 3):
        raise SystemExit(f"ragsvc {' '.join(words)} gave {done.returncode}: {done.stdout.decode()}")
    return json.loads(done.stdout)


def ingest(folder: Path, home: Path) -> dict:
    return ragsvc("ingest", CORPUS, str(folder), "--prune", "--as", "docs", "--home", str(home))


def edit(folder: Path, pick: random.Random) -> None:
    """Change a word in one body paragraph of one page."""
    pages = sorted(p for p in folder.rglob("*") if p.suffix in (".md", ".mdx"))
    while True:
        page = pick.choice(pages)
        paragraphs = page.read_text("utf-8").split("\n\n")
        body = [i for i, p in enumerate(paragraphs) if i > 2 and len(p) > 80 and p[0].isalpha()]
        if body:
            chosen = pick.choice(body)
            words = paragraphs[chosen].split(" ")
            words[pick.randrange(len(words))] = f"edited{pick.randrange(10**6)}"
            paragraphs[chosen] = " ".join(words)
            page.write_text("\n\n".join(paragraphs), "utf-8")
            return


def kill_repeatedly(folder: Path, home: Path, pick: random.Random, whole_s: float) -> tuple[int, int]:
    """Start an ingest and kill it, ten times.

    :return: how often the home opened at its last commit afterwards, and how many ingests were killed.
    """
    opened = killed = 0
    command = [sys.executable, "-m", "ragsvc", "ingest", CORPUS, str(folder), "--prune", "--as", "docs"]
    for _ in range(KILLS):
        child = subprocess.Popen(
            [*command, "--home", str(home), "--json"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        time.sleep(2.0 + pick.random() * whole_s / KILLS)
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
            killed += 1
        child.wait()
        listed = {c["name"]: c for c in ragsvc("corpora", "list", "--home", str(home))["corpora"]}
        whole = CORPUS not in listed or listed[CORPUS]["documents"] == 0 or child.returncode == 0
        opened += whole
    return opened, killed


def state_of(home: Path, queries: list[str]) -> tuple[list, list]:
    """All documents with versions, and what the queries find."""
    with Service.open(Settings(home=home)) as service:
        caller, cursor, documents = Caller(), None, []
        while True:
            page, cursor = service.documents(caller, CORPUS, cursor=cursor, limit=1000)
            documents += [
                (d.document_id, d.version, json.dumps(dict(d.metadata), sort_keys=True)) for d in page
            ]
            if cursor is None:
                break
        found = []
        for query in queries:
            request = SearchRequest(
                corpora=(CORPUS,), query=query, k=10, mode=Mode.HYBRID, collapse=Collapse.OFF
            )
            found.append([(h.passage.document_id, h.passage.start, h.passage.end, h.score)
                          for h in service.search(caller, request).hits])  # fmt: skip
        return documents, found


def same(one: list, other: list) -> bool:
    return len(one) == len(other) and all(
        a[:3] == b[:3] and abs(a[3] - b[3]) <= 1e-5
        for left, right in zip(one, other, strict=True)
        for a, b in zip(left, right, strict=True)
    )


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--home", type=Path)
    options = arguments.parse_args()
    base = options.home or Path(tempfile.mkdtemp())
    folder = base / "folder"
    shutil.copytree(options.folder, folder, dirs_exist_ok=True)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    first = ingest(folder, base / "home")
    print(f"first ingest: {json.dumps(first['documents'])}, {first['chunks']['added']} chunks, "
          f"{first['embedded']} embedded, {first['seconds']:.0f} s", flush=True)  # fmt: skip
    second = ingest(folder, base / "home")
    pick = random.Random(1)
    opened, killed = kill_repeatedly(folder, base / "killed", pick, first["seconds"])
    ingest(folder, base / "killed")
    headings = [p.stem.replace("-", " ") for p in sorted(folder.rglob("*.md*"))]
    queries = pick.sample(headings, min(QUERIES, len(headings)))
    documents, found = state_of(base / "home", queries)
    documents_killed, found_killed = state_of(base / "killed", queries)
    equal = documents == documents_killed and same(found, found_killed)
    embedded = []
    for _ in range(EDITS):
        edit(folder, pick)
        embedded.append(ingest(folder, base / "home")["embedded"])
    mean = sum(embedded) / EDITS
    fresh_commit = first["commit"] == second["commit"]
    rows = [
        ("files in exactly one count", f"{sum(first['documents'].values())} of "
         f"{sum(1 for p in folder.rglob('*') if p.is_file())}", "all"),
        ("second ingest: texts embedded", str(second["embedded"]), "0"),
        ("second ingest: commits made", "0" if fresh_commit else "1", "0"),
        ("second ingest: seconds of work", f"{second['seconds']:.2f}", "< 2"),
        (f"texts embedded per edit, mean of {EDITS}", f"{mean:.2f} (most {max(embedded)})", "<= 2"),
        ("ingests killed, then at the last commit", f"{opened} of {KILLS} ({killed} killed at work)", "all"),
        (f"documents and {len(queries)} searches equal to a fresh build", "yes" if equal else "no", "yes"),
    ]  # fmt: skip
    print(table(("figure", "value", "target"), rows))
    good = second["embedded"] == 0 and fresh_commit and second["seconds"] < 2 and mean <= 2
    return 0 if good and opened == KILLS and equal else 4


if __name__ == "__main__":
    raise SystemExit(main())
