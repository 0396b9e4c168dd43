"""Sync: what is read, embedded, published, kept and refused."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from doubles import CORPUS, ME, HashEmbedder, ingest, new_home, open_service, search, upload
from sqlalchemy import text

from ragsvc import crashpoints
from ragsvc.domain import DocumentCounts, Failure, IngestRequest, Mode, Prune
from ragsvc.errors import Cancelled, RootConflict, RootEmpty, SourceNotFound
from ragsvc.service.service import Service
from ragsvc.text import sources
from ragsvc.text.worker_pool import ParserPool

NOTHING_TO_READ = "\0\0\1\2\3binary\0\0"


def live(service: Service) -> dict[str, str]:
    """Document id -> version."""
    found, _ = service.documents(ME, CORPUS, cursor=None, limit=1000)
    return {document.document_id: document.version for document in found}


def rows(service: Service) -> dict[str, list[tuple[object, ...]]]:
    """Every row of the catalog."""
    with service._catalog._db.read() as connection:
        tables = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars()
        return {
            name: [tuple(r) for r in connection.execute(text(f'SELECT * FROM "{name}"'))] for name in tables
        }


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Paths that were really parsed."""
    seen: list[str] = []
    inner = ParserPool.parse

    def parse(pool: ParserPool, files: Iterable[tuple[Any, str]], *rest: Any) -> object:
        def watched() -> Iterator[tuple[Any, str]]:
            for key, path in files:
                seen.append(Path(path).name)
                yield key, path

        return inner(pool, watched(), *rest)

    monkeypatch.setattr(ParserPool, "parse", parse)
    return seen


def test_the_second_sync_reads_embeds_and_commits_nothing(
    service: Service, docs: Path, embedder: HashEmbedder, parsed: list[str]
) -> None:
    first = ingest(service, docs)
    assert first.documents == DocumentCounts(added=6)
    assert (first.embedded, first.chunks_added) == (len(embedder.texts), 7), "one chunk stands there twice"
    assert sorted(parsed) == ["a.md", "b.txt", "c.txt"]
    parsed.clear()
    embedder.texts.clear()
    second = ingest(service, docs)
    assert second.documents == DocumentCounts(unchanged=6)
    assert (second.embedded, second.chunks_added, second.chunks_removed) == (0, 0, 0)
    assert second.commit == first.commit == service._catalog.corpora.latest_commit()
    assert (parsed, embedder.texts) == ([], [])


def test_a_changed_file_embeds_only_chunks_that_it_did_not_have(
    service: Service, docs: Path, embedder: HashEmbedder
) -> None:
    text = "\n\n".join(f"Paragraph {n} says {'word ' * 18}{n}." for n in range(5))
    (docs / "long.txt").write_text(text)
    ingest(service, docs)
    embedder.texts.clear()
    (docs / "long.txt").write_text(text.replace("Paragraph 3", "Section 3"))
    report = ingest(service, docs)
    assert report.documents == DocumentCounts(changed=1, unchanged=6)
    assert report.embedded == 1 and "Section 3" in embedder.texts[0]


def test_a_rename_is_one_removed_and_one_added_and_embeds_nothing(service: Service, docs: Path) -> None:
    ingest(service, docs)
    before = live(service)
    (docs / "b.txt").rename(docs / "sub" / "z.txt")
    report = ingest(service, docs)
    assert report.documents == DocumentCounts(added=1, removed=1, unchanged=5)
    assert (report.embedded, report.chunks_added, report.chunks_removed) == (0, 0, 0)
    assert live(service)["docs/sub/z.txt"] == before["docs/b.txt"]


def test_every_source_is_in_exactly_one_count(service: Service, docs: Path) -> None:
    (docs / "empty.md").touch()
    (docs / "blank.md").write_text(" \n")
    (docs / "blank.jsonl").write_text("\t\n\n")
    (docs / ".hidden").write_text("x")
    (docs / "none.md").write_text(NOTHING_TO_READ)
    (docs / "l.jsonl").write_text(
        '{"id": "one", "text": "plums"}\nnot json\n{"id": "one", "text": "again"}\n'
    )
    report = ingest(service, docs)
    assert report.documents == DocumentCounts(added=4, skipped=4, failed=3)
    assert len(report.failures) == 3
    assert sorted(item.code for item in report.skipped) == ["empty", "empty", "empty", "hidden"]


