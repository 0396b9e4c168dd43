"""The second look in whole searches: what it may change, what it may see, and what happens beside it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from doubles import CORPUS, ME, HashEmbedder, new_home, open_service, same_hits, search, shown, upload
from doubles import ingest as ingest_paths
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_candidates import WildReranker, tiny_cross_encoder
from torch.nn import Sigmoid

from ragsvc.api.server import serve
from ragsvc.domain import ChunkText, Collapse, Fusion, Mode, SearchResult
from ragsvc.errors import InvalidRequest, ModelNotFound
from ragsvc.pipeline.retrieval.close_reader import BUILT_IN, CLOSE, NO_RERANKER
from ragsvc.service import model_registry
from ragsvc.service.rerankers import check_reranker
from ragsvc.service.service import Service
from ragsvc.settings import Settings

WORDS = ["apple", "pear", "plum", "fig", "kiwi", "lemon", "grape", "melon", "cherry"]
queries = st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map(" ".join)
shared = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))


class Wild:
    """In the place of cross-encoders: every reranker named so far, newest last."""

    made: list[WildReranker] = []

    def __new__(cls, name: str) -> WildReranker:  # type: ignore[misc]
        cls.made.append(WildReranker(name))
        return cls.made[-1]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with 90 documents over 9 words: many scores tie, also where the second look ends."""
    base = tmp_path_factory.mktemp("rerankers")
    lines = []
    for n in range(90):
        text = " ".join(WORDS[(n * k + n // 9 * (k // 2)) % 9] for k in range(1, 3 + n % 6))
        row = {"id": f"d{n:02}", "title": f"Fruit {n % 3}", "text": text, "metadata": {"even": n % 2 == 0}}
        lines.append(json.dumps(row))
    (base / "many.jsonl").write_text("\n".join(reversed(lines)))
    with open_service(new_home(base)) as service:
        ingest_paths(service, base / "many.jsonl")
    return base


@pytest.fixture(scope="module")
def plain(base: Path) -> Iterator[Service]:
    with open_service(base / "home", reranker=NO_RERANKER) as opened:
        yield opened


@pytest.fixture(scope="module", params=[BUILT_IN, "wild"])
def service(base: Path, request: pytest.FixtureRequest) -> Iterator[Service]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model_registry, "CrossEncoderReranker", Wild)
        opened = open_service(base / "home", reranker=request.param)
    with opened:
        yield opened


def flat(service: Service, query: str, k: int = 200, **rest: Any) -> list[tuple[str, float]]:
    hits = search(service, query, k=k, collapse=Collapse.OFF, **rest).hits
    return [(f"{hit.passage.chunk_id} {hit.passage.document_id}", hit.score) for hit in hits]


def chunks(service: Service, query: str) -> list[tuple[str, float]]:
    """Several documents share a chunk, which is looked at once."""
    return list(dict((name.partition(" ")[0], score) for name, score in flat(service, query)).items())


@shared
@given(query=queries, collapse=st.sampled_from(Collapse), where=st.sampled_from([None, {"even": True}]))
def test_a_small_k_begins_a_large_one(
    service: Service, query: str, collapse: Collapse, where: dict[str, Any] | None
) -> None:
    long = search(service, query, k=200, collapse=collapse, where=where).hits
    scores = [hit.score for hit in long]
    assert scores == sorted(scores, reverse=True)
    assert np.isfinite(scores).all()
    for k in (1, 5, 10, 50):
        short = search(service, query, k=k, collapse=collapse, where=where).hits
        assert [(shown(hit), hit.score) for hit in short] == [(shown(hit), hit.score) for hit in long[:k]]


@shared
@given(query=queries)
def test_what_is_not_looked_at_again_stays_behind_in_its_order(
    service: Service, plain: Service, query: str
) -> None:
    before, after = chunks(plain, query), chunks(service, query)
    assert len(before) == len(after) > CLOSE
    last = before[CLOSE - 1][1]
    looked_at = sum(score >= last for _, score in before)
    assert {name for name, _ in after[:looked_at]} == {name for name, _ in before[:looked_at]}
    rests = before[looked_at:], after[looked_at:]
    assert [name for name, _ in rests[0]] == [name for name, _ in rests[1]]
    if rests[1]:
        assert rests[1][0][1] < after[looked_at - 1][1]
        shifts = np.subtract(*[[score for _, score in rest] for rest in rests])
        np.testing.assert_allclose(shifts, shifts[0], atol=2e-6)


@pytest.mark.parametrize("mode", [Mode.DENSE, Mode.LEXICAL])
def test_one_leg_alone_is_left_as_it_is(service: Service, plain: Service, mode: Mode) -> None:
    for query in ("apple pear", "kiwi", "zzz"):
        assert flat(service, query, mode=mode) == flat(plain, query, mode=mode)
    assert flat(service, "apple pear") != flat(plain, "apple pear")


@pytest.mark.parametrize("name", [BUILT_IN])
def test_reciprocal_ranks_are_left_as_they_are(base: Path, name: str) -> None:
    fused = {"fusion": Fusion.RRF}
    with (
        open_service(base / "home", reranker=name, **fused) as one,
        open_service(base / "home", reranker=NO_RERANKER, **fused) as other,
    ):
        for query in ("apple pear", "kiwi lemon fig"):
            assert flat(one, query) == flat(other, query)


changes = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "delete"]),
        st.integers(0, 44),
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map(" ".join),
    ),
    min_size=3,
    max_size=10,
)


