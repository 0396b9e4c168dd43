"""Signatures: stored with the chunks, read with the live documents, gone with them."""

from __future__ import annotations

import numpy as np
from sqlalchemy import func, select
from store_building import ME, SPEC, document, prepare, signature, sync

from ragsvc.store.catalog import Catalog
from ragsvc.store.rows import ChunkRow
from ragsvc.store.tables import signature as table


def _stored(catalog: Catalog) -> int:
    with catalog._db.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_chunks_carry_their_signatures_and_unknown_ones_are_zeros(catalog: Catalog) -> None:
    corpus = catalog.corpora.create(ME, "c", SPEC)
    ids = prepare(catalog, corpus, [document("one two"), document(""), document("  ")])
    batch = catalog.chunks.batch(corpus.profile.id, ids)
    assert batch.signatures.dtype == np.uint16
    assert [row.astype("<u2").tobytes() for row in batch.signatures] == [signature("one two"), bytes(256)]
    assert catalog.chunks.batch(corpus.profile.id, []).signatures.shape == (0, 128)
    catalog.chunks.put(
        corpus.profile.id,
        [(ids[0], [ChunkRow(start=0, end=1, page=None, headings=(), embedded_hash=b"x", terms=["z"])])],
        {ids[0]: b"other"},
    )
    again = catalog.chunks.batch(corpus.profile.id, ids)
    assert (again.signatures == batch.signatures).all(), "what is stored stays"


def test_documents_come_with_the_signatures_of_their_commit(catalog: Catalog) -> None:
    sync(catalog, "other", {"z": document("elsewhere")})
    first = sync(catalog, "c", {"b": document("one two"), "a": document("three"), "n": document("")})
    sync(catalog, "c", {"b": document("one two"), "d": document("one two")})
    corpus = catalog.corpora.get(ME, "c")
    found = catalog.signatures.of_documents(corpus, ME)
    assert found.document_ids == ("b", "d")
    assert found.versions[0] == found.versions[1]
    assert [row.astype("<u2").tobytes() for row in found.signatures] == [signature("one two")] * 2
    past = catalog.signatures.of_documents(catalog.history.corpus_at(ME, "c", str(first)), ME)
    assert past.document_ids == ("a", "b", "n")
    assert past.signatures.any(axis=1).tolist() == [True, True, False]


def test_signatures_of_deleted_texts_go(catalog: Catalog) -> None:
    sync(catalog, "kept", {"a": document("shared")})
    sync(catalog, "gone", {"a": document("shared"), "b": document("alone")})
    assert _stored(catalog) == 2
    catalog.deletion.delete_corpus(ME, "gone")
    assert _stored(catalog) == 1
    assert catalog.signatures.of_documents(catalog.corpora.get(ME, "kept"), ME).signatures.any()
