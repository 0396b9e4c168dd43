"""Near-duplicates: collapsed in results, each listed with the first that it repeats, and reported."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from doubles import CORPUS, ME, ingest, new_home, open_service, search, shown, upload
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragsvc.domain import (
    SIGNATURE_VALUES,
    Collapse,
    DuplicateGroup,
    DuplicateKind,
    F64Vector,
    Hit,
    Mode,
    U16Matrix,
    U16Vector,
)
from ragsvc.pipeline.ingestion import duplicates
from ragsvc.pipeline.ingestion.duplicates import grouped, link
from ragsvc.service.service import Service
from ragsvc.store.rows import DocumentSignatures
from ragsvc.text.minhash import NEAR, signature, similarities

WORDS = [f"{letter}{number}" for letter in "abc" for number in range(12)]


def made(seed: int) -> dict[str, str]:
    """90 documents: six texts with up to six words changed here and there, some of them equal."""
    generator = random.Random(seed)
    bases = [[generator.choice(WORDS) for _ in range(20)] for _ in range(6)]
    documents = {}
    for number in range(90):
        words = list(generator.choice(bases))
        for _ in range(generator.choice((0, 0, 1, 2, 6))):
            words[generator.choice((0, 1, 18, 19, generator.randrange(20)))] = generator.choice(WORDS)
        documents[f"d{number:02}"] = " ".join(words)
    return documents


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with open_service(new_home(tmp_path_factory.mktemp("duplicates")), chunk_tokens=60) as opened:
        upload(opened, made(1))
        upload(opened, {"other": made(1)["d00"]}, corpus="other")
        yield opened


@cache
def near(one: str, other: str) -> bool:
    matrix = rows_of([one, other])
    return float(similarities(matrix[0], matrix[1:])[0]) >= NEAR


def rows_of(texts: Sequence[str]) -> U16Matrix:
    blobs = [signature(text) or bytes(2 * SIGNATURE_VALUES) for text in texts]
    return np.frombuffer(b"".join(blobs), dtype="<u2").astype(np.uint16).reshape(-1, SIGNATURE_VALUES)


def collapsed_longhand(each: Sequence[Hit]) -> list[tuple[str, list[str]]]:
    """What collapsing must make of all hits in their order."""
    kept: list[tuple[Hit, list[str]]] = []
    for hit in each:
        for first, others in kept:
            if first.passage.chunk == hit.passage.chunk or near(first.passage.text, hit.passage.text):
                if hit.passage.document_id not in others:
                    others.append(hit.passage.document_id)
                break
        else:
            kept.append((hit, []))
    return [(first.passage.document_id, others) for first, others in kept]


queries = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)
quickly = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@quickly
@given(query=queries, mode=st.sampled_from(Mode), k=st.integers(1, 100))
def test_collapsing_matches_the_longhand(service: Service, query: str, mode: Mode, k: int) -> None:
    each = search(service, query, mode, k=200, collapse=Collapse.OFF).hits
    once = search(service, query, mode, k=k).hits
    wanted = collapsed_longhand(each)[:k]
    assert [(hit.passage.document_id, list(hit.duplicates)) for hit in once] == wanted


@quickly
@given(query=queries, mode=st.sampled_from(Mode), few=st.integers(1, 12), more=st.integers(1, 40))
def test_duplicates_do_not_depend_on_how_many_are_asked_for(
    service: Service, query: str, mode: Mode, few: int, more: int
) -> None:
    short = search(service, query, mode, k=few).hits
    long = search(service, query, mode, k=few + more).hits
    assert [shown(hit) for hit in short] == [shown(hit) for hit in long[:few]]


def test_there_is_something_to_collapse(service: Service) -> None:
    hits = search(service, " ".join(WORDS), k=200).hits
    assert 6 <= len(hits) < 60
    assert {group.kind for group in service.maintenance.duplicates(ME, CORPUS)} == set(DuplicateKind)


def test_each_corpus_is_collapsed_by_itself(service: Service) -> None:
    text = made(1)["d00"]
    hits = search(service, text, corpora=[CORPUS, "other"], k=200).hits
    assert {hit.corpus for hit in hits if near(hit.passage.text, text)} == {CORPUS, "other"}
    assert all("other" not in hit.duplicates for hit in hits)


def test_a_document_that_repeats_itself_is_listed_with_itself(tmp_path: Path) -> None:
    with open_service(new_home(tmp_path), chunk_tokens=30) as service:
        clause = " ".join(WORDS[:20])
        upload(service, {"a": f"{clause}\n\n{' '.join(WORDS[20:])}\n\n{clause}", "b": clause})
        first, *_ = search(service, clause).hits
        assert (first.passage.document_id, first.duplicates) == ("a", ("a", "b"))


def test_a_filter_decides_which_near_ones_are_listed(tmp_path: Path) -> None:
    text = " ".join(WORDS)
    lines = [f'{{"id": "d{n}", "text": "{text} x{n}", "metadata": {{"n": {n}}}}}' for n in range(9)]
    (tmp_path / "many.jsonl").write_text("\n".join(lines))
    with open_service(new_home(tmp_path), chunk_tokens=60) as service:
        ingest(service, tmp_path / "many.jsonl")
        for k in (1, 10):
            (hit,) = search(service, text, k=k, where={"n": {"$gte": 5}}).hits
            assert sorted((hit.passage.document_id, *hit.duplicates)) == ["d5", "d6", "d7", "d8"]


def test_unknown_signatures_never_collapse(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    documents = {f"d{n}": f"{' '.join(WORDS)} x{n}" for n in range(3)} | {"same": f"{' '.join(WORDS)} x0"}
    with open_service(home, chunk_tokens=60) as service:
        upload(service, documents)
        assert len(search(service, "a1").hits) == 1
        assert len(service.maintenance.duplicates(ME, CORPUS)) == 2
    with sqlite3.connect(home / "catalog.db") as catalog:
        catalog.execute("UPDATE chunk SET signature = x''")
        catalog.execute("DELETE FROM signature")
    catalog.close()
    for folder in home.iterdir():
        if folder.is_dir():
            shutil.rmtree(folder)
    with open_service(home, chunk_tokens=60) as service:
        hits = search(service, "a1").hits
        assert sorted((hit.passage.document_id, hit.duplicates) for hit in hits) == [
            ("d0", ("same",)),
            ("d1", ()),
            ("d2", ()),
        ]
        assert service.maintenance.duplicates(ME, CORPUS) == [
            DuplicateGroup(DuplicateKind.EXACT, 1.0, ("d0", "same"))
        ]


def linked_longhand(signatures: U16Matrix) -> list[int]:
    numbers = list(range(len(signatures)))
    for one in range(len(numbers)):
        likeness = similarities(signatures[one], signatures)
        for other in np.flatnonzero(likeness >= NEAR).tolist():
            low, high = sorted((numbers[one], numbers[other]))
            numbers = [low if number == high else number for number in numbers]
    return numbers


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32))
def test_linking_matches_all_pairs(seed: int) -> None:
    signatures = rows_of([*made(seed).values(), "", ""])
    assert link(signatures).tolist() == linked_longhand(signatures)


def templated(rows: int, pairs: int, own: int) -> U16Matrix:
    """Signatures that share a template but for `own` values of their own; the first `pairs` and the last
    ones are near, as little as can be: they differ in 25 values."""
    generator = np.random.default_rng(rows)

    def values(count: int) -> U16Vector:
        return generator.integers(1, 1 << 16, count, dtype=np.uint16)

    made = np.tile(values(SIGNATURE_VALUES), (rows, 1))
    for row in range(rows - pairs):
        places = generator.permutation(SIGNATURE_VALUES)
        made[row, places[: own - 13]] = values(own - 13)
        if row < pairs:
            made[-1 - row] = made[row]
            made[-1 - row, places[own : own + 12]] = values(12)
        made[row, places[own - 13 : own]] = values(13)
    return made


@pytest.mark.parametrize("own", [33, 22])
def test_comparing_what_shares_a_template_grows_with_the_number_of_rows(
    own: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At .55 and .69 to each other; near pairs are found among them."""
    compared = 0

    def counted(one: U16Matrix, many: U16Matrix) -> F64Vector:
        nonlocal compared
        compared += len(many)
        return similarities(one, many)

    monkeypatch.setattr(duplicates, "similarities", counted)
    costs = []
    for rows in (2000, 8000):
        compared = 0
        signatures, wanted = templated(rows, 100, own), list(range(rows))
        wanted[-100:] = range(99, -1, -1)
        assert link(signatures).tolist() == wanted
        costs.append(compared)
    assert costs[1] <= 4.5 * costs[0]
    assert costs[1] <= 300 * 8000


