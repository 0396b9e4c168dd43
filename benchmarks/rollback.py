"""How soon does a server answer from what a `ragsvc rollback` brought back, at 100,000 chunks?

    python -m benchmarks.rollback [--home DIR] [--chunks 100000]

Vectors are made up, of the bundled model's size, and stored as that model's, so the server and the
commands are the real ones. The corpus is kept under --home; every run works on a copy. 1 % and then 50 % of
its documents are edited or pruned, and that is undone; then it is cut anew by a reindex, and that is undone.
Times count from the commit in the catalog, and from the end of the command, to the first reply from the new
state. Exit code 4 when a rollback is served 1 s or more after its command.
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
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from benchmarks.server import Server
from benchmarks.sets import table
from ragsvc.domain import Caller, EmbedderSpec, F32Matrix, I32Matrix, IngestRequest, Prune
from ragsvc.models.embedder import SentenceTransformerEmbedder
from ragsvc.service.service import Service
from ragsvc.settings.settings import Settings

CALLER = Caller()
CORPUS = "bench"
LIMIT_S = 1.0
CHUNKS_EACH = 10
WORDS_EACH = 40
_POLL_S = 0.005
_WORD = re.compile(r"\w+")
_VOCABULARY = 20_000


class _Words:
    """A Tokeniser of words."""

    special_tokens = 2

    def count(self, text: str) -> int:
        """See `Tokeniser`."""
        return len(_WORD.findall(text))

    def spans(self, text: str) -> I32Matrix:
        """See `Tokeniser`."""
        found = [match.span() for match in _WORD.finditer(text)]
        return np.array(found, dtype=np.int32).reshape(-1, 2)


class _Pretender:
    """Made up vectors under the name of the bundled model."""

    tokeniser = _Words()

    def __init__(self, name: str) -> None:
        self.spec: EmbedderSpec = SentenceTransformerEmbedder(name).spec
        self._random = np.random.default_rng(5)

    def embed_documents(self, texts: Sequence[str]) -> F32Matrix:
        """See `Embedder`."""
        rows = self._random.standard_normal((len(texts), self.spec.dimension), dtype=np.float32)
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))

    embed_queries = embed_documents

    def warm_up(self) -> None:
        """There is nothing to load."""


def opened(home: Path) -> Service:
    """A service with made up vectors."""
    settings = Settings(home=home, chunk_tokens=WORDS_EACH + 8, chunk_overlap_tokens=0)
    return Service.open(settings, embedders=_Pretender)


def text_of(number: int, generation: int = 0) -> str:
    """About ten chunks of words that come as often as in a language."""
    chosen = random.Random(f"{number} {generation}")
    lines = []
    for _ in range(CHUNKS_EACH):
        words = (int(_VOCABULARY ** chosen.random()) for _ in range(WORDS_EACH))
        lines.append(" ".join(f"w{word}" for word in words) + ".")
    return "\n\n".join(lines)


def sync(home: Path, file: Path, texts: dict[int, str]) -> int:
    """Make the corpus hold exactly these documents; gives its head."""
    lines = (json.dumps({"id": f"doc-{number:06}", "text": text}) for number, text in texts.items())
    file.write_text("\n".join(lines), encoding="utf-8")
    with opened(home) as service:
        return service.ingest(
            CALLER, IngestRequest(corpus=CORPUS, paths=(str(file),), prune=Prune.REMOVE)
        ).commit


def changed(texts: dict[int, str], share: float, generation: int) -> dict[int, str]:
    """Edit half of a share of the documents, and remove the other half."""
    touched = random.Random(generation).sample(sorted(texts), max(2, int(len(texts) * share)))
    edited = {number: text_of(number, generation) for number in touched[::2]}
    return {number: text for number, text in (texts | edited).items() if number not in touched[1::2]}


class Watcher:
    """Asks a server all the time, and remembers when each commit was first answered from."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.seen: dict[int, float] = {}
        self.slowest_s = 0.0

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(_POLL_S):
            began = time.perf_counter()
            reply = self._server.post("/v1/search", {"corpus": CORPUS, "query": "w12 w345 w6789"})
            self.slowest_s = max(self.slowest_s, time.perf_counter() - began)
            self.seen.setdefault(int(reply["commit"]), time.time())

    def wait(self, commit: int) -> float:
        """The time, of the wall clock, of the first reply from a commit."""
        deadline = time.monotonic() + 120
        while commit not in self.seen:
            if time.monotonic() > deadline:
                raise SystemExit(f"commit {commit} was not served within 120 s")
            time.sleep(_POLL_S)
        return self.seen[commit]


