"""Search: order, filters before the cut, duplicates, several corpora."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from doubles import CORPUS, ME, ingest, new_home, open_service, search, shown, upload
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragsvc.domain import Collapse, Fusion, Mode
from ragsvc.errors import CorpusNotFound, InvalidFilter, InvalidRequest
from ragsvc.service.service import Service

WORDS = ["apple", "pear", "plum", "fig", "kiwi", "lemon", "grape", "melon", "cherry"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 documents over 9 words, so that many scores tie; every text of the first 10 stands in 20 more."""
    base = tmp_path_factory.mktemp("retrieve")
    lines = []
    for n in range(60):
        m = n % 10 if n < 30 else n
        text = " ".join(WORDS[(m * k) % 9] for k in range(1, 3 + m % 4))
        lines.append(json.dumps({"id": f"d{n:02}", "text": text, "metadata": {"n": n, "even": n % 2 == 0}}))
    # Last ids first, so that ids do not sort as chunks happen to.
    (base / "many.jsonl").write_text("\n".join(reversed(lines)))
    return base


@pytest.fixture(scope="module", params=list(Fusion))
def service(folder: Path, request: pytest.FixtureRequest) -> Iterator[Service]:
    with open_service(new_home(folder, request.param), fusion=request.param) as opened:
        ingest(opened, folder / "many.jsonl")
        upload(opened, {"x": "apple pie", "y": "no fruit at all"}, corpus="other")
        yield opened


queries = st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map(" ".join)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    query=queries,
    mode=st.sampled_from(Mode),
    few=st.integers(1, 30),
    more=st.integers(1, 60),
    where=st.sampled_from([None, {"even": True}, {"n": {"$lt": 25}}]),
    collapse=st.sampled_from(Collapse),
)
def test_a_small_k_begins_a_large_one(service, query, mode, few, more, where, collapse) -> None:  # type: ignore[no-untyped-def]
    long = search(service, query, mode, k=few + more, where=where, collapse=collapse).hits
    short = search(service, query, mode, k=few, where=where, collapse=collapse).hits
    assert [(shown(hit), hit.score) for hit in short] == [(shown(hit), hit.score) for hit in long[:few]]
    assert [hit.rank for hit in long] == list(range(1, len(long) + 1))
    keys = [(-hit.score, hit.passage.document_id, hit.passage.start) for hit in long]
    assert keys == sorted(keys)
    for hit in long:
        metadata = hit.passage.metadata
        assert where is None or (metadata["even"] if "even" in where else metadata["n"] < 25)


@pytest.mark.parametrize("mode", Mode)
def test_a_filter_that_matches_nothing_finds_nothing(service: Service, mode: Mode) -> None:
    assert search(service, "apple", mode, where={"n": {"$gt": 1000}}).hits == ()
    assert search(service, "apple", mode, where={"n": "3"}).hits == ()
    with pytest.raises(InvalidFilter):
        search(service, "apple", mode, where={"n": {"$near": 3}})


@pytest.mark.parametrize("mode", Mode)
def test_a_filter_acts_before_the_cut(service: Service, mode: Mode) -> None:
    hits = search(service, "apple pear", mode, k=1, where={"n": {"$in": [59]}}).hits
    wanted = {"d59"} if mode is not Mode.LEXICAL or hits else set()
    assert {hit.passage.document_id for hit in hits} == wanted


@pytest.mark.parametrize("mode", Mode)
def test_equal_texts_are_shown_once_with_the_others_listed(service: Service, mode: Mode) -> None:
    once = search(service, "apple pear plum", mode, k=200).hits
    each = search(service, "apple pear plum", mode, k=200, collapse=Collapse.OFF).hits
    assert all(hit.duplicates == () for hit in each)
    version_of = {hit.passage.document_id: hit.passage.version for hit in each}
    unfolded = [name for hit in once for name in (hit.passage.document_id, *hit.duplicates)]
    assert sorted(unfolded) == sorted(hit.passage.document_id for hit in each)
    assert len({hit.passage.version for hit in once}) == len(once) < len(each)
    for hit in once:
        same = [name for name in hit.duplicates if version_of[name] == hit.passage.version]
        assert same == sorted(same)
        assert all(name > hit.passage.document_id for name in same)


def test_a_filter_also_decides_which_duplicates_are_listed(service: Service) -> None:
    hits = search(service, "apple pear", k=200, where={"n": {"$in": [3, 13]}}).hits
    assert [(hit.passage.document_id, hit.duplicates) for hit in hits] == [("d03", ("d13",))]
    assert search(service, "apple pear", k=200, where={"n": 13}).hits[0].passage.document_id == "d13"


def test_several_corpora_give_one_ranking(service: Service) -> None:
    both = search(service, "apple", corpora=[CORPUS, "other", CORPUS], k=200)
    assert both.corpus == f"{CORPUS},other"
    assert {hit.corpus for hit in both.hits} == {CORPUS, "other"}
    assert [hit.rank for hit in both.hits] == list(range(1, len(both.hits) + 1))
    scores = [hit.score for hit in both.hits]
    assert scores == sorted(scores, reverse=True)
    for name in (CORPUS, "other"):
        alone = search(service, "apple", corpora=[name], k=200).hits
        assert [(h.score, h.passage) for h in both.hits if h.corpus == name] == [
            (h.score, h.passage) for h in alone
        ]


def test_requests_that_cannot_be_met(service: Service) -> None:
    for k in (0, 201):
        with pytest.raises(InvalidRequest):
            search(service, "apple", k=k)
    with pytest.raises(InvalidRequest):
        search(service, "apple", corpora=[])
    with pytest.raises(CorpusNotFound) as caught:
        search(service, "apple", corpora=[CORPUS, "othr"])
    assert "other" in caught.value.hint


@pytest.mark.parametrize("mode", Mode)
def test_queries_without_any_known_word(service: Service, mode: Mode) -> None:
    assert len(search(service, "zzz ???", mode).hits) == (0 if mode is Mode.LEXICAL else 10)
    assert service.corpus(ME, CORPUS).documents == 60
