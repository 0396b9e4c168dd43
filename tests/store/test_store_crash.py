"""SIGKILL at every crash point: the catalog opens at the last commit and the work can be run again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from store_building import document, sync, texts

from ragsvc.store.catalog import Catalog

BEFORE = {"a": "old text of a", "b": "text of b"}
AFTER = {"a": "new text of a", "c": "text of c"}

CHILD = """
import os, signal, sys
from pathlib import Path
from ragsvc.crashpoints import install
from ragsvc.store.catalog import Catalog
from store_building import document, sync
import test_store_crash as t
def handler(name):
    if name == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)
install(handler)
sync(Catalog.open(Path(sys.argv[1])), "c", {k: document(v) for k, v in t.AFTER.items()})
"""

POINTS = [
    ("store.put_versions.inside", BEFORE),
    ("store.put_vectors.after", BEFORE),
    ("store.put_chunks.inside", BEFORE),
    ("store.publish.before", BEFORE),
    ("store.publish.between", BEFORE),
    ("store.publish.inside", BEFORE),
    ("store.publish.after", AFTER),
]


def killed(home: Path, point: str, child: str = CHILD) -> None:
    here = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    ended = subprocess.run(
        [sys.executable, "-c", child, str(home), point], env={**os.environ, "PYTHONPATH": here}, check=False
    )
    assert ended.returncode == -signal.SIGKILL


@pytest.mark.parametrize(("point", "visible"), POINTS)
def test_a_killed_ingest_leaves_the_last_commit_and_runs_again(
    tmp_path: Path, point: str, visible: dict[str, str]
) -> None:
    with Catalog.open(tmp_path) as catalog:
        first = sync(catalog, "c", {k: document(v) for k, v in BEFORE.items()})
    killed(tmp_path, point)
    with Catalog.open(tmp_path) as catalog:
        assert texts(catalog, "c") == visible
        assert texts(catalog, "c", first) == BEFORE
        sync(catalog, "c", {k: document(v) for k, v in AFTER.items()})
        assert texts(catalog, "c") == AFTER
        assert catalog.corpora.latest_commit() == first + 1
        with catalog._db.read() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []


def test_killed_while_the_schema_is_made(tmp_path: Path) -> None:
    killed(tmp_path, "store.migrate.inside")
    with Catalog.open(tmp_path) as catalog:
        sync(catalog, "c", {"a": document("x")})
        assert texts(catalog, "c") == {"a": "x"}
