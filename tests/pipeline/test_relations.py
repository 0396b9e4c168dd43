"""Relations: who is named with whom, over a real service."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from doubles import CORPUS, ME, ingest, new_home, open_service, search, upload
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from ragsvc.domain import AnswerRequest, EntityKind
from ragsvc.errors import EntityNotFound, InvalidFilter
from ragsvc.pipeline.relations.names import NameFinder, fold, place_of, plain, spelling_of
from ragsvc.service.service import Service
from ragsvc.store.tables import mentions

A = "# Refund Policy\n\nAcme GmbH wants refunds. See [Shipping](b.md) and ERR-1204.\n"
B = (
    "---\nauthor: Ann Smith\ntags: [fees]\n---\n# Shipping Costs\n\n"
    "The refund policy holds for ACME GmbH.\n\n"
    "| Customer | N |\n|---|---|\n| Acme GmbH | 1 |\n| Bolt & Co | 2 |\n| Carl Ltd | 3 |\n"
)
C = "# Other Things\n\nNothing on err-1204 but Ann Smith and bolt & co. Not Acme GmbHs.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "docs"
    made.mkdir()
    for name, text in (("a.md", A), ("b.md", B), ("c.md", C)):
        (made / name).write_text(text, "utf-8")
    return made


@pytest.fixture
def service(tmp_path: Path, folder: Path) -> Iterator[Service]:
    with open_service(new_home(tmp_path)) as opened:
        ingest(opened, folder)
        yield opened


def named_by(service: Service, name: str, at: str | None = None) -> list[str]:
    graph = service.relations.graph(ME, CORPUS, entity=name, at=at)
    return [each.document_id for each in graph.documents]


def listed(service: Service, where: dict[str, Any]) -> list[str]:
    found, _ = service.documents(ME, CORPUS, cursor=None, limit=100, where=where)
    return [each.document_id for each in found]


def test_structure_gives_names_and_all_texts_are_looked_through_for_them(service: Service) -> None:
    assert named_by(service, "acme gmbh") == ["docs/a.md", "docs/b.md"]
    assert named_by(service, "ERR-1204") == ["docs/a.md", "docs/c.md"]
    assert named_by(service, "Ann Smith") == ["docs/b.md", "docs/c.md"]
    assert named_by(service, "Refund Policy") == ["docs/a.md", "docs/b.md"]
    # By the link, by the name of its file, and by its id.
    assert named_by(service, "Shipping Costs") == named_by(service, "b.md") == ["docs/a.md", "docs/b.md"]
    assert named_by(service, "docs/b.md") == ["docs/a.md", "docs/b.md"]
    graph = service.relations.graph(ME, CORPUS, entity="Acme GmbH")
    assert graph.entity is not None and graph.entity.kinds == (EntityKind.ROW,)
    shared = {edge.second: edge.documents for edge in graph.edges if edge.first == "acme gmbh"}
    assert shared["refund policy"] == 2 and shared["err-1204"] == 1
    with pytest.raises(EntityNotFound, match="nobody") as caught:
        named_by(service, "nobody")
    assert caught.value.hint


def test_filters_hold_everywhere(service: Service) -> None:
    cases: list[tuple[Any, list[str]]] = [
        ("ACME  GmbH", ["docs/a.md", "docs/b.md"]),
        ({"$all": ["Acme GmbH", "ERR-1204"]}, ["docs/a.md"]),
        ({"$in": ["fees", "err-1204"]}, ["docs/a.md", "docs/b.md", "docs/c.md"]),
        ({"$ne": "Acme GmbH"}, ["docs/c.md"]),
        ("unknown", []),
    ]
    for condition, expected in cases:
        where = {"_mentions": condition}
        assert listed(service, where) == expected
        hits = search(service, "refunds shipping nothing Acme", where=where).hits
        assert {hit.passage.document_id for hit in hits} == set(expected)
    both = {"$and": [{"_mentions": "Ann Smith"}, {"author": "Ann Smith"}]}
    assert listed(service, both) == ["docs/b.md"]
    assert listed(service, {"tags": {"$all": ["fees"]}}) == ["docs/b.md"]
    wrong: list[Any] = [{"$gt": "a"}, {"$exists": True}, 1, {"$in": [None]}, {"$all": []}]
    for condition in wrong:
        with pytest.raises(InvalidFilter):
            listed(service, {"_mentions": condition})


@pytest.mark.parametrize(
    ("question", "begins", "cited"),
    [
        ("Which documents mention Acme GmbH and ERR-1204?", "1 document mentions", ["docs/a.md"]),
        ("which files mention the “Bolt & Co”", "2 documents mention", ["docs/b.md", "docs/c.md"]),
        ("In welchen Dokumenten wird ann smith erwähnt?", "2 Dokumente erwähnen", ["docs/b.md", "docs/c.md"]),
        (
            "Welche Dokumente erwähnen Acme GmbH und die Refund Policy?",
            "2 Dokumente",
            ["docs/a.md", "docs/b.md"],
        ),
    ],
)
def test_a_question_for_documents_lists_and_cites_them(
    service: Service, question: str, begins: str, cited: list[str]
) -> None:
    answer = service.answer(ME, AnswerRequest(corpora=(CORPUS,), question=question, k=1))
    assert answer.answered and answer.answer.startswith(begins) and answer.generator == "relations"
    assert list(dict.fromkeys(each.document_id for each in answer.citations)) == cited
    assert answer.computation is not None and answer.computation.rows == len(cited)
    assert [hit.passage.document_id for hit in answer.passages] == cited
    for each in answer.citations:
        assert each.quote == service.text(ME, CORPUS, each.document_id, None, each.start, each.end).text
    assert all(f"[{number}]" in answer.answer for number in range(1, len(cited) + 1))


@pytest.mark.parametrize(
    "question",
    [
        "Which documents mention Nobody?",
        "Which mails mention Acme GmbH?",
        "Which documents mention Acme GmbH or Nobody?",
        "Who is Acme GmbH?",
    ],
)
def test_other_questions_go_the_usual_way(service: Service, question: str) -> None:
    answer = service.answer(ME, AnswerRequest(corpora=(CORPUS,), question=question, k=3))
    assert answer.generator != "relations"


def test_the_filter_of_a_question_narrows_the_list(service: Service) -> None:
    asked = AnswerRequest(
        corpora=(CORPUS,), question="Which documents mention Acme GmbH?", k=3, where={"_id": "docs/b.md"}
    )
    assert {each.document_id for each in service.answer(ME, asked).citations} == {"docs/b.md"}


def test_relations_are_those_of_each_commit(service: Service, folder: Path) -> None:
    first = service.corpora(ME)[0].commit
    (folder / "c.md").write_text("# Other Things\n\nCarl Ltd is Acme GmbH.\n", "utf-8")
    (folder / "d.md").write_text("# New\n\n`new_name` and Shipping Costs\n", "utf-8")
    (folder / "a.md").unlink()
    ingest(service, folder)
    assert named_by(service, "Acme GmbH") == ["docs/b.md", "docs/c.md"]
    assert named_by(service, "carl ltd") == ["docs/b.md", "docs/c.md"]
    assert named_by(service, "Shipping Costs") == ["docs/b.md", "docs/d.md"]
    assert named_by(service, "Acme GmbH", at=str(first)) == ["docs/a.md", "docs/b.md"]
    service.delete_document(ME, CORPUS, "docs/b.md")
    with pytest.raises(EntityNotFound):
        named_by(service, "Acme GmbH")
    service.maintenance.rollback(ME, CORPUS, str(first))
    assert named_by(service, "Acme GmbH") == ["docs/a.md", "docs/b.md"]


def stored(service: Service) -> int:
    with service._catalog._db.read() as connection:
        return len(connection.execute(select(mentions.c.version_id)).all())


def test_rows_go_with_their_versions(service: Service) -> None:
    assert stored(service) == 3
    service.delete_document(ME, CORPUS, "docs/c.md")
    service.maintenance.collect(ME, None, keep=1)
    assert stored(service) == 2 and service.maintenance.verify(ME, None).problems == ()
    service.delete_corpus(ME, CORPUS)
    assert stored(service) == 0


def test_an_old_catalog_is_read_by_a_rebuild(service: Service) -> None:
    before = service.relations.graph(ME, CORPUS)
    assert before.unread == 0
    with service._catalog._db.write("test.forget") as connection:
        connection.execute(delete(mentions))
    with open_service(service.settings.home) as again:
        graph = again.relations.graph(ME, CORPUS)
        assert graph.unread == 3
        # Titles and metadata name things all the same.
        assert named_by(again, "Ann Smith") == ["docs/b.md", "docs/c.md"]
        again.maintenance.rebuild(ME, CORPUS)
        after = again.relations.graph(ME, CORPUS)
        assert (after.entities, after.edges, after.unread) == (before.entities, before.edges, 0)


def test_an_import_has_the_same_relations(service: Service, tmp_path: Path) -> None:
    service.maintenance.export_corpus(ME, CORPUS, tmp_path / "out")
    with open_service(new_home(tmp_path, "other")) as other:
        other.maintenance.import_corpus(ME, tmp_path / "out", name="copy")
        mine, theirs = service.relations.graph(ME, CORPUS), other.relations.graph(ME, "copy")
        assert (mine.entities, mine.edges) == (theirs.entities, theirs.edges) and theirs.unread == 0


def test_mails_are_joined_by_people_and_replies(tmp_path: Path) -> None:
    mails = tmp_path / "mails"
    mails.mkdir()
    head = "From: Ann Smith <ann@example.org>\nTo: {}\nSubject: {}\nMessage-ID: <{}@x>\n"
    (mails / "1.eml").write_text(head.format("bob@example.org", "The offer", 1) + "\nHello.\n")
    second = head.format("Bob B <bob@example.org>", "Something else", 2)
    (mails / "2.eml").write_text(second + "In-Reply-To: <1@x>\n\nYes.\n")
    with open_service(new_home(tmp_path)) as service:
        ingest(service, mails)
        assert (
            named_by(service, "ann@example.org")
            == named_by(service, "Bob B")
            == ["mails/1.eml", "mails/2.eml"]
        )
        assert named_by(service, "The offer") == ["mails/1.eml", "mails/2.eml"]
        assert named_by(service, "Something else") == ["mails/2.eml"]


def test_forms_and_ambiguous_names_are_no_entities(tmp_path: Path) -> None:
    texts = {f"{n}.md": f"# Page {n}\n\n## How to install it\n\n## Overview\n\nMercury" for n in range(5)}
    texts |= {"p.md": "# Mercury (planet)\n\nx", "g.md": "# Mercury (god)\n\nx"}
    (tmp_path / "docs").mkdir()
    for name, text in texts.items():
        (tmp_path / "docs" / name).write_text(text, "utf-8")
    with open_service(new_home(tmp_path)) as service:
        ingest(service, tmp_path / "docs")
        for name in ("How to install it", "Overview", "Mercury"):
            with pytest.raises(EntityNotFound):
                named_by(service, name)
        assert named_by(service, "mercury (god)") == ["docs/g.md"]


WORDS = st.lists(
    st.sampled_from(["Acme", "acme", "GmbH", "A-1", "b_c", "ß", "東京", "x", "É"]), min_size=1, max_size=3
)
NAMES = st.lists(WORDS.map(" ".join), min_size=1, max_size=6, unique=True)
TEXTS = st.lists(
    st.sampled_from(["Acme", "ACME", "GmbH", "A-1", "A-12", "b_c", "SS", "東京都", "x", "é", ",", "\n", " "])
)


@given(NAMES, TEXTS.map(" ".join))
def test_names_are_found_as_whole_words_in_any_case(names: list[str], text: str) -> None:
    spellings = [spelling for name in names if (spelling := spelling_of(name))]
    found = {spellings[number] for number in NameFinder(enumerate(spellings)).found(text)}
    for spelling in spellings:
        name = spelling.removeprefix("=")
        seen = plain(text) if spelling.startswith("=") else fold(text)
        # No blank ends a word beside a sign of a script that has none.
        before = "" if name[0] in "東京" else r"(?<![a-zA-Zé0-9_])"
        after = "" if name[-1] in "東京" else r"(?![a-zA-Zé0-9_])"
        assert (spelling in found) == (re.search(before + re.escape(name) + after, seen) is not None)
        span = place_of(spelling, text)
        assert (span is not None) == (spelling in found)
        if span:
            assert name in (plain if spelling.startswith("=") else fold)(text[span.start : span.end])


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.dictionaries(st.sampled_from("abcd"), st.sampled_from([A, B, C, "x", "# Acme GmbH\n\ny"])),
        max_size=4,
    )
)
def test_relations_after_any_history_are_those_of_a_fresh_build(
    tmp_path_factory: pytest.TempPathFactory, history: list[dict[str, str]]
) -> None:
    with open_service(new_home(tmp_path_factory.mktemp("relations"))) as service:
        whole: dict[str, str] = {}
        for texts in history:
            whole |= texts
            if texts:
                upload(service, texts)
                service.relations.graph(ME, CORPUS)
        if not whole:
            return
        upload(service, whole, "fresh")
        mine, theirs = service.relations.graph(ME, CORPUS), service.relations.graph(ME, "fresh")
        assert (mine.entities, mine.edges, mine.total) == (theirs.entities, theirs.edges, theirs.total)
