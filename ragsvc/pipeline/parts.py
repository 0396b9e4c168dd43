"""What a corpus is searched and answered with."""

from __future__ import annotations

from dataclasses import dataclass

from ragsvc.domain import Profile
from ragsvc.pipeline.wording import TextVectors
from ragsvc.protocols import Analyser, Embedder, Tokeniser
from ragsvc.text.chunk import Chunker


@dataclass(frozen=True, slots=True)
class ProfileParts:
    """What a profile names, loaded: chunker, analyser, embedder, a cache over it, and its tokeniser."""

    profile: Profile
    chunker: Chunker
    analyser: Analyser
    embedder: Embedder
    text_vectors: TextVectors
    tokeniser: Tokeniser
