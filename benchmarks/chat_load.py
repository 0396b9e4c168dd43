"""Many chats at once over HTTP: none of a few fails, of too many the overflow is told to come back.

    python -m benchmarks.chat_load [--home DIR] [--few 20] [--many 200] [--rounds 5]

The handbook is ingested into the home when it is not there. Every chat streams from
POST /v1/chat/completions; all of a round start together, on connections of their own. The client shares the
cores with the server. Memory is resident memory of the server and its children.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.load import percentile
from benchmarks.server import Server
from benchmarks.sets import table
from ragsvc.domain import Caller, IngestRequest
from ragsvc.service.service import Service
from ragsvc.settings.settings import Settings

CORPUS = "handbook"
HANDBOOK = Path(__file__).parents[1] / "corpora" / "handbook"
GOLDEN = Path(__file__).parents[1] / "tests" / "golden" / "handbook.jsonl"
TIMEOUT_S = 120.0
REFUSED = (429, 503)


@dataclass(frozen=True, slots=True)
class Chat:
    """One chat. status: of HTTP, 0 without a reply. whole: the stream came to its [DONE].

    first_s, total_s: seconds to the first text and to the end. retry_after: the header's value, or "".
    """

    status: int
    whole: bool
    first_s: float
    total_s: float
    retry_after: str


async def chat(client: httpx.AsyncClient, question: str) -> Chat:
    """Stream one answer."""
    body = {"model": f"ragsvc/{CORPUS}", "messages": [{"role": "user", "content": question}], "stream": True}
    start, first, whole = time.monotonic(), 0.0, False
    try:
        async with client.stream("POST", "/v1/chat/completions", json=body) as reply:
            status, retry_after = reply.status_code, reply.headers.get("retry-after", "")
            async for line in reply.aiter_lines():
                whole = whole or line == "data: [DONE]"
                if not first and _holds_text(line):
                    first = time.monotonic() - start
    except httpx.HTTPError:
        return Chat(0, False, 0.0, time.monotonic() - start, "")
    return Chat(status, whole and first > 0, first, time.monotonic() - start, retry_after)


def _holds_text(line: str) -> bool:
    if not line.startswith("data: {"):
        return False
    choices = json.loads(line.removeprefix("data: ")).get("choices") or []
    return any(choice["delta"].get("content") for choice in choices)


async def together(port: int, questions: Sequence[str]) -> list[Chat]:
    """Ask all at the same time."""
    limits = httpx.Limits(max_connections=None)
    url = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=url, timeout=TIMEOUT_S, limits=limits, trust_env=False) as client:
        return await asyncio.gather(*(chat(client, question) for question in questions))


def row(name: str, chats: Sequence[Chat], mebibytes: float) -> list[str]:
    """One line of the table."""
    done = [each for each in chats if each.status == 200 and each.whole]
    refused = [each for each in chats if each.status in REFUSED and each.retry_after]
    first = [each.first_s for each in done] or [float("nan")]
    total = [each.total_s for each in done] or [float("nan")]
    counts = [len(chats), len(done), len(refused), len(chats) - len(done) - len(refused)]
    times = [percentile(first, 0.5), percentile(first, 0.95), percentile(total, 0.95)]
    return [name, *map(str, counts), *(f"{seconds:.2f} s" for seconds in times), f"{mebibytes:.0f} MiB"]


def questions() -> list[str]:
    """Golden questions of the part that things are tuned on."""
    rows = [json.loads(line) for line in GOLDEN.read_text().splitlines()]
    return [each["question"] for each in rows if each["split"] != "report"]


def prepare(home: Path) -> None:
    """Have the handbook in the home."""
    with Service.open(Settings(home=home)) as service:
        if CORPUS not in {each.name for each in service.corpora(Caller())}:
            service.ingest(Caller(), IngestRequest(corpus=CORPUS, paths=(str(HANDBOOK),)))


def measure(home: Path, few: int, many: int, rounds: int) -> None:
    asked = itertools.cycle(questions())
    rows, refusals = [], Counter[tuple[int, str]]()
    with Server(home) as server:
        asyncio.run(together(server.port, list(itertools.islice(asked, 2))))
        print(f"memory before: {server.mebibytes():.0f} MiB")
        for name, count in (
            (f"{few} at once, {rounds} times", few),
            (f"{many} at once, {rounds} times", many),
        ):
            chats: list[Chat] = []
            for _ in range(rounds):
                chats += asyncio.run(together(server.port, list(itertools.islice(asked, count))))
            rows.append(row(name, chats, server.peak_mebibytes()))
            refusals.update((each.status, each.retry_after) for each in chats if each.status != 200)
    head = [
        "chats",
        "asked",
        "complete",
        "told to retry",
        "failed",
        "first text p50",
        "p95",
        "whole p95",
        "peak",
    ]
    print(table(head, rows))
    for (status, retry_after), count in refusals.items():
        print(f"\nstatus {status}, Retry-After {retry_after or 'absent'}: {count}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--few", type=int, default=20)
    parser.add_argument("--many", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = chosen.home or Path(folder)
        prepare(home)
        measure(home, chosen.few, chosen.many, chosen.rounds)


if __name__ == "__main__":
    main()
