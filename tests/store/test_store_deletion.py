"""Deleting a corpus: no text stays in the file, shared content survives, racing ingests are told."""

from __future__ import annotations

from pathlib import Path

import pytest
from store_building import ME, SPEC, document, new, prepare, sync, texts

from ragsvc.domain import Failure, JobKind
from ragsvc.errors import CorpusNotFound, JobNotFound, StaleContent
from ragsvc.store.catalog import Catalog

MARK = "Xylophagous"


def bytes_on_disk(home: Path) -> bytes:
    return b"".join(p.read_bytes() for p in sorted(home.iterdir()) if p.is_file())


def test_no_trace_of_the_text_stays_in_the_files(catalog: Catalog) -> None:
    secret = {
        f"r/{MARK}-{i}.txt": document(
            f"{MARK} text {i} " * 60, title=f"{MARK} title {i}", author=f"{MARK}", tags=[f"{MARK}{i}"]
        )
        for i in range(150)
    }
    sync(catalog, "kept", {"a": document("plain words " * 50)})
    sync(catalog, "gone", secret)
    sync(catalog, "gone", dict(list(secret.items())[::2]))
    gone = catalog.corpora.get(ME, "gone")
    catalog.corpora.claim_root(gone.id, MARK, f"/{MARK}")
    keys = [((f"d{i}", ".txt"), made) for i, made in enumerate(secret.values())]
    catalog.versions.put_parsed("p", [*keys, (("bad", ".txt"), Failure(MARK, "broken", MARK))])
    catalog.versions.put([document(f"{MARK} never published")])
    job = catalog.jobs.create(ME, JobKind.INGEST, "gone", {"text": MARK})
    assert MARK.encode() in bytes_on_disk(catalog.home.path)
    catalog.deletion.delete_corpus(ME, "gone")
    assert MARK.encode() not in bytes_on_disk(catalog.home.path)
    assert texts(catalog, "kept") == {"a": "plain words " * 50}
    assert catalog.chunks.term_ids(["plain", MARK]).keys() == {"plain"}
    with pytest.raises(JobNotFound):
        catalog.jobs.get(ME, job.id)
    for call in (catalog.corpora.get, catalog.corpora.summary, catalog.deletion.delete_corpus):
        with pytest.raises(CorpusNotFound):
            call(ME, "gone")


def test_content_that_another_corpus_needs_survives(catalog: Catalog) -> None:
    sync(catalog, "one", {"a": document("shared words"), "b": document("only here")})
    sync(catalog, "two", {"z": document("shared words")})
    corpus = catalog.corpora.get(ME, "two")
    before = catalog.chunks.batch(
        corpus.profile.id, catalog.memberships.live_versions(corpus.id, corpus.commit)
    )
    ids = catalog.chunks.term_ids(["shared", "words"])
    catalog.deletion.delete_corpus(ME, "one")
    after = catalog.chunks.batch(
        corpus.profile.id, catalog.memberships.live_versions(corpus.id, corpus.commit)
    )
    assert after.chunk_ids.tolist() == before.chunk_ids.tolist()
    assert (after.vectors == before.vectors).all()
    assert catalog.chunks.term_ids(["shared", "words", "only"]) == ids


def test_a_racing_ingest_is_told_and_succeeds_when_run_again(catalog: Catalog) -> None:
    sync(catalog, "gone", {"a": document("common text")})
    mine = catalog.corpora.create(ME, "mine", SPEC)
    versions = prepare(catalog, mine, [document("common text"), document("prepared text")])
    catalog.deletion.delete_corpus(ME, "gone")
    with catalog.lock.hold(), pytest.raises(StaleContent):
        born = [new("a", versions[0]), new("b", versions[1])]
        catalog.memberships.publish(ME, mine.id, kind="ingest", born=born, died=[], roots={}, stats={})
    with pytest.raises(StaleContent):
        list(catalog.versions.texts(versions))
    sync(catalog, "mine", {"a": document("common text"), "b": document("prepared text")})
    assert texts(catalog, "mine") == {"a": "common text", "b": "prepared text"}


def test_another_process_does_not_trust_deleted_term_numbers(catalog: Catalog) -> None:
    with Catalog.open(catalog.home.path) as other:
        sync(other, "gone", {"a": document("rare word")})
        old = other.chunks.term_ids(["rare"])
        catalog.deletion.delete_corpus(ME, "gone")
        assert other.chunks.term_ids(["rare"]) == {}
        sync(other, "again", {"a": document("rare word")})
        assert other.chunks.term_ids(["rare"]) == catalog.chunks.term_ids(["rare"]) != old
        corpus = other.corpora.get(ME, "again")
        batch = other.chunks.batch(
            corpus.profile.id, other.memberships.live_versions(corpus.id, corpus.commit)
        )
        assert set(batch.terms.tolist()) == set(catalog.chunks.term_ids(["rare", "word"]).values())
