"""Names of models: a corpus, or several, to a client of the OpenAI API."""

from __future__ import annotations

import re

from ragsvc.api.schemas import CORPUS_PATTERN, MAX_CORPORA
from ragsvc.errors import CorpusNotFound, InvalidRequest

PREFIX = "ragsvc/"
_CORPUS = re.compile(CORPUS_PATTERN)


def model_of(corpus: str) -> str:
    """Name of the model that answers from a corpus."""
    return f"{PREFIX}{corpus}"


def corpora_of_model(model: str) -> tuple[str, ...]:
    """The corpora that a model answers from: `ragsvc/one,two`, or the same without `ragsvc/`.

    :raises CorpusNotFound: if the name cannot be that of a corpus.
    :raises InvalidRequest: if it names too many.
    """
    names = tuple(dict.fromkeys(model.removeprefix(PREFIX).split(",")))
    if any(_CORPUS.fullmatch(name) is None for name in names):
        raise CorpusNotFound(
            f"there is no model {model[:100]!a}",
            hint="model is ragsvc/<corpus>: GET /v1/models lists them; several are ragsvc/<corpus>,<corpus>",
        )
    if len(names) > MAX_CORPORA:
        raise InvalidRequest(
            f"model names {len(names)} corpora, the most is {MAX_CORPORA}", hint="name fewer corpora"
        )
    return names
