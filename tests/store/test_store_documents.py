"""Reading: pages of documents, slices of text, passages."""

from __future__ import annotations

import pytest
from store_building import ME, SPEC, document, sync

from ragsvc.errors import DocumentNotFound, InvalidRequest, VersionNotFound
from ragsvc.store.catalog import Catalog

EMOJI = "a\U0001f600é\nline two with words and more \U0001f600 words"


def test_listing_pages_through_everything_once(catalog: Catalog) -> None:
    names = [f"r/{i:03d}é.txt" for i in range(23)]
    sync(catalog, "c", {name: document(f"text of {name}") for name in names})
    corpus = catalog.corpora.get(ME, "c")
    found: list[str] = []
    cursor = None
    while True:
        page, cursor = catalog.documents.page(ME, corpus, corpus.commit, cursor, 5)
        found += [d.document_id for d in page]
        if cursor is None:
            break
    assert found == names
    for bad in ("!", "é", "_w"):
        with pytest.raises(InvalidRequest):
            catalog.documents.page(ME, corpus, corpus.commit, bad, 5)
    for limit in (0, 1001):
        with pytest.raises(InvalidRequest):
            catalog.documents.page(ME, corpus, corpus.commit, None, limit)


def test_a_document_and_every_text_it_ever_had(catalog: Catalog) -> None:
    first = sync(catalog, "c", {"r/a.txt": document(EMOJI, lang="en")})
    corpus = catalog.corpora.get(ME, "c")
    old = catalog.documents.get(ME, corpus, "r/a.txt", first)
    assert (old.title, old.source, old.characters) == ("a.txt", "/src/r/a.txt", len(EMOJI))
    assert (old.metadata, old.born, old.media_type) == ({"lang": "en"}, first, "text/plain")
    assert catalog.documents.document_chunk_count(ME, corpus, "r/a.txt", first) == 2
    second = sync(catalog, "c", {"r/a.txt": document("new")})
    sync(catalog, "c", {})
    assert catalog.documents.get(ME, corpus, "r/a.txt", second).version != old.version
    assert catalog.documents.text(ME, corpus, "r/a.txt", old.version).text == EMOJI
    assert catalog.documents.text(ME, corpus, "r/a.txt", old.version, 1, 3).text == EMOJI[1:3]
    for start, end in ((-1, 2), (3, 2), (0, 10_000)):
        with pytest.raises(InvalidRequest):
            catalog.documents.text(ME, corpus, "r/a.txt", old.version, start, end)
    with pytest.raises(VersionNotFound):
        catalog.documents.text(ME, corpus, "r/a.txt", "0" * 32)
    for name in ("r/b.txt", "x" * 9999):
        with pytest.raises(DocumentNotFound):
            catalog.documents.text(ME, corpus, name, old.version)
    with pytest.raises(DocumentNotFound):
        catalog.documents.get(ME, corpus, "r/a.txt", corpus.commit + 2)


def test_a_version_of_another_corpus_is_not_readable_through_this_one(catalog: Catalog) -> None:
    sync(catalog, "mine", {"a": document("mine")})
    sync(catalog, "other", {"b": document("secret")})
    mine, other = catalog.corpora.get(ME, "mine"), catalog.corpora.get(ME, "other")
    secret = catalog.documents.get(ME, other, "b", other.commit)
    with pytest.raises(VersionNotFound):
        catalog.documents.text(ME, mine, "a", secret.version)
    foreign = catalog.chunks.batch(other.profile.id, [1, 2]).chunk_ids
    shown = catalog.passages.read(mine, mine.commit, foreign.tolist(), None, ME)
    assert [p.document_id for p in shown] == ["a"]


def test_passages_slice_the_text_in_the_order_asked(catalog: Catalog) -> None:
    made = {
        "b": document(EMOJI, title="T"),
        "a": document(EMOJI, title="T"),
        "c": document("other words here"),
    }
    commit = sync(catalog, "c", made)
    corpus = catalog.corpora.get(ME, "c")
    ids = catalog.chunks.batch(
        corpus.profile.id, catalog.memberships.live_versions(corpus.id, commit)
    ).chunk_ids.tolist()
    asked = [*ids[::-1], 999]
    for _ in range(2):  # the second time from the cache
        shown = catalog.passages.read(corpus, commit, asked, None, ME)
        assert [p.chunk for p in shown] == sorted((p.chunk for p in shown), key=asked.index)
        shared = [p.document_id for p in shown if p.title == "T"]
        assert shared == ["a", "b"] * (len(shared) // 2)
        assert all(p.text == made[p.document_id].text[p.start : p.end] for p in shown)
        assert len(shown) == 2 * 2 + 1
    sync(catalog, "c", {"a": made["a"]})
    later = catalog.corpora.get(ME, "c")
    assert {p.document_id for p in catalog.passages.read(later, later.commit, ids, None, ME)} == {"a"}
    assert catalog.passages.read(corpus, commit, asked, None, ME) == shown
    assert catalog.passages.read(corpus, commit, [], None, ME) == []


def test_profiles_are_kept_apart(catalog: Catalog) -> None:
    commit = sync(catalog, "c", {"a": document("one")})
    corpus = catalog.corpora.get(ME, "c")
    assert corpus.profile.spec == SPEC
    assert catalog.passages.read(corpus, commit, [1], None, ME)[0].chunk_id.endswith(":0-3")
