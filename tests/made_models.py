"""Language models made by the tests: a handful of kilobytes that write what they are told to.

Each token is embedded in a direction of its own, nothing is attended to, and one matrix maps the last token
to the one that follows it in the text to be written: so any prompt gives the text, followed by the end, or
by the text again.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

CONTROL = ("<|im_start|>", "<|im_end|>", "<|pad|>")
TAG = "<think>"
TEMPLATE = (
    "{% for message in messages %}"
    "<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
STERN = (
    "{% for message in messages %}"
    "{% if (message.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('take turns') }}{% endif %}"
    "<|im_start|>{{ message.content }}<|im_end|>{% endfor %}"
)


def byte_tokenizer(template: str | None = TEMPLATE, words: tuple[str, ...] = ()) -> PreTrainedTokenizerFast:
    """One token a byte, some whole words, three special tokens and a tag that is not called special."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {char: number for number, char in enumerate(alphabet)}
    inner = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    inner.decoder = decoders.ByteLevel()
    inner.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in CONTROL])
    inner.add_tokens([AddedToken(TAG, normalized=False), *(AddedToken(word) for word in words)])
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        eos_token="<|im_end|>",
        pad_token="<|pad|>",
        additional_special_tokens=["<|im_start|>"],
        chat_template=template,
    )


def chain(tokenizer: PreTrainedTokenizerFast, text: str, *, loop: bool) -> torch.Tensor:
    """(vocabulary, vocabulary): row = token after column. No token may come twice in the text."""
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert len(set(ids)) == len(ids), "a token can be followed by one other only"
    follows = torch.full((len(tokenizer),), ids[0])
    for one, other in pairwise(ids):
        follows[one] = other
    follows[ids[-1]] = ids[0] if loop else tokenizer.eos_token_id
    table = torch.zeros(len(tokenizer), len(tokenizer))
    table[follows, torch.arange(len(tokenizer))] = 100.0
    return table


def causal(
    folder: Path,
    text: str,
    *,
    loop: bool = False,
    context: int = 4096,
    template: str | None = TEMPLATE,
    words: tuple[str, ...] = (),
    dtype: torch.dtype = torch.float32,
    layers: int = 2,
) -> Path:
    """Save a Llama that answers anything with `text`."""
    tokenizer = byte_tokenizer(template, words)
    size = len(tokenizer)
    hidden = size + size % 2
    config = LlamaConfig(
        vocab_size=size,
        hidden_size=hidden,
        intermediate_size=16,
        num_hidden_layers=layers,
        num_attention_heads=1,
        head_dim=16,
        max_position_embeddings=context,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = LlamaForCausalLM(config)
    table = torch.zeros(size, hidden)
    table[:, :size] = chain(tokenizer, text, loop=loop)
    with torch.no_grad():
        model.model.embed_tokens.weight.copy_(torch.eye(size, hidden))
        model.lm_head.weight.copy_(table)
    _silence(model, ("o_proj", "down_proj"))
    model.to(dtype).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def seq2seq(folder: Path, text: str, *, context: int = 4096, words: tuple[str, ...] = ()) -> Path:
    """Save a T5 that answers anything with `text`."""
    tokenizer = byte_tokenizer(None, words)
    tokenizer.model_max_length = context
    size = len(tokenizer)
    config = T5Config(
        vocab_size=size,
        d_model=size,
        d_kv=16,
        d_ff=size,
        num_layers=1,
        num_heads=1,
        decoder_start_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = T5ForConditionalGeneration(config)
    _silence(model, (".o.", ".wo."))
    # Its output is tied to its input: here the decoder's one layer maps the token to its follower.
    dense = model.decoder.block[0].layer[-1].DenseReluDense
    with torch.no_grad():
        model.shared.weight.copy_(torch.eye(size))
        dense.wi.weight.copy_(torch.eye(size))
        dense.wo.weight.copy_(chain(tokenizer, text, loop=False))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _silence(model: Any, parts: tuple[str, ...]) -> None:
    """Layers add what comes out of these to what goes through: now nothing."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if any(part in name for part in parts):
                weight.zero_()
