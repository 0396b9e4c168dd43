"""What networks are trained on: rows of numbers or texts, parted into training and validation by a seed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ragsvc.domain import Caller, F32Matrix, I64Vector, VersionId
from ragsvc.errors import CorpusNotFound, InvalidRequest, RefNotFound, SourceNotFound
from ragsvc.generative.networks.network import RowShape
from ragsvc.store.catalog import Catalog

DIGITS = "digits"
DIGITS28 = "digits28"
BUILT_IN = (DIGITS, DIGITS28)
VALIDATION_SHARE = 0.2
LEAST_ROWS = 8
TEXT_SUFFIXES = (".txt", ".md", ".rst", ".html", ".csv", ".json", ".jsonl", ".py")
_MAX_FOLDER_BYTES = 512 << 20
_DIGIT_LEVELS = 16


@dataclass(frozen=True, slots=True, eq=False)
class RowData:
    """Rows of numbers.

    name: what was asked for. commit: of a corpus, when it was read.
    rows: (n, width) float32. labels: (n,) int64, or None. side: of square pictures in pixels, or 0.
    training, validation: (t,) and (v,) int64, which rows are for what; ascending, none in both.
    augmented: whether training rows are turned, moved and stretched a little every time.
    chunk_ids: (n,) int64, of which chunks of the corpus the rows are the vectors; None: of none.
    embedder: fingerprint of the one that made the vectors of a corpus; "": the data is no corpus.
    """

    name: str
    rows: Tensor
    shape: RowShape
    labels: Tensor | None = None
    side: int = 0
    commit: int | None = None
    training: Tensor | None = None
    validation: Tensor | None = None
    augmented: bool = False
    chunk_ids: I64Vector | None = None
    embedder: str = ""

    def parted(self, seed: int) -> RowData:
        """The same with rows for training and validation, drawn by a seed."""
        training, validation = _parts(len(self.rows), seed, self.name)
        return replace(self, training=training, validation=validation)


@dataclass(frozen=True, slots=True)
class TextData:
    """Texts. training, validation: each text is in one of them. commit: as in RowData."""

    name: str
    training: tuple[str, ...]
    validation: tuple[str, ...]
    commit: int | None = None


Dataset = RowData | TextData


def digits(seed: int = 0) -> RowData:
    """1797 handwritten digits of 8 x 8 pixels with their classes (Alpaydin & Kaynak, 1998); 64 columns."""
    rows, labels = _digit_rows()
    return RowData(DIGITS, rows, RowShape(64, 10, bounded=True), labels, side=8).parted(seed)


def digits28(seed: int = 0) -> RowData:
    """The same digits drawn smoothly at 28 x 28 pixels, a little different every time; 784 columns."""
    small, labels = _digit_rows()
    made = RowData(
        DIGITS28, enlarged(small, 28), RowShape(784, 10, bounded=True), labels, side=28, augmented=True
    )
    return made.parted(seed)


def _digit_rows() -> tuple[Tensor, Tensor]:
    from sklearn.datasets import load_digits

    found = load_digits()
    return (
        torch.from_numpy(found.data.astype(np.float32) / _DIGIT_LEVELS),
        torch.from_numpy(found.target.astype(np.int64)),
    )


def enlarged(rows: Tensor, side: int) -> Tensor:
    """Square pictures at another size, cubic between pixels: (n, s * s) -> (n, side * side), in [0, 1]."""
    old = math.isqrt(rows.shape[1])
    pictures = rows.view(-1, 1, old, old)
    drawn = functional.interpolate(pictures, (side, side), mode="bicubic", align_corners=False)
    return drawn.clamp(0, 1).flatten(1)


def jittered(rows: Tensor, side: int, generator: torch.Generator) -> Tensor:
    """Pictures turned by up to 8 degrees, stretched by up to a tenth and moved by up to 4 % of their side."""
    n = len(rows)
    drawn = torch.rand(n, 4, generator=generator) * 2 - 1
    angle, stretch = drawn[:, 0] * math.radians(8), 1 + 0.1 * drawn[:, 1]
    matrix = torch.zeros(n, 2, 3)
    matrix[:, 0, 0] = matrix[:, 1, 1] = angle.cos() * stretch
    matrix[:, 0, 1], matrix[:, 1, 0] = -angle.sin() * stretch, angle.sin() * stretch
    matrix[:, :, 2] = 0.08 * drawn[:, 2:]
    grid = functional.affine_grid(matrix, [n, 1, side, side], align_corners=False)
    pictures = functional.grid_sample(rows.view(n, 1, side, side), grid, align_corners=False)
    return pictures.clamp(0, 1).flatten(1)


def corpus_vectors(catalog: Catalog, caller: Caller, corpus: str, seed: int = 0, at: str = "head") -> RowData:
    """The vectors of all live chunks of a corpus, in the order of their ids; each vector once.

    :param at: "head", or the number of a commit.
    :raises CorpusNotFound: if there is none of this name.
    :raises CommitCollected: if gc removed what the commit held.
    :raises InvalidRequest: if it has too few chunks.
    :raises StaleContent: if it changed while it was read.
    """
    found = catalog.history.corpus_at(caller, corpus, at)
    versions = catalog.memberships.live_versions(found.id, found.commit)
    batch = catalog.chunks.batch(found.profile.id, versions)
    vectors = np.ascontiguousarray(batch.vectors, np.float32)
    # Many documents may hold one sentence; the same row in both parts would be no validation.
    _, first = np.unique(vectors, axis=0, return_index=True)
    first.sort()
    rows = torch.from_numpy(vectors[first])
    made = RowData(
        corpus,
        rows,
        RowShape(rows.shape[1]),
        commit=int(found.commit),
        chunk_ids=batch.chunk_ids[first],
        embedder=found.profile.embedder_fingerprint,
    )
    return made.parted(seed)


def corpus_texts(catalog: Catalog, caller: Caller, corpus: str, seed: int = 0, at: str = "head") -> TextData:
    """The texts of all live documents of a corpus; errors as in `corpus_vectors`."""
    found = catalog.history.corpus_at(caller, corpus, at)
    versions = [VersionId(i) for i in catalog.memberships.live_versions(found.id, found.commit).tolist()]
    texts = [version.text for version in catalog.versions.texts(versions)]
    return _text_data(corpus, texts, seed, int(found.commit))


def data_of(
    catalog: Catalog, caller: Caller, name: str, *, texts: bool, seed: int = 0, at: str = "head"
) -> Dataset:
    """Find data by its name: "digits", "digits28", a corpus, or a folder.

    :param texts: whether texts are wanted where there is a choice, and not vectors.
    :param at: of a corpus.
    :raises SourceNotFound: if there is nothing of this name.
    :raises InvalidRequest: if it has nothing to train on.
    """
    if name in BUILT_IN:
        return digits(seed) if name == DIGITS else digits28(seed)
    try:
        return (corpus_texts if texts else corpus_vectors)(catalog, caller, name, seed, at)
    except RefNotFound as error:
        raise InvalidRequest(
            f"the corpus {name} holds nothing yet", hint=f"ragsvc ingest {name} PATH"
        ) from error
    except CorpusNotFound as error:
        folder = Path(name)
        if not folder.is_dir():
            raise SourceNotFound(
                f"there is neither a corpus nor a folder {name[:200]!r}",
                hint=f"name digits, digits28, a corpus or a folder of files; {error.hint}",
            ) from error
        return (
            folder_texts(folder, seed) if texts and not holds_matrices(folder) else folder_rows(folder, seed)
        )


def folder_texts(folder: Path, seed: int = 0) -> TextData:
    """The text files of a folder and below it, UTF-8.

    :raises InvalidRequest: if there is no text.
    :raises SourceNotFound: if there is no such folder.
    """
    files = _files(folder, TEXT_SUFFIXES)
    return _text_data(str(folder), [file.read_text("utf-8", "replace") for file in files], seed, None)


def folder_rows(folder: Path, seed: int = 0) -> RowData:
    """The `.npy` files of a folder and below it, one below the other: matrices of finite numbers.

    :raises InvalidRequest: if they are not that, or of several widths.
    :raises SourceNotFound: if there is no such folder.
    """
    parts = [_matrix(file) for file in _files(folder, (".npy",))]
    widths = {part.shape[1] for part in parts}
    if len(widths) != 1:
        raise InvalidRequest(
            f"the .npy files below {folder} have no width in common: {sorted(widths)}",
            hint="keep matrices of one width in the folder",
        )
    rows = torch.from_numpy(np.concatenate(parts))
    bounded = bool((rows >= 0).all() and (rows <= 1).all())
    side = math.isqrt(rows.shape[1])
    square = bounded and side * side == rows.shape[1]
    shape = RowShape(rows.shape[1], bounded=bounded)
    return RowData(str(folder), rows, shape, side=side if square else 0).parted(seed)


def _matrix(file: Path) -> F32Matrix:
    try:
        # Objects would be unpickled, which runs what they say.
        read = np.load(file, allow_pickle=False)
        matrix = np.ascontiguousarray(read, dtype=np.float32)
    except (ValueError, OSError, TypeError, EOFError) as error:
        raise InvalidRequest(
            f"{file} is no matrix of numbers: {error}", hint="write it with numpy.save"
        ) from error
    if matrix.ndim != 2 or not matrix.size or not np.isfinite(matrix).all():
        raise InvalidRequest(
            f"{file} is no matrix of finite numbers, but of shape {matrix.shape}",
            hint="each row must be one example",
        )
    return matrix


def holds_matrices(folder: Path) -> bool:
    """Whether a folder has `.npy` files."""
    return any(path.suffix == ".npy" and path.is_file() for path in folder.rglob("*.npy"))


def _files(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    if not folder.is_dir():
        raise SourceNotFound(
            f"there is no folder {folder}", hint="name digits, digits28, a corpus or a folder of files"
        )
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in suffixes and path.is_file())
    if not files:
        wanted = ", ".join(suffixes)
        raise InvalidRequest(
            f"there are no files in {folder} that end in {wanted}", hint="name another folder"
        )
    size = sum(path.stat().st_size for path in files)
    if size > _MAX_FOLDER_BYTES:
        raise InvalidRequest(
            f"the files below {folder} have {size >> 20} MiB, and at most {_MAX_FOLDER_BYTES >> 20} are read",
            hint="name a smaller folder",
        )
    return files


def _text_data(name: str, texts: Sequence[str], seed: int, commit: int | None) -> TextData:
    full = [text for text in dict.fromkeys(texts) if text.strip()]
    if len(full) < 2:
        # One text: its end is for validation.
        whole = "".join(full)
        full = [whole[: len(whole) * 4 // 5], whole[len(whole) * 4 // 5 :]]
        training, validation = [0], [1]
    else:
        order = torch.randperm(len(full), generator=torch.Generator().manual_seed(seed)).tolist()
        held = max(1, round(len(full) * VALIDATION_SHARE))
        training, validation = sorted(order[held:]), sorted(order[:held])
    if not full[0].strip() or not full[1].strip():
        raise InvalidRequest(
            f"{name} has no text to train on", hint="ingest documents first, or name other data"
        )
    return TextData(name, tuple(full[i] for i in training), tuple(full[i] for i in validation), commit)


def _parts(count: int, seed: int, name: str) -> tuple[Tensor, Tensor]:
    if count < LEAST_ROWS:
        raise InvalidRequest(
            f"{name} has {count} rows, and at least {LEAST_ROWS} are needed to train and to validate",
            hint="ingest more documents, or name other data",
        )
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    held = max(1, round(count * VALIDATION_SHARE))
    return order[held:].sort().values, order[:held].sort().values
