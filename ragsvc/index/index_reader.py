"""Reading the base of an index: every file is read once, checked against the manifest, and kept in memory.

Nothing is mapped: a mapped file that is truncated, or whose disk fails, ends the process with a signal that
cannot be caught. It takes as much memory, only not shared between the processes of a server.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragsvc.domain import SIGNATURE_VALUES, I64Vector
from ragsvc.errors import IndexDamaged, ProfileMismatch
from ragsvc.index.corpus_index import CorpusIndex, Segment, cuts_of
from ragsvc.index.lexical import Postings
from ragsvc.index.manifest import REBUILT, FileEntry, Manifest
from ragsvc.index.vector_indexes import kind_of
from ragsvc.protocols import VectorIndex

MANIFEST = "manifest.json"
# A reader that hardly gets a turn on a busy machine needs more of them than one that does.
_LOAD_ATTEMPTS = 20
_MAX_HEADER_BYTES = 16 << 10
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class FileMark:
    """What the file system says of a file; times in nanoseconds, changed_ns also when its mode changes."""

    name: str
    number: int
    size_bytes: int
    written_ns: int
    changed_ns: int


@dataclass(frozen=True, slots=True)
class WrittenIndex:
    """What a folder's manifest says: the commit of its files (uid: which of that number) and their rows.

    stamp: tells these files from any others, also of the same commit.
    marks: of each file when it was read, what changes when anybody touches it.
    """

    commit: int
    commit_uid: str
    rows: int
    stamp: str
    marks: tuple[FileMark, ...] = field(default=(), compare=False)


def load(folder: Path, *, profile: str, dimension: int) -> tuple[CorpusIndex, WrittenIndex]:
    """Read the index in a folder; its manifest and the size and hash of every file are checked.

    May run while another process saves: it then gets the old index or the new one.

    :param profile: fingerprint that the caller wants.
    :param dimension: of that profile's vectors.
    :return: the index, all of it base, and what its manifest says.
    :raises IndexDamaged: if anything is missing, altered, unreadable or of another format.
    :raises ProfileMismatch: if it was made by another profile.
    """
    path = folder / MANIFEST
    raw = read_manifest(path)
    for _ in range(_LOAD_ATTEMPTS):
        try:
            return _load(folder, Manifest.decode(raw, str(path)), profile, dimension)
        except IndexDamaged:
            # A writer may have switched and swept the files since the manifest was read.
            latest = read_manifest(path)
            if latest == raw:
                raise
            raw = latest
    raise IndexDamaged(f"{path} changed {_LOAD_ATTEMPTS} times while it was read", hint=REBUILT)


def is_written(folder: Path) -> bool:
    """Whether an index was ever written there; a first one may be on its way."""
    return (folder / MANIFEST).exists()


def written(folder: Path) -> WrittenIndex | None:
    """What the folder's manifest says; None without a readable manifest."""
    path = folder / MANIFEST
    try:
        return _written(Manifest.decode(read_manifest(path), str(path)))
    except IndexDamaged:
        return None


@dataclass(frozen=True, slots=True)
class Rows:
    """Which chunks a base holds: (rows,) int64 each, ascending chunk ids."""

    versions: I64Vector
    chunk_ids: I64Vector

    def cuts(self, versions: I64Vector) -> I64Vector:
        """See `cuts_of`."""
        return cuts_of(self.versions, self.chunk_ids, versions)


def written_rows(folder: Path) -> Rows | None:
    """The rows of the base in a folder; None when it is missing or damaged."""
    path = folder / MANIFEST
    try:
        manifest = Manifest.decode(read_manifest(path), str(path))
        arrays = []
        for column in ("versions", "chunk_ids"):
            arrays.append(_read_array(folder, manifest.files[column])[0])
        return Rows(*arrays)
    except (IndexDamaged, KeyError):
        return None


def is_untouched(folder: Path, base: WrittenIndex) -> bool:
    """Whether the files of a base are as they were read, as far as that shows without reading them again."""
    try:
        return all(_mark(mark.name, (folder / mark.name).stat()) == mark for mark in base.marks)
    except OSError:
        return False


def _written(manifest: Manifest, marks: Iterable[FileMark] = ()) -> WrittenIndex:
    stamp = hashlib.sha256(manifest.encode()).hexdigest()
    return WrittenIndex(manifest.commit, manifest.commit_uid, manifest.rows, stamp, tuple(marks))


