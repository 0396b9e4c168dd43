"""SIGKILL while records are written and deleted: the catalog opens, and each change is whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_records import made_record
from sqlalchemy import func, select
from store_building import ME, SPEC
from test_store_crash import killed

from ragsvc.domain import Caller, FeedbackRequest
from ragsvc.service.record_queue import RecordQueue
from ragsvc.store.catalog import Catalog
from ragsvc.store.tables import feedback, record, record_field, session

CHILD = """
import os, signal, sys
from pathlib import Path
from ragsvc.crashpoints import install
import test_store_record_kills as t
def handler(name):
    if name == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)
install(handler)
t.work(Path(sys.argv[1]))
"""
QUEUE = """
import os, signal, sys
from pathlib import Path
import test_store_record_kills as t
t.put(Path(sys.argv[1]))
os.kill(os.getpid(), signal.SIGKILL)
"""
OTHER = Caller(principal="other")
WORDS = FeedbackRequest(score=1.0, comment="right")
# Sessions, records and opinions before and after each verb.
STEPS = {
    "store.create_session": ((0, 0, 0), (1, 0, 0)),
    "store.add_records": ((2, 0, 0), (2, 5, 0)),
    "store.add_feedback": ((2, 5, 0), (2, 5, 1)),
    "store.rename_session": ((2, 5, 2), (2, 5, 2)),
    "store.delete_record": ((2, 5, 2), (2, 4, 1)),
    "store.delete_session": ((2, 4, 1), (1, 3, 1)),
    "store.delete_owner": ((1, 3, 1), (0, 2, 0)),
    "store.forget_document": ((0, 2, 0), (0, 2, 0)),
    "store.expire_records": ((0, 2, 0), (0, 1, 0)),
}


def work(home: Path) -> None:
    """Every verb that changes records, once or twice."""
    with Catalog.open(home) as catalog:
        catalog.corpora.create(ME, "one", SPEC)
        mine = catalog.sessions.create(ME, "mine", {}).id
        theirs = catalog.sessions.create(OTHER, "theirs", {}).id
        made = [
            made_record(metadata={"n": 1}),
            made_record(session=mine),
            made_record(session=theirs, owner="other"),
            made_record(),
            made_record(created_at="2090-01-01"),
        ]
        catalog.records.add(made)
        catalog.records.add_feedback(ME, made[0].id, WORDS)
        catalog.records.add_feedback(ME, made[2].id, WORDS)
        catalog.sessions.rename(ME, mine, "other")
        catalog.records.delete(ME, made[0].id)
        catalog.sessions.delete(ME, mine)
        catalog.records.delete_owner("other")
        assert catalog.records.forget_document("one", "r/a.md") == 2
        catalog.records.expire("2080-01-01")


# Each takes a process, so what is there after a change is looked at where a change ends, and not at each.
KILLS = [
    *((point, "inside") for point in STEPS),
    ("store.add_records", "after"),
    ("store.delete_owner", "after"),
]


@pytest.mark.parametrize(("point", "place"), KILLS)
def test_a_change_is_there_whole_or_not_at_all(tmp_path: Path, point: str, place: str) -> None:
    killed(tmp_path, f"{point}.{place}", CHILD)
    with Catalog.open(tmp_path) as catalog:
        assert catalog.integrity.damaged_database() == []
        with catalog._db.read() as connection:
            counts = tuple(
                connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in (session, record, feedback)
            )
            bare = select(record.c.id).where(record.c.number.not_in(select(record_field.c.record_number)))
            assert connection.execute(bare).all() == []
            # Words of a document went from all its records, or from none.
            assert len(set(connection.execute(select(record.c.answer)).scalars())) <= 1
        assert counts == STEPS[point][place == "after"]


def put(home: Path) -> None:
    """Queue a record that is waited for, as turns of sessions are."""
    with Catalog.open(home) as catalog:
        catalog.corpora.create(ME, "one", SPEC)
        RecordQueue(catalog.records.add).put(made_record(), wait_s=30)


def test_what_was_waited_for_outlives_a_kill(tmp_path: Path) -> None:
    killed(tmp_path, "", QUEUE)
    with Catalog.open(tmp_path) as catalog:
        assert len(catalog.records.page(ME, None, None, 10)[0]) == 1
