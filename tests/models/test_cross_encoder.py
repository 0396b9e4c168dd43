"""Cross-encoders as rerankers: the model's own scores, loaded once; what is none is refused by name."""

from __future__ import annotations

import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_candidates import made, tiny_cross_encoder
from torch.nn import Sigmoid

from ragsvc.domain import ChunkText
from ragsvc.errors import ModelMismatch, ModelNotFound
from ragsvc.models import cross_encoder as module
from ragsvc.models.bundled_models import open_model
from ragsvc.models.cross_encoder import CrossEncoderReranker

QUESTION = "Where does the pear grow?"
TEXTS = [
    ChunkText("Fruit", ("Trees", "Pears"), "The pear grows on a tree."),
    ChunkText("", (), "Nothing of it."),
    ChunkText("", (), ""),
    ChunkText("Long", (), "over the limit " * 400),
    *(ChunkText(f"Page {n}", (), "the pear and the fig " * (n % 7) + f"number {n}") for n in range(30)),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_cross_encoder(tmp_path_factory.mktemp("models") / "tiny")


def test_scores_match_sentence_transformers(folder: Path) -> None:
    from sentence_transformers import CrossEncoder

    oracle = CrossEncoder(str(folder), device="cpu", local_files_only=True)
    pairs = [(QUESTION, "\n".join((text.title, *text.headings, text.text))) for text in TEXTS]
    expected = np.array(
        [oracle.predict([pair], show_progress_bar=False, activation_fn=Sigmoid())[0] for pair in pairs]
    )
    found = CrossEncoderReranker(str(folder)).rescore(made(QUESTION, TEXTS))
    assert (found.dtype, found.shape) == (np.float64, (len(TEXTS),))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert len(set(np.round(found, 5))) > len(TEXTS) / 2, "the model tells them apart"


def test_a_fingerprint_tells_what_scores_and_not_where_it_lies(folder: Path, tmp_path: Path) -> None:
    expected = CrossEncoderReranker(str(folder)).fingerprint()
    moved = shutil.copytree(folder, tmp_path / "moved")
    reranker = CrossEncoderReranker(str(moved))
    assert reranker.fingerprint() == expected
    (moved / "README.md").write_text("of no account")
    assert CrossEncoderReranker(str(moved)).fingerprint() == expected
    (moved / "config_sentence_transformers.json").write_text('{"model_type": "CrossEncoder"}')
    assert CrossEncoderReranker(str(moved)).fingerprint() != expected
    assert reranker.fingerprint() == expected, "what was loaded is what scores"


def test_threads_share_one_model(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All come before the model is there; one loads it, and the others wait for that."""
    opened: list[str] = []
    real = module._open

    def slow(name: str) -> Any:
        opened.append(name)
        time.sleep(0.1)
        return real(name)

    monkeypatch.setattr(module, "_open", slow)
    reranker = CrossEncoderReranker(str(folder))
    candidates = made(QUESTION, TEXTS)
    together = threading.Barrier(6)

    def ask(_: int) -> np.ndarray:
        together.wait(20)
        return reranker.rescore(candidates)

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(ask, range(6)))
    assert opened == [str(folder)]
    for each in found:
        np.testing.assert_allclose(each, found[0], atol=1e-6)


def test_nothing_is_read_before_it_is_used_and_nothing_is_printed(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    CrossEncoderReranker("no such thing")
    reranker = CrossEncoderReranker(str(folder))
    reranker.warm_up()
    reranker.rescore(made(QUESTION, TEXTS[:2]))
    assert capfd.readouterr() == ("", "")


def test_a_model_with_two_outputs_is_refused(tmp_path: Path) -> None:
    reranker = CrossEncoderReranker(str(tiny_cross_encoder(tmp_path / "two", outputs=2)))
    with pytest.raises(ModelMismatch, match="2 outputs") as caught:
        reranker.rescore(made(QUESTION, TEXTS[:2]))
    assert "RAGSVC_RERANKER=built-in" in caught.value.hint


def test_an_embedder_is_refused(tmp_path: Path) -> None:
    """sentence-transformers would open it as a cross-encoder whose last layer is random."""
    bare = tiny_cross_encoder(tmp_path / "embedder", trained=False)
    for path in (bare, open_model("bundled:all-MiniLM-L6-v2").path):
        with pytest.raises(ModelMismatch, match="not trained to score") as caught:
            CrossEncoderReranker(str(path)).warm_up()
        assert "RAGSVC_RERANKER=built-in" in caught.value.hint


def test_a_model_that_gives_no_numbers_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = tiny_cross_encoder(tmp_path / "nan") / "model.safetensors"
    tensors = load_file(weights)
    tensors["classifier.bias"].fill_(float("nan"))
    save_file(tensors, weights, metadata={"format": "pt"})
    with pytest.raises(ModelMismatch, match="does not give one score"):
        CrossEncoderReranker(str(tmp_path / "nan")).rescore(made(QUESTION, TEXTS[:2]))


@pytest.mark.parametrize("name", ["builtin", "Sentences", "bundled:other", "", "/no/such/folder", "a/b/c"])
def test_a_name_of_nothing_is_told_with_a_hint(name: str) -> None:
    with pytest.raises(ModelNotFound, match="reranker") as caught:
        CrossEncoderReranker(name).rescore(made(QUESTION, TEXTS[:1]))
    assert "built-in" in caught.value.hint


def test_a_hub_model_that_was_never_fetched_is_not_fetched_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelNotFound, match="nobody/nothing-here") as caught:
        CrossEncoderReranker("nobody/nothing-here").warm_up()
    assert "hf download nobody/nothing-here" in caught.value.hint


@pytest.mark.parametrize("broken", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_broken_folder_is_named(tmp_path: Path, broken: str) -> None:
    folder = tiny_cross_encoder(tmp_path / "broken")
    (folder / broken).write_bytes(b"{ rubbish")
    with pytest.raises((ModelNotFound, ModelMismatch), match="broken") as caught:
        CrossEncoderReranker(str(folder)).warm_up()
    assert caught.value.hint
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelNotFound, match="holds no weights"):
        CrossEncoderReranker(str(folder)).warm_up()


def test_a_load_that_failed_is_tried_again(tmp_path: Path) -> None:
    reranker = CrossEncoderReranker(str(tmp_path / "late"))
    with pytest.raises(ModelNotFound):
        reranker.warm_up()
    tiny_cross_encoder(tmp_path / "late")
    assert reranker.rescore(made(QUESTION, TEXTS[:3])).shape == (3,)
