"""Files of an index: same answers after a round trip, damage always noticed, a kill never fatal."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from made_chunks import DIMENSION, make_batch, make_chunk, make_index, make_query

from ragsvc import crashpoints
from ragsvc.errors import (
    DiskFull,
    HomeNotWritable,
    IndexDamaged,
    InternalError,
    ProfileMismatch,
    RagsvcError,
    StorageError,
)
from ragsvc.index.corpus_index import CorpusIndex
from ragsvc.index.index_reader import MANIFEST, is_untouched, load
from ragsvc.index.index_writer import save

PLACES = {
    "index.files.before_fsync": 10,
    "index.files.before_rename": 9,
    "index.files.after_rename": 9,
    "index.files.before_manifest_rename": 1,
    "index.files.after_manifest_rename": 1,
    "index.files.before_sweep": 1,
}


def _base(rows: int) -> CorpusIndex:
    return make_index([make_chunk(chunk_id) for chunk_id in range(rows)]).compacted(np.ones(rows, bool))


def _load(folder: Path) -> tuple[CorpusIndex, int]:
    index, written = load(folder, profile="p", dimension=DIMENSION)
    assert written.commit_uid == "u"
    return index, written.commit


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture(autouse=True)
def _no_handler_left() -> Iterator[None]:
    yield
    crashpoints.install(None)


@pytest.mark.parametrize("rows", [0, 1, 50])
def test_a_round_trip_gives_identical_answers(tmp_path: Path, rows: int) -> None:
    folder, index = tmp_path / "new" / "deep", _base(rows)
    save(index, folder, commit=12, commit_uid="u", profile="p")
    again, commit = _load(folder)
    everybody, query = np.ones(rows, bool), make_query(0)
    assert commit == 12
    assert (again.rows, again.delta_rows, again.base_rows) == (rows, 0, rows)
    assert [a.tolist() for a in again.nearest(query, everybody, 9)] == [
        a.tolist() for a in index.nearest(query, everybody, 9)
    ]
    assert again.match([1, 3], everybody).tolist() == index.match([1, 3], everybody).tolist()
    assert again.versions.tolist() == index.versions.tolist()


def test_what_was_read_does_not_depend_on_the_files_any_more(tmp_path: Path) -> None:
    """A mapped file that is truncated would end the process with SIGBUS."""
    save(_base(50), tmp_path, commit=1, commit_uid="u", profile="p")
    index, _ = _load(tmp_path)
    before = index.nearest(make_query(0), np.ones(50, bool), 9)
    assert not index.segments[0].vectors.columns()["vectors"].flags.writeable
    for path in tmp_path.glob("*.npy"):
        os.truncate(path, 10)
    assert index.nearest(make_query(0), np.ones(50, bool), 9)[1].tolist() == before[1].tolist()
    assert index.match([1, 3], np.ones(50, bool)).any()


@pytest.mark.parametrize("spoil", ["truncate", "damage", "unlink", "mode", "none"])
def test_what_is_touched_shows_without_reading(tmp_path: Path, spoil: str) -> None:
    save(_base(20), tmp_path, commit=1, commit_uid="u", profile="p")
    _, base = load(tmp_path, profile="p", dimension=DIMENSION)
    assert is_untouched(tmp_path, base)
    path = next(tmp_path.glob("vectors-*"))
    if spoil == "truncate":
        os.truncate(path, 10)
    elif spoil == "damage":
        with path.open("r+b") as file:
            file.seek(500)
            file.write(b"x")
    elif spoil == "unlink":
        path.unlink()
    elif spoil == "mode":
        path.chmod(0)
    assert is_untouched(tmp_path, base) == (spoil == "none")


def test_a_new_index_replaces_the_old_which_lives_on_in_memory(tmp_path: Path) -> None:
    save(_base(50), tmp_path, commit=1, commit_uid="u", profile="p")
    (tmp_path / "notes.txt").write_text("not ours")
    old, _ = _load(tmp_path)
    before = old.nearest(make_query(0), np.ones(50, bool), 9)
    save(_base(20), tmp_path, commit=2, commit_uid="u", profile="p")
    new, commit = _load(tmp_path)
    assert (new.rows, commit) == (20, 2)
    assert old.nearest(make_query(0), np.ones(50, bool), 9)[1].tolist() == before[1].tolist()
    assert len(_names(tmp_path)) == 9 + 2
    assert (tmp_path / "notes.txt").read_text() == "not ours"


def test_only_a_compacted_index_is_saved(tmp_path: Path) -> None:
    index = _base(5).extended(make_batch([make_chunk(99)]))
    with pytest.raises(InternalError, match="delta"):
        save(index, tmp_path, commit=1, commit_uid="u", profile="p")


def test_another_profile_is_refused_by_name(tmp_path: Path) -> None:
    save(_base(5), tmp_path, commit=1, commit_uid="u", profile="p")
    with pytest.raises(ProfileMismatch):
        load(tmp_path, profile="q", dimension=DIMENSION)
    with pytest.raises(IndexDamaged):
        load(tmp_path, profile="p", dimension=DIMENSION + 1)


def test_no_folder_is_a_damaged_index(tmp_path: Path) -> None:
    with pytest.raises(IndexDamaged, match="cannot be read"):
        _load(tmp_path / "none")


def _truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _flip_in_the_middle(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 0x01
    path.write_bytes(raw)


def _flip_the_last(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 0x80
    path.write_bytes(raw)


def _append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


def _make_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    "harm", [_truncate, _flip_in_the_middle, _flip_the_last, _append, Path.unlink, _make_a_folder]
)
def test_harm_to_any_file_is_a_damaged_index(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    save(_base(30), tmp_path / "0", commit=1, commit_uid="u", profile="p")
    for place, name in enumerate(sorted(_names(tmp_path / "0"))):
        folder = tmp_path / f"{place + 1}"
        save(_base(30), folder, commit=1, commit_uid="u", profile="p")
        harm(folder / name)
        with pytest.raises(IndexDamaged):
            _load(folder)
        if harm is not _make_a_folder:
            save(_base(30), folder, commit=1, commit_uid="u", profile="p")
            assert _load(folder)[0].rows == 30


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"format": 2, "checksum": ""}',
        b"[" * 100_000,
        b"9" * 10_000,
    ],
)
def test_a_strange_manifest_is_a_damaged_index(tmp_path: Path, text: bytes) -> None:
    (tmp_path / MANIFEST).write_bytes(text)
    with pytest.raises(IndexDamaged):
        _load(tmp_path)


def test_every_digit_of_the_manifest_is_guarded(tmp_path: Path) -> None:
    save(_base(3), tmp_path, commit=41, commit_uid="u", profile="p")
    path = tmp_path / MANIFEST
    path.write_bytes(path.read_bytes().replace(b'"commit": 41', b'"commit": 42'))
    with pytest.raises(IndexDamaged, match="checksum"):
        _load(tmp_path)


def _raise_at(place: str, nth: int, error: BaseException) -> None:
    seen = 0

    def handler(name: str) -> None:
        nonlocal seen
        seen += name == place
        if name == place and seen == nth:
            raise error

    crashpoints.install(handler)


@pytest.mark.parametrize(
    ("number", "wanted"),
    [
        (errno.ENOSPC, DiskFull),
        (errno.EDQUOT, DiskFull),
        (errno.EACCES, HomeNotWritable),
        (errno.EROFS, HomeNotWritable),
        (errno.EIO, StorageError),
    ],
)
@pytest.mark.parametrize("place", [p for p in PLACES if p != "index.files.before_sweep"])
def test_a_refusal_of_the_system_leaves_nothing_half(
    tmp_path: Path, place: str, number: int, wanted: type[RagsvcError]
) -> None:
    save(_base(20), tmp_path, commit=1, commit_uid="u", profile="p")
    before = _names(tmp_path)
    _raise_at(place, PLACES[place], OSError(number, os.strerror(number)))
    with pytest.raises(wanted, match=str(tmp_path)):
        save(_base(30), tmp_path, commit=2, commit_uid="u", profile="p")
    index, commit = _load(tmp_path)
    switched = place == "index.files.after_manifest_rename"
    assert (index.rows, commit) == ((30, 2) if switched else (20, 1))
    assert len(_names(tmp_path)) == 10
    assert switched or _names(tmp_path) == before


def test_an_interrupt_leaves_nothing_half(tmp_path: Path) -> None:
    _raise_at("index.files.after_rename", 3, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        save(_base(30), tmp_path, commit=2, commit_uid="u", profile="p")
    assert _names(tmp_path) == set()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file"):
        save(_base(3), tmp_path / "file" / "corpus" / "index", commit=1, commit_uid="u", profile="p")


def test_what_stands_in_the_way_is_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "corpus" / "index"
    (tmp_path / "corpus").symlink_to("nowhere")
    save(_base(3), folder, commit=1, commit_uid="u", profile="p")
    name = next(path.name for path in folder.glob("terms-*"))
    for stray in (name, "manifest.json"):
        (folder / stray).unlink()
        (folder / stray / "deep").mkdir(parents=True)
    save(_base(3), folder, commit=1, commit_uid="u", profile="p")
    assert load(folder, profile="p", dimension=DIMENSION)[1].commit == 1


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    save(_base(3), tmp_path, commit=1, commit_uid="u", profile="p")
    for name in (next(path.name for path in tmp_path.glob("terms-*")), "manifest.json"):
        (tmp_path / name).unlink()
        os.mkfifo(tmp_path / name)
        with pytest.raises(IndexDamaged, match="not a regular file"):
            load(tmp_path, profile="p", dimension=DIMENSION)


def test_a_file_over_the_size_limit_leaves_the_old_index(tmp_path: Path) -> None:
    """The system itself stops a write half-way, as a full disk does."""
    save(_base(5), tmp_path, commit=1, commit_uid="u", profile="p")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = _names(tmp_path)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(StorageError):
            save(_base(300), tmp_path, commit=2, commit_uid="u", profile="p")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert _names(tmp_path) == before
    assert _load(tmp_path)[1] == 1


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[4])
from made_chunks import make_chunk, make_index
import numpy as np
from ragsvc import crashpoints
from ragsvc.index.index_writer import save
left = int(sys.argv[3])
def handler(name):
    global left
    left -= name == sys.argv[2]
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
crashpoints.install(handler)
index = make_index([make_chunk(i) for i in range(30)]).compacted(np.ones(30, bool))
save(index, Path(sys.argv[1]), commit=2, commit_uid="u", profile="p")
"""


