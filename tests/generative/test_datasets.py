"""What networks are trained on: digits, folders and corpora, parted by a seed."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from doubles import CORPUS, ME, open_service, upload
from hypothesis import given
from hypothesis import strategies as st

from ragsvc.errors import InvalidRequest, SourceNotFound
from ragsvc.generative.datasets import (
    RowData,
    TextData,
    data_of,
    digits,
    digits28,
    folder_rows,
    folder_texts,
    jittered,
)
from ragsvc.generative.material import Material
from ragsvc.generative.neighbourhood import Neighbourhood
from ragsvc.generative.networks.network import Batch, RowShape


def test_digits_are_what_they_are() -> None:
    for data, side in ((digits(), 8), (digits28(), 28)):
        assert data.rows.shape == (1797, side * side) and data.side == side
        assert (
            data.rows.dtype == torch.float32 and float(data.rows.min()) >= 0 and float(data.rows.max()) <= 1
        )
        assert data.labels is not None and data.labels.unique().tolist() == list(range(10))
        assert data.training is not None and data.validation is not None
        both = torch.cat([data.training, data.validation]).sort().values
        assert torch.equal(both, torch.arange(1797)) and len(data.validation) == 359
    assert torch.equal(digits(3).training, digits(3).training)
    assert not torch.equal(digits(3).training, digits(4).training)


@given(st.integers(0, 2**63 - 1))
def test_jittered_pictures_are_pictures_of_the_same(seed: int) -> None:
    picture = torch.zeros(2, 28 * 28).view(2, 28, 28)
    picture[:, 8:20, 8:20] = 1
    rows = picture.flatten(1)
    moved = jittered(rows, 28, torch.Generator().manual_seed(seed))
    assert moved.shape == rows.shape and float(moved.min()) >= 0 and float(moved.max()) <= 1
    assert torch.equal(moved, jittered(rows, 28, torch.Generator().manual_seed(seed)))
    assert float(moved.sum()) == pytest.approx(float(rows.sum()), rel=0.3)


@given(st.integers(2, 70), st.integers(2, 20), st.integers(0, 5))
def test_an_epoch_sees_every_row_once(count: int, size: int, epoch: int) -> None:
    rows = torch.arange(count, dtype=torch.float32)[:, None]
    material = Material(Batch(rows), Batch(rows))
    order = material.order(0, epoch)
    seen = torch.cat(
        [material.batch(order, place, size, 0, place).rows for place in range(material.batches(size))]
    )
    left_out = count - len(seen)
    assert left_out in (0, 1) and len(seen.unique()) == len(seen)
    assert not left_out or count % size == 1


def test_a_folder_of_matrices(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((6, 4), np.float64))
    (tmp_path / "below").mkdir()
    np.save(tmp_path / "below" / "b.npy", np.ones((5, 4), np.int32))
    data = folder_rows(tmp_path)
    assert data.rows.shape == (11, 4) and data.shape == RowShape(4, 0, bounded=True) and data.side == 2
    np.save(tmp_path / "c.npy", np.zeros((2, 3)))
    with pytest.raises(InvalidRequest, match="no width in common"):
        folder_rows(tmp_path)


class Hostile:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch hostile-was-here",)


@pytest.mark.parametrize("name", ["objects", "nan", "line", "empty", "text"])
def test_what_is_no_matrix_is_refused_and_never_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "data" / "x.npy"
    file.parent.mkdir()
    if name == "objects":
        np.save(file, np.array([[Hostile()]], dtype=object), allow_pickle=True)
    elif name == "text":
        file.write_text("no matrix")
    else:
        np.save(file, {"nan": np.full((3, 3), np.nan), "line": np.zeros(4), "empty": np.zeros((0, 3))}[name])
    with pytest.raises(InvalidRequest, match=r"x\.npy is no matrix"):
        folder_rows(file.parent)
    assert not (tmp_path / "hostile-was-here").exists()


def test_a_folder_of_texts(tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / f"{number}.md").write_text(f"text number {number}")
    (tmp_path / "blank.txt").write_text(" \n")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    data = folder_texts(tmp_path)
    assert len(data.training) == 8 and len(data.validation) == 2
    assert {*data.training, *data.validation} == {f"text number {number}" for number in range(10)}
    one = tmp_path / "one"
    one.mkdir()
    (one / "only.txt").write_text("0123456789")
    assert (folder_texts(one).training, folder_texts(one).validation) == (("01234567",), ("89",))
    (one / "only.txt").write_text("   ")
    with pytest.raises(InvalidRequest, match="no text"):
        folder_texts(one)


def test_a_corpus_is_read_at_a_commit(tmp_path: Path) -> None:
    with open_service(tmp_path) as service:
        upload(service, {f"d{number}": f"word{number} is here" for number in range(12)})
        catalog = service._catalog
        vectors = data_of(catalog, ME, CORPUS, texts=False)
        texts = data_of(catalog, ME, CORPUS, texts=True)
        assert isinstance(vectors, RowData) and isinstance(texts, TextData)
        assert vectors.rows.shape[0] == 12 and vectors.commit == texts.commit == 1
        upload(service, {"d99": "word99 came later", "d98": "word0 is here"})
        later = data_of(catalog, ME, CORPUS, texts=False)
        assert isinstance(later, RowData)
        assert later.commit == 2 and len(later.rows) == 13, "a vector that two documents share comes once"
        before = data_of(catalog, ME, CORPUS, texts=False, at="1")
        assert isinstance(before, RowData) and torch.equal(before.rows, vectors.rows)
        around = Neighbourhood.of_head(catalog, ME, CORPUS)
        near = around.nearest(ME, vectors.rows[:3].numpy() * 7, 2)
        assert [len(each) for each in near] == [2, 2, 2]
        assert all(each[0].similarity == pytest.approx(1, abs=1e-5) for each in near)
        vector = around.document_vector("d99")
        assert around.nearest(ME, vector[None], 1)[0][0].passage.document_id == "d99"


def test_data_that_is_nowhere_says_what_there_is(tmp_path: Path) -> None:
    with open_service(tmp_path / "home") as service:
        with pytest.raises(SourceNotFound, match="neither a corpus nor a folder") as caught:
            data_of(service._catalog, ME, "nowhere", texts=False)
        assert "digits" in caught.value.hint
        upload(service, {"one": "a word"})
        with pytest.raises(InvalidRequest, match="has 1 rows"):
            data_of(service._catalog, ME, CORPUS, texts=False)