@pytest.mark.parametrize("name", [BUILT_IN])
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(changes=changes, query=queries)
def test_changes_find_what_a_fresh_build_finds(
    tmp_path_factory: pytest.TempPathFactory, name: str, changes: list[tuple[str, int, str]], query: str
) -> None:
    """More documents than are looked at again, so that who is among them matters too."""
    base = tmp_path_factory.mktemp("changes")
    texts = {f"d{n:02}": " ".join(WORDS[n * k % 9] for k in range(1, 3 + n % 5)) for n in range(40)}
    with (
        open_service(new_home(base), reranker=name) as changed,
        open_service(new_home(base, "fresh"), reranker=name) as fresh,
    ):
        upload(changed, texts)
        for number, (what, document, text) in enumerate(changes):
            key = f"d{document:02}"
            if what == "put":
                texts[key] = text
                upload(changed, {key: text})
            elif key in texts:
                del texts[key]
                changed.delete_document(ME, CORPUS, key)
            if number % 3 == 0:
                search(changed, query)
        upload(fresh, dict(reversed(texts.items())))
        with open_service(base / "home", reranker=name) as reopened:
            for asked in (query, "apple pear", "fig of a kiwi"):
                expected = search(fresh, asked, k=100)
                same_hits(expected, search(changed, asked, k=100))
                same_hits(expected, search(reopened, asked, k=100))


class Ordered(HashEmbedder):
    """Unlike those of HashEmbedder, its vectors also tell in which order the words stand."""

    def _embed(self, texts: Sequence[str]) -> Any:
        return super()._embed([f"{text} {text.replace(' ', '')}" for text in texts])


allowed_texts = st.lists(
    st.lists(st.sampled_from(WORDS), min_size=2, max_size=6).map(" ".join), min_size=1, max_size=6
)
secrets = st.lists(st.permutations(WORDS[:5]), min_size=1, max_size=12)


@pytest.mark.parametrize("name", [BUILT_IN, "wild"])
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(open_texts=allowed_texts, secret=secrets)
def test_what_a_filter_forbids_has_no_influence(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    open_texts: list[str],
    secret: list[list[str]],
) -> None:
    """Two corpora differ in the order of words of forbidden texts: other neighbours and pairs, equal BM25."""
    monkeypatch.setattr(model_registry, "CrossEncoderReranker", Wild)
    base = tmp_path_factory.mktemp("filter")
    home = new_home(base)
    found = []
    with open_service(home, Ordered, reranker=name) as service:
        for corpus, words_of in (("one", list), ("two", sorted)):
            lines = [
                {"id": f"o{n}", "text": text, "metadata": {"open": True}} for n, text in enumerate(open_texts)
            ]
            lines += [
                {"id": f"s{n}", "text": f"{' '.join(words_of(words))} s{n}", "metadata": {"open": False}}
                for n, words in enumerate(secret)
            ]
            folder = base / corpus
            folder.mkdir()
            (folder / "l.jsonl").write_text("\n".join(map(json.dumps, lines)))
            ingest_paths(service, folder / "l.jsonl", corpus=corpus)
            before = len(Wild.made[-1].seen) if name == "wild" else 0
            found.append(
                [
                    flat(service, query, corpora=[corpus], where={"open": True})
                    for query in ("apple pear", "plum fig kiwi apple", "cherry")
                ]
            )
            if name == "wild":
                for candidates in Wild.made[-1].seen[before:]:
                    assert {text.text for text in candidates.texts} <= set(open_texts)
                    assert candidates.lexical_best == max(candidates.lexical)
    assert found[0] == found[1]


