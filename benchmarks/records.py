"""What records cost: 10,000 of a week, listed, filtered, exported, deleted; questions with and without them.

    python -m benchmarks.records [--records 10000] [--questions 60]

The home is a temporary folder with the handbook in it. Figures of docs/records.md are made by this.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.load import percentile
from ragsvc.domain import (
    AnswerRecord,
    AnswerRequest,
    Caller,
    FeedbackRequest,
    IngestRequest,
    RecordCitation,
    RecordOrigin,
    RecordPassage,
    SearchRequest,
)
from ragsvc.service.service import Service
from ragsvc.settings.settings import Settings

ROOT = Path(__file__).parent.parent
CALLER = Caller()
CORPUS = "handbook"
WEEK = timedelta(days=7)
BATCH = 500
FILTERS: dict[str, dict[str, Any]] = {
    "refused": {"answered": False},
    "a field of the client": {"metadata.lang": "de", "metadata.step": {"$gte": 3}},
    "badly rated": {"score": {"$lt": 0}},
    "one person on one day": {"owner": "person-7", "created_at": {"$gte": "2026-01-03", "$lt": "2026-01-04"}},
    "no record at all": {"metadata.lang": "fi"},
}
QUESTIONS = (
    "What is retrieval-augmented generation?",
    "How are embeddings stored?",
    "When should data be versioned?",
    "What do diffusion models learn?",
    "Why is user feedback kept?",
    "Who won the cup in 1966?",
)


def made(count: int) -> Iterator[AnswerRecord]:
    """Records of a week, evenly spread, from 50 people; a tenth refused, a twentieth synthetic."""
    chance = random.Random(7)
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(count):
        when = (begin + WEEK * (number / count)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        answered = chance.random() > 0.1
        places = [
            RecordPassage(
                rank=rank,
                score=1 / rank,
                corpus=CORPUS,
                document_id=f"{CORPUS}/data/{chance.randrange(40)}.md",
                version=uuid.uuid4().hex,
                start=rank * 400,
                end=rank * 400 + 380,
            )
            for rank in range(1, 7)
        ]
        quotes = [
            RecordCitation(
                marker=place.rank,
                corpus=CORPUS,
                document_id=place.document_id,
                version=place.version,
                start=place.start,
                end=place.start + 120,
                quote="word " * 24,
            )
            for place in places[:2]
        ]
        yield AnswerRecord(
            id=uuid.UUID(int=chance.getrandbits(128)).hex,
            parent=None,
            session=None,
            owner=f"person-{chance.randrange(50)}",
            created_at=when,
            corpora=(CORPUS,),
            question=f"What is said of subject {number}, and where does it stand?",
            searched=None,
            answer="word " * 60 if answered else "I cannot answer that.",
            answered=answered,
            confidence=chance.random(),
            unsupported=0,
            support=1.0 if answered else None,
            far=not answered,
            passages=tuple(places),
            citations=tuple(quotes) if answered else (),
            commits={CORPUS: 1},
            generator="extractive",
            timings_ms={"retrieve": 20.0, "evidence": 10.0, "generate": 1.0},
            latency_ms=20 + 40 * chance.random(),
            metadata={"lang": chance.choice(("en", "de", "fr")), "step": chance.randrange(6)},
            origin=RecordOrigin.SYNTHETIC if chance.random() < 0.05 else RecordOrigin.REAL,
        )


def spent_ms(call: Callable[[], object]) -> float:
    """How long a call takes."""
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def tell(what: str, times: list[float]) -> None:
    """Print a row of the table."""
    print(f"| {what} | {median(times):.1f} | {percentile(times, 0.95):.1f} |", flush=True)


def stored(service: Service, count: int) -> None:
    """Fill the catalog, and measure what is done with what is there."""
    records, kept = list(made(count)), service._catalog.records
    print("| what | p50, ms | p95, ms |\n| --- | ---: | ---: |")
    tell(
        f"write {BATCH} records in one transaction",
        [spent_ms(lambda s=s: kept.add(records[s : s + BATCH])) for s in range(0, count, BATCH)],
    )
    for record in records[::20]:
        score = 1.0 if int(record.id[:2], 16) % 3 else -1.0
        kept.add_feedback(CALLER, record.id, FeedbackRequest(score=score))
    asked = service.records
    chance = random.Random(3)
    cursors = [str(chance.randrange(200, count)) for _ in range(60)]
    tell("list 100", [spent_ms(lambda c=c: asked.page(CALLER, cursor=c, limit=100)) for c in cursors])
    for name, where in FILTERS.items():
        tell(
            f"filter, 100 of them: {name}",
            [spent_ms(lambda w=where: asked.page(CALLER, w, limit=100)) for _ in range(20)],
        )
    pages, cursor, more = [], None, True
    while more:
        began = time.perf_counter()
        _, cursor = asked.page(CALLER, cursor=cursor, limit=200)
        pages.append((time.perf_counter() - began) * 1000)
        more = cursor is not None
    tell("a page of an export, 200", pages)
    tell("show one", [spent_ms(lambda r=r: asked.get(CALLER, r.id)) for r in records[::100]])
    tell("usage of the week", [spent_ms(lambda: kept.usage(CALLER, "2026-01-01")) for _ in range(5)])
    tell(
        "delete one, its log included",
        [spent_ms(lambda r=r: kept.delete(CALLER, r.id)) for r in records[:20]],
    )
    gone: list[int] = []
    tell("delete a person", [spent_ms(lambda: gone.append(kept.delete_owner("person-7")))])
    size = service._catalog._db.size_bytes() / 2**20
    print(f"(the person had {gone[0]} records; the catalog has {size:.1f} MiB)")


def asked(home: Path, number: int) -> None:
    """Questions in turn with records and without; searches while 50 records a second are written, and not."""
    with (
        Service.open(Settings(home=home, records="full")) as full,
        Service.open(Settings(home=home, records="off")) as off,
    ):
        times: dict[str, list[float]] = {"full": [], "off": [], "search": [], "search, writing": []}
        for turn in range(-6, number):
            question = QUESTIONS[turn % len(QUESTIONS)]
            request = AnswerRequest(corpora=(CORPUS,), question=question)
            pair = [("full", full), ("off", off)]
            for name, service in pair if turn % 2 else pair[::-1]:
                spent = spent_ms(lambda s=service, r=request: s.answer(CALLER, r))
                if turn >= 0:
                    times[name].append(spent)
        ended = threading.Event()
        writing = threading.Event()

        def write() -> None:
            records = made(1 << 30)
            while not ended.wait(0.02):
                if writing.is_set():
                    full.records._queue.put(next(records))

        thread = threading.Thread(target=write)
        thread.start()
        for turn in range(number * 4):
            # Blocks of ten, so that what waits from a block is written in the next one of its kind.
            busy = turn // 10 % 2 == 1
            (writing.set if busy else writing.clear)()
            search = SearchRequest(corpora=(CORPUS,), query=QUESTIONS[turn % len(QUESTIONS)])
            name = "search, writing" if busy else "search"
            times[name].append(spent_ms(lambda s=search: full.search(CALLER, s)))
        ended.set()
        thread.join()
    print("\n| what | with records, p50 ms | without, p50 ms | ratio |\n| --- | ---: | ---: | ---: |")
    for what, one, other in (
        ("answer, kept or not", "full", "off"),
        ("search, while 50 records a second are written or none", "search, writing", "search"),
    ):
        with_, without = median(times[one]), median(times[other])
        print(f"| {what} | {with_:.1f} | {without:.1f} | {with_ / without:.2f} |", flush=True)


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--questions", type=int, default=60)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ragsvc-records-") as folder:
        home = Path(folder)
        with Service.open(Settings(home=home)) as service:
            request = IngestRequest(corpus=CORPUS, paths=(str(ROOT / "corpora" / CORPUS),))
            print(f"{service.ingest(CALLER, request).chunks_added} chunks", file=sys.stderr)
            stored(service, given.records)
        asked(home, given.questions)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
