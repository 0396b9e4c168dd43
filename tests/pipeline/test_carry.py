"""Export and import: the same corpus elsewhere, and nothing else ever."""

from __future__ import annotations

import errno
import json
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from carry_building import (
    TABLES,
    contents,
    corrupt,
    edited_table,
    make_folder,
    queries,
    read,
    reseal,
    same_answers,
)
from doubles import CORPUS, DIMENSION, ME, HashEmbedder, ingest, new_home, open_service, search, upload

from ragsvc import crashpoints
from ragsvc.domain import IngestReport, Progress
from ragsvc.errors import (
    CorpusExists,
    CorpusNotFound,
    DiskFull,
    ExportDamaged,
    InvalidName,
    RagsvcError,
    RefNotFound,
    StaleContent,
    StorageError,
    TargetExists,
)
from ragsvc.pipeline.transfer.export_manifest import MANIFEST, Table
from ragsvc.pipeline.transfer.parquet import schema
from ragsvc.service.service import Service

ROOT = Path(__file__).parents[2]


class Killed(BaseException):
    """What a kill looks like from inside."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "docs")


@pytest.fixture
def filled(service: Service, folder: Path) -> Service:
    ingest(service, folder)
    return service


@pytest.fixture
def out(filled: Service, tmp_path: Path) -> Path:
    filled.maintenance.export_corpus(ME, CORPUS, tmp_path / "out")
    return tmp_path / "out"


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Service]:
    with open_service(new_home(tmp_path, "other")) as opened:
        yield opened


@pytest.fixture
def interrupted() -> Iterator[Callable[[Callable[[str], None]], None]]:
    yield crashpoints.install
    crashpoints.install(None)


def test_elsewhere_everything_is_found_as_before(
    filled: Service, out: Path, folder: Path, tmp_path: Path
) -> None:
    embedder = HashEmbedder()
    with open_service(new_home(tmp_path, "elsewhere"), lambda _: embedder) as there:
        report = there.maintenance.import_corpus(ME, out)
        assert report.documents == len(filled.documents(ME, CORPUS, cursor=None, limit=1000)[0])
        same_answers(filled, there, 200)
        there.maintenance.rebuild(ME, CORPUS)
        same_answers(filled, there, 200)
        assert embedder.texts == [], "nothing is embedded"
        pages = {hit.passage.page for query in queries(20) for hit in search(there, query).hits}
        assert pages >= {1, 2}
        assert any(hit.duplicates for query in queries(20) for hit in search(there, query).hits)
        again: IngestReport = ingest(there, folder)
        whole = ingest(filled, folder)
        assert again.documents == whole.documents
        assert again.documents.unchanged == report.documents
        assert (again.embedded, embedder.texts) == (0, [])
        log = there.maintenance.log(ME, CORPUS)
        assert [(entry.kind, entry.stats["added"]) for entry in log] == [("import", report.documents)]


def test_documents_are_told_as_before(filled: Service, out: Path, other: Service) -> None:
    other.maintenance.import_corpus(ME, out)
    mine, theirs = (s.documents(ME, CORPUS, cursor=None, limit=1000)[0] for s in (filled, other))
    for document in mine:
        there = other.document(ME, CORPUS, document.document_id)
        assert (there.version, there.ingested_at, there.owner) == (
            document.version,
            document.ingested_at,
            document.owner,
        )
        text = other.text(ME, CORPUS, document.document_id, None, None, None).text
        assert text == filled.text(ME, CORPUS, document.document_id, None, None, None).text
    assert mine == theirs


def test_the_same_commit_gives_the_same_bytes_even_elsewhere(
    filled: Service, out: Path, other: Service, tmp_path: Path
) -> None:
    filled.maintenance.set_tag(ME, CORPUS, "v1")
    upload(filled, {"more": "A later word: durian."})
    filled.maintenance.export_corpus(ME, CORPUS, tmp_path / "later")
    assert contents(tmp_path / "later") != contents(out)
    filled.maintenance.export_corpus(ME, CORPUS, tmp_path / "again", at="v1")
    assert contents(tmp_path / "again") == contents(out)
    upload(other, {"first": "Other words get other numbers: zebra, yak."}, corpus="first")
    other.maintenance.import_corpus(ME, out)
    other.maintenance.export_corpus(ME, CORPUS, tmp_path / "third")
    there, here = contents(tmp_path / "third"), contents(out)
    del there[MANIFEST], here[MANIFEST]
    assert there == here
    with pytest.raises(RefNotFound):
        filled.maintenance.export_corpus(ME, CORPUS, tmp_path / "none", at="v2")
    assert not (tmp_path / "none").exists()


def test_an_export_sees_nothing_of_what_is_written_meanwhile(
    filled: Service, out: Path, folder: Path, tmp_path: Path
) -> None:
    """Another writer changes, deletes and collects after every batch that is read."""
    with open_service(filled.settings.home) as writer:
        step = 0

        def write(progress: Progress) -> None:
            nonlocal step
            step += 1
            if step % 3 == 1:
                (folder / "a.md").write_text(f"A new word: durian{step}.")
                (folder / "sub" / "two.txt").unlink(missing_ok=True)
                ingest(writer, folder)
            writer.maintenance.collect(ME, None, keep=1)

        filled.maintenance.export_corpus(ME, CORPUS, tmp_path / "meanwhile", progress=write)
        assert step > 6
        assert search(writer, f"durian{step // 3 * 3 - 2}").hits
    assert contents(tmp_path / "meanwhile") == contents(out)


def test_a_corpus_that_is_made_again_meanwhile_is_refused_in_words(filled: Service, tmp_path: Path) -> None:
    done = False

    def remake(progress: Progress) -> None:
        nonlocal done
        if progress.stage == "writing vectors.parquet" and not done:
            done = True
            filled.delete_corpus(ME, CORPUS)
            upload(filled, {"n": "another text"})

    with pytest.raises(StaleContent) as caught:
        filled.maintenance.export_corpus(ME, CORPUS, tmp_path / "none", progress=remake)
    assert caught.value.hint
    assert not (tmp_path / "none").exists()


def test_a_name_that_is_taken_and_a_folder_that_is_not_empty(
    filled: Service, out: Path, other: Service, tmp_path: Path
) -> None:
    with pytest.raises(CorpusExists) as caught:
        filled.maintenance.import_corpus(ME, out)
    assert "--as" in caught.value.hint
    with pytest.raises(InvalidName):
        filled.maintenance.import_corpus(ME, out, name="No Name")
    report = filled.maintenance.import_corpus(ME, out, name="copy")
    assert (report.corpus, report.commit) == ("copy", 2)
    assert [h.passage.text for h in search(filled, "apple", corpora=["copy"]).hits] == [
        h.passage.text for h in search(filled, "apple").hits
    ]
    with pytest.raises(TargetExists):
        filled.maintenance.export_corpus(ME, CORPUS, out)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(TargetExists):
        filled.maintenance.export_corpus(ME, CORPUS, tmp_path / "file")
    with pytest.raises(StorageError):
        filled.maintenance.export_corpus(ME, CORPUS, tmp_path / "file" / "below")
    (tmp_path / "empty").mkdir()
    filled.maintenance.export_corpus(ME, CORPUS, tmp_path / "empty")
    assert contents(tmp_path / "empty") == contents(out)
    # One that a killed first ingest left without a commit does not block, whatever its profile.
    other._catalog.corpora.create(ME, CORPUS, other._loader.new_spec())
    other.maintenance.import_corpus(ME, out)
    same_answers(filled, other, 5)


def test_a_corpus_without_documents(filled: Service, other: Service, tmp_path: Path) -> None:
    for document in filled.documents(ME, CORPUS, cursor=None, limit=1000)[0]:
        filled.delete_document(ME, CORPUS, document.document_id)
    filled.maintenance.export_corpus(ME, CORPUS, tmp_path / "out")
    assert other.maintenance.import_corpus(ME, tmp_path / "out").documents == 0
    assert search(other, "apple").hits == ()


@pytest.mark.parametrize("action", ["export", "import"])
def test_a_kill_at_any_point_is_made_good_by_running_again(
    filled: Service,
    out: Path,
    tmp_path: Path,
    interrupted: Callable[[Callable[[str], None]], None],
    action: str,
) -> None:
    def act(home: Path, folder: Path) -> None:
        if action == "export":
            filled.maintenance.export_corpus(ME, CORPUS, folder)
        else:
            with open_service(home) as service:
                service.maintenance.import_corpus(ME, out)

    passed: list[str] = []
    interrupted(passed.append)
    act(new_home(tmp_path, "counted"), tmp_path / "counted-out")
    points = list(dict.fromkeys(passed))
    expected = {
        "export": {"pipeline.export.before_write", "pipeline.export.before_rename"},
        "import": {"store.adopt.inside", "store.adopt.between", "pipeline.import.between"},
    }
    assert expected[action] <= set(points)
    for number, point in enumerate(points):

        def kill(name: str, point: str = point) -> None:
            if name == point:
                crashpoints.install(None)
                raise Killed(name)

        home, folder = new_home(tmp_path, f"home{number}"), tmp_path / f"out{number}"
        interrupted(kill)
        with suppress(Killed):
            act(home, folder)
        with suppress(CorpusExists, TargetExists):
            act(home, folder)
        if action == "export":
            assert contents(folder) == contents(out), point
        else:
            with open_service(home) as service:
                same_answers(filled, service, 3)
    assert list(tmp_path.glob("*.partial-*")) == []


def test_a_full_disk_leaves_nothing(
    filled: Service, tmp_path: Path, interrupted: Callable[[Callable[[str], None]], None]
) -> None:
    for point in ("pipeline.export.before_write", "pipeline.export.before_fsync"):

        def full(name: str, point: str = point) -> None:
            if name == point:
                raise OSError(errno.ENOSPC, "No space left on device")

        interrupted(full)
        with pytest.raises(DiskFull):
            filled.maintenance.export_corpus(ME, CORPUS, tmp_path / "full")
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith("full")] == []


def refused(service: Service, folder: Path) -> RagsvcError:
    """Import something damaged: it is refused, and no corpus is made."""
    with pytest.raises(ExportDamaged) as caught:
        service.maintenance.import_corpus(ME, folder)
    assert caught.value.hint
    with pytest.raises(CorpusNotFound):
        service.corpus(ME, CORPUS)
    return caught.value


def test_any_changed_byte_is_noticed(out: Path, other: Service) -> None:
    pick = random.Random(1)
    for name in TABLES:
        whole = (out / name).read_bytes()
        for damage in (corrupt(whole, pick), whole[: len(whole) // 2], b"", whole + b"\0"):
            (out / name).write_bytes(damage)
            assert name in refused(other, out).message
        (out / name).unlink()
        assert name in refused(other, out).message
        (out / name).mkdir()
        assert name in refused(other, out).message
        (out / name).rmdir()
        (out / name).write_bytes(whole)
    other.maintenance.import_corpus(ME, out)


def test_altered_bytes_under_a_new_checksum_never_crash(out: Path, other: Service, filled: Service) -> None:
    """Somebody made the manifest fit: every damage is refused, or changes nothing that is read."""
    pick = random.Random(2)
    for name in TABLES:
        whole = (out / name).read_bytes()
        for number in range(20):
            damage = whole[: pick.randrange(len(whole))] if number % 10 == 0 else corrupt(whole, pick)
            (out / name).write_bytes(damage)
            reseal(out)
            try:
                other.maintenance.import_corpus(ME, out)
            except ExportDamaged:
                continue
            search(other, "apple")
            other.delete_corpus(ME, CORPUS)
        (out / name).write_bytes(whole)
    reseal(out)
    other.maintenance.import_corpus(ME, out)
    same_answers(filled, other, 20)


@pytest.mark.parametrize("table", list(Table))
def test_rows_that_cannot_be_are_refused(out: Path, other: Service, table: Table) -> None:
    pick = random.Random(3)
    whole = (out / table.value).read_bytes()
    edits = 0
    for description, edited in edited_table(out / table.value, pick):
        edits += 1
        (out / table.value).write_bytes(edited)
        reseal(out)
        with pytest.raises(ExportDamaged) as caught:
            other.maintenance.import_corpus(ME, out)
        assert ".parquet" in caught.value.message, description
    assert edits > 5
    (out / table.value).write_bytes(whole)
    reseal(out)
    other.maintenance.import_corpus(ME, out)


def test_a_manifest_that_cannot_be_is_refused(out: Path, other: Service, tmp_path: Path) -> None:
    whole = json.loads((out / MANIFEST).read_text())
    raw = json.dumps(whole)
    refused(other, tmp_path / "nowhere")

    def paths(value: object, path: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
        yield path
        items = value.items() if isinstance(value, dict) else ()
        for key, inner in items:
            yield from paths(inner, (*path, key))

    # These alone say nothing that can be wrong.
    free = {("commit",), ("commit_created_at",), ("roots",), ("roots", "docs"), ("corpus",)}
    bad = (None, [], {}, "", "../../etc/passwd", "\ud800", -1, 2**70, 1.5, True, float("nan"))
    for path in set(paths(whole)) - {("ragsvc",)}:
        for value in bad:
            body = json.loads(raw)
            place = body
            for key in path[:-1]:
                place = place[key]
            if not path:
                body = value
            elif type(place[path[-1]]) is type(value) and (path in free or place[path[-1]] == value):
                continue
            else:
                place[path[-1]] = value
            (out / MANIFEST).write_text(json.dumps(body))
            assert refused(other, out).message, (path, value)
    for text in ("", "{", "[" * 100_000, "null", raw + "x", raw.replace(TABLES[0], "../" + TABLES[0])):
        (out / MANIFEST).write_text(text)
        refused(other, out)
    (out / MANIFEST).write_text(raw.replace('"format": 3', '"format": 4'))
    newer = refused(other, out)
    assert "format 4" in newer.message
    assert "upgrade" in newer.hint
    (out / MANIFEST).write_text(raw)
    other.maintenance.import_corpus(ME, out)


def test_warnings_travel_and_exports_without_them_are_read(
    service: Service, tmp_path: Path, out: Path, other: Service
) -> None:
    (tmp_path / "docs" / "old.txt").write_bytes("naïve".encode("latin-1"))
    ingest(service, tmp_path / "docs")
    service.maintenance.export_corpus(ME, CORPUS, tmp_path / "warned")
    other.maintenance.import_corpus(ME, tmp_path / "warned", name="there")
    told, here = (
        [(d.document_id, d.warnings) for d in s.documents(ME, name, cursor=None, limit=99, warned=True)[0]]
        for s, name in ((other, "there"), (service, CORPUS))
    )
    assert told == here and "docs/old.txt" in dict(here)
    path = out / Table.DOCUMENTS.value
    pq.write_table(read(path).drop_columns(["warnings"]), path)
    reseal(out)
    assert "warnings" in refused(other, out).message
    path = out / Table.VERSIONS.value
    pq.write_table(read(path).drop_columns(["places"]), path)
    reseal(out)
    manifest = out / MANIFEST
    manifest.write_text(manifest.read_text().replace('"format": 3', '"format": 1'))
    other.maintenance.import_corpus(ME, out)


def test_every_column_is_documented(out: Path) -> None:
    page = (ROOT / "docs" / "export.md").read_text()
    for table in Table:
        _, _, section = page.partition(f"## {table.value}\n")
        section, _, _ = section.partition("\n## ")
        rows = [
            line.split("|")[1].strip().strip("`") for line in section.splitlines() if line.startswith("| `")
        ]
        assert rows == schema(table, DIMENSION).names, table
    vectors = read(out / Table.VECTORS.value)
    assert np.array(vectors["vector"].to_pylist()).shape[1] == DIMENSION
