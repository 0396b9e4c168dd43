"""Writing the base of an index: immutable files beside a manifest, written aside and renamed in."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EACCES, EDQUOT, ENOSPC, EPERM, EROFS
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ragsvc.crashpoints import crash_point
from ragsvc.domain import SIGNATURE_VALUES
from ragsvc.errors import (
    DiskFull,
    HomeNotWritable,
    IndexDamaged,
    InternalError,
    StorageError,
)
from ragsvc.index.corpus_index import CorpusIndex
from ragsvc.index.index_reader import MANIFEST, read_manifest
from ragsvc.index.lexical import Postings
from ragsvc.index.manifest import FILE_NAME, FileEntry, Manifest
from ragsvc.index.vector_indexes import vector_index_of

_TEMPORARY = ".tmp"


def save(index: CorpusIndex, folder: Path, *, commit: int, commit_uid: str, profile: str) -> None:
    """Write a compacted index; it replaces the one in the folder at the moment the manifest moves.

    Only the holder of the writer lock may call it. Old files go away after the switch. A killed writer
    leaves the old index, and its remains are swept by the next save.

    :param index: without delta rows (see `CorpusIndex.compacted`).
    :param folder: made when missing; files of other kinds in it are left alone.
    :param commit: the commit that the index holds; commit_uid: its uid.
    :param profile: fingerprint of the profile that made it.
    :raises InternalError: if the index has delta rows.
    :raises DiskFull: if there is no room; the old index stays.
    :raises HomeNotWritable: if the folder cannot be written; the old index stays.
    :raises StorageError: if the system refuses otherwise; the old index stays.
    """
    if index.delta_rows:
        raise InternalError(f"an index with {index.delta_rows} delta rows was to be saved")
    with _translated(folder):
        _clear_way(folder)
        folder.mkdir(parents=True, exist_ok=True)
        old = _named_by_manifest(folder)
        _sweep(folder, old)
        try:
            files = {name: _write_array(folder, name, column, commit) for name, column in _columns(index)}
            new = {entry.name for entry in files.values()}
            manifest = Manifest(
                commit, commit_uid, profile, index.dimension, index.rows, _postings(index), files
            )
            _sync_folder(folder)
            _put_manifest(folder, manifest.encode())
        except BaseException:
            _sweep(folder, _named_by_manifest(folder))
            raise
        _sync_folder(folder)
        crash_point("index.files.before_sweep")
        _sweep(folder, new)


def size_bytes(folder: Path) -> int:
    """Bytes of our files in a folder; 0 when it is not there."""
    try:
        return sum(path.stat().st_size for path in _ours(folder))
    except FileNotFoundError:
        return 0


def remove(folder: Path) -> None:
    """Remove an index; what is in memory stays. Files of other kinds stay, and then the folder.

    Only the holder of the writer lock may call it.

    :raises StorageError: if the system refuses.
    """
    with _translated(folder):
        # The manifest first: without it nobody looks for the others.
        for path in sorted(_ours(folder), key=lambda path: path.name != MANIFEST):
            path.unlink(missing_ok=True)
        with suppress(OSError):
            folder.rmdir()


def _ours(folder: Path) -> list[Path]:
    return [
        path
        for path in folder.iterdir()
        if path.name == MANIFEST or path.name.endswith(_TEMPORARY) or FILE_NAME.fullmatch(path.name)
    ]


def _clear_way(folder: Path) -> None:
    """Remove what damage put in the place of a folder or a file; it is all written anew."""
    for path in (folder.parent, folder):
        # A link to a folder stays: somebody put the files on another disk.
        if not path.is_dir():
            path.unlink(missing_ok=True)
    if folder.is_dir():
        for path in _ours(folder):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)


def _columns(index: CorpusIndex) -> Iterator[tuple[str, NDArray[Any]]]:
    """The columns of the only segment; of an index without rows, empty ones."""
    if index.segments:
        base = index.segments[0]
        vectors, signatures, postings = base.vectors, base.signatures, base.postings
    else:
        none = np.empty(0, np.int32)
        vectors = vector_index_of(np.empty((0, index.dimension), np.float32))
        signatures = np.empty((0, SIGNATURE_VALUES), np.uint16)
        postings = Postings(none, np.zeros(1, np.int64), none, none)
    yield "chunk_ids", index.chunk_ids
    yield "versions", index.versions
    yield "lengths", index.lengths
    yield from vectors.columns().items()
    yield "signatures", signatures
    yield "terms", postings.terms
    yield "term_offsets", postings.offsets
    yield "posting_rows", postings.rows
    yield "posting_counts", postings.counts


def _postings(index: CorpusIndex) -> int:
    return sum(len(segment.postings.rows) for segment in index.segments)


class _HashingWriter:
    """Counts and hashes what passes on its way to a file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.size_bytes = 0

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        self.size_bytes += len(data)
        return self._file.write(data)


def _write_array(folder: Path, column: str, array: NDArray[Any], commit: int) -> FileEntry:
    """Write one column under a name that holds the commit and a hash, so no other content has it."""
    temporary = folder / f"{column}{_TEMPORARY}"
    with temporary.open("wb") as file:
        writer = _HashingWriter(file)
        np.lib.format.write_array(writer, array, allow_pickle=False)
        _sync_file(file)
    sha256 = writer.digest.hexdigest()
    entry = FileEntry(f"{column}-{commit:012d}-{sha256[:16]}.npy", writer.size_bytes, sha256)
    crash_point("index.files.before_rename")
    temporary.replace(folder / entry.name)
    crash_point("index.files.after_rename")
    return entry


def _put_manifest(folder: Path, raw: bytes) -> None:
    temporary = folder / f"{MANIFEST}{_TEMPORARY}"
    with temporary.open("wb") as file:
        file.write(raw)
        _sync_file(file)
    crash_point("index.files.before_manifest_rename")
    temporary.replace(folder / MANIFEST)
    crash_point("index.files.after_manifest_rename")


def _sync_file(file: IO[bytes]) -> None:
    file.flush()
    crash_point("index.files.before_fsync")
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sweep(folder: Path, keep: set[str]) -> None:
    """Remove our files that are not in `keep`: remains of a killed writer, or an old index."""
    for path in folder.iterdir():
        ours = path.name.endswith(_TEMPORARY) or FILE_NAME.fullmatch(path.name)
        if ours and path.name not in keep:
            path.unlink(missing_ok=True)


def _named_by_manifest(folder: Path) -> set[str]:
    """Files of the index that is in place; none when its manifest is missing or damaged."""
    path = folder / MANIFEST
    try:
        manifest = Manifest.decode(read_manifest(path), str(path))
    except IndexDamaged:
        return set()
    return {entry.name for entry in manifest.files.values()}


@contextmanager
def _translated(folder: Path) -> Iterator[None]:
    """Turn what the system says about writing into our errors."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in (ENOSPC, EDQUOT):
            raise DiskFull(
                f"no room for the index in {folder}: {reason}", hint="Free some space and run it again."
            ) from error
        if error.errno in (EACCES, EPERM, EROFS):
            raise HomeNotWritable(
                f"cannot write the index in {folder}: {reason}",
                hint="Give this user write access, or choose another folder with --home.",
            ) from error
        raise StorageError(f"cannot write the index in {folder}: {reason}") from error
