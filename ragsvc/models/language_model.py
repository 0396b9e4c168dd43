"""A language model in memory: how it was loaded, and one run of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragsvc.errors import ModelError, ModelMismatch, ModelNotFound
from ragsvc.models.model_folder import locate, model_folder
from ragsvc.models.quiet import quiet

# Below this the likeliest token is taken: dividing by less overflows.
LEAST_TEMPERATURE = 0.01
# A prompt is read in parts, so that a client who leaves meanwhile is noticed.
PREFILL_TOKENS = 256
# Without these a processor computes bfloat16 far slower than float32.
FAST_BFLOAT16 = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
# Configurations name the longest text differently.
CONTEXT_FIELDS = ("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len", "max_sequence_length")
# Tokenizers say 1e30 where they know no limit.
NO_LIMIT = 10_000_000
SMALLER = "choose a smaller model, or lower RAGSVC_PROMPT_TOKENS"


class GenerationEnd(Exception):
    """Nobody needs more tokens."""


@dataclass(frozen=True, slots=True)
class SamplingOptions:
    """How a run chooses tokens. max_tokens: at least 1. temperature: at least 0."""

    max_tokens: int
    temperature: float


class LayerGuard:
    """Looks before every layer whether the run is still wanted: reading a prompt takes long."""

    def __init__(self) -> None:
        self.halt = threading.Event()

    def watch(self, model: Any) -> None:
        """Put itself before the layers of a model."""
        from torch.nn import ModuleList

        for part in model.modules():
            if isinstance(part, ModuleList):
                for layer in part:
                    layer.register_forward_pre_hook(self._check)

    def _check(self, *_: Any) -> None:
        if self.halt.is_set():
            raise GenerationEnd


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """A causal or a sequence-to-sequence model with its tokenizer.

    context_tokens: the longest text it reads, None if nothing says so.
    ends: ids that end what it writes.
    """

    name: str
    model: Any
    tokenizer: Any
    two_texts: bool
    context_tokens: int | None
    ends: frozenset[int]
    guard: LayerGuard

    @classmethod
    def load(cls, name: str) -> LanguageModel:
        """Load a folder or a hub model; never code that it brings.

        :raises ModelNotFound: if it is not to be had, or not complete.
        :raises ModelMismatch: if it is no language model.
        :raises ModelError: if there is not memory enough.
        """
        path = _find(name)
        with quiet(), _translated(name, path):
            from transformers import AutoConfig, AutoTokenizer

            config = AutoConfig.from_pretrained(path, local_files_only=True, trust_remote_code=False)
            loader = _loader(name, config)
            tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True, trust_remote_code=False)
            device, dtype = _placed(config)
            model = loader.from_pretrained(path, local_files_only=True, trust_remote_code=False, dtype=dtype)
            model = model.to(device).eval()
        guard = LayerGuard()
        guard.watch(model)
        two_texts = bool(config.is_encoder_decoder)
        limit, ends = _context(config, tokenizer), _ends(model, tokenizer)
        return cls(name, model, tokenizer, two_texts, limit, ends, guard)

    def run(
        self,
        ids: Sequence[int],
        sampling: SamplingOptions,
        emit: Callable[[int], None],
        halt: threading.Event,
    ) -> None:
        """Write tokens until the model ends, `max_tokens` are there, or `emit` or `halt` stops it.

        One run at a time.

        :param ids: of the prompt, at least one.
        :param emit: gets every token at once, that of the end included; it may raise Stopped.
        :raises ModelError: if the model fails, or memory does not suffice.
        """
        import torch

        self.guard.halt = halt
        prompt = torch.tensor([list(ids)], device=self.model.device)
        with _failing(self.name):
            try:
                self.model.generate(
                    prompt,
                    attention_mask=torch.ones_like(prompt),
                    generation_config=self._configured(sampling),
                    streamer=_Streamer(emit),
                )
            except GenerationEnd:
                return

    def _configured(self, sampling: SamplingOptions) -> Any:
        """What the model came with, apart from what was asked for; one text only."""
        config = deepcopy(self.model.generation_config)
        config.max_length, config.max_new_tokens = None, sampling.max_tokens
        config.min_length = config.min_new_tokens = None
        config.num_beams = config.num_return_sequences = 1
        config.eos_token_id = sorted(self.ends) or None
        config.pad_token_id = _first_known(
            self.tokenizer.pad_token_id, config.pad_token_id, *sorted(self.ends), 0
        )
        config.do_sample = sampling.temperature >= LEAST_TEMPERATURE
        if config.do_sample:
            config.temperature = sampling.temperature
        else:
            config.temperature = config.top_p = config.top_k = config.min_p = config.typical_p = None
        # A model whose memory is no cache of keys and values reads its prompt at once.
        if not (self.two_texts or self.model._is_stateful) and config.use_cache:
            config.prefill_chunk_size = PREFILL_TOKENS
        return config


class _Streamer:
    """What `generate` gives its tokens to; the first it gives are the prompt's."""

    def __init__(self, emit: Callable[[int], None]) -> None:
        self._emit = emit
        self._begun = False

    def put(self, value: Any) -> None:
        if self._begun:
            for token in value.flatten().tolist():
                self._emit(token)
        self._begun = True

    def end(self) -> None:
        """Nothing is held back here."""


