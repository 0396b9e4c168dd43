"""Which reranker the settings name."""

from __future__ import annotations

from ragsvc.errors import InvalidRequest, ModelNotFound
from ragsvc.models.cross_encoder import check_name
from ragsvc.pipeline.retrieval.close_reader import BUILT_IN, NO_RERANKER
from ragsvc.settings import Settings


def check_reranker(settings: Settings) -> None:
    """Find a misspelt name before a server starts, which would wait for it for ever; loads nothing.

    :raises InvalidRequest: if the reranker is neither of ours, nor a folder, nor a name that a hub may have.
    """
    if settings.reranker in (BUILT_IN, NO_RERANKER):
        return
    try:
        check_name(settings.reranker)
    except ModelNotFound as error:
        raise InvalidRequest(f"RAGSVC_RERANKER: {error.message}", hint=error.hint) from error