@pytest.mark.parametrize("place", PLACES)
def test_a_killed_writer_leaves_one_index_and_the_next_save_sweeps(tmp_path: Path, place: str) -> None:
    save(_base(20), tmp_path, commit=1, commit_uid="u", profile="p")
    nth = (PLACES[place] + 1) // 2
    arguments = [str(tmp_path), place, str(nth), str(Path(__file__).parent)]
    done = subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False)
    assert done.returncode == -signal.SIGKILL
    switched = place in ("index.files.after_manifest_rename", "index.files.before_sweep")
    index, commit = _load(tmp_path)
    assert (index.rows, commit) == ((30, 2) if switched else (20, 1))
    assert len(_names(tmp_path)) > 9 or nth == 1
    writing: list[int] = []
    crashpoints.install(lambda _: writing.append(len(_names(tmp_path))))
    save(_base(25), tmp_path, commit=3, commit_uid="u", profile="p")
    assert writing[0] == 10 + 1, "remains of the killed writer take room while the next one writes"
    assert _load(tmp_path)[1] == 3
    assert len(_names(tmp_path)) == 10


def test_readers_beside_a_writer_always_get_an_index(tmp_path: Path) -> None:
    save(_base(1), tmp_path, commit=1, commit_uid="u", profile="p")
    done = threading.Event()
    problems: list[BaseException] = []

    def write() -> None:
        try:
            for commit in range(2, 40):
                save(_base(commit), tmp_path, commit=commit, commit_uid="u", profile="p")
        except BaseException as error:
            problems.append(error)
        finally:
            done.set()

    writer = threading.Thread(target=write)
    writer.start()
    last = 0
    while not done.is_set():
        index, commit = _load(tmp_path)
        assert index.rows == commit
        assert commit >= last
        last = commit
    writer.join()
    assert problems == []
