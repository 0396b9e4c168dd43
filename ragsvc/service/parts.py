"""Loads what a profile names, once per process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, TypeAlias

from ragsvc.domain import EmbedderSpec, Profile, ProfileId, ProfileSpec
from ragsvc.errors import ModelMismatch
from ragsvc.fingerprints import embedder_fingerprint, profile_fingerprint
from ragsvc.models.embedder import SentenceTransformerEmbedder
from ragsvc.pipeline.indexing import ProfileParts
from ragsvc.pipeline.wording import TextVectors
from ragsvc.protocols import Embedder, Tokeniser
from ragsvc.settings import Settings
from ragsvc.text.analyse import StandardAnalyser
from ragsvc.text.chunk import DEFAULT_CHUNKER, Chunker


class LoadedEmbedder(Embedder, Protocol):
    """An embedder that comes with its tokeniser and can be loaded ahead of time."""

    @property
    def tokeniser(self) -> Tokeniser:
        """The model's own tokeniser."""
        ...

    def warm_up(self) -> None:
        """Load the model now, so that the first question does not wait for it."""
        ...


Embedders: TypeAlias = Callable[[str], LoadedEmbedder]
"""Gives the embedder of a name, nothing loaded yet."""


class PartsLoader:
    """Embedders, chunkers and analysers by profile."""

    def __init__(self, settings: Settings, embedders: Embedders | None = None) -> None:
        self._settings = settings
        self._make = embedders or (lambda name: SentenceTransformerEmbedder(name, threads=settings.threads))
        self._lock = threading.Lock()
        self._embedders: dict[str, LoadedEmbedder] = {}
        self._parts: dict[str, ProfileParts] = {}
        self._analyser = StandardAnalyser()

    def new_spec(self) -> ProfileSpec:
        """The profile that the settings ask for, given to new corpora.

        :raises ModelNotFound: if the embedder is not to be had.
        """
        size, overlap = self._settings.chunk_tokens, self._settings.chunk_overlap_tokens
        chunker = replace(
            DEFAULT_CHUNKER,
            size_tokens=DEFAULT_CHUNKER.size_tokens if size is None else size,
            overlap_tokens=DEFAULT_CHUNKER.overlap_tokens if overlap is None else overlap,
        )
        embedder = self._embedder(self._settings.embedder)
        Chunker(chunker, embedder.tokeniser, embedder.spec.max_tokens)
        return ProfileSpec(embedder.spec, chunker, self._analyser.version)

    def parts(self, profile: Profile) -> ProfileParts:
        """The parts of a profile; the model itself loads when it is first used.

        :raises ModelNotFound: if the recorded embedder is not to be had.
        :raises ModelMismatch: if its files, or the analyser, are not the recorded ones.
        """
        with self._lock:
            known = self._parts.get(profile.fingerprint)
        if known is not None and known.profile.id == profile.id:
            return known
        spec = profile.spec
        embedder = self._embedder(spec.embedder.name)
        _compare(spec.embedder, embedder.spec)
        if spec.analyser != self._analyser.version:
            raise ModelMismatch(
                f"the corpus was indexed with analyser {spec.analyser}, this is {self._analyser.version}",
                hint="ingest it into a new corpus",
            )
        made = ProfileParts(
            profile,
            Chunker(spec.chunker, embedder.tokeniser, spec.embedder.max_tokens),
            self._analyser,
            embedder,
            TextVectors(embedder),
        )
        with self._lock:
            self._parts[profile.fingerprint] = made
        return made

    def unsaved_parts(self) -> ProfileParts:
        """The parts of the profile that a new corpus would get, which the catalog need not know."""
        spec = self.new_spec()
        fingerprint = embedder_fingerprint(spec.embedder)
        return self.parts(Profile(ProfileId(0), profile_fingerprint(spec), fingerprint, spec))

    def warm_up(self, profile: Profile | None = None) -> None:
        """Load the model of a profile; None: the one of the settings.

        :raises ModelNotFound: if it is not to be had.
        :raises ModelMismatch: if its files are not the recorded ones.
        """
        name = self._settings.embedder
        if profile is not None:
            name = self.parts(profile).profile.spec.embedder.name
        self._embedder(name).warm_up()

    def _embedder(self, name: str) -> LoadedEmbedder:
        with self._lock:
            if name not in self._embedders:
                self._embedders[name] = self._make(name)
            return self._embedders[name]


def _compare(recorded: EmbedderSpec, found: EmbedderSpec) -> None:
    if embedder_fingerprint(recorded) != embedder_fingerprint(found):
        raise ModelMismatch(
            f"the embedder {recorded.name} is not the one that the corpus was indexed with "
            f"(weights {recorded.weights[:12]}, now {found.weights[:12]})",
            hint="put the recorded model back, or ingest into a new corpus",
        )