def _find(name: str) -> Path:
    """Find the folder; a name without a slash is of no hub model that writes text, most likely misspelt."""
    if "/" not in name and model_folder(name) is None:
        raise ModelNotFound(
            f"there is no model {name!r}",
            hint="name a folder, or a hub model such as transformers:Qwen/Qwen2.5-0.5B-Instruct",
        )
    return locate(name)


def _loader(name: str, config: Any) -> Any:
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

    loader = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    made = [str(each) for each in config.architectures or ()]
    writes = any(each.endswith(("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")) for each in made)
    if type(config) not in loader._model_mapping or (made and not writes):
        raise ModelMismatch(
            f"the model {name!r} does not write text: it is made as {', '.join(made) or config.model_type}",
            hint="choose a causal or a sequence-to-sequence language model, or RAGSVC_GENERATOR=extractive",
        )
    return loader


def _placed(config: Any) -> tuple[Any, Any]:
    """Choose device and number format: as the weights are kept, where the hardware computes it fast."""
    import torch

    kept = getattr(config, "dtype", None) or torch.float32
    if torch.cuda.is_available():
        unable = kept == torch.bfloat16 and not torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.device("cuda"), torch.float16 if unable else kept
    # Not every version of torch can tell.
    able = any(getattr(torch.cpu, ask, bool)() for ask in FAST_BFLOAT16)
    half = kept in (torch.bfloat16, torch.float16)
    return torch.device("cpu"), torch.bfloat16 if half and able else torch.float32


def _context(config: Any, tokenizer: Any) -> int | None:
    text = config.get_text_config()
    limits = [getattr(text, field, None) for field in CONTEXT_FIELDS]
    known = [int(limit) for limit in limits if isinstance(limit, int) and 0 < limit < NO_LIMIT]
    if known:
        return known[0]
    longest = int(tokenizer.model_max_length)
    return longest if longest < NO_LIMIT else None


def _ends(model: Any, tokenizer: Any) -> frozenset[int]:
    """The ids of the end, of the model and of its tokenizer: chat models may name theirs in one only."""
    named = model.generation_config.eos_token_id
    listed = named if isinstance(named, list) else [named]
    return frozenset(each for each in (*listed, tokenizer.eos_token_id) if each is not None)


def _first_known(*ids: int | None) -> int | None:
    return next((each for each in ids if each is not None), None)


@contextmanager
def _translated(name: str, path: Path) -> Iterator[None]:
    """Name what is wrong with a model that does not load."""
    with _failing(name):
        try:
            yield
        except (ModelError, MemoryError):
            raise
        except Exception as error:  # any of a dozen classes, according to what is broken
            if _is_memory(error):
                raise
            raise ModelNotFound(
                f"the model {name!r} in {path} cannot be loaded: {_first_line(error)}",
                hint="it must be complete, and one that transformers opens without remote code",
            ) from error


@contextmanager
def _failing(name: str) -> Iterator[None]:
    try:
        yield
    except (ModelError, GenerationEnd):
        raise
    except Exception as error:  # whatever torch and the model's own code raise
        if _is_memory(error):
            _free()
            raise ModelError(f"the model {name!r} needs more memory than there is", hint=SMALLER) from error
        raise ModelError(
            f"the model {name!r} failed: {_first_line(error)}",
            hint="try another model, or RAGSVC_GENERATOR=extractive",
        ) from error


def _is_memory(error: Exception) -> bool:
    import torch

    refused = "can't allocate memory" in str(error) or "not enough memory" in str(error)
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and refused
    )


def _free() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
