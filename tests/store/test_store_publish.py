"""Commits: what is visible when, and what a stale plan does."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_building import ME, SPEC, chunks, document, new, prepare, sync, texts

from ragsvc.domain import CommitId, Failure
from ragsvc.errors import (
    CorpusNotFound,
    InternalError,
    InvalidName,
    InvalidRequest,
    RootConflict,
    StaleContent,
)
from ragsvc.store.catalog import Catalog
from ragsvc.store.rows import ChunkRow


def test_every_commit_keeps_showing_what_it_held(catalog: Catalog) -> None:
    states = [
        {"a": "one", "b": "two"},
        {"a": "one changed", "c": "three"},
        {"c": "three"},
        {"a": "one", "c": "three"},
    ]
    commits = [sync(catalog, "c", {k: document(v) for k, v in state.items()}) for state in states]
    assert commits == sorted(set(commits))
    for commit, state in zip(commits, states, strict=True):
        assert texts(catalog, "c", commit) == state
    assert texts(catalog, "c", CommitId(0)) == {}


@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    steps=st.lists(
        st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["x", "y", "z z"]), max_size=4), max_size=6
    )
)
def test_version_sets_follow_any_history(
    tmp_path_factory: pytest.TempPathFactory, steps: list[dict[str, str]]
) -> None:
    with Catalog.open(tmp_path_factory.mktemp("history")) as catalog:
        corpus = catalog.corpora.create(ME, "c", SPEC)
        seen = {CommitId(0): {}}
        for step in steps:
            made = {key: document(text) for key, text in step.items()}
            commit = sync(catalog, "c", made)
            seen[commit] = dict(zip(made, catalog.versions.put(list(made.values())), strict=True))
        commits = sorted(seen)
        for i, after in enumerate(commits):
            alive = sorted(set(seen[after].values()))
            assert catalog.memberships.live_versions(corpus.id, after).tolist() == alive
            assert catalog.memberships.live_among(corpus.id, after, [*alive, 999]).tolist() == alive
            assert catalog.memberships.allowed_versions(corpus.id, after, None, ME).tolist() == alive
            for upto in commits[i:]:
                touched = set(catalog.memberships.touched_versions(corpus.id, after, upto).tolist())
                assert set(seen[after].values()) ^ set(seen[upto].values()) <= touched


def test_no_commit_when_nothing_changed(catalog: Catalog) -> None:
    first = sync(catalog, "c", {"a": document("one")})
    assert sync(catalog, "c", {"a": document("one")}) == first == catalog.corpora.latest_commit()
    changed = sync(catalog, "c", {"a": document("one", lang="en")})
    assert changed == first + 1 == catalog.corpora.head(catalog.corpora.get(ME, "c").id)


def test_commit_numbers_are_global_and_never_reused(catalog: Catalog) -> None:
    sync(catalog, "one", {"a": document("x")})
    second = sync(catalog, "two", {"a": document("x")})
    catalog.deletion.delete_corpus(ME, "two")
    assert catalog.corpora.latest_commit() > second
    assert sync(catalog, "two", {"a": document("x")}) > second + 1


def test_an_outdated_plan_is_refused_whole(catalog: Catalog) -> None:
    sync(catalog, "c", {"a": document("one")})
    corpus = catalog.corpora.get(ME, "c")
    (version,) = prepare(catalog, corpus, [document("two")])
    (old,) = catalog.memberships.live(corpus.id).values()
    sync(catalog, "c", {"a": document("three")})
    before = texts(catalog, "c")
    with catalog.lock.hold():
        for born, died in (([new("b", version)], [old.id]), ([new("b", version), new("a", version)], [])):
            with pytest.raises(StaleContent):
                catalog.memberships.publish(ME, corpus.id, kind="x", born=born, died=died, roots={}, stats={})
    assert texts(catalog, "c") == before


def test_unprepared_content_is_refused(catalog: Catalog) -> None:
    corpus = catalog.corpora.create(ME, "c", SPEC)
    unchunked, no_vector = catalog.versions.put([document("one"), document("two words")])
    catalog.chunks.put(corpus.profile.id, [(no_vector, chunks("two words"))])
    assert catalog.chunks.unchunked(corpus.profile.id, [no_vector, unchunked]) == [no_vector, unchunked]
    with pytest.raises(StaleContent):
        catalog.chunks.batch(corpus.profile.id, [no_vector])
    with catalog.lock.hold():
        for version in (unchunked, no_vector):
            with pytest.raises(StaleContent):
                catalog.memberships.publish(
                    ME, corpus.id, kind="x", born=[new("a", version)], died=[], roots={}, stats={}
                )
    assert catalog.corpora.latest_commit() == 0
    with pytest.raises(StaleContent):
        catalog.chunks.put(corpus.profile.id, [(999, [])])


def test_publishing_needs_the_lock_and_a_corpus(catalog: Catalog) -> None:
    corpus = catalog.corpora.create(ME, "c", SPEC)
    with pytest.raises(InternalError):
        catalog.memberships.publish(ME, corpus.id, kind="x", born=[], died=[], roots={}, stats={})
    catalog.deletion.delete_corpus(ME, "c")
    with catalog.lock.hold(), pytest.raises(CorpusNotFound):
        catalog.memberships.publish(ME, corpus.id, kind="x", born=[], died=[], roots={}, stats={})


def test_a_root_name_stands_for_one_existing_path(catalog: Catalog, tmp_path: Path) -> None:
    corpus = catalog.corpora.create(ME, "c", SPEC)
    old, other = tmp_path / "old", tmp_path / "other"
    old.mkdir()
    other.mkdir()
    catalog.corpora.claim_root(corpus.id, "docs", str(old))
    catalog.corpora.claim_root(corpus.id, "docs", str(old))
    with pytest.raises(RootConflict) as caught:
        catalog.corpora.claim_root(corpus.id, "docs", str(other))
    assert "--as" in caught.value.hint
    old.rmdir()
    catalog.corpora.claim_root(corpus.id, "docs", str(other))
    assert catalog.corpora.roots(corpus.id) == {"docs": str(other)}


def test_corpora_are_created_once_and_found_by_name(catalog: Catalog) -> None:
    made = catalog.corpora.create(ME, "handbook", SPEC)
    assert catalog.corpora.create(ME, "handbook", SPEC) == made == catalog.corpora.get(ME, "handbook")
    assert catalog.corpora.profile(SPEC) == made.profile
    with pytest.raises(CorpusNotFound) as caught:
        catalog.corpora.get(ME, "handbok")
    assert "handbook" in caught.value.hint
    for name in ("", "A", "../x", "-a", "a" * 65, "a\n", "a/b", "é", "\ud800"):
        with pytest.raises(InvalidName):
            catalog.corpora.create(ME, name, SPEC)
    for name in ("a" * 10_000, "\x00"):
        with pytest.raises(CorpusNotFound):
            catalog.corpora.get(ME, name)


def test_a_summary_counts_the_head(catalog: Catalog) -> None:
    sync(catalog, "c", {"a": document("one"), "b": document("x" * 50)})
    sync(catalog, "c", {"a": document("one"), "c": document("one")})
    sync(catalog, "empty", {})
    (empty, summary) = sorted(catalog.corpora.summaries(ME), key=lambda s: s.documents)
    assert (empty.documents, empty.chunks, empty.commit) == (0, 0, 0)
    assert (summary.documents, summary.chunks, summary.characters) == (2, 1, 3), "a text is counted once"
    assert catalog.corpora.summary(ME, "c") == summary


def test_parses_are_remembered_by_content_kind_and_parser(catalog: Catalog) -> None:
    page = document("one", lang="en")
    kept = catalog.versions.put_parsed(
        "p1", [(("d1", ".md"), page), (("d2", ".pdf"), Failure("f", "broken", "why"))]
    )
    keys = [("d1", ".md"), ("d1", ".txt"), ("d2", ".pdf")]
    assert catalog.versions.parsed("p1", keys) == {keys[0]: kept[0], keys[2]: kept[1]}
    assert (kept[1].version_id, kept[1].code, kept[1].error) == (None, "broken", "why")
    assert kept[0].metadata == {"lang": "en"}
    assert catalog.versions.parsed("p2", keys) == {}
    catalog.versions.put_parsed("p1", [(("d2", ".pdf"), page)])
    assert catalog.versions.parsed("p1", keys)["d2", ".pdf"].version_id == kept[0].version_id
    assert catalog.versions.put([page, document("two"), page])[::2] == [kept[0].version_id] * 2


def test_what_cannot_be_stored_is_the_callers_error(catalog: Catalog) -> None:
    with pytest.raises(InvalidRequest):
        catalog.versions.put([document("lone \ud800")])
    with pytest.raises(InvalidRequest):
        catalog.versions.put_parsed("p", [(("d", ".md"), document("x", n=float("nan")))])
    corpus = catalog.corpora.create(ME, "c", SPEC)
    with pytest.raises(InvalidRequest):
        catalog.memberships.live_versions(corpus.id, CommitId(2**70))


def test_readers_on_many_threads_see_whole_commits(catalog: Catalog) -> None:
    sync(catalog, "c", {"a": document("v0"), "b": document("v0")})
    stop, torn = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            seen = set(texts(catalog, "c").values())
            if len(seen) != 1:
                torn.append(seen)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for i in range(1, 12):
        sync(catalog, "c", {"a": document(f"v{i}"), "b": document(f"v{i}")})
    stop.set()
    for reader in readers:
        reader.join()
    assert torn == []


def test_term_counts_and_columns_come_back_as_they_went_in(catalog: Catalog) -> None:
    corpus = catalog.corpora.create(ME, "c", SPEC)
    made = [document("b a b c"), document(""), document("c c c c d d e f g h i j")]
    ids = prepare(catalog, corpus, made)
    batch = catalog.chunks.batch(corpus.profile.id, ids[::-1])
    assert (batch.chunk_ids[1:] > batch.chunk_ids[:-1]).all()
    assert sorted(set(batch.versions.tolist())) == [ids[0], ids[2]]
    number = catalog.chunks.term_ids(["a", "b", "c", "nowhere"])
    assert set(number) == {"a", "b", "c"}
    first = slice(*batch.term_offsets[:2].tolist())
    counted = dict(zip(batch.terms[first].tolist(), batch.counts[first].tolist(), strict=True))
    assert counted == {number["a"]: 1, number["b"]: 2, number["c"]: 1}
    assert batch.lengths.tolist() == [4, 10, 2] or batch.lengths.sum() == 4 + 12
    assert batch.vectors.shape == (len(batch.chunk_ids), 8)
    catalog.chunks.put(
        corpus.profile.id,
        [(ids[0], [ChunkRow(start=0, end=1, page=None, headings=(), embedded_hash=b"other", terms=["zzz"])])],
    )
    again = catalog.chunks.batch(corpus.profile.id, ids)
    assert again.chunk_ids.tolist() == batch.chunk_ids.tolist()
    assert catalog.chunks.chunk_counts(corpus.profile.id, ids) == {ids[0]: 1, ids[1]: 0, ids[2]: 2}
    assert catalog.chunks.batch(corpus.profile.id, []).vectors.shape == (0, 8)
