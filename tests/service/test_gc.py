"""gc: what it takes, what it keeps, and that what is kept is found as before."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from doubles import CORPUS, ME, HashEmbedder, ingest, new_home, open_service, same_hits, search, upload
from sqlalchemy import func, select

from ragsvc.domain import CollectReport, Mode, SearchRequest, SearchResult
from ragsvc.errors import (
    CommitCollected,
    CorpusNotFound,
    DiskFull,
    InvalidRequest,
    StaleContent,
    VersionNotFound,
)
from ragsvc.index import index_reader
from ragsvc.pipeline.index_files import folder_of
from ragsvc.service.service import Service
from ragsvc.store import engine, tables

QUERIES = ("apple text", "word3 still", "lemon of the fig")
CONTENT = ("document_version", "chunk", "chunking", "vector", "term", "membership", "field", "signature")


def embedder(name: str) -> HashEmbedder:
    return HashEmbedder(name, "" if name == "hash" else name)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with open_service(new_home(tmp_path), embedder) as opened:
        yield opened


def at(service: Service, ref: str, corpus: str = CORPUS) -> list[SearchResult]:
    return [
        service.search(ME, SearchRequest(corpora=(corpus,), query=query, k=50, mode=mode, at=ref))
        for query in QUERIES
        for mode in Mode
    ]


def same(found: list[SearchResult], expected: list[SearchResult]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert one.commit == other.commit
        same_hits(one, other)


def history(service: Service, commits: int = 6, corpus: str = CORPUS) -> None:
    """Each commit changes one text, brings one back or anew, and leaves one as it is."""
    for n in range(commits):
        changed = {"a": f"word{n} apple text, number {n}.", f"c{n % 3}": f"A lemon of the fig {n // 2}."}
        upload(service, {**changed, "b": "Still the same apple text."}, corpus)


def counts(service: Service) -> dict[str, int]:
    with service._catalog._db.read() as connection:
        return {
            name: connection.execute(
                select(func.count()).select_from(tables.metadata.tables[name])
            ).scalar_one()
            for name in CONTENT
        }


def gone(report: CollectReport) -> tuple[int, ...]:
    return (report.commits, report.documents, report.versions, report.chunks, report.vectors, report.terms)


def collect(service: Service, corpus: str | None = None, **options: Any) -> CollectReport:
    return service.maintenance.collect(ME, corpus, **options)


def test_kept_commits_are_as_before_and_others_are_gone(service: Service) -> None:
    history(service)
    service.maintenance.set_tag(ME, CORPUS, "v1", at="2")
    before = {ref: at(service, ref) for ref in ("v1", "5", "6")}
    rows = counts(service)
    planned = collect(service, keep=2, dry_run=True)
    assert counts(service) == rows and at(service, "3")
    report = collect(service, keep=2)
    assert gone(report) == gone(planned) and gone(report)[0] == 3 and all(gone(report))
    assert report.kept == ("c: the newest 2 commits", "c: commit 2, tag v1")
    after = counts(service)
    assert rows["document_version"] - after["document_version"] == report.versions
    assert rows["term"] - after["term"] == report.terms
    for opened in (service, open_service(service.settings.home)):
        for ref, found in before.items():
            same(at(opened, ref), found)
        for ref in ("1", "3", "4", "head~2"):
            with pytest.raises(CommitCollected) as caught:
                at(opened, ref)
            assert "tags keep commits" in caught.value.hint
    assert [entry.collected for entry in service.maintenance.log(ME, CORPUS)] == [
        False, False, True, True, False, True,
    ]  # fmt: skip
    assert gone(collect(service, keep=2)) == (0, 0, 0, 0, 0, 0)
    # Without its tag it is one of the others.
    service.maintenance.delete_tag(ME, CORPUS, "v1")
    assert collect(service, keep=2).commits == 1


def test_texts_of_kept_commits_can_be_quoted(service: Service) -> None:
    history(service)
    service.maintenance.set_tag(ME, CORPUS, "v1", at="1")
    kept, lost = (
        next(hit.passage for hit in at(service, ref)[0].hits if hit.passage.document_id == "a")
        for ref in ("v1", "3")
    )
    collect(service, keep=1)
    assert service.text(ME, CORPUS, "a", kept.version, kept.start, kept.end).text == kept.text
    with pytest.raises(VersionNotFound):
        service.text(ME, CORPUS, "a", lost.version, lost.start, lost.end)


def test_what_is_left_is_what_a_fresh_build_has(service: Service, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for n in range(8):
        (docs / "a.md").write_text(f"---\nlang: en\nstep: {n}\n---\n" + f"word{n} apple {n}. " * 20)
        (docs / f"{n}.md").write_text(f"A lemon number {n} of the fig. " * (n + 1))
        if n > 4:
            (docs / f"{n - 2}.md").unlink()
        ingest(service, docs)
    collect(service, keep=1)
    with open_service(new_home(tmp_path, "fresh")) as fresh:
        ingest(fresh, docs)
        assert counts(service) == counts(fresh)
        for query in QUERIES:
            same_hits(search(service, query), search(fresh, query))
        homes = [service, fresh]
        folders = [folder_of(one._catalog, one._catalog.corpora.get(ME, CORPUS)) for one in homes]
        names = [sorted(p.name.split("-")[0] for p in folder.iterdir()) for folder in folders]
        assert names[0] == names[1]
        rows = [index_reader.written(folder) for folder in folders]
        assert rows[0] is not None and rows[1] is not None and rows[0].rows == rows[1].rows
        assert ingest(service, docs).embedded == 0


def test_corpora_that_share_texts(service: Service) -> None:
    history(service, 4)
    history(service, 6, "other")
    upload(service, {"a": "word2 apple text, number 2."}, "other")
    before = {corpus: at(service, "head", corpus) for corpus in (CORPUS, "other")}
    old = at(service, "3")
    assert collect(service, "other", keep=1).commits == 6
    same(at(service, "3"), old)
    assert collect(service, keep=1).commits == 3
    for corpus, found in before.items():
        same(at(service, "head", corpus), found)
    with pytest.raises(CorpusNotFound):
        collect(service, "nothing")
    with pytest.raises(InvalidRequest):
        collect(service, keep=0)


def test_a_pin_protects_as_long_as_its_holder_lives(service: Service) -> None:
    history(service)
    corpus = service._catalog.history.corpus_at(ME, CORPUS, "2")
    before = at(service, "2")
    with service._catalog.pins.pinned("export of c", corpus_id=corpus.id, commit_id=corpus.commit):
        report = collect(service, keep=1)
        assert report.commits == 4
        assert report.kept[1].startswith("c: commit 2, export of c (process ")
        same(at(service, "2"), before)
    code = (
        "import sys, time; from pathlib import Path; from ragsvc.store.catalog import Catalog\n"
        "catalog = Catalog.open(Path(sys.argv[1]))\n"
        f"with catalog.pins.pinned('export', corpus_id={corpus.id}, commit_id=2):\n"
        "    print('held', flush=True); time.sleep(99)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(service.settings.home)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert holder.stdout is not None
    with holder:
        assert holder.stdout.readline() == "held\n"
        assert collect(service, keep=1).commits == 0
        holder.send_signal(signal.SIGKILL)
    assert collect(service, keep=1).commits == 1
    readers = service.settings.home / "readers"
    assert not any(readers.iterdir())
    for name, age in (("a" * 32, 100), ("b" * 32, 0), ("notes", 100)):
        (readers / name).touch()
        os.utime(readers / name, (time.time() - age, time.time() - age))
    collect(service)
    assert {path.name for path in readers.iterdir()} == {"b" * 32, "notes"}
    with (
        pytest.raises(StaleContent),
        service._catalog.pins.pinned("x", corpus_id=corpus.id, commit_id=corpus.commit),
    ):
        pass


def test_content_waits_for_an_ingest_that_prepares_some(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    history(service)
    rows = counts(service)
    planned = collect(service, keep=1, dry_run=True)
    with service._catalog.pins.pinned("ingest of c"):
        report = collect(service, keep=1)
        assert report.commits == 5 and report.versions == report.chunks == report.vectors == 0
        assert report.postponed.startswith("ingest of c (process ")
        assert report.postponed.endswith("run gc again afterwards")
        assert counts(service)["chunk"] == rows["chunk"]
    # One that begins when half is done: gc stops there.
    survey = service._catalog.gc._survey
    with ExitStack() as stack:

        def surveyed() -> Any:
            garbage = survey()
            stack.enter_context(service._catalog.pins.pinned("ingest of c"))
            return garbage

        monkeypatch.setattr(service._catalog.gc, "_survey", surveyed)
        report = collect(service, keep=1)
        assert report.versions == 0 and report.postponed
    monkeypatch.undo()
    report = collect(service, keep=1)
    assert gone(report)[2:] == gone(planned)[2:]
    assert not report.postponed


def test_an_ingest_pins_what_it_prepares(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    history(service, 3)
    publish = service._catalog.memberships.publish
    reports: list[CollectReport] = []

    def late(*arguments: Any, **options: Any) -> Any:
        # The lock is held here by this thread, as it would be by gc.
        reports.append(service._catalog.gc.collect(ME, None, 1, dry_run=False).report)
        return publish(*arguments, **options)

    monkeypatch.setattr(service._catalog.memberships, "publish", late)
    report = upload(service, {"new": "A wholly new text."})
    assert report.embedded == 1 and reports[0].postponed.startswith("ingest of c")
    assert [hit.passage.document_id for hit in search(service, "wholly", Mode.LEXICAL).hits] == ["new"]


def test_another_profile_goes_with_its_last_commit(service: Service) -> None:
    history(service)
    before = at(service, "5")
    old = folder_of(service._catalog, service._catalog.corpora.get(ME, CORPUS))
    service.maintenance.reindex(ME, CORPUS, embedder="second")
    reindexed = at(service, "head")
    assert collect(service, keep=3).indexes == 0
    same(at(service, "5"), before)
    planned = collect(service, keep=1, dry_run=True)
    assert old.is_dir()
    report = collect(service, keep=1)
    assert gone(report) == gone(planned)
    assert report.indexes == planned.indexes == 1 and report.freed_bytes > 0
    assert not old.exists()
    same(at(service, "head"), reindexed)
    rows = counts(service)
    assert rows["chunking"] == rows["document_version"] == 4
    assert rows["vector"] <= rows["chunk"] == 4


def test_a_reindex_that_runs_keeps_its_work(service: Service) -> None:
    history(service)
    catalog = service._catalog
    corpus = catalog.corpora.get(ME, CORPUS)
    spec = replace(corpus.profile.spec, embedder=HashEmbedder("second", "2").spec)
    profile = catalog.corpora.profile(spec)
    with catalog.pins.pinned("reindex of c", corpus_id=corpus.id, profile_id=profile.id):
        hashes = [b"0" * 32]
        catalog.vectors.put(profile.embedder_fingerprint, hashes, HashEmbedder().embed_queries(["x"]))
        report = collect(service, keep=1)
        assert report.versions and not report.postponed
        assert not catalog.vectors.missing(profile.embedder_fingerprint, hashes)
    assert collect(service, keep=1).vectors == 1


def test_only_our_index_folders_go(service: Service) -> None:
    home = service.settings.home
    history(service, 1)
    mine = folder_of(service._catalog, service._catalog.corpora.get(ME, CORPUS))
    lost = home / ("0" * 32) / ("1" * 16)
    kept = [
        home / "notes" / ("1" * 16) / "manifest.json",
        home / ("a" * 31) / ("1" * 16) / "manifest.json",
        home / ("2" * 32) / "other" / "manifest.json",
        home / ("3" * 32) / ("1" * 16) / "mine.txt",
        mine.parent / "backup" / "manifest.json",
    ]
    for path in (*kept, lost / "manifest.json", mine.parent / ("4" * 16) / "rows.tmp"):
        path.parent.mkdir(parents=True)
        path.write_text("x")
    (home / ("5" * 32)).symlink_to(lost.parent, target_is_directory=True)
    assert collect(service, dry_run=True).indexes == 3
    assert collect(service).indexes == 3
    assert all(path.exists() for path in kept) and mine.is_dir()
    assert not lost.parent.exists() and not (mine.parent / ("4" * 16)).exists()


def test_vacuum_gives_space_back(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    upload(service, {f"d{n}": f"word{n} apple. " * 200 for n in range(30)})
    upload(service, {f"d{n}": f"pear {n}." for n in range(30)})
    found = at(service, "head")
    report = collect(service, keep=1)
    assert report.reusable_bytes > 200_000
    monkeypatch.setattr(engine, "free_bytes", lambda _: 0)
    with pytest.raises(DiskFull) as caught:
        collect(service, keep=1, vacuum=True)
    assert "without --vacuum" in caught.value.hint
    monkeypatch.undo()
    vacuumed = collect(service, keep=1, vacuum=True)
    assert vacuumed.freed_bytes >= report.reusable_bytes and vacuumed.reusable_bytes == 0
    same(at(service, "head"), found)
