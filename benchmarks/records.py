"""What records cost: 10,000 of a week, listed, filtered, exported, deleted; questions with and without them.

    python -m benchmarks.records [--records 10000] [--questions 24] [--searches 400] [--beside-ingest]

The home is a temporary folder with the handbook in it. With --beside-ingest the lists are measured while a
real `ragsvc ingest` of made files runs in the same home; questions and searches are always measured alone.
Figures of docs/records.md are made by this.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.beside_ingest import BesideIngest
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
from ragsvc.service.records import EXPORT_PAGE
from ragsvc.service.service import Service
from ragsvc.settings.settings import Settings

ROOT = Path(__file__).parent.parent
CALLER = Caller()
CORPUS = "handbook"
WEEK = timedelta(days=7)
BATCH = 500
# Records a second, and searches of a block: it takes longer than the half second between two writes.
RATE = 50
BLOCK = 48
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


def made(count: int, seed: int = 7) -> Iterator[AnswerRecord]:
    """Records of a week, evenly spread, from 50 people; a tenth refused, a twentieth synthetic."""
    chance = random.Random(seed)
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


def stored(service: Service, count: int) -> list[AnswerRecord]:
    """Fill the catalog."""
    records, kept = list(made(count)), service._catalog.records
    print("| what | p50, ms | p95, ms |\n| --- | ---: | ---: |")
    tell(
        f"write {BATCH} records in one transaction",
        [spent_ms(lambda s=s: kept.add(records[s : s + BATCH])) for s in range(0, count, BATCH)],
    )
    for record in records[::20]:
        score = 1.0 if int(record.id[:2], 16) % 3 else -1.0
        kept.add_feedback(CALLER, record.id, FeedbackRequest(score=score))
    return records


def read(service: Service, records: list[AnswerRecord]) -> None:
    """Measure what is done with what is there."""
    asked, kept, count = service.records, service._catalog.records, len(records)
    chance = random.Random(3)
    cursors = [str(chance.randrange(200, count)) for _ in range(60)]
    tell("list 100", [spent_ms(lambda c=c: asked.page(CALLER, cursor=c, limit=100)) for c in cursors])
    for name, where in FILTERS.items():
        tell(
            f"filter, 100 of them: {name}",
            [spent_ms(lambda w=where: asked.page(CALLER, w, limit=100)) for _ in range(60)],
        )
    pages, cursor, more = [], None, True
    while more:
        began = time.perf_counter()
        _, cursor = asked.page(CALLER, cursor=cursor, limit=EXPORT_PAGE)
        pages.append((time.perf_counter() - began) * 1000)
        more = cursor is not None
    tell(f"a page of an export, {EXPORT_PAGE}", pages)
    tell("show one", [spent_ms(lambda r=r: asked.get(CALLER, r.id)) for r in records[::100]])
    tell("usage of the week", [spent_ms(lambda: kept.usage(CALLER, "2026-01-01")) for _ in range(40)])
    tell(
        "delete one, its log included",
        [spent_ms(lambda r=r: kept.delete(CALLER, r.id)) for r in records[:20]],
    )
    gone: list[int] = []
    tell("delete a person", [spent_ms(lambda: gone.append(kept.delete_owner("person-7")))])
    size = service._catalog._db.size_bytes() / 2**20
    print(f"(the person had {gone[0]} records; the catalog has {size:.1f} MiB)")


def asked(home: Path, questions: int, searches: int) -> None:
    """Questions and searches in turn with records and without, and while records are written or not."""
    with (
        Service.open(Settings(home=home, records="full")) as full,
        Service.open(Settings(home=home, records="off")) as off,
    ):
        both = (full, off)
        print("\n| what | with records, p50 ms | without, p50 ms | ratio (95 % interval) |")
        print("| --- | ---: | ---: | ---: |")
        tell_ratio(f"answer, kept or not ({questions} each)", *in_turn(both, _answer, questions))
        tell_ratio(
            f"search, by a service that keeps records or not ({searches} each)",
            *in_turn(both, _search, searches),
        )
        what = f"search, while {RATE} records a second are written or none"
        tell_ratio(f"{what} ({searches} each)", *while_written(full, searches))


def _answer(service: Service, number: int) -> object:
    return service.answer(
        CALLER, AnswerRequest(corpora=(CORPUS,), question=QUESTIONS[number % len(QUESTIONS)])
    )


def _search(service: Service, number: int) -> object:
    return service.search(CALLER, SearchRequest(corpora=(CORPUS,), query=QUESTIONS[number % len(QUESTIONS)]))


def in_turn(
    services: tuple[Service, Service], ask: Callable[[Service, int], object], count: int
) -> tuple[list[float], list[float]]:
    """Ask both services the same, one right after the other, each first every second time."""
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(-len(QUESTIONS), count):
        for which in (0, 1) if turn % 2 else (1, 0):
            spent = spent_ms(lambda s=services[which], n=turn: ask(s, n))
            if turn >= 0:
                times[which].append(spent)
    return times


def while_written(service: Service, count: int) -> tuple[list[float], list[float]]:
    """Search in blocks that are longer than the pause between two writes: writing, not, not, writing.

    Each search of a block asks what the same one of the other kind asks; a block's records are written in it.
    """
    times: tuple[list[float], list[float]] = ([], [])
    records = made(1 << 30, seed=8)
    block = 0
    while min(len(each) for each in times) < count:
        which = (0, 1, 1, 0)[block % 4]
        began, put = time.monotonic(), 0
        for number in range(BLOCK):
            if which == 0:
                # As many as are due, outside of the time of the search: what is written is what counts.
                due = int((time.monotonic() - began) * RATE) + 1
                for _ in range(due - put):
                    service.records._queue.put(next(records))
                put = due
            times[which].append(spent_ms(lambda n=number: _search(service, n)))
        service.records.flush()
        block += 1
    return times[0][:count], times[1][:count]


def tell_ratio(what: str, with_: list[float], without: list[float]) -> None:
    """Print both medians and their ratio, with the interval that resampling pairs gives."""
    one, other = np.array(with_), np.array(without)
    drawn = np.random.default_rng(1).integers(0, len(one), (2000, len(one)))
    ratios = np.median(one[drawn], axis=1) / np.median(other[drawn], axis=1)
    low, high = np.percentile(ratios, (2.5, 97.5))
    ratio = np.median(one) / np.median(other)
    print(
        f"| {what} | {np.median(one):.1f} | {np.median(other):.1f} | {ratio:.3f} ({low:.3f} to {high:.3f}) |",
        flush=True,
    )


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--questions", type=int, default=24)
    parser.add_argument("--searches", type=int, default=400)
    parser.add_argument(
        "--beside-ingest", action="store_true", help="an ingest runs while lists are measured"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ragsvc-records-") as folder:
        home = Path(folder)
        with Service.open(Settings(home=home)) as service:
            request = IngestRequest(corpus=CORPUS, paths=(str(ROOT / "corpora" / CORPUS),))
            print(f"{service.ingest(CALLER, request).chunks_added} chunks", file=sys.stderr)
            records = stored(service, given.records)
            with BesideIngest(home) if given.beside_ingest else nullcontext():
                read(service, records)
        asked(home, given.questions, given.searches)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
