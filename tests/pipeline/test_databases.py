"""Databases and dumps in a corpus: a document a table, and only what changed changes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from email.message import EmailMessage
from pathlib import Path
from zipfile import ZipFile

import pytest
from doubles import CORPUS, ME, ingest, search

from ragsvc.domain import AnswerRequest, Document, DocumentCounts
from ragsvc.service.service import Service

SCHEMA = """
CREATE TABLE staff (staff_id INTEGER PRIMARY KEY, full_name TEXT, site TEXT, hire_date DATE, salary REAL);
CREATE TABLE sites (site TEXT, opened_on DATE, has_canteen BOOLEAN);
CREATE VIEW rich AS SELECT * FROM staff WHERE salary > 3000;
INSERT INTO sites VALUES ('Oslo', '2001-05-01', 1), ('Bergen', '2010-09-30', 0);
INSERT INTO staff (full_name, site, hire_date, salary) VALUES
    ('Ada Berg', 'Oslo', '2020-01-15', 3100.5), ('Ben Dahl', 'Bergen', '2021-06-01', 2900),
    ('Cid Eik', 'Oslo', '2022-03-07', 2500), ('Dot Foss', 'Bergen', '2019-11-11', 4000.25);
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "docs"
    made.mkdir()
    with edited(made / "firm.db") as connection:
        connection.executescript(SCHEMA)
    return made


@contextmanager
def edited(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as connection, connection:
        yield connection


def documents(service: Service) -> dict[str, Document]:
    return {d.document_id: d for d in service.documents(ME, CORPUS, cursor=None, limit=100)[0]}


def text(service: Service, document: str) -> str:
    return service.text(ME, CORPUS, document, None, None, None).text


STAFF, SITES, FIRM = "docs/firm.db#staff", "docs/firm.db#sites", "docs/firm.db"


def test_only_the_table_that_changed_is_another_document(service: Service, folder: Path) -> None:
    assert ingest(service, folder).documents == DocumentCounts(added=3)
    before = documents(service)
    assert list(before) == [FIRM, SITES, STAFF]
    assert [before[name].title for name in (SITES, STAFF)] == ["sites", "staff"]
    assert before[STAFF].metadata["parent"] == FIRM
    again = ingest(service, folder)
    assert (again.documents, again.embedded) == (DocumentCounts(unchanged=3), 0)
    with edited(folder / "firm.db") as connection:
        connection.execute("UPDATE staff SET salary = 2950 WHERE full_name = 'Ben Dahl'")
    assert ingest(service, folder).documents == DocumentCounts(changed=1, unchanged=2)
    after = documents(service)
    assert {name for name in after if after[name] != before[name]} == {STAFF}
    assert "| 2 | Ben Dahl | Bergen | 2021-06-01 | 2950.0 |" in text(service, STAFF)
    with edited(folder / "firm.db") as connection:
        connection.execute("DROP TABLE sites")
        connection.execute("CREATE TABLE boats (name TEXT)")
        connection.execute("INSERT INTO boats VALUES ('Havørn')")
    report = ingest(service, folder)
    assert report.documents == DocumentCounts(added=1, changed=1, unchanged=1, removed=1)
    assert list(documents(service)) == [FIRM, "docs/firm.db#boats", STAFF]
    (folder / "firm.db").unlink()
    (folder / "keep.md").write_text("Nothing.")
    assert ingest(service, folder).documents == DocumentCounts(added=1, removed=3)


def test_rows_are_found_and_cited_under_their_table(service: Service, folder: Path) -> None:
    ingest(service, folder)
    hits = search(service, "Havørn Dot Foss").hits
    assert hits[0].passage.document_id == STAFF
    assert "Dot Foss" in text(service, STAFF)[hits[0].passage.start : hits[0].passage.end]
    found = search(service, "Oslo", where={"_id": FIRM}).hits
    assert {hit.passage.document_id for hit in found} <= {FIRM, STAFF, SITES} and len(found) >= 2


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("What is the average salary of the staff in Oslo?", "2800.25"),
        ("How many staff work in Bergen?", "2"),
        ("Who has the highest salary?", "Dot Foss"),
        ("What is the hire date of Cid Eik?", "2022-03-07"),
    ],
)
def test_questions_are_computed_over_a_table_of_a_database(
    service: Service, folder: Path, question: str, said: str
) -> None:
    ingest(service, folder)
    answer = service.answer(ME, AnswerRequest(corpora=(CORPUS,), question=question))
    assert answer.computation is not None, answer.answer
    assert said in answer.answer
    assert {citation.document_id for citation in answer.citations} == {STAFF}


