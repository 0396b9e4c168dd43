"""The base of an index as immutable files beside a manifest: written aside, renamed in, checked, mapped."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from errno import EACCES, EDQUOT, ENOSPC, EPERM, EROFS
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ragsvc.crashpoints import crash_point
from ragsvc.errors import (
    DiskFull,
    HomeNotWritable,
    IndexDamaged,
    InternalError,
    ProfileMismatch,
    StorageError,
)
from ragsvc.index.corpus_index import CorpusIndex, Segment
from ragsvc.index.lexical import Postings
from ragsvc.index.manifest import FILE_NAME, REBUILT, FileEntry, Manifest

MANIFEST = "manifest.json"
_TEMPORARY = ".tmp"
_LOAD_ATTEMPTS = 5


def save(index: CorpusIndex, folder: Path, *, commit: int, profile: str) -> None:
    """Write a compacted index; it replaces the one in the folder at the moment the manifest moves.

    Only the holder of the writer lock may call it. Old files go away after the switch; a process
    that has them mapped keeps them. A killed writer leaves the old index, and its remains are
    swept by the next save.

    :param index: without delta rows (see `CorpusIndex.compacted`).
    :param folder: made when missing; files of other kinds in it are left alone.
    :param commit: the commit that the index holds.
    :param profile: fingerprint of the profile that made it.
    :raises InternalError: if the index has delta rows.
    :raises DiskFull: if there is no room; the old index stays.
    :raises HomeNotWritable: if the folder cannot be written; the old index stays.
    :raises StorageError: if the system refuses otherwise; the old index stays.
    """
    if index.delta_rows:
        raise InternalError(f"an index with {index.delta_rows} delta rows was to be saved")
    with _translated(folder):
        folder.mkdir(parents=True, exist_ok=True)
        old = _named_by_manifest(folder)
        _sweep(folder, old)
        try:
            files = {name: _write_array(folder, name, column, commit) for name, column in _columns(index)}
            new = {entry.name for entry in files.values()}
            manifest = Manifest(commit, profile, index.dimension, index.rows, _postings(index), files)
            _sync_folder(folder)
            _put_manifest(folder, manifest.encode())
        except BaseException:
            _sweep(folder, _named_by_manifest(folder))
            raise
        _sync_folder(folder)
        crash_point("index.files.before_sweep")
        _sweep(folder, new)


def load(folder: Path, *, profile: str, dimension: int) -> tuple[CorpusIndex, int]:
    """Map the index in a folder, after its manifest and the size and hash of every file are checked.

    The arrays are mapped read-only, not copied; FAISS searches the mapping itself. May run while
    another process saves: it then gets the old index or the new one.

    :param profile: fingerprint that the caller wants.
    :param dimension: of that profile's vectors.
    :return: the index, all of it base, and the commit that it holds.
    :raises IndexDamaged: if anything is missing, altered, unreadable or of another format.
    :raises ProfileMismatch: if it was made by another profile.
    """
    path = folder / MANIFEST
    raw = _read_manifest(path)
    for _ in range(_LOAD_ATTEMPTS):
        try:
            return _load(folder, Manifest.decode(raw, str(path)), profile, dimension)
        except IndexDamaged:
            # A writer may have switched and swept the files between the manifest and the mapping.
            latest = _read_manifest(path)
            if latest == raw:
                raise
            raw = latest
    raise IndexDamaged(f"{path} changed {_LOAD_ATTEMPTS} times while it was read", hint=REBUILT)


def is_written(folder: Path) -> bool:
    """Whether an index was ever written there; a first one may be on its way."""
    return (folder / MANIFEST).exists()


def written_commit(folder: Path) -> int | None:
    """The commit that the folder's manifest names; None without a readable manifest."""
    path = folder / MANIFEST
    try:
        return Manifest.decode(_read_manifest(path), str(path)).commit
    except IndexDamaged:
        return None