def test_many_near_rows_are_one_group() -> None:
    """At .81 to each other, so that half the pairs are near."""
    signatures = templated(1500, 0, 13)
    assert not link(signatures).any()


def test_groups_name_every_document_and_their_similarity() -> None:
    text = " ".join(WORDS)
    texts = ["far away", text, f"{text} more", text, "", ""]
    documents = DocumentSignatures(
        ("a", "b", "c", "d", "e", "f"), np.array([9, 4, 2, 4, 5, 6], np.int64), rows_of(texts)
    )
    exact, similar = grouped(documents)
    assert exact == DuplicateGroup(DuplicateKind.EXACT, 1.0, ("b", "d"))
    assert (similar.kind, similar.documents) == (DuplicateKind.NEAR, ("b", "c", "d"))
    assert NEAR <= similar.similarity < 1
    assert grouped(DocumentSignatures((), np.empty(0, np.int64), rows_of([]))) == []


def test_only_live_documents_are_reported(tmp_path: Path) -> None:
    with open_service(new_home(tmp_path), chunk_tokens=60) as service:
        text = " ".join(WORDS)
        upload(service, {"a": text, "b": f"{text} more", "c": "something else altogether"})
        assert [group.documents for group in service.maintenance.duplicates(ME, CORPUS)] == [("a", "b")]
        service.delete_document(ME, CORPUS, "b")
        assert service.maintenance.duplicates(ME, CORPUS) == []
