"""Snapshots: one commit each, whatever happens to files and beside other writers."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from doubles import CORPUS, ME, ingest, new_home, open_service, same_hits, search, upload

from ragsvc.domain import Collapse, Mode, SearchResult
from ragsvc.errors import IndexDamaged
from ragsvc.index import index_reader, index_writer
from ragsvc.pipeline.index_files import folder_of
from ragsvc.pipeline.retrieval.snapshot_cache import SnapshotCache
from ragsvc.service.service import Service


def answers(service: Service) -> list[SearchResult]:
    return [search(service, "green apple pears", mode) for mode in Mode]


def index_folder(service: Service) -> Path:
    return folder_of(service._catalog, service._catalog.corpora.get(ME, CORPUS))


def delete(path: Path) -> None:
    path.unlink()


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)


@pytest.mark.parametrize("harm", [delete, truncate, flip])
def test_damaged_files_are_noticed_and_written_anew(
    tmp_path: Path, docs: Path, harm: Callable[[Path], None]
) -> None:
    home = new_home(tmp_path)
    with open_service(home) as service:
        ingest(service, docs)
        expected = answers(service)
        folder = index_folder(service)
    good = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert len(good) == 10
    for name in good:
        harm(folder / name)
        with open_service(home) as service:
            for one, other in zip(expected, answers(service), strict=True):
                same_hits(one, other)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == good, name


def test_a_missing_folder_is_written_anew(tmp_path: Path, docs: Path) -> None:
    home = new_home(tmp_path)
    with open_service(home) as service:
        ingest(service, docs)
        expected = answers(service)
        folder = index_folder(service)
    shutil.rmtree(folder.parent)
    with open_service(home) as service:
        for one, other in zip(expected, answers(service), strict=True):
            same_hits(one, other)
    assert (folder / index_writer.MANIFEST).exists()


def test_damage_is_no_reason_to_wait_for_a_writer(
    tmp_path: Path, docs: Path, caplog: pytest.LogCaptureFixture
) -> None:
    home = new_home(tmp_path)
    with open_service(home) as service:
        ingest(service, docs)
        expected = answers(service)
        folder = index_folder(service)
    truncate(next(folder.glob("vectors-*")))
    entered, leave = threading.Event(), threading.Event()

    def write() -> None:
        with open_service(home) as writer, writer._catalog.lock.hold(5):
            entered.set()
            leave.wait(30)

    thread = threading.Thread(target=write)
    thread.start()
    assert entered.wait(30)
    try:
        with open_service(home) as service, caplog.at_level(logging.WARNING):
            for one, other in zip(expected, answers(service), strict=True):
                same_hits(one, other)
            assert "rebuilt from the catalog" in caplog.text
            assert index_reader.written(folder).commit == 1
            with pytest.raises(IndexDamaged):
                index_reader.load(
                    folder, profile=service._catalog.corpora.get(ME, CORPUS).profile.fingerprint, dimension=32
                )
    finally:
        leave.set()
        thread.join()


def test_files_are_rewritten_when_a_tenth_has_changed_and_not_before(tmp_path: Path) -> None:
    with open_service(new_home(tmp_path)) as service:
        upload(service, {f"d{n}": f"text number {n}" for n in range(40)})
        folder = index_folder(service)
        written = []
        for n in range(6):
            upload(service, {f"new{n}": f"new text {n}"})
            written.append(index_reader.written(folder).commit)
        # 4 of 44 are no more than a tenth, 5 of 45 are.
        assert written == [1, 1, 1, 1, 6, 6]
        search(service, "new text")
        held = service.queries._keeper.held(service._catalog.corpora.get(ME, CORPUS).uid)
        assert held is not None and held.base is not None
        assert (held.base.commit, held.commit, held.index.delta_rows) == (6, 7, 1)
        service.delete_document(ME, CORPUS, "d0")
        after = service.queries._keeper.held(held.corpus.uid)
        assert after is not None and after.index is held.index
        assert int(held.alive.sum()) == 46 and int(after.alive.sum()) == 45


def test_files_of_a_catalog_that_was_put_back_are_not_believed(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    with open_service(home) as service:
        upload(service, {f"d{n}": f"old text {n}" for n in range(30)})
        service._catalog._db.checkpoint()
        (tmp_path / "backup.db").write_bytes((home / "catalog.db").read_bytes())
        upload(service, {"lost": "a lost text", **{f"d{n}": f"newer text {n}" for n in range(9)}})
        assert index_reader.written(index_folder(service)).commit == 2
    for path in home.glob("catalog.db*"):
        path.unlink()
    (home / "catalog.db").write_bytes((tmp_path / "backup.db").read_bytes())
    # The lost commit's number is given to another one.
    with open_service(home) as service:
        upload(service, {"other": "another future"})
        found = search(service, "future lost", Mode.LEXICAL).hits
        assert [hit.passage.document_id for hit in found] == ["other"]
        assert len(search(service, "old", Mode.LEXICAL, k=200).hits) == 30
    for path in home.glob("catalog.db*"):
        path.unlink()
    (home / "catalog.db").write_bytes((tmp_path / "backup.db").read_bytes())
    with open_service(home) as service:
        assert len(search(service, "old", Mode.LEXICAL, k=200).hits) == 30
        assert search(service, "lost newer", Mode.LEXICAL).hits == ()


def test_a_snapshot_that_followed_scores_like_one_from_new_files(tmp_path: Path) -> None:
    texts = {f"d{n}": f"apple number {n}" for n in range(50)}
    changed = {"d1": "something else entirely", "d2": "pears and an apple"}
    with open_service(new_home(tmp_path)) as service, open_service(new_home(tmp_path, "fresh")) as fresh:
        upload(service, texts)
        search(service, "apple")
        upload(service, changed)
        assert index_reader.written(index_folder(service)).commit == 1, "few changes rewrite nothing"
        upload(fresh, texts | changed)
        for mode in Mode:
            same_hits(search(fresh, "apple pears", mode, k=100), search(service, "apple pears", mode, k=100))


def test_a_head_that_was_read_too_early_never_turns_a_snapshot_back(service: Service) -> None:
    upload(service, {"a": "first text"})
    early = service._catalog.corpora.get(ME, CORPUS)
    upload(service, {"a": "second text", "b": "third text"})
    keeper = SnapshotCache(service._catalog)
    late = keeper.current(service._catalog.corpora.get(ME, CORPUS))
    assert late.commit == 2 and keeper.current(early) is late
    # Loading for an early head finds later files: they are used as what they are.
    fresh = SnapshotCache(service._catalog).current(early)
    assert (fresh.commit, int(fresh.alive.sum())) == (2, 2)


def test_every_search_beside_a_writer_sees_exactly_one_commit(tmp_path: Path) -> None:
    """Each commit replaces all texts; a result that mixes two would show two generations."""
    home = new_home(tmp_path)
    rounds, size = 12, 5

    def generation(number: int) -> dict[str, str]:
        return {f"d{n}": f"word g{number} of text {n}" for n in range(size)}

    with open_service(home) as writer, open_service(home) as reader:
        upload(writer, generation(0))
        problems: list[str] = []
        seen: set[int] = set()
        stop = threading.Event()

        def read(service: Service, mode: Mode) -> None:
            last = 0
            while not stop.is_set():
                result = search(service, "word text", mode, k=50, collapse=Collapse.OFF)
                shown = {hit.passage.text.split()[1] for hit in result.hits}
                if shown != {f"g{result.commit - 1}"} or len(result.hits) != size or result.commit < last:
                    problems.append(f"{mode} {result.commit} after {last}: {shown}, {len(result.hits)} hits")
                last = result.commit
                seen.add(last)

        pairs = [(service, mode) for service in (writer, reader) for mode in (Mode.HYBRID, Mode.LEXICAL)]
        threads = [threading.Thread(target=read, args=pair) for pair in pairs]
        for thread in threads:
            thread.start()
        for number in range(1, rounds):
            upload(writer, generation(number))
        stop.set()
        for thread in threads:
            thread.join()
    assert problems == []
    assert len(seen) > 2


def test_a_corpus_of_the_same_name_starts_anew(service: Service, docs: Path) -> None:
    ingest(service, docs)
    search(service, "apple")
    old = index_folder(service)
    service.delete_corpus(ME, CORPUS)
    assert not old.parent.exists()
    upload(service, {"only": "a single apple"})
    assert {hit.passage.document_id for hit in search(service, "apple").hits} == {"only"}
    assert index_folder(service).parent != old.parent
