"""Do readers wait for writers? Search over HTTP while `ragsvc ingest` runs on the same cores.

    [RAGSVC_TEST_DATA=folder] python -m benchmarks.latency [--home DIR] [--rate 15] [--only load commits]

load: searches at a fixed rate, first alone, then while the command line ingests 5,000 documents into the
same home; latency counts from the time at which a request was to leave. commits: 50 commits of 1,000
chunks each: how long until every reply comes from the new one, and what they do to the server's memory.
The texts to search are kept under --home; every run works on a copy. Exit code 4 when a target is missed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.lag import lags
from benchmarks.load import Connections, Reply, drive, percentile
from benchmarks.server import Server
from benchmarks.sets import table
from benchmarks.texts import paragraphs, questions
from ragsvc.domain import Caller, IngestReport, InlineDocument
from ragsvc.service.service import Service
from ragsvc.settings.settings import Settings

CALLER = Caller()
CORPUS, STASH = "bench", "stash"
WORDS = 60
COMMITTED = 1000
COMMITS = 50
BLOCK = 1000
PROBE = json.dumps({"corpus": CORPUS, "query": "insulin", "mode": "lexical", "k": 1}).encode()
_POLL_S = 0.01

Row = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Work:
    """One run: the copied home, the server over it, and what was asked for on the command line."""

    home: Path
    lag_file: Path
    server: Server
    connections: Connections
    given: argparse.Namespace


def prepare(home: Path, chunks: int) -> None:
    """Fill the corpus to search, and embed what will be committed; kept from one run to the next."""
    with Service.open(Settings(home=home)) as service:
        texts = _short(paragraphs())
        held = {summary.name: summary.chunks for summary in service.corpora(CALLER)}
        for generation in range(2):
            if held.get(STASH, 0) < COMMITTED * 2:
                documents = [
                    InlineDocument(f"{generation}-{each.document_id}", each.text)
                    for each in committed(generation)
                ]
                service.ingest_inline(CALLER, STASH, documents, {})
        numbered, present = enumerate(texts), held.get(CORPUS, 0)
        while present < chunks:
            block = [InlineDocument(f"text-{number:06}", text) for number, text in islice(numbered, BLOCK)]
            service.ingest_inline(CALLER, CORPUS, block, {})
            present = service.corpus(CALLER, CORPUS).chunks
            print(f"{present} chunks", file=sys.stderr)


def committed(generation: int) -> list[InlineDocument]:
    """Documents of one chunk each, the same ids and other texts in each of two generations."""
    texts = islice(_short(paragraphs()), COMMITTED)
    return [
        InlineDocument(f"commit-{number:04}", f"{text} Revision {generation}.")
        for number, text in enumerate(texts)
    ]


def _short(texts: Iterator[str]) -> Iterator[str]:
    return (" ".join(text.split()[:WORDS]) for text in texts)


def write_files(folder: Path, count: int, words: int) -> None:
    """Documents that the corpus does not hold."""
    folder.mkdir()
    for number, text in enumerate(islice(paragraphs(), count)):
        body = " ".join(text.split()[:words])
        (folder / f"page-{number:05}.txt").write_text(f"Page {number}. {body}\n", encoding="utf-8")


def measure_load(work: Work, folder: Path) -> tuple[list[Row], bool]:
    """Search alone, then during an ingest."""
    given, connections = work.given, work.connections
    queries = questions()
    drive(connections, CORPUS, queries[:50], given.rate, lambda sent: sent < 50)
    idle = drive(connections, CORPUS, queries, given.rate, lambda sent: sent < given.requests)
    command = [sys.executable, "-m", "ragsvc", "ingest", CORPUS, str(folder), "--json"]
    with tempfile.TemporaryFile() as output:
        started = time.monotonic()
        child = subprocess.Popen([*command, "--home", str(work.home)], stdout=output)
        try:
            busy = drive(connections, CORPUS, queries, given.rate, lambda _: child.poll() is None)
        finally:
            child.kill()
        took = time.monotonic() - started
        if child.returncode:
            raise SystemExit(f"the ingest gave {child.returncode}")
    # Some more, so that the last commit is seen being taken in.
    after = drive(connections, CORPUS, queries, given.rate, lambda sent: sent < 3 * given.rate)
    time.sleep(1.2)
    quiet = lags(work.lag_file, idle[0].due, idle[-1].done)
    late = lags(work.lag_file, busy[0].due, after[-1].done)
    ratio = _latency(busy, 0.99) / _latency(idle, 0.99)
    failed = sum(reply.status != 200 for reply in (*idle, *busy, *after))
    seen = _seen(work, [*busy, *after])
    rows = [
        (f"searches at {given.rate:g} a second: idle / during ingest", f"{len(idle)} / {len(busy)}",
         f"≥ {given.requests}"),
        *((f"latency {name}, idle / during", _both(_latency(idle, share), _latency(busy, share)), "")
          for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("highest", 1.0))),
        ("p99 during over p99 idle", f"{ratio:.2f}", "≤ 2"),
        ("requests failed", str(failed), "0"),
        ("event loop lag p99, idle / during", _both(percentile(quiet, 0.99), percentile(late, 0.99)),
         "< 50 ms"),
        ("event loop lag, highest", _both(max(quiet), max(late)), ""),
        (f"ingest of {given.documents} documents under that load", f"{took:.0f} s", ""),
        ("its commit in every reply after", f"{seen:.2f} s", ""),
    ]  # fmt: skip
    good = ratio <= 2 and failed == 0 and percentile(late, 0.99) < 0.05 and len(busy) >= given.requests
    return rows, good


def measure_commits(work: Work) -> tuple[list[Row], bool]:
    """Replace 1,000 documents of one chunk 50 times, asking all the while."""
    delays, memory = [], []
    connections = Connections(work.server.port)
    texts = [committed(0), committed(1)]
    with Service.open(Settings(home=work.home)) as service, ThreadPoolExecutor(1) as writer:
        for number in range(work.given.commits):
            pending = writer.submit(service.ingest_inline, CALLER, CORPUS, texts[number % 2], {})
            asked = list(_ask_until(pending, connections, 10 * work.given.workers))
            report = pending.result()
            if report.embedded:
                raise SystemExit("what is committed was to be embedded before")
            stale = [at for at, commit in asked if commit < report.commit]
            delays.append(max(0.0, max(stale) - _made_at(work, report.commit)))
            memory.append(work.server.mebibytes())
    quarter = max(1, len(memory) // 4)
    early, late = max(memory[quarter : 2 * quarter]), max(memory[-quarter:])
    rows = [
        (f"commit of {COMMITTED} chunks in every reply after, median", f"{median(delays):.2f} s", ""),
        ("the slowest of them", f"{max(delays):.2f} s", "< 1 s"),
        (f"memory of the server, highest of the second and last quarter of {len(memory)} commits",
         f"{early:.0f} / {late:.0f} MiB", "flat"),
    ]  # fmt: skip
    return rows, max(delays) < 1 and late < 1.05 * early


def _ask_until(
    pending: Future[IngestReport], connections: Connections, in_a_row: int
) -> Iterator[tuple[float, int]]:
    """Ask until so many replies in a row come from the new commit; when each was asked, and its commit.

    Over new connections, which spread over the workers: so many new replies mean all of them.
    """
    fresh = 0
    while fresh < in_a_row:
        asked = time.time()
        connections.close()
        _, content = connections.post("/v1/search", PROBE)
        commit = int(json.loads(content)["commit"])
        yield asked, commit
        fresh = fresh + 1 if pending.done() and commit >= pending.result().commit else 0
        time.sleep(_POLL_S)


def _seen(work: Work, replies: Sequence[Reply]) -> float:
    """Seconds from the newest commit to the sending of the last request answered from an older one."""
    newest = max(reply.commit for reply in replies)
    shift = time.time() - time.monotonic()
    stale = [reply.due + shift for reply in replies if reply.status == 200 and reply.commit < newest]
    return max(0.0, max(stale) - _made_at(work, newest))


def _made_at(work: Work, commit: int) -> float:
    """When a commit was written, seconds since 1970; the catalog has it to the millisecond."""
    with sqlite3.connect(f"file:{work.home}/catalog.db?mode=ro", uri=True) as connection:
        (made,) = connection.execute('SELECT created_at FROM "commit" WHERE id = ?', (commit,)).fetchone()
    return datetime.fromisoformat(made).timestamp()


def _latency(replies: Sequence[Reply], share: float) -> float:
    return percentile([reply.latency_s for reply in replies], share)


def _both(idle_s: float, busy_s: float) -> str:
    return f"{idle_s * 1000:.1f} / {busy_s * 1000:.1f} ms"


def options() -> Any:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--home", type=Path, default=Path("indexes/bench-latency"))
    parser.add_argument("--chunks", type=int, default=10_000, help="size of the corpus that is searched")
    parser.add_argument("--documents", type=int, default=5_000, help="ingested during the load")
    parser.add_argument("--words", type=int, default=150, help="of each document")
    parser.add_argument("--rate", type=float, default=15.0, help="searches a second")
    parser.add_argument("--requests", type=int, default=2_000, help="in each phase")
    parser.add_argument("--commits", type=int, default=COMMITS)
    parser.add_argument("--workers", type=int, default=1, help="processes of the server")
    parser.add_argument("--only", nargs="+", choices=("load", "commits"), default=("load", "commits"))
    return parser.parse_args()


def main() -> int:
    """Run from the command line."""
    given = options()
    prepare(given.home, given.chunks)
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(shutil.copytree(given.home, Path(scratch) / "home"))
        folder, lag_file = Path(scratch) / "pages", Path(scratch) / "lag"
        write_files(folder, given.documents, given.words)
        words = ("--workers", str(given.workers)) if given.workers > 1 else ()
        rows: list[Row] = []
        good = True
        with Server(home, words, module="benchmarks.lag", LAG_FILE=str(lag_file)) as server:
            connections = Connections(server.port)
            work = Work(home, lag_file, server, connections, given)
            for name, measure in (
                ("load", lambda: measure_load(work, folder)),
                ("commits", lambda: measure_commits(work)),
            ):
                if name in given.only:
                    more, met = measure()
                    rows += more
                    good &= met
            connections.close()
    print(table(("figure", "value", "target"), rows))
    return 0 if good else 4


if __name__ == "__main__":
    raise SystemExit(main())