@pytest.mark.parametrize("stage", ["new", "edited", "moved", "emptied"])
def test_a_dry_run_tells_what_the_real_run_does_and_writes_nothing(
    service: Service, docs: Path, stage: str
) -> None:
    (docs / "copy.txt").write_bytes((docs / "b.txt").read_bytes())
    if stage != "new":
        ingest(service, docs)
        upload(service, {"docs/z.txt": "an upload has this id"})
    if stage == "edited":
        (docs / "b.txt").write_text("Pears are yellow. " * 30)
        (docs / "a.md").write_text((docs / "a.md").read_text().replace("lang: en", "lang: de"))
        (docs / "l.jsonl").write_text(
            '{"id": "one", "text": "plums are blue", "metadata": {"n": [1, 2.5]}}\n{\n'
        )
        (docs / "z.txt").write_text("Another claim.")
    elif stage == "moved":
        (docs / "b.txt").rename(docs / "c.txt")
        (docs / "copy.txt").unlink()
    elif stage == "emptied":
        for path in docs.rglob("*.txt"):
            path.unlink()
    before, bytes_before = rows(service), (service.settings.home / "catalog.db").read_bytes()
    names_before = sorted(service.settings.home.rglob("*"))
    dry = ingest(service, docs, dry_run=True)
    assert rows(service) == before
    assert (service.settings.home / "catalog.db").read_bytes() == bytes_before
    assert sorted(service.settings.home.rglob("*")) == names_before
    real = ingest(service, docs)
    assert dry.documents == real.documents
    assert (dry.chunks_added, dry.chunks_removed) == (real.chunks_added, real.chunks_removed)
    assert dry.embedded == real.embedded
    assert (dry.failures, dry.skipped) == (real.failures, real.skipped)


def test_a_file_that_fails_now_keeps_its_old_version(service: Service, docs: Path) -> None:
    ingest(service, docs)
    before = live(service)
    (docs / "a.md").write_text(NOTHING_TO_READ)
    report = ingest(service, docs)
    assert report.documents == DocumentCounts(unchanged=5, failed=1)
    assert report.failures[0].code == "broken" and report.failures[0].source.endswith("a.md")
    assert live(service) == before
    (docs / "a.md").write_text("It can be read again.")
    assert ingest(service, docs).documents == DocumentCounts(changed=1, unchanged=5)