def test_a_dump_is_as_good_as_the_database(service: Service, folder: Path) -> None:
    with edited(folder / "firm.db") as connection:
        script = "\n".join(connection.iterdump())
    (folder / "firm.db").unlink()
    (folder / "firm.sql").write_text(script)
    assert ingest(service, folder).documents == DocumentCounts(added=3)
    assert "CREATE VIEW rich" in text(service, "docs/firm.sql")
    question = "What is the average salary of the staff in Oslo?"
    answer = service.answer(ME, AnswerRequest(corpora=(CORPUS,), question=question))
    assert answer.computation is not None and "2800.25" in answer.answer
    (folder / "firm.sql").write_text(script.replace("2900.0", "2950.0"))
    assert ingest(service, folder).documents == DocumentCounts(changed=1, unchanged=2)


def test_a_database_in_a_mail_or_an_archive_is_read_in_its_place(service: Service, folder: Path) -> None:
    message = EmailMessage()
    message["Subject"], message["From"] = "Staff", "ann@example.org"
    message.set_content("The tables are attached.")
    data = (folder / "firm.db").read_bytes()
    message.add_attachment(data, maintype="application", subtype="octet-stream", filename="firm.db")
    (folder / "staff.eml").write_bytes(message.as_bytes())
    with ZipFile(folder / "old.zip", "w") as container:
        container.write(folder / "firm.db", "firm.db")
    (folder / "firm.db").unlink()
    ingest(service, folder)
    assert list(documents(service)) == [
        *(
            "docs/old.zip/firm.db",
            "docs/old.zip/firm.db#sites",
            "docs/old.zip/firm.db#staff",
            "docs/staff.eml",
        ),
        *("docs/staff.eml#firm.db", "docs/staff.eml#firm.db#sites", "docs/staff.eml#firm.db#staff"),
    ]
    assert documents(service)["docs/staff.eml#firm.db#sites"].metadata["parent"] == "docs/staff.eml#firm.db"


def test_a_database_that_is_sent_is_read_as_one_that_is_found(service: Service, folder: Path) -> None:
    report = service.ingest_inline(ME, CORPUS, [], {"my/firm.db": folder / "firm.db"})
    assert report.documents == DocumentCounts(added=3)
    assert list(documents(service)) == ["my/firm.db", "my/firm.db#sites", "my/firm.db#staff"]


def test_what_a_running_program_has_in_its_log_is_noticed(service: Service, folder: Path) -> None:
    ingest(service, folder)
    with closing(sqlite3.connect(folder / "firm.db", isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode=wal").fetchall()
        ingest(service, folder)
        before = (folder / "firm.db").read_bytes()
        writer.execute("INSERT INTO sites VALUES ('Bodø', '2024-02-01', 1)")
        assert (folder / "firm.db").read_bytes() == before, "it is in the log alone"
        assert ingest(service, folder).documents == DocumentCounts(changed=1, unchanged=2, skipped=2)
        assert "| Bodø | 2024-02-01 | true |" in text(service, SITES)


def test_a_home_in_the_folder_is_not_read_and_nor_is_a_copy_of_its_catalog(
    service: Service, tmp_path: Path, folder: Path
) -> None:
    ingest(service, folder)
    home = service.settings.home
    with (
        closing(sqlite3.connect(home / "catalog.db")) as live,
        closing(sqlite3.connect(folder / "backup.db")) as copy,
    ):
        live.backup(copy)
    report = ingest(service, tmp_path, corpus="all")
    assert [(failure.source, failure.code) for failure in report.failures] == [
        (str(folder / "backup.db"), "unsupported_type")
    ]
    found = service.documents(ME, "all", cursor=None, limit=100)[0]
    assert not [d.document_id for d in found if "catalog" in d.document_id or "backup" in d.document_id]
    report = ingest(service, home, corpus="itself")
    assert "catalog.db" in [Path(failure.source).name for failure in report.failures]