def _load(folder: Path, manifest: Manifest, profile: str, dimension: int) -> tuple[CorpusIndex, int]:
    if manifest.profile != profile:
        raise ProfileMismatch(
            f"the index in {folder} was made by profile {manifest.profile[:12]}, not {profile[:12]}",
            hint="Open the corpus with its recorded profile, or index it again under the new one.",
        )
    shapes: dict[str, tuple[tuple[int, ...], type]] = {
        "chunk_ids": ((manifest.rows,), np.int64),
        "versions": ((manifest.rows,), np.int64),
        "lengths": ((manifest.rows,), np.int32),
        "vectors": ((manifest.rows, dimension), np.float32),
        "posting_rows": ((manifest.postings,), np.int32),
        "posting_counts": ((manifest.postings,), np.int32),
    }
    if manifest.files.keys() != shapes.keys() | {"terms", "term_offsets"}:
        raise IndexDamaged(f"the manifest in {folder} lists other columns", hint=REBUILT)
    for entry in manifest.files.values():
        _check_file(folder / entry.name, entry)
    arrays = {column: _map_array(folder / entry.name) for column, entry in manifest.files.items()}
    for column, (shape, dtype) in shapes.items():
        if arrays[column].shape != shape or arrays[column].dtype != dtype:
            raise IndexDamaged(f"{column} in {folder} is not {shape} {dtype.__name__}", hint=REBUILT)
    if arrays["term_offsets"].shape != (len(arrays["terms"]) + 1,):
        raise IndexDamaged(f"terms and their offsets in {folder} do not fit", hint=REBUILT)
    return CorpusIndex.from_segments(dimension, (_segment(arrays),), manifest.rows), manifest.commit


def _segment(arrays: Mapping[str, NDArray[Any]]) -> Segment:
    return Segment(
        chunk_ids=arrays["chunk_ids"],
        versions=arrays["versions"],
        lengths=arrays["lengths"],
        vectors=arrays["vectors"],
        postings=Postings(
            terms=arrays["terms"],
            offsets=arrays["term_offsets"],
            rows=arrays["posting_rows"],
            counts=arrays["posting_counts"],
        ),
    )


def _columns(index: CorpusIndex) -> Iterator[tuple[str, NDArray[Any]]]:
    """The columns of the only segment; of an index without rows, empty ones."""
    if index.segments:
        base = index.segments[0]
        vectors, postings = base.vectors, base.postings
    else:
        none = np.empty(0, np.int32)
        vectors = np.empty((0, index.dimension), np.float32)
        postings = Postings(none, np.zeros(1, np.int64), none, none)
    yield "chunk_ids", index.chunk_ids
    yield "versions", index.versions
    yield "lengths", index.lengths
    yield "vectors", vectors
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
        manifest = Manifest.decode(_read_manifest(path), str(path))
    except IndexDamaged:
        return set()
    return {entry.name for entry in manifest.files.values()}


def _read_manifest(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise IndexDamaged(f"{path} cannot be read: {error.strerror}", hint=REBUILT) from error


def _check_file(path: Path, entry: FileEntry) -> None:
    """Compare size and hash before anything is mapped: reading a truncated map kills the process."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size != entry.size_bytes:
                raise IndexDamaged(f"{path} has {size} bytes, not {entry.size_bytes}", hint=REBUILT)
            if hashlib.file_digest(file, "sha256").hexdigest() != entry.sha256:
                raise IndexDamaged(f"{path} does not match its checksum", hint=REBUILT)
    except OSError as error:
        raise IndexDamaged(f"{path} cannot be read: {error.strerror}", hint=REBUILT) from error


def _map_array(path: Path) -> NDArray[Any]:
    try:
        # asarray drops numpy's memmap class, which makes every slice slower, not the mapping.
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise IndexDamaged(f"{path} cannot be mapped: {error}", hint=REBUILT) from error


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