@pytest.mark.parametrize("name", [BUILT_IN])
def test_gc_between_the_legs_and_the_second_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The texts of the candidates are gone: the search is run again, over the head."""
    home = new_home(tmp_path)
    with open_service(home, reranker=name) as service, open_service(home, reranker=name) as other:
        upload(service, {f"d{n}": f"an old apple {n}" for n in range(5)})
        looked: list[list[ChunkText]] = []
        real = service._catalog.passages.chunk_texts

        def late(chunk_ids: Sequence[int]) -> list[ChunkText]:
            if not looked:
                upload(other, {f"d{n}": f"a new apple {n}" for n in range(5)})
                other.maintenance.collect(ME, CORPUS, keep=1)
            looked.append(real(chunk_ids))
            return looked[-1]

        monkeypatch.setattr(service._catalog.passages, "chunk_texts", late)
        hits = search(service, "apple").hits
        assert [text.text for text in looked[0]] == [""] * 5
        assert len(looked) == 2
        assert len(hits) == 5
        assert all("new" in hit.passage.text for hit in hits)


def eventually_told(service: Service, reason: str) -> None:
    deadline = time.monotonic() + 20
    while reason not in service.ready().reason:
        assert time.monotonic() < deadline, service.ready()
        time.sleep(0.01)


@pytest.mark.parametrize("name", ["builtin", "/no/such/folder"])
def test_an_unknown_reranker_is_told_by_the_first_question_and_by_a_server(base: Path, name: str) -> None:
    with open_service(base / "home", reranker=name) as service:
        with pytest.raises(ModelNotFound, match=name) as caught:
            search(service, "apple")
        assert "built-in" in caught.value.hint
        assert search(service, "apple", Mode.LEXICAL).hits, "it is not needed here"
        service.start()
        eventually_told(service, name)
        assert not service.ready().ready


@pytest.mark.parametrize("name", ["nonsense", "BUILT-IN", "/no/such/folder", "./none"])
@pytest.mark.parametrize("workers", [1, 3])
def test_a_server_with_a_misspelt_reranker_ends_at_its_start(base: Path, name: str, workers: int) -> None:
    with pytest.raises(InvalidRequest, match=f"RAGSVC_RERANKER: there is no reranker '{name}'") as caught:
        serve(Settings(home=base / "none", reranker=name, workers=workers), port=0)
    assert "built-in" in caught.value.hint


@pytest.mark.parametrize("name", ["built-in", "none", "cross-encoder/ms-marco-MiniLM-L6-v2"])
def test_what_can_be_a_reranker_starts(name: str) -> None:
    check_reranker(Settings(reranker=name))


def test_a_cross_encoder_from_the_environment_orders_by_its_own_scores(
    base: Path, plain: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sentence_transformers import CrossEncoder

    folder = tiny_cross_encoder(tmp_path / "tiny")
    monkeypatch.setenv("RAGSVC_RERANKER", str(folder))
    query = "apple pear"
    with open_service(base / "home") as service:
        service.start()
        deadline = time.monotonic() + 60
        while not service.ready().ready:
            assert time.monotonic() < deadline, service.ready()
            time.sleep(0.02)
        result: SearchResult = search(service, query, k=CLOSE, collapse=Collapse.OFF)
    oracle = CrossEncoder(str(folder), device="cpu", local_files_only=True)
    pairs = [
        (query, "\n".join((hit.passage.title, *hit.passage.headings, hit.passage.text)))
        for hit in result.hits
    ]
    expected = oracle.predict(pairs, show_progress_bar=False, activation_fn=Sigmoid())
    np.testing.assert_allclose([hit.score for hit in result.hits], expected, atol=2e-6)
    assert [hit.passage.chunk_id for hit in result.hits] != [
        hit.passage.chunk_id for hit in search(plain, query, k=CLOSE, collapse=Collapse.OFF).hits
    ]
