"""Any sentence-transformers cross-encoder as a Reranker: it reads question and passage together."""

from __future__ import annotations

import hashlib
import threading
from typing import Any

import numpy as np

from ragsvc.domain import Candidates, F64Vector
from ragsvc.errors import ModelMismatch, ModelNotFound
from ragsvc.models.bundled_models import open_model
from ragsvc.models.model_folder import ModelFolder, model_folder
from ragsvc.models.quiet import quiet

BATCH_SIZE = 16
# What transformers calls a model whose scores were trained.
SCORING = ("ForSequenceClassification", "ForCausalLM")
# Files beside the weights that change what is read and scored.
DECIDING = frozenset({".json", ".model", ".txt"})
OTHERWISE = "or RAGSVC_RERANKER=built-in"


class CrossEncoderReranker:
    """Loaded on first use, and safe to share between threads."""

    def __init__(self, name: str) -> None:
        """Remember what to load; nothing is read yet.

        :param name: a folder, or a hub name such as "cross-encoder/ms-marco-MiniLM-L6-v2".
        """
        self._name = name
        self._lock = threading.Lock()
        self._model: Any = None
        self._fingerprint = ""

    @property
    def name(self) -> str:
        """See Reranker."""
        return self._name

    def rescore(self, candidates: Candidates) -> F64Vector:
        """Score every candidate by what the model says of it and the question alone.

        A text longer than the model reads is cut at its end, as the model was trained. Whatever scale it
        was trained on, the scores lie in [0, 1]: what reads them after it expects none below 0.

        :raises ModelNotFound: if the model is not to be had.
        :raises ModelMismatch: if it is no cross-encoder, or does not give one finite score for a pair.
        """
        model = self._load()
        pairs = [(candidates.question, text.whole) for text in candidates.texts]
        from torch.nn import Sigmoid

        scores = model.predict(pairs, batch_size=BATCH_SIZE, show_progress_bar=False, activation_fn=Sigmoid())
        found = np.asarray(scores, dtype=np.float64)
        if found.shape != (len(pairs),) or not np.isfinite(found).all():
            raise ModelMismatch(
                f"the reranker {self._name!r} does not give one score for a question and a passage",
                hint=f"choose a cross-encoder with one output, {OTHERWISE}",
            )
        return found

    def warm_up(self) -> None:
        """Load the model now, so that the first question does not wait for it."""
        self._load()

    def fingerprint(self) -> str:
        """Hash of weights, configuration and vocabulary as they were loaded, 64 hex digits.

        :raises ModelError: if the model cannot be used.
        """
        self._load()
        return self._fingerprint

    def _load(self) -> Any:
        with self._lock:
            if self._model is None:
                self._fingerprint = _fingerprint(_folder(self._name))
                self._model = _open(self._name)
            return self._model


def _fingerprint(folder: ModelFolder) -> str:
    digest = hashlib.sha256(folder.weights.encode("ascii"))
    try:
        for path in sorted(folder.path.iterdir()):
            if path.suffix in DECIDING and path.is_file():
                digest.update(f"\0{path.name}\0".encode("utf-8", "surrogateescape"))
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    except OSError as error:
        raise ModelNotFound(
            f"the reranker {folder.name!r} in {folder.path} cannot be read: {error.strerror}",
            hint=f"let this user read it, {OTHERWISE}",
        ) from error
    return digest.hexdigest()


def _open(name: str) -> Any:
    """Load a folder; never code that it brings."""
    folder = _folder(name)
    _check_scores(folder)
    with quiet():
        from sentence_transformers import CrossEncoder

        try:
            model = CrossEncoder(str(folder.path), device="cpu", local_files_only=True)
        except Exception as error:  # any of a dozen classes, according to what is broken
            raise ModelNotFound(
                f"the reranker {name!r} in {folder.path} cannot be loaded: {error}",
                hint="it must be a cross-encoder that sentence-transformers opens without remote code",
            ) from error
    if model.num_labels != 1:
        raise ModelMismatch(
            f"the reranker {name!r} has {model.num_labels} outputs, not one",
            hint=f"choose a cross-encoder that was trained to rank, {OTHERWISE}",
        )
    return model


def check_name(name: str) -> None:
    """Refuse what neither a folder nor a hub can be, most likely a misspelt choice of ours; loads nothing.

    :raises ModelNotFound: if it has no slash, or begins like a path, and no folder is there.
    """
    if model_folder(name) is None and ("/" not in name or name.startswith(("/", ".", "~"))):
        raise ModelNotFound(
            f"there is no reranker {name!r}",
            hint="choose built-in, none, a cross-encoder's folder, or a hub name such as "
            "cross-encoder/ms-marco-MiniLM-L6-v2",
        )


def _folder(name: str) -> ModelFolder:
    check_name(name)
    try:
        return open_model(name)
    except ModelNotFound as error:
        raise ModelNotFound(
            f"the reranker {name!r} is not to be had: {error.message}", hint=f"{error.hint}, {OTHERWISE}"
        ) from error


def _check_scores(folder: ModelFolder) -> None:
    """Refuse an embedder: sentence-transformers would give it outputs of random weights, others each time.

    :raises ModelMismatch: if nothing in the folder was trained to score pairs.
    """
    saved = folder.read("config_sentence_transformers.json").get("model_type")
    made = folder.read("config.json").get("architectures") or []
    if saved != "CrossEncoder" and not any(str(each).endswith(SCORING) for each in made):
        raise ModelMismatch(
            f"the model {folder.name!r} was not trained to score a question with a passage",
            hint=f"choose a cross-encoder, {OTHERWISE}",
        )
