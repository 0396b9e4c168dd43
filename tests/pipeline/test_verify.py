"""Verification finds every kind of damage, names what to type, and that mends it."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from doubles import CORPUS, ME, HashEmbedder, ingest, new_home, open_service, same_hits, search, upload

from ragsvc.domain import Mode, SearchResult, VerifyReport
from ragsvc.errors import CorpusNotFound, ModelNotFound
from ragsvc.service.service import Service

QUERIES = ("apple", "lemon 7", "the fig of number 12", "boilerplate")


def results(service: Service) -> list[SearchResult]:
    found = [search(service, query, mode) for query in QUERIES for mode in Mode]
    return [*found, search(service, "apple", where={"lang": "en"})]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    docs = tmp_path / "docs"
    docs.mkdir()
    for number in range(30):
        head = f"---\nlang: {'en' if number % 2 else 'de'}\ntags: [a, b]\n---\n"
        body = f"# Number {number}\n\nAn apple and lemon {number}.\n\n" + f"The fig of number {number}. " * 9
        (docs / f"{number}.md").write_text(head + body)
    (docs / "same.md").write_text((docs / "3.md").read_text())
    home = new_home(tmp_path)
    with open_service(home) as service:
        ingest(service, docs)
        upload(service, {"note": "A boilerplate apple."}, corpus="other")
    return home


@pytest.fixture
def service(home: Path) -> Iterator[Service]:
    with open_service(home) as opened:
        yield opened


def execute(home: Path, statement: str, *values: object) -> None:
    with sqlite3.connect(home / "catalog.db") as connection:
        assert connection.execute(statement, values).rowcount > 0
    connection.close()


def codes(report: VerifyReport) -> set[str]:
    return {problem.code for problem in report.problems}


def index_files(home: Path) -> list[Path]:
    with open_service(home) as service:
        corpus = service._catalog.corpora.get(ME, CORPUS)
    return sorted((home / corpus.uid).rglob("*.npy"))


def manifest(home: Path) -> Path:
    return index_files(home)[0].parent / "manifest.json"


def flip(home: Path) -> None:
    path = next(path for path in index_files(home) if path.name.startswith("vectors"))
    data = bytearray(path.read_bytes())
    data[-1] ^= 64
    path.write_bytes(data)


def remove_folder(home: Path) -> None:
    shutil.rmtree(manifest(home).parent)


def rewrite_index(home: Path, change: Callable[[dict[str, object]], dict[str, object]]) -> None:
    """Save an index that is whole, but not what the catalog holds."""
    from dataclasses import replace

    from ragsvc.index import index_writer
    from ragsvc.index.corpus_index import CorpusIndex
    from ragsvc.pipeline.index_files import folder_of

    with open_service(home) as service:
        catalog = service._catalog
        corpus = catalog.corpora.get(ME, CORPUS)
        batch = catalog.chunks.batch(
            corpus.profile.id, catalog.memberships.live_versions(corpus.id, corpus.commit)
        )
        values = change(
            {"lengths": batch.lengths.copy(), "counts": batch.counts.copy(), "uid": corpus.commit_uid}
        )
        uid = str(values.pop("uid"))
        index = CorpusIndex.empty(32).extended(replace(batch, **values))
        folder = folder_of(catalog, corpus)
        shutil.rmtree(folder)
        index_writer.save(
            index.compacted(index.lengths >= 0),
            folder,
            commit=corpus.commit,
            commit_uid=uid,
            profile=corpus.profile.fingerprint,
        )


def more_apples(columns: dict[str, object]) -> dict[str, object]:
    columns["counts"][0] += 1  # type: ignore[index]
    return columns


ONE_CHUNK = "(SELECT min(id) FROM chunk)"
DAMAGE: dict[str, tuple[str, Callable[[Path], None]]] = {
    "a flipped bit": ("index_damaged", flip),
    "a truncated file": ("index_damaged", lambda home: index_files(home)[2].write_bytes(b"")),
    "a lost file": ("index_damaged", lambda home: index_files(home)[1].unlink()),
    "a torn manifest": ("index_damaged", lambda home: manifest(home).write_bytes(b"{")),
    "no files": ("index_missing", remove_folder),
    "files of another catalog": (
        "index_stale",
        lambda home: rewrite_index(home, lambda columns: columns | {"uid": "0" * 32}),
    ),
    "files of other content": ("index_differs", lambda home: rewrite_index(home, more_apples)),
    "a lost vector": (
        "chunks",
        lambda home: execute(home, "DELETE FROM vector WHERE id = (SELECT min(id) FROM vector)"),
    ),
    "a short vector": (
        "chunks",
        lambda home: execute(home, "UPDATE vector SET data = x'00' WHERE id = (SELECT min(id) FROM vector)"),
    ),
    "a vector of nothing": (
        "chunks",
        lambda home: execute(
            home, "UPDATE vector SET data = zeroblob(128) WHERE id = (SELECT max(id) FROM vector)"
        ),
    ),
    "a lost chunk": ("chunks", lambda home: execute(home, f"DELETE FROM chunk WHERE id = {ONE_CHUNK}")),
    "a span outside the text": (
        "chunks",
        lambda home: execute(home, f'UPDATE chunk SET "end" = 99999 WHERE id = {ONE_CHUNK}'),
    ),
    "terms without counts": (
        "chunks",
        lambda home: execute(home, f"UPDATE chunk SET counts = x'01000000' WHERE id = {ONE_CHUNK}"),
    ),
    "lost terms": ("chunks", lambda home: execute(home, "DELETE FROM term WHERE id < 4")),
    "lost fields": ("fields", lambda home: execute(home, "DELETE FROM field WHERE text = 'en'")),
    "a changed field": (
        "fields",
        lambda home: execute(home, "UPDATE field SET text = 'xx' WHERE text = 'b'"),
    ),
}


def test_a_sound_home(service: Service) -> None:
    report = service.maintenance.verify(ME, None)
    assert report.problems == ()
    assert (report.checked["corpora"], report.checked["texts"]) == (2, 31)
    assert report.checked["chunks"] > 60
    before = service._catalog.corpora.latest_commit()
    rebuilt = service.maintenance.rebuild(ME, CORPUS)
    assert (rebuilt.rechunked, rebuilt.embedded, rebuilt.commit) == (
        0,
        0,
        service._catalog.corpora.get(ME, CORPUS).commit,
    )
    assert service._catalog.corpora.latest_commit() == before, "what changed nothing is no commit"
    with pytest.raises(CorpusNotFound):
        service.maintenance.verify(ME, "nothing")


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_found_and_mended(home: Path, kind: str) -> None:
    code, damage = DAMAGE[kind]
    with open_service(home) as service:
        wanted = results(service)
    damage(home)
    with open_service(home) as service:
        report = service.maintenance.verify(ME, None)
        assert code in codes(report), report
        assert {problem.corpus for problem in report.problems} <= {CORPUS, "other"}
        for name in sorted({problem.corpus for problem in report.problems}):
            assert {problem.repair for problem in report.problems if problem.corpus == name} == {
                f"ragsvc rebuild {name}"
            }
            service.maintenance.rebuild(ME, name)
        assert service.maintenance.verify(ME, None).problems == ()
        for result, again in zip(wanted, results(service), strict=True):
            same_hits(result, again)


def test_only_what_is_damaged_is_embedded(home: Path) -> None:
    execute(home, "DELETE FROM vector WHERE id IN (SELECT id FROM vector ORDER BY id LIMIT 3)")
    execute(home, "UPDATE chunk SET terms = x'00000000', counts = x'01000000' WHERE id = 9")
    embedder = HashEmbedder()
    with open_service(home, embedders=lambda name: embedder) as service:
        report = service.maintenance.rebuild(ME, CORPUS)
    assert (report.embedded, report.rechunked, len(embedder.texts)) == (3, 1, 3)


def test_servers_take_in_what_was_mended(home: Path) -> None:
    with open_service(home) as server, open_service(home) as other:
        wanted = results(server)
        server.queries.refresh_all(ME)
        server.queries.followed = True
        execute(home, f"UPDATE chunk SET length = length + 1 WHERE id = {ONE_CHUNK}")
        commit = other.maintenance.rebuild(ME, CORPUS).commit
        server.queries.refresh_all(ME)
        found = results(server)
        assert {result.commit for result in found} == {commit}
        for result, again in zip(wanted, found, strict=True):
            same_hits(result, again)
        assert other.maintenance.log(ME, CORPUS)[0].kind == "rebuild"


def test_a_text_that_was_changed_behind_our_back(home: Path) -> None:
    execute(home, "UPDATE document_version SET text = replace(text, 'apple', 'olive') WHERE id = 2")
    with open_service(home) as service:
        report = service.maintenance.verify(ME, CORPUS)
    assert codes(report) == {"text"}
    assert "backup" in report.problems[0].repair
    assert "docs/" in report.problems[0].message


def test_a_broken_database_is_told(home: Path) -> None:
    with sqlite3.connect(home / "catalog.db") as connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        connection.execute("DELETE FROM document_version WHERE id = 2")
    connection.close()
    with open_service(home) as service:
        report = service.maintenance.verify(ME, CORPUS)
    assert "catalog" in codes(report)


def test_many_faults_are_counted_not_listed(home: Path) -> None:
    execute(home, "DELETE FROM vector")
    with open_service(home) as service:
        report = service.maintenance.verify(ME, CORPUS)
    assert len(report.problems) == 21
    assert report.problems[-1].message == "and 10 more"


def test_what_only_earlier_commits_need_is_checked_too(home: Path) -> None:
    with open_service(home) as service:
        upload(service, {"old": "The old secret is marmalade."})
        upload(service, {"old": "The new secret is honey."})
        service.maintenance.reindex(ME, CORPUS, chunk_tokens=30)
        before = service.maintenance.verify(ME, CORPUS)
    assert before.problems == ()
    execute(
        home, "UPDATE document_version SET text = 'The old secret is MARMALADE.' WHERE text LIKE '%marm%'"
    )
    with open_service(home) as service:
        report = service.maintenance.verify(ME, CORPUS)
        assert codes(report) == {"text"}
        assert "document old" in report.problems[0].message


def test_a_model_that_is_not_there_is_told(home: Path) -> None:
    def missing(name: str) -> HashEmbedder:
        raise ModelNotFound(f"no model {name}", hint="put it back")

    with open_service(home, embedders=missing) as service:
        report = service.maintenance.verify(ME, CORPUS)
    assert codes(report) == {"model_not_found"}
    assert "no model hash" in report.problems[0].message
