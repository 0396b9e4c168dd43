"""A new corpus is indexed for the languages of its first documents, and says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from doubles import CORPUS, ME, HashEmbedder, new_home, search, shared_pool, upload

from ragsvc.domain import Mode
from ragsvc.models.bundled_models import MULTILINGUAL_EMBEDDER
from ragsvc.service.service import Service
from ragsvc.settings import Settings
from ragsvc.text.analysers import MULTILINGUAL, STANDARD

ENGLISH = "The archive keeps every letter that the harbour office received during the winter. "
GERMAN = "Das Archiv bewahrt jeden Brief auf, den das Hafenamt im Winter erhalten hat. "
CHINESE = "档案馆保存着港务局在冬季收到的每一封信件。"
Opened = Callable[..., Service]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    """A service whose settings name no embedder unless a test does."""

    def made(**settings: str) -> Service:
        given = Settings(home=new_home(tmp_path), **settings)  # type: ignore[arg-type]
        return Service.open(given, embedders=HashEmbedder, pool=shared_pool())

    return made


def profile_of(service: Service) -> tuple[str, str]:
    spec = service._catalog.corpora.get(ME, CORPUS).profile.spec
    return spec.embedder.name, spec.analyser


@pytest.mark.parametrize("foreign", [GERMAN, CHINESE])
def test_other_languages_get_the_embedder_and_the_analyser_of_many(opened: Opened, foreign: str) -> None:
    with opened() as service:
        report = upload(service, {"a": ENGLISH * 3, "b": foreign * 3})
        assert profile_of(service) == (MULTILINGUAL_EMBEDDER, MULTILINGUAL)
        (notice,) = report.notices
        assert MULTILINGUAL_EMBEDDER in notice
        assert "RAGSVC_EMBEDDER" in notice and "reindex" in notice
        found = search(service, "Welche Briefe?", mode=Mode.LEXICAL)
        assert [hit.passage.document_id for hit in found.hits] == (["b"] if foreign == GERMAN else [])


def test_english_and_what_is_in_no_language_stay_as_they_were(opened: Opened) -> None:
    with opened() as service:
        report = upload(
            service, {"a": ENGLISH * 12, "b": GERMAN, "c": "1;2;3\n" * 400, "d": "x = f(y)\n" * 90}
        )
        assert profile_of(service)[1] == STANDARD
        assert report.notices == ()


def test_an_embedder_that_is_named_is_taken_whatever_the_language(opened: Opened) -> None:
    with opened(embedder="bundled:all-MiniLM-L6-v2") as service:
        (notice,) = upload(service, {"a": GERMAN * 3}).notices
        assert profile_of(service)[0] == "bundled:all-MiniLM-L6-v2"
        assert "reindex" in notice


def test_later_documents_change_no_profile_but_are_spoken_of(opened: Opened) -> None:
    with opened() as service:
        assert upload(service, {"a": ENGLISH}).notices == ()
        (notice,) = upload(service, {"b": GERMAN}).notices
        assert f"ragsvc reindex {CORPUS} --embedder {MULTILINGUAL_EMBEDDER}" in notice
        assert profile_of(service)[1] == STANDARD
        assert upload(service, {"b": GERMAN}).notices == ()
        service.maintenance.reindex(ME, CORPUS, embedder=MULTILINGUAL_EMBEDDER)
        assert profile_of(service) == (MULTILINGUAL_EMBEDDER, MULTILINGUAL)
        assert upload(service, {"c": CHINESE * 3}).notices == ()
