"""Reading the base of an index: every file is checked against the manifest, then mapped."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
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

MANIFEST = "manifest.json"
# A reader that hardly gets a turn on a busy machine needs more of them than one that does.
_LOAD_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Written:
    """What a folder's manifest says: the commit of its files (uid: which of that number) and their rows.

    stamp: tells these files from any others, also of the same commit.
    """

    commit: int
    commit_uid: str
    rows: int
    stamp: str


def load(folder: Path, *, profile: str, dimension: int) -> tuple[CorpusIndex, Written]:
    """Map the index in a folder, after its manifest and the size and hash of every file are checked.

    The arrays are mapped read-only, not copied; FAISS searches the mapping itself. May run while
    another process saves: it then gets the old index or the new one.

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
            # A writer may have switched and swept the files between the manifest and the mapping.
            latest = read_manifest(path)
            if latest == raw:
                raise
            raw = latest
    raise IndexDamaged(f"{path} changed {_LOAD_ATTEMPTS} times while it was read", hint=REBUILT)


def is_written(folder: Path) -> bool:
    """Whether an index was ever written there; a first one may be on its way."""
    return (folder / MANIFEST).exists()


def written(folder: Path) -> Written | None:
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
            entry = manifest.files[column]
            _check_file(folder / entry.name, entry)
            arrays.append(_map_array(folder / entry.name))
        return Rows(*arrays)
    except (IndexDamaged, KeyError):
        return None


def _written(manifest: Manifest) -> Written:
    stamp = hashlib.sha256(manifest.encode()).hexdigest()
    return Written(manifest.commit, manifest.commit_uid, manifest.rows, stamp)


def _load(folder: Path, manifest: Manifest, profile: str, dimension: int) -> tuple[CorpusIndex, Written]:
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
        "signatures": ((manifest.rows, SIGNATURE_VALUES), np.uint16),
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
    return CorpusIndex.from_segments(dimension, (_segment(arrays),), manifest.rows), _written(manifest)


def _segment(arrays: Mapping[str, NDArray[Any]]) -> Segment:
    return Segment(
        chunk_ids=arrays["chunk_ids"],
        versions=arrays["versions"],
        lengths=arrays["lengths"],
        vectors=arrays["vectors"],
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


def _check_file(path: Path, entry: FileEntry) -> None:
    """Compare size and hash before anything is mapped: reading a truncated map kills the process."""
    try:
        with _open(path) as file:
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
