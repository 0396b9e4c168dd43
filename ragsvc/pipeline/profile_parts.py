"""What a corpus is searched and answered with."""

from __future__ import annotations

from dataclasses import dataclass

from ragsvc.domain import CutterSpec, Profile
from ragsvc.pipeline.word_coverage import TextVectors
from ragsvc.protocols import Analyser, Embedder, Tokeniser


@dataclass(frozen=True, slots=True)
class ProfileParts:
    """What a profile names, loaded. cutter: how texts are cut. text_vectors: a cache over the embedder."""

    profile: Profile
    cutter: CutterSpec
    analyser: Analyser
    embedder: Embedder
    text_vectors: TextVectors
    tokeniser: Tokeniser
