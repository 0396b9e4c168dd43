"""SIGKILL while what texts name is stored: it is there with the chunks of the version, or neither is."""

from __future__ import annotations

from pathlib import Path

import pytest
from store_building import ME, SPEC, chunks, document
from test_store_crash import killed

from ragsvc.domain import Mention, MentionKind
from ragsvc.store.catalog import Catalog

CHILD = """
import os, signal, sys
from pathlib import Path
from ragsvc.crashpoints import install
import test_store_mention_kills as t
def handler(name):
    if name == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)
install(handler)
t.work(Path(sys.argv[1]))
"""
MADE = (Mention(MentionKind.IDENTIFIER, "ERR-1204", 0, 8),)


def work(home: Path) -> None:
    """Store a version with its chunks and what it names, as an indexer does."""
    with Catalog.open(home) as catalog:
        corpus = catalog.corpora.create(ME, "one", SPEC)
        (version,) = catalog.versions.put([document("ERR-1204 again")])
        rows = [(version, chunks("ERR-1204 again"))]
        catalog.chunks.put(corpus.profile.id, rows, mentions={version: MADE})


@pytest.mark.parametrize("place", ["before", "inside", "after"])
def test_mentions_are_there_with_the_chunks_or_not_at_all(tmp_path: Path, place: str) -> None:
    killed(tmp_path, f"store.put_chunks.{place}", CHILD)
    with Catalog.open(tmp_path) as catalog:
        corpus = catalog.corpora.get(ME, "one")
        (version,) = catalog.versions.put([document("ERR-1204 again")])
        stored = catalog.relations.mentions([version])
        counted = catalog.chunks.chunk_counts(corpus.profile.id, [version])
        assert (stored, set(counted)) == (({version: MADE}, {version}) if place == "after" else ({}, set()))
        assert catalog.integrity.damaged_database() == []