@dataclass(frozen=True, slots=True)
class Measured:
    """One command: how long it took, and the time to the first reply from its commit."""

    what: str
    command_s: float
    from_commit_s: float
    from_end_s: float


def measure(what: str, home: Path, watcher: Watcher, to: int) -> Measured:
    """Roll back by the command line."""
    began = time.time()
    words = ["rollback", CORPUS, str(to), "--home", str(home)]
    subprocess.run([sys.executable, "-m", "ragsvc", *words], check=True, stdout=subprocess.DEVNULL)
    ended = time.time()
    with opened(home) as service:
        entry = service.maintenance.log(CALLER, CORPUS, limit=1)[0]
    served = watcher.wait(entry.id)
    committed = datetime.fromisoformat(entry.created_at).timestamp()
    return Measured(what, ended - began, served - committed, max(0.0, served - ended))


def run(home: Path, file: Path, texts: dict[int, str]) -> tuple[list[Measured], float]:
    """All changes, each undone; also the slowest reply of the server meanwhile, in seconds."""
    found = []
    first = sync(home, file, texts)
    with Server(home) as server, Watcher(server) as watcher:
        watcher.wait(first)
        watcher.slowest_s = 0.0
        for generation, share in enumerate((0.01, 0.5), 1):
            watcher.wait(sync(home, file, changed(texts, share, generation)))
            found.append(measure(f"{share:.0%} of the documents changed", home, watcher, first))
        with opened(home) as service:
            moved = service.maintenance.reindex(CALLER, CORPUS, chunk_overlap_tokens=4)
            at = service.maintenance.log(CALLER, CORPUS, limit=1)[0].created_at
        ended = time.time()
        served = watcher.wait(moved.commit)
        late = served - datetime.fromisoformat(at).timestamp()
        what = f"(the reindex itself: {moved.chunks} chunks)"
        found.append(Measured(what, moved.seconds, late, max(0.0, served - ended)))
        found.append(measure("reindexed", home, watcher, first))
    return found, watcher.slowest_s


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--home", type=Path, help="keep the corpus here for the next run")
    parser.add_argument("--chunks", type=int, default=100_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        kept = given.home or Path(folder) / "kept"
        began = time.perf_counter()
        texts = {number: text_of(number) for number in range(given.chunks // CHUNKS_EACH)}
        file = Path(folder) / "docs.jsonl"
        sync(kept, file, texts)
        print(f"prepared in {time.perf_counter() - began:.0f} s", file=sys.stderr)
        home = Path(shutil.copytree(kept, Path(folder) / "home"))
        found, slowest_s = run(home, file, texts)
    rows = [
        [each.what, f"{each.command_s:.2f}", f"{each.from_commit_s:.2f}", f"{each.from_end_s:.2f}"]
        for each in found
    ]
    columns = ["rolled back", "command, s", "served after its commit, s", "served after its end, s"]
    print(table(columns, rows))
    print(f"\nslowest reply meanwhile: {slowest_s * 1000:.0f} ms")
    late = [each for each in found if each.from_end_s >= LIMIT_S and not each.what.startswith("(")]
    return 4 if late else 0


if __name__ == "__main__":
    sys.exit(main())
