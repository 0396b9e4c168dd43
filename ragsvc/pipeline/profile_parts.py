"""What a corpus is searched and answered with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ragsvc.domain import CutterSpec, Hit, Profile
from ragsvc.pipeline.word_coverage import TextVectors
from ragsvc.protocols import Analyser, Embedder, QueryRewriter, SupportChecker, Tokeniser


@dataclass(frozen=True, slots=True)
class ProfileParts:
    """What a profile names, loaded.

    cutter: how texts are cut. text_vectors: a cache over the embedder. rewriter: makes follow-ups stand by
    themselves. support: gives what judges the sentences of an answer by its passages.
    """

    profile: Profile
    cutter: CutterSpec
    analyser: Analyser
    embedder: Embedder
    text_vectors: TextVectors
    tokeniser: Tokeniser
    rewriter: QueryRewriter
    support: Callable[[Sequence[Hit]], SupportChecker]