def test_a_folder_that_cannot_be_listed_is_not_pruned(
    service: Service, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (docs / "subway.txt").write_text("It only looks like it.")
    ingest(service, docs)
    inner = sources._list_folder

    def denied(path: str) -> object:
        if path.endswith("/sub"):
            return Failure(path, "unreadable", "cannot be opened: Permission denied")
        return inner(path)

    monkeypatch.setattr(sources, "_list_folder", denied)
    (docs / "subway.txt").unlink()
    report = ingest(service, docs)
    assert report.documents == DocumentCounts(unchanged=5, removed=1, failed=1)
    assert "docs/sub/c.txt" in live(service)


def test_lines_are_pruned_one_by_one_and_none_while_a_line_is_broken(service: Service, docs: Path) -> None:
    ingest(service, docs)
    (docs / "l.jsonl").write_text('{"id": "one", "text": "plums are red"}\n{"id": "two"\n')
    report = ingest(service, docs)
    assert report.documents == DocumentCounts(changed=1, unchanged=3, failed=1)
    assert report.failures[0].source.endswith("l.jsonl:2")
    assert {"one", "two"} < set(live(service))
    (docs / "l.jsonl").write_text('{"id": "one", "text": "plums are red"}\n')
    assert ingest(service, docs).documents == DocumentCounts(unchanged=4, removed=2)


def test_without_prune_nothing_goes(service: Service, docs: Path) -> None:
    ingest(service, docs)
    (docs / "b.txt").unlink()
    (docs / "l.jsonl").unlink()
    report = ingest(service, docs, prune=Prune.KEEP)
    assert report.documents == DocumentCounts(unchanged=2)
    assert len(live(service)) == 6


def test_nothing_outside_the_given_path_is_touched(service: Service, docs: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "o.txt").write_text("Somewhere else.")
    ingest(service, docs, other)
    upload(service, {"sent": "By a client."})
    (other / "o.txt").unlink()
    (docs / "b.txt").unlink()
    assert ingest(service, docs).documents == DocumentCounts(unchanged=5, removed=1)
    assert {"other/o.txt", "sent"} < set(live(service))
    assert ingest(service, docs / "a.md").documents == DocumentCounts(added=1)


def test_a_root_name_stands_for_one_folder(service: Service, docs: Path, tmp_path: Path) -> None:
    ingest(service, docs)
    twin = tmp_path / "twin" / "docs"
    twin.mkdir(parents=True)
    (twin / "t.txt").write_text("Another folder of the same name.")
    for dry_run in (False, True):
        with pytest.raises(RootConflict) as caught:
            ingest(service, twin, dry_run=dry_run)
        assert "--as" in caught.value.hint
    assert [summary.name for summary in service.corpora(ME)] == [CORPUS]
    assert len(live(service)) == 6
    assert ingest(service, twin, root_name="twin").documents.added == 1
    assert "twin/t.txt" in live(service)
    docs.rename(tmp_path / "moved")
    (tmp_path / "moved").rename(tmp_path / "away")
    assert ingest(service, tmp_path / "away", root_name="docs").documents.changed == 6


def test_an_emptied_or_missing_root_is_pruned_only_when_asked_twice(service: Service, docs: Path) -> None:
    ingest(service, docs)
    for path in [path for path in docs.rglob("*") if path.is_file()]:
        path.unlink()
    for dry_run in (True, False):
        with pytest.raises(RootEmpty) as caught:
            ingest(service, docs, dry_run=dry_run)
        assert "--allow-empty" in caught.value.hint
    (docs / "sub").rmdir()
    docs.rmdir()
    with pytest.raises(RootEmpty, match="missing"):
        ingest(service, docs)
    with pytest.raises(SourceNotFound):
        ingest(service, docs, prune=Prune.KEEP)
    assert len(live(service)) == 6
    report = ingest(service, docs, prune=Prune.REMOVE_ALLOW_EMPTY)
    assert report.documents == DocumentCounts(removed=6)
    assert live(service) == {}
    assert all(not search(service, "apple", mode).hits for mode in Mode)


def test_a_second_claim_is_listed_and_the_owner_stays(service: Service, docs: Path) -> None:
    ingest(service, docs)
    (docs / "k.jsonl").write_text('{"id": "one", "text": "stolen"}\n{"id": "docs/b.txt", "text": "stolen"}\n')
    before = live(service)
    report = ingest(service, docs)
    assert [failure.code for failure in report.failures] == ["id_conflict"] * 2
    assert report.documents == DocumentCounts(unchanged=6, failed=2)
    assert live(service) == before


def test_uploads_replace_uploads_and_are_refused_the_ids_of_files(service: Service, docs: Path) -> None:
    ingest(service, docs)
    assert upload(service, {"sent": "first", "other": "kept"}).documents == DocumentCounts(added=2)
    before = live(service)
    report = upload(service, {"sent": "second", "docs/a.md": "stolen"})
    assert report.documents == DocumentCounts(changed=1, failed=1)
    assert report.failures[0].code == "id_conflict"
    after = live(service)
    assert {name for name in after if after[name] != before[name]} == {"sent"}
    assert set(after) == set(before)


def test_uploaded_files_are_read_like_files_and_named_by_their_id(service: Service, tmp_path: Path) -> None:
    paths = {
        "a/x.md": "# Title\n\nHello pears.",
        "bad.md": NOTHING_TO_READ,
        "l.jsonl": '{"id": "7", "text": "fig"}',
    }
    files = {}
    for number, (name, content) in enumerate(paths.items()):
        files[name] = tmp_path / f"{number:06d}{Path(name).suffix}"
        files[name].write_text(content)
    report = service.ingest_inline(ME, CORPUS, [], files)
    assert report.documents == DocumentCounts(added=2, failed=1)
    assert report.failures[0].source == "bad.md"
    assert set(live(service)) == {"a/x.md", "7"}
    assert {hit.passage.source for hit in search(service, "pears").hits} == {"upload"}


def test_a_cancelled_ingest_publishes_nothing_and_its_work_is_found_again(
    service: Service, docs: Path, embedder: HashEmbedder
) -> None:
    calls = iter(range(1000))
    request = IngestRequest(corpus=CORPUS, paths=(str(docs),))
    with pytest.raises(Cancelled):
        service.ingest(ME, request, cancelled=lambda: next(calls) >= 6)
    assert service.corpora(ME) == []
    assert ingest(service, docs).documents == DocumentCounts(added=6)


def test_an_ingest_stands_when_there_is_no_room_for_index_files(service: Service, docs: Path) -> None:
    def full(name: str) -> None:
        if name.startswith("index.files"):
            raise OSError(errno.ENOSPC, "No space left on device")

    crashpoints.install(full)
    try:
        assert ingest(service, docs).documents == DocumentCounts(added=6)
        assert search(service, "plums", Mode.LEXICAL).hits[0].passage.document_id == "one"
        assert service.delete_document(ME, CORPUS, "one") == service._catalog.corpora.latest_commit()
        assert search(service, "plums", Mode.LEXICAL).hits == ()
    finally:
        crashpoints.install(None)


def test_a_document_deleted_by_hand_comes_back_with_its_file(service: Service, docs: Path) -> None:
    ingest(service, docs)
    service.delete_document(ME, CORPUS, "docs/a.md")
    assert "docs/a.md" not in {hit.passage.document_id for hit in search(service, "apple").hits}
    report = ingest(service, docs)
    assert (report.documents, report.embedded) == (DocumentCounts(added=1, unchanged=5), 0)


def test_a_home_inside_the_folder_is_not_ingested(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.md").write_text("Pears are green.")
    with open_service(new_home(folder)) as service:
        first = ingest(service, folder)
        second = ingest(service, folder)
    assert first.documents == DocumentCounts(added=1, skipped=1)
    assert second.documents == DocumentCounts(unchanged=1, skipped=1) and second.commit == first.commit


def test_an_ingest_that_fails_leaves_no_empty_corpus(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("A green apple.")

    def refuse(*_: Any) -> bool:
        raise KeyboardInterrupt

    with open_service(new_home(tmp_path)) as service:
        request = IngestRequest(corpus="new", paths=(str(tmp_path / "docs"),))
        with pytest.raises(KeyboardInterrupt):
            service.ingest(ME, request, cancelled=refuse)
        with pytest.raises(Cancelled):
            service.ingest(ME, request, cancelled=lambda: True)
        assert service.corpora(ME) == []
        with service._catalog.pins.pinned("ingest of new"), pytest.raises(Cancelled):
            service.ingest(ME, request, cancelled=lambda: True)
        assert [found.name for found in service.corpora(ME)] == ["new"], "another ingest is about to fill it"
        service.ingest(ME, request)
        with pytest.raises(Cancelled):
            service.ingest(ME, request, cancelled=lambda: True)
        assert service.corpus(ME, "new").documents == 1


def test_an_ingest_of_which_nothing_can_be_read_leaves_no_empty_corpus(
    service: Service, tmp_path: Path
) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "a.pdf").write_bytes(b"%PDF-1.7 of nothing")
    report = ingest(service, folder)
    assert [failure.source for failure in report.failures] and report.commit == 0
    assert service.corpora(ME) == []
    (folder / "b.txt").write_text("now there is something")
    assert ingest(service, folder).documents.added == 1
    assert [corpus.name for corpus in service.corpora(ME)] == [CORPUS]


def test_what_is_wrong_with_an_upload_is_said_of_its_own_name(service: Service, tmp_path: Path) -> None:
    spooled = tmp_path / "000002.pdf"
    spooled.write_bytes(b"%PDF-1.7\nnothing of a PDF")
    report = service.ingest_inline(ME, CORPUS, [], {"minutes of May.pdf": spooled})
    (failure,) = report.failures
    assert failure.source == "minutes of May.pdf"
    assert "minutes of May.pdf" in failure.error and "000002" not in failure.error
