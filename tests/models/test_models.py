"""Embedder, tokeniser and fingerprints: the right vectors, whatever the batch; named errors."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragsvc.domain import ChunkerSpec, EmbedderSpec, ProfileSpec
from ragsvc.errors import ModelMismatch, ModelNotFound
from ragsvc.fingerprints import embedder_fingerprint, profile_fingerprint
from ragsvc.models.bundled_models import BUNDLED, open_model
from ragsvc.models.embedder import DEFAULT_EMBEDDER, SentenceTransformerEmbedder, pad, plan_batches
from ragsvc.models.tokeniser import EmbedderTokeniser

TEXTS = [
    "short",
    "",
    "What is the reason for it?",
    "世界 😀 mixed text",
    "a long one " * 40,
    "over the limit " * 300,
    "Short",
    "middle " * 30,
]


@pytest.fixture(scope="module")
def embedder() -> SentenceTransformerEmbedder:
    return SentenceTransformerEmbedder()


def test_vectors_match_sentence_transformers(embedder: SentenceTransformerEmbedder) -> None:
    from sentence_transformers import SentenceTransformer

    oracle = SentenceTransformer(str(open_model(DEFAULT_EMBEDDER).path), device="cpu", local_files_only=True)
    expected = oracle.encode(TEXTS, normalize_embeddings=True, show_progress_bar=False)
    found = embedder.embed_documents(TEXTS)
    assert found.dtype == np.float32
    assert found.shape == (len(TEXTS), embedder.spec.dimension)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert oracle.max_seq_length == embedder.spec.max_tokens


def test_a_text_has_one_vector_whatever_its_batch(embedder: SentenceTransformerEmbedder) -> None:
    alone = np.concatenate([embedder.embed_queries([text]) for text in TEXTS])
    together = embedder.embed_documents(TEXTS)
    backwards = embedder.embed_documents(TEXTS[::-1])[::-1]
    np.testing.assert_allclose(together, alone, atol=1e-6)
    np.testing.assert_allclose(backwards, alone, atol=1e-6)
    assert embedder.embed_documents([]).shape == (0, 384)


def test_threads_share_one_model() -> None:
    fresh = SentenceTransformerEmbedder()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: fresh.embed_queries(["same"]), range(8)))
    assert all(np.array_equal(found[0], each) for each in found)


def test_a_folder_that_is_no_plain_bert_runs_through_sentence_transformers(
    tmp_path: Path, embedder: SentenceTransformerEmbedder
) -> None:
    shutil.copytree(open_model(DEFAULT_EMBEDDER).path, tmp_path / "model")
    modules = tmp_path / "model" / "modules.json"
    modules.write_text(json.dumps(json.loads(modules.read_text())[:2]))
    prompts = {"prompts": {"query": "query: ", "document": "passage: "}}
    (tmp_path / "model" / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    other = SentenceTransformerEmbedder(str(tmp_path / "model"))
    expected = embedder.embed_documents([f"passage: {text}" for text in TEXTS])
    np.testing.assert_allclose(other.embed_documents(TEXTS), expected, atol=1e-5)
    expected = embedder.embed_queries(["query: short"])
    np.testing.assert_allclose(other.embed_queries(["short"]), expected, atol=1e-5)
    assert (other.spec.query_prefix, other.spec.max_tokens, other.spec.pooling) == ("query: ", 256, "mean")


def test_spec_and_tokeniser_come_without_torch() -> None:
    code = (
        "import sys; from ragsvc.models.embedder import SentenceTransformerEmbedder as E; e = E();"
        "assert e.spec.weights and e.tokeniser.count('two words') == 2;"
        "assert not {'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)


def test_loading_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    SentenceTransformerEmbedder().embed_queries(["quiet"])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["bundled:other", "/no/such/folder", "./nothing", "a/b/c", ""])
def test_a_model_that_is_not_here_is_named_with_a_hint(name: str) -> None:
    with pytest.raises(ModelNotFound) as missing:
        _ = SentenceTransformerEmbedder(name).spec
    assert missing.value.hint


def test_a_hub_model_that_was_never_fetched_is_not_fetched_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelNotFound, match="nobody/nothing-here") as missing:
        open_model("nobody/nothing-here")
    assert "hf download nobody/nothing-here" in missing.value.hint


def test_changed_bundled_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    spoilt = replace(BUNDLED["all-MiniLM-L6-v2"], weights="0" * 64)
    monkeypatch.setitem(BUNDLED, "all-MiniLM-L6-v2", spoilt)
    with pytest.raises(ModelMismatch) as changed:
        open_model(DEFAULT_EMBEDDER)
    assert changed.value.hint


def test_a_folder_without_weights_or_with_damaged_json_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="holds no weights"):
        open_model(str(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"rubbish")
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ModelMismatch, match=r"config\.json"):
        _ = SentenceTransformerEmbedder(str(tmp_path)).spec
    with pytest.raises(ModelNotFound, match=r"tokenizer\.json"):
        EmbedderTokeniser.from_folder(tmp_path)


def test_bundled_spec(embedder: SentenceTransformerEmbedder) -> None:
    spec = embedder.spec
    assert spec.weights == BUNDLED["all-MiniLM-L6-v2"].weights
    assert (spec.dimension, spec.max_tokens, spec.pooling, spec.dtype) == (384, 256, "mean", "float32")


def test_tokeniser_neither_cuts_nor_pads(embedder: SentenceTransformerEmbedder) -> None:
    tokeniser = embedder.tokeniser
    assert tokeniser.count("word " * 1000) == 1000
    assert tokeniser.count("") == 0
    text = "😀 héllo 世界"
    assert [text[start:end] for start, end in tokeniser.spans(text)] == ["😀", "héllo", "世", "界"]
    assert tokeniser.spans("").shape == (0, 2)
    short, long = tokeniser.ids(["one", "word " * 1000], 256)
    assert (len(short), len(long)) == (3, 256)
    assert (long[0], long[-1]) == (short[0], short[-1])


@given(st.lists(st.integers(1, 300), max_size=60), st.integers(1, 2000))
def test_batches_hold_every_row_once_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = [batch.tolist() for batch in plan_batches(lengths, budget)]
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    assert all(len(each) == 1 or len(each) * max(lengths[row] for row in each) <= budget for each in batches)


def test_pad() -> None:
    ids, mask = pad([[5, 6], [7]], 9)
    assert ids.tolist() == [[5, 6], [7, 9]]
    assert mask.tolist() == [[1, 1], [1, 0]]


def test_fingerprints_follow_what_decides_the_output() -> None:
    spec = EmbedderSpec(
        name="name",
        weights="ab",
        dimension=3,
        max_tokens=256,
        pooling="mean",
        query_prefix="",
        document_prefix="",
        backend="torch",
        dtype="float32",
    )
    profile = ProfileSpec(spec, ChunkerSpec("1", 200, 0, 32), "standard-1")
    assert len(embedder_fingerprint(spec)) == 64
    assert embedder_fingerprint(spec) == embedder_fingerprint(replace(spec, name="/elsewhere"))
    others = [
        replace(spec, weights="cd"),
        replace(spec, max_tokens=128),
        replace(spec, pooling="cls"),
        replace(spec, document_prefix="p: "),
        replace(spec, dtype="bfloat16"),
    ]
    prints = {embedder_fingerprint(other) for other in others}
    assert len(prints | {embedder_fingerprint(spec)}) == 6
    assert profile_fingerprint(profile) != profile_fingerprint(replace(profile, analyser="standard-2"))
    assert profile_fingerprint(profile) == "10d4af857edd1de169e83b06052e862fa8b180c33bd4112dc6194cc8874e22bc"