def _load(folder: Path, manifest: Manifest, profile: str, dimension: int) -> tuple[CorpusIndex, WrittenIndex]:
    if manifest.profile != profile:
        raise ProfileMismatch(
            f"the index in {folder} was made by profile {manifest.profile[:12]}, not {profile[:12]}",
            hint="Open the corpus with its recorded profile, or index it again under the new one.",
        )
    shapes: dict[str, tuple[tuple[int, ...], type]] = {
        "chunk_ids": ((manifest.rows,), np.int64),
        "versions": ((manifest.rows,), np.int64),
        "lengths": ((manifest.rows,), np.int32),
        "signatures": ((manifest.rows, SIGNATURE_VALUES), np.uint16),
        "posting_rows": ((manifest.postings,), np.int32),
        "posting_counts": ((manifest.postings,), np.int32),
    }
    shared = shapes.keys() | {"terms", "term_offsets"}
    kind = kind_of(manifest.files.keys() - shared)
    if kind is None or not shared <= manifest.files.keys():
        raise IndexDamaged(f"the manifest in {folder} lists other columns", hint=REBUILT)
    read = {column: _read_array(folder, entry) for column, entry in manifest.files.items()}
    arrays = {column: array for column, (array, _) in read.items()}
    for column, (shape, dtype) in shapes.items():
        if arrays[column].shape != shape or arrays[column].dtype != dtype:
            raise IndexDamaged(f"{column} in {folder} is not {shape} {dtype.__name__}", hint=REBUILT)
    if arrays["term_offsets"].shape != (len(arrays["terms"]) + 1,):
        raise IndexDamaged(f"terms and their offsets in {folder} do not fit", hint=REBUILT)
    try:
        vectors = kind.load(arrays, manifest.rows, dimension)
    except ValueError as error:
        raise IndexDamaged(f"the vectors in {folder} cannot be used: {error}", hint=REBUILT) from error
    index = CorpusIndex.from_segments(dimension, (_segment(arrays, vectors),), manifest.rows)
    return index, _written(manifest, [mark for _, mark in read.values()])


def _segment(arrays: Mapping[str, NDArray[Any]], vectors: VectorIndex) -> Segment:
    return Segment(
        chunk_ids=arrays["chunk_ids"],
        versions=arrays["versions"],
        lengths=arrays["lengths"],
        vectors=vectors,
        signatures=arrays["signatures"],
        postings=Postings(
            terms=arrays["terms"],
            offsets=arrays["term_offsets"],
            rows=arrays["posting_rows"],
            counts=arrays["posting_counts"],
        ),
    )


def read_manifest(path: Path) -> bytes:
    """The bytes of a manifest.

    :raises IndexDamaged: if it cannot be read.
    """
    try:
        with _open(path) as file:
            return file.read()
    except OSError as error:
        raise IndexDamaged(f"{path} cannot be read: {error.strerror}", hint=REBUILT) from error


def _open(path: Path) -> BufferedReader:
    """Open a regular file; at a pipe of this name a reader would wait for ever."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise IndexDamaged(f"{path} is not a regular file", hint=REBUILT)
    return os.fdopen(descriptor, "rb")


def _read_array(folder: Path, entry: FileEntry) -> tuple[NDArray[Any], FileMark]:
    """One column and the mark of its file; what is used are the very bytes that were checked.

    :raises IndexDamaged: if it is missing, unreadable, altered or no array.
    """
    path = folder / entry.name
    try:
        with _open(path) as file:
            status = os.fstat(file.fileno())
            if status.st_size != entry.size_bytes:
                raise IndexDamaged(f"{path} has {status.st_size} bytes, not {entry.size_bytes}", hint=REBUILT)
            content = np.empty(entry.size_bytes, np.uint8)
            digest = hashlib.sha256()
            # Hashed while it is in the processor's cache.
            for start in range(0, entry.size_bytes, _BLOCK_BYTES):
                block = content[start : start + _BLOCK_BYTES].data
                if file.readinto(block) != len(block):
                    raise IndexDamaged(f"{path} was cut short while it was read", hint=REBUILT)
                digest.update(block)
        if digest.hexdigest() != entry.sha256:
            raise IndexDamaged(f"{path} does not match its checksum", hint=REBUILT)
        return _array_of(content), _mark(entry.name, status)
    except OSError as error:
        raise IndexDamaged(f"{path} cannot be read: {error.strerror}", hint=REBUILT) from error
    except (ValueError, EOFError) as error:
        raise IndexDamaged(f"{path} is no array: {error}", hint=REBUILT) from error


def _array_of(content: NDArray[np.uint8]) -> NDArray[Any]:
    """The array in the bytes of an .npy file, not copied and not to be written to.

    :raises ValueError: if it is none.
    """
    head = io.BytesIO(content[:_MAX_HEADER_BYTES].tobytes())
    version = np.lib.format.read_magic(head)
    if version != (1, 0):
        raise ValueError(f"format {version}")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(head)
    if fortran or dtype.hasobject:
        raise ValueError(f"of type {dtype}, order {fortran}")
    array = content[head.tell() :].view(dtype).reshape(shape)
    array.flags.writeable = False
    return array


def _mark(name: str, status: os.stat_result) -> FileMark:
    return FileMark(name, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
