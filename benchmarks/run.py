"""Ratios of the service's speed to what it cannot do without; `make bench`.

    [RAGSVC_TEST_DATA=folder] python -m benchmarks.run [--chunks 10000] [--home DIR] [--only NAME ...]

Every ratio is the median of 5 interleaved runs: both sides are measured in turn, so that a machine that
is busy for a while slows both. The corpus to search is kept under --home for the next time.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median

from benchmarks.server import Server
from benchmarks.sets import table
from benchmarks.texts import paragraphs, questions
from ragsvc.domain import Caller, IngestRequest, InlineDocument, SearchRequest
from ragsvc.models.bundled_models import open_model
from ragsvc.models.embedder import DEFAULT_EMBEDDER, SentenceTransformerEmbedder
from ragsvc.service.service import Service
from ragsvc.settings.settings import Settings
from ragsvc.text.chunker import DEFAULT_CHUNKER, Chunker

CALLER = Caller()
CORPUS = "bench"
RUNS = 5
QUERIES = 60
INGESTED = 150
PARAGRAPHS_PER_FILE = 3
BLOCK = 1000


@dataclass(frozen=True, slots=True)
class Measured:
    """One line of the table. first, second: medians of what the ratio divides, with their unit."""

    label: str
    first: str
    second: str
    ratio: str
    wanted: str = ""

    def row(self) -> list[str]:
        """Cells of the table."""
        return [self.label, self.first, self.second, self.ratio, self.wanted]


def timed(work: Callable[..., object], *given: object) -> float:
    """Seconds that a call takes."""
    start = time.perf_counter()
    work(*given)
    return time.perf_counter() - start


def measure_ingest() -> Measured:
    """Throughput of a whole ingest over that of `SentenceTransformer.encode` on the same texts."""
    from sentence_transformers import SentenceTransformer

    texts = paragraphs()
    files = ["\n\n".join(islice(texts, PARAGRAPHS_PER_FILE)) for _ in range(INGESTED)]
    embedder = SentenceTransformerEmbedder()
    chunker = Chunker(DEFAULT_CHUNKER, embedder.tokeniser, embedder.spec.max_tokens)
    chunks = [draft.embedded_text for file in files for draft in chunker.split("", file, "text/plain")]
    model = SentenceTransformer(str(open_model(DEFAULT_EMBEDDER).path), device="cpu")
    model.max_seq_length = embedder.spec.max_tokens
    model.encode(chunks[:8])
    ratios, ingests, encodes = [], [], []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "texts"
        folder.mkdir()
        for number, text in enumerate(files):
            (folder / f"{number:04}.txt").write_text(text, encoding="utf-8")
        for run in range(RUNS):
            encodes.append(timed(lambda: model.encode(chunks, normalize_embeddings=True)))
            ingests.append(ingest_once(Path(scratch) / f"home{run}", folder, len(set(chunks))))
            ratios.append(encodes[-1] / ingests[-1])
    rate, alone = len(chunks) / median(ingests), len(chunks) / median(encodes)
    return Measured(
        f"ingest of {INGESTED} files over `encode` alone, throughput",
        f"{rate:.1f} chunks/s",
        f"{alone:.1f} chunks/s",
        f"{median(ratios):.2f}",
        "≥ 0.9",
    )


def ingest_once(home: Path, folder: Path, expected: int) -> float:
    """Seconds of an ingest into an empty home; the model was loaded before."""
    with Service.open(Settings(home=home)) as service:
        service.ingest_inline(CALLER, "warm", [InlineDocument("w", "A text that loads the model.")], {})
        start = time.perf_counter()
        report = service.ingest(CALLER, IngestRequest(corpus=CORPUS, paths=(str(folder),)))
        seconds = time.perf_counter() - start
    if report.failures or report.embedded != expected:
        raise SystemExit(f"embedded {report.embedded} of {expected}, failures {report.failures[:3]}")
    return seconds


def fill(service: Service, wanted: int) -> int:
    """Bring the corpus to at least the wanted number of chunks; kept from one run to the next."""
    held = {summary.name: summary.chunks for summary in service.corpora(CALLER)}.get(CORPUS, 0)
    texts = enumerate(paragraphs())
    while held < wanted:
        block = [InlineDocument(f"text-{number:06}", text) for number, text in islice(texts, BLOCK)]
        start = time.perf_counter()
        report = service.ingest_inline(CALLER, CORPUS, block, {})
        held = service.corpus(CALLER, CORPUS).chunks
        rate = report.embedded / (time.perf_counter() - start)
        print(f"{held} chunks, {rate:.1f} embedded a second", file=sys.stderr)
    return held


def question_blocks() -> Iterator[list[str]]:
    """Questions that were not asked before, so that nothing comes from a cache."""
    asked = iter(questions())
    while True:
        yield list(islice(asked, QUERIES))


def measure_search(service: Service, chunks: int, blocks: Iterator[list[str]]) -> Measured:
    """Hybrid search p50 over embedding the question alone."""
    embedder = SentenceTransformerEmbedder()
    embedder.warm_up()
    search(service, "what loads the index?")
    ratios, searches, embeddings = [], [], []
    for block in islice(blocks, RUNS):
        pairs = [
            (timed(embedder.embed_queries, [question]), timed(search, service, question))
            for question in block
        ]
        embeddings.append(median(alone for alone, _ in pairs))
        searches.append(median(whole for _, whole in pairs))
        ratios.append(searches[-1] / embeddings[-1])
    return Measured(
        f"hybrid search at {chunks} chunks over embedding the question, p50",
        milliseconds(searches),
        milliseconds(embeddings),
        f"{median(ratios):.2f}",
        "≤ 1.5",
    )


def search(service: Service, question: str) -> None:
    """One default search."""
    service.search(CALLER, SearchRequest(corpora=(CORPUS,), query=question))


def measure_http(service: Service, home: Path, blocks: Iterator[list[str]]) -> list[Measured]:
    """HTTP search p50 over in-process search, and the memory of the server that did it."""
    with Server(home) as server:
        body = {"corpus": CORPUS, "k": 10}
        server.post("/v1/search", {**body, "query": "what loads the index?"})
        ratios, inside, outside = [], [], []
        for block in islice(blocks, RUNS):
            pairs = [
                (
                    timed(search, service, question),
                    timed(server.post, "/v1/search", {**body, "query": question}),
                )
                for question in block
            ]
            inside.append(median(own for own, _ in pairs))
            outside.append(median(remote for _, remote in pairs))
            ratios.append(outside[-1] / inside[-1])
        for question in next(blocks)[:20]:
            server.post("/v1/answer", {"corpus": CORPUS, "question": question})
        peak = server.peak_mebibytes()
    return [
        Measured(
            "HTTP search over in-process search, p50",
            milliseconds(outside),
            milliseconds(inside),
            f"{median(ratios):.2f}",
        ),
        Measured("peak memory of that server, children included", f"{peak:.0f} MiB", "", ""),
    ]


def measure_help() -> Measured:
    """Wall time of `ragsvc --help` over that of `python -c pass`."""
    helped = [sys.executable, "-m", "ragsvc", "--help"]
    nothing = [sys.executable, "-c", "pass"]
    pairs = [(timed(run_quietly, helped), timed(run_quietly, nothing)) for _ in range(RUNS)]
    return Measured(
        "`ragsvc --help` over `python -c pass`, wall",
        milliseconds([ours for ours, _ in pairs]),
        milliseconds([theirs for _, theirs in pairs]),
        f"{median(ours / theirs for ours, theirs in pairs):.1f}",
    )


def run_quietly(command: Sequence[str]) -> None:
    """Run a command to its end."""
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


def milliseconds(seconds: Sequence[float]) -> str:
    """The median, for a cell."""
    return f"{median(seconds) * 1000:.1f} ms"


PARTS = ("help", "ingest", "search", "http")


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--chunks", type=int, default=10_000, help="size of the corpus that is searched")
    parser.add_argument("--home", type=Path, default=Path("indexes/bench-speed"))
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    given = parser.parse_args()
    measured: list[Measured] = []
    if "help" in given.only:
        measured.append(measure_help())
    if "ingest" in given.only:
        measured.append(measure_ingest())
    if {"search", "http"} & set(given.only):
        blocks = question_blocks()
        with Service.open(Settings(home=given.home)) as service:
            chunks = fill(service, given.chunks)
            if "search" in given.only:
                measured.append(measure_search(service, chunks, blocks))
            if "http" in given.only:
                measured += measure_http(service, given.home, blocks)
    print(table(["what", "ragsvc", "compared with", "ratio", "wanted"], [each.row() for each in measured]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
