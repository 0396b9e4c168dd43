"""Paths that clients of the OpenAI API ask for and that are not here: what to use instead."""

from __future__ import annotations

import re
from urllib.parse import unquote

# A trained model; a corpus as a model is "ragsvc/NAME", and no trained model has that name.
_TRAINED = r"(?!/(?!ragsvc/).+/(?:generate|encode|score)\Z)"
_HERE = re.compile(rf"/v1/(?:chat/completions/*|embeddings/*|models{_TRAINED}(?:/.*)?)", re.DOTALL)
# The same routes under another base URL: without /v1, with it twice, or as a cloud has them.
_OURS = "/chat/completions", "/completions", "/embeddings", "/models", "/responses"
# A corpus may have such a name.
_NOT_OURS = "/v1/corpora/", "/v1/jobs/"
_ASKING = "completions", "responses", "assistants", "threads", "conversations", "engines", "edits", "realtime"
_OTHERS = (
    "audio", "batches", "chat", "containers", "evals", "files", "fine-tunes", "fine_tuning", "images",
    "moderations", "organization", "uploads", "vector_stores", "videos",
)  # fmt: skip
_UNDER_V1 = re.compile(rf"/v1/({'|'.join((*_ASKING, *_OTHERS))})(?:/.*)?", re.DOTALL)
CHAT = "POST /v1/chat/completions"


def is_of_openai(instance: str) -> bool:
    """Whether a path belongs to the OpenAI API, here or elsewhere.

    :param instance: path of the request, percent-encoded.
    """
    path = unquote(instance)
    return any(known.fullmatch(path) for known in (_HERE, _UNDER_V1)) or _is_under_other_base(path)


def advice(instance: str) -> str:
    """What to use instead of a path of the OpenAI API that is not here."""
    path = unquote(instance)
    if _HERE.fullmatch(path.rstrip("/")):
        return f"leave out the slashes at its end: {path.rstrip('/')}"
    under = _UNDER_V1.fullmatch(path)
    if under is None:
        return "the base URL of this API is that of the server with /v1 at its end"
    if under.group(1) in _ASKING:
        return f"use {CHAT}"
    return f"this server has {CHAT}, POST /v1/embeddings and GET /v1/models"


def _is_under_other_base(path: str) -> bool:
    return path.startswith("/") and not path.startswith(_NOT_OURS) and path.removesuffix("/").endswith(_OURS)
