"""A server with questions in flight, killed at random moments: what it acknowledged is there, and whole."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from doubles import ME, new_home, open_service, upload
from sqlalchemy import select
from torture_asking import QUESTIONS, Person, Promises

from ragsvc.domain import AnswerRecord
from ragsvc.service.record_queue import FLUSH_S
from ragsvc.store.catalog import Catalog
from ragsvc.store.record_rows import CORPUS
from ragsvc.store.tables import record_field

TESTS = Path(__file__).parents[1]
SERVER = """
import sys
from ragsvc.service import service
from hash_child import HashService
service.Service = HashService
from ragsvc.cli.main import main
sys.exit(main())
"""
PEOPLE = 4
# Of the short run; a kill takes the start of a server, so the long one has fewer than of other things.
KILLS = 2
SHARE = 4
# How long the write itself may take on a machine that does much else.
WRITE_S = 1.5


def test_what_was_acknowledged_outlives_kills(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kills_wanted: int, seed: int, say: list[str]
) -> None:
    paths = [TESTS / "service", TESTS, TESTS.parent]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, paths)))
    monkeypatch.setenv("HOLD_EMBEDDING", str(tmp_path / "nothing"))
    home = new_home(tmp_path)
    with open_service(home) as service:
        upload(service, {"backups": "Backups are made nightly. They are kept for thirty days."}, "handbook")
    choose = random.Random(seed)
    told, kills, late = Promises(), 0, 0
    wanted, longest_s = (max(1, kills_wanted // SHARE), 3.5) if kills_wanted else (KILLS, 1.0)
    while kills < wanted:
        seeds = [choose.randrange(2**32) for _ in range(PEOPLE)]
        found, killed_at = killed(home, tmp_path / "log", seeds, choose.uniform(0.2, longest_s))
        told.join(found)
        kills += 1
        for name in check(home, told, killed_at):
            late += 1
            del told.answers[name]
    say.append(
        f"torture: {kills} kills of a server: {len(told.answers)} records of {len(told.sessions)} sessions, "
        f"{len(told.certain)} acknowledged, {sum(told.opinions.values())} opinions, 0 lost, 0 half; "
        f"{late} answers of the last moment have no record"
    )


def killed(home: Path, log: Path, seeds: list[int], after_s: float) -> tuple[Promises, float]:
    """Have a server asked, and kill it after some seconds; what it promised, and when it died."""
    with log.open("wb") as stream:
        server = subprocess.Popen(
            [sys.executable, "-c", SERVER, "serve", "--port", "0", "--home", str(home)],
            env=os.environ
            | {"RAGSVC_EMBEDDER": "hash", "RAGSVC_CHUNK_TOKENS": "24", "RAGSVC_READER": "none"},
            stdout=stream,
            stderr=stream,
        )
    people: list[Person] = []
    try:
        url = _url_of(server, log)
        people = [Person(url, seed) for seed in seeds]
        for person in people:
            person.start()
        # From the first answer on: the model is loaded before it.
        deadline = time.monotonic() + 60
        while not any(person.told.answers for person in people) and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(after_s)
    finally:
        server.kill()
        killed_at = time.monotonic()
        server.wait()
    told = Promises()
    for person in people:
        person.join(60)
        assert not person.is_alive()
        assert not person.wrong, person.wrong
        told.join(person.told)
    assert told.answers, log.read_text()
    return told, killed_at


def _url_of(server: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text()
        if found := re.search(r"serving on (http://[\d.:]+)", log.read_text()):
            return found.group(1)
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def check(home: Path, told: Promises, killed_at: float) -> set[str]:
    """Hold what is in the catalog against what was promised; which answers of the end are not there."""
    with Catalog.open(home) as catalog:
        assert catalog.integrity.damaged_database() == []
        kept: dict[str, AnswerRecord] = {}
        cursor: str | None = None
        while True:
            page, cursor = catalog.records.page(ME, None, cursor, 1000)
            kept |= {each.id: each for each in page}
            if cursor is None:
                break
        with catalog._db.read() as connection:
            fields = connection.execute(
                select(record_field.c.record_number).where(record_field.c.name == CORPUS)
            ).all()
        assert len(fields) == len(kept), "a record without its fields, or fields without their record"
        for session, ids in told.sessions.items():
            _in_order(catalog, session, ids, kept)
    missing = set(told.answers) - set(kept)
    assert not missing & told.certain, "acknowledged as written, and lost"
    old = {each for each in missing if killed_at - told.answered_at[each] > FLUSH_S + WRITE_S}
    assert not old, "lost, though it waited longer than the stated bound"
    for name, record in kept.items():
        _whole(record, told.answers.get(name))
    for name, number in told.opinions.items():
        # One more may have been written whose reply was cut off.
        assert len(kept[name].feedback) >= number, "feedback was acknowledged, and is lost"
    return missing


def _in_order(catalog: Catalog, session: str, ids: list[str], kept: dict[str, AnswerRecord]) -> None:
    assert catalog.sessions.get(ME, session).id == session
    turns, _ = catalog.sessions.turns(ME, session, limit=1000)
    found = [turn.id for turn in turns]
    assert [each for each in found if each in set(ids)] == [each for each in ids if each in kept]
    assert [turn.parent for turn in turns] == [None, *found[:-1]][: len(turns)]


def _whole(record: AnswerRecord, answer: dict[str, object] | None) -> None:
    assert record.question in QUESTIONS and record.answer and record.generator and record.commits
    assert record.latency_ms > 0 and record.corpora == ("handbook",)
    if answer is not None:
        assert (record.answer, record.session) == (answer["answer"], answer.get("session"))
        cited = answer["citations"]
        assert isinstance(cited, list)
        assert [each.quote for each in record.citations] == [each["quote"] for each in cited]
