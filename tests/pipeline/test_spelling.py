"""Misspelt words are read as words of the documents, and nothing is told of documents that are not seen."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from doubles import HashEmbedder, WordTokeniser, ingest, new_home, open_service, search, shared_pool, upload
from hypothesis import given, settings
from hypothesis import strategies as st

from ragsvc.domain import Mode
from ragsvc.service.service import Service
from ragsvc.settings import Settings

KNOWN = {"which", "where", "refund"}


class PieceTokeniser(WordTokeniser):
    """Knows some words whole; any other is two pieces."""

    def count(self, text: str) -> int:
        words = text.split()
        return len(words) + sum(word.lower() not in KNOWN for word in words)


class PieceEmbedder(HashEmbedder):
    def __init__(self, *given: str) -> None:
        super().__init__(*given)
        self.tokeniser = PieceTokeniser()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("spelling")
    with open_service(new_home(folder), lambda _: PieceEmbedder(), chunk_tokens=60) as opened:
        texts = {
            True: "The concentrators of the harbour need painting. Mr Tolner keeps the register.",
            False: "The dishwasher stands beside the greenhouse.",
        }
        lines = [json.dumps({"text": text, "metadata": {"open": open_}}) for open_, text in texts.items()]
        (folder / "texts.jsonl").write_text("\n".join(lines))
        ingest(opened, folder / "texts.jsonl")
        yield opened


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("where are the concenrtators", "where are the concentrators"),
        ("where is the harbor register?", "where is the harbour register?"),
        ("who keeps the regitser", "who keeps the register"),
        ("is the dishwahser clean", "is the dishwasher clean"),
        ("Harbuor", "harbour"),
        ("how is the paintnig", "how is the painting"),
        ("where is Tolnre", "where is Tolner"),
    ],
)
@pytest.mark.parametrize("mode", Mode)
def test_a_slip_is_read_as_the_word_of_the_documents(
    service: Service, typed: str, read: str, mode: Mode
) -> None:
    result = search(service, typed, mode)
    assert result.query == typed
    assert (result.searched or "").lower() == read.lower()
    assert [hit.score for hit in result.hits] == [
        hit.score for hit in search(service, result.searched, mode).hits
    ]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "typed",
    [
        "where is the register",  # nothing is misspelt
        "which refund",  # a word that the model knows is no slip, though no document has it
        "where is Tolnar",  # another letter in a name is another name
        "number of the wasp",  # short words have too many neighbours
        '"regitser"',  # a quote is taken at its word
        "regitser2",  # not a word of letters
        "zzzzzzzz",  # nothing is near
    ],
)
def test_what_is_no_slip_stays(service: Service, typed: str) -> None:
    assert search(service, typed).searched is None


def test_a_word_of_a_document_that_is_not_seen_is_never_named(service: Service) -> None:
    assert search(service, "the dishwahser", where={"open": True}).searched is None
    assert search(service, "the dishwahser", where={"open": False}).searched == "the dishwasher"


def test_a_new_document_brings_its_words(tmp_path_factory: pytest.TempPathFactory) -> None:
    with open_service(new_home(tmp_path_factory.mktemp("spelling")), lambda _: PieceEmbedder()) as opened:
        upload(opened, {"a": "apples and pears"})
        assert search(opened, "the propellre").searched is None
        upload(opened, {"b": "the propeller turns"})
        assert search(opened, "the propellre").searched == "the propeller"


def test_each_corpus_reads_slips_by_its_own_words(tmp_path_factory: pytest.TempPathFactory) -> None:
    with open_service(new_home(tmp_path_factory.mktemp("spelling")), lambda _: PieceEmbedder()) as opened:
        upload(opened, {"a": "apples and pears"}, corpus="fruit")
        upload(opened, {"b": "the propeller turns"}, corpus="ships")
        for corpora in (("fruit", "ships"), ("ships", "fruit")):
            found = search(opened, "the propellre", corpora=corpora)
            assert found.searched == "the propeller" and found.hits[0].passage.document_id == "b"


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=60))
def test_any_query_is_read(service: Service, query: str) -> None:
    result = search(service, f"q {query}")
    assert result.searched is None or result.searched != result.query


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("когда открыта библитоека", "когда открыта библиотека"),
        ("читательский билте", "читательский билет"),
        ("Wann öffnet die Schwimmhlale?", "Wann öffnet die Schwimmhalle?"),
        ("Öffnungszieten", "Öffnungszeiten"),
        ("متى تفتح المكتبةة", "متى تفتح المكتبة"),
        ("¿cuándo abre la bibliotcea?", "¿cuándo abre la biblioteca?"),
    ],
)
def test_slips_are_read_in_other_alphabets_and_languages(
    tmp_path_factory: pytest.TempPathFactory, typed: str, read: str
) -> None:
    home = new_home(tmp_path_factory.mktemp("spelling"))
    texts = {
        "ru": "Городская библиотека открыта каждый день, кроме понедельника. Читательский билет бесплатный.",
        "de": "Die Schwimmhalle am Bahnhof hat im Winter andere Öffnungszeiten als im Sommer.",
        "ar": "تفتح المكتبة العامة أبوابها كل يوم في التاسعة صباحا وتغلق مساء.",
        "es": "La biblioteca del puerto abre todos los días menos los lunes por la mañana.",
    }
    with Service.open(Settings(home=home), embedders=PieceEmbedder, pool=shared_pool()) as opened:
        upload(opened, texts)
        assert (search(opened, typed).searched or "").lower() == read.lower()
        assert search(opened, read).searched is None
