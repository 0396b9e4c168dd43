"""Loads what a profile names, once per process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol, TypeAlias

from ragsvc.domain import ChunkerSpec, CutterSpec, EmbedderSpec, Fusion, Profile, ProfileId, ProfileSpec
from ragsvc.errors import ModelMismatch, ModelNotFound
from ragsvc.fingerprints import embedder_fingerprint, profile_fingerprint
from ragsvc.models.bundled_models import BUNDLED_PREFIX, MULTILINGUAL_EMBEDDER, is_there
from ragsvc.models.cross_encoder import CrossEncoderReranker
from ragsvc.models.embedder import DEFAULT_EMBEDDER, SentenceTransformerEmbedder
from ragsvc.models.model_folder import model_folder
from ragsvc.models.reader import BundledReader
from ragsvc.pipeline.grounding.semantic_match import nearness_of
from ragsvc.pipeline.grounding.support import SupportCheck
from ragsvc.pipeline.profile_parts import ProfileParts
from ragsvc.pipeline.retrieval.close_reader import BUILT_IN, NO_RERANKER, CloseReader
from ragsvc.pipeline.retrieval.query_rewriter import ContextRewriter
from ragsvc.pipeline.word_coverage import TextVectors
from ragsvc.protocols import Analyser, Embedder, Reader, Reranker, Tokeniser
from ragsvc.service.vector_cache import CachingEmbedder, VectorCache
from ragsvc.settings import Settings
from ragsvc.store.catalog import Catalog
from ragsvc.store.home_files import Home
from ragsvc.text.analysers import ANALYSERS, MULTILINGUAL, STANDARD
from ragsvc.text.chunker import DEFAULT_CHUNKER, Chunker

# To be raised when the built-in second look comes to other scores.
BUILT_IN_VERSION = 1
BUNDLED = "bundled"
FOREIGN_SHARE = 0.1
"""Of a corpus's characters, what may be in other languages before the multilingual embedder is better."""


class LoadedTokeniser(Tokeniser, Protocol):
    """A tokeniser that also reads its own tokens."""

    def text(self, ids: Sequence[int]) -> str:
        """The text that token ids spell, without special tokens at both ends.

        :raises InvalidRequest: if tokenising that text would give other ids.
        """
        ...


class LoadedEmbedder(Embedder, Protocol):
    """An embedder that comes with its tokeniser and can be loaded ahead of time."""

    @property
    def tokeniser(self) -> LoadedTokeniser:
        """The model's own tokeniser."""
        ...

    def warm_up(self) -> None:
        """Load the model now, so that the first question does not wait for it."""
        ...


Embedders: TypeAlias = Callable[[str], LoadedEmbedder]
"""Gives the embedder of a name, nothing loaded yet."""


class ModelRegistry:
    """Embedders, chunkers and analysers by profile."""

    def __init__(self, settings: Settings, embedders: Embedders | None = None) -> None:
        self._settings = settings
        self._threads = settings.threads
        self._make = embedders or self._open_embedder
        self._lock = threading.Lock()
        self._embedders: dict[str, LoadedEmbedder] = {}
        self._parts: dict[str, ProfileParts] = {}
        self._analysers: dict[str, Analyser] = {STANDARD: ANALYSERS[STANDARD]()}
        self._catalog: Catalog | None = None
        self._close_readers: dict[str, CloseReader] = {}
        self._cross_encoder = CrossEncoderReranker(settings.reranker)
        wanted = settings.reader == BUNDLED and BundledReader.is_there()
        self._reader: Reader | None = BundledReader() if wanted else None

    def _open_embedder(self, name: str) -> LoadedEmbedder:
        unpacked = Home(self._settings.home).unpacked_models
        return SentenceTransformerEmbedder(name, threads=self._threads, unpacked=unpacked)

    def serve(self) -> None:
        """From now on many ask at once: unless the settings say otherwise, a question gets one thread.

        A step that is spread over cores waits for the slowest of them; beside an ingest that made the
        slow questions twice as slow, while alone a second core saved a tenth of the time.
        """
        self._threads = self._threads or 1

    def new_spec(self) -> ProfileSpec:
        """The profile that the settings ask for, given to new corpora.

        :raises ModelNotFound: if the embedder is not to be had.
        :raises InvalidRequest: if the sizes do not fit each other or the embedder.
        """
        settings = self._settings
        return self._spec(
            settings.embedder, DEFAULT_CHUNKER, settings.chunk_tokens, settings.chunk_overlap_tokens
        )

    def spec_for(self, foreign: float) -> ProfileSpec:
        """The profile for new documents of which a share is not in English.

        A model that the settings name is taken whatever the language.

        :param foreign: [0, 1], share of the characters.
        :raises InvalidRequest: if the sizes do not fit each other or the embedder.
        """
        settings = self._settings
        chosen = "embedder" in settings.model_fields_set
        if chosen or foreign <= FOREIGN_SHARE or not is_there(MULTILINGUAL_EMBEDDER):
            return self.new_spec()
        sizes = settings.chunk_tokens, settings.chunk_overlap_tokens
        return self._spec(MULTILINGUAL_EMBEDDER, DEFAULT_CHUNKER, *sizes)

    def fits(self, spec: ProfileSpec, foreign: float) -> bool:
        """Whether a profile finds documents of which a share is not in English.

        Only the bundled English embedder is known not to.

        :param foreign: [0, 1], share of the characters.
        """
        english = spec.embedder.name == DEFAULT_EMBEDDER
        return foreign <= FOREIGN_SHARE or not english or not is_there(MULTILINGUAL_EMBEDDER)

    def changed_spec(
        self,
        base: ProfileSpec,
        embedder: str | None,
        chunk_tokens: int | None,
        chunk_overlap_tokens: int | None,
    ) -> ProfileSpec:
        """A profile with some choices changed; chunker and analyser are of this version.

        :param base: has the choices that are None.
        :raises ModelNotFound: if the embedder is not to be had.
        :raises InvalidRequest: if the sizes do not fit each other or the embedder.
        """
        chunker = replace(base.chunker, version=DEFAULT_CHUNKER.version)
        name = base.embedder.name if embedder is None else embedder
        return self._spec(name, chunker, chunk_tokens, chunk_overlap_tokens)

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
        embedder = self._recorded(spec.embedder)
        analyser = self._analyser(spec.analyser)
        vectors = TextVectors(self._remembering(embedder, profile))
        made = ProfileParts(
            profile=profile,
            cutter=_cutter(spec, embedder.tokeniser),
            analyser=analyser,
            embedder=embedder,
            text_vectors=vectors,
            tokeniser=embedder.tokeniser,
            rewriter=ContextRewriter(analyser),
            support=partial(SupportCheck, analyser=analyser, nearness=nearness_of(vectors, spec.embedder)),
        )
        with self._lock:
            self._parts[profile.fingerprint] = made
        return made

    def apart(self, catalog: Catalog | None = None) -> ModelRegistry:
        """A loader of the same models whose parts are new, and remember nothing of earlier questions.

        :param catalog: where what its parts embed to answer questions is kept; None: nowhere.
        """
        made = ModelRegistry(self._settings, self._make)
        made._lock, made._embedders = self._lock, self._embedders
        made._cross_encoder, made._catalog = self._cross_encoder, catalog
        made._reader = self._reader
        return made

    def _remembering(self, embedder: Embedder, profile: Profile) -> Embedder:
        if self._catalog is None:
            return embedder
        memory = VectorCache(self._catalog, profile.embedder_fingerprint, profile.spec.embedder.dimension)
        return CachingEmbedder(embedder, memory)

    def reader(self) -> Reader | None:
        """What reads questions with passages; None where none is wanted, or its weights are not installed."""
        return self._reader

    def reranker(self, analyser: Analyser) -> Reranker | None:
        """What takes a second look at the best candidates; None: nothing does.

        The built-in one fuses by the convex combination, so reciprocal ranks stay as they are.

        :param analyser: of the corpus that is searched.
        """
        name = self._settings.reranker
        if name == NO_RERANKER:
            return None
        if name == BUILT_IN:
            if self._settings.fusion is not Fusion.CONVEX:
                return None
            with self._lock:
                return self._close_readers.setdefault(analyser.version, CloseReader(analyser))
        return self._cross_encoder

    def embedder(self, profile: Profile | None = None) -> LoadedEmbedder:
        """The embedder of a profile; None: the one of the settings.

        :raises ModelNotFound: if the recorded embedder is not to be had.
        :raises ModelMismatch: if its files are not the recorded ones.
        """
        if profile is None:
            return self._embedder(self._settings.embedder)
        return self._recorded(profile.spec.embedder)

    def reranker_fingerprint(self) -> str:
        """Equal exactly when candidates are looked at again in the same way.

        :raises ModelError: if the reranker's model cannot be used.
        """
        name = self._settings.reranker
        if name == NO_RERANKER:
            return name
        return f"{name} {BUILT_IN_VERSION}" if name == BUILT_IN else self._cross_encoder.fingerprint()

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
        if self._settings.reranker not in (BUILT_IN, NO_RERANKER):
            self._cross_encoder.warm_up()

    def keep_only(self, profiles: Collection[Profile]) -> None:
        """Forget the models that neither these profiles nor the settings name; who uses one keeps it."""
        names = {_place(self._settings.embedder), *(_place(p.spec.embedder.name) for p in profiles)}
        fingerprints = {profile.fingerprint for profile in profiles}
        with self._lock:
            for name in self._embedders.keys() - names:
                del self._embedders[name]
            for fingerprint in self._parts.keys() - fingerprints:
                del self._parts[fingerprint]

    def _spec(self, name: str, chunker: ChunkerSpec, size: int | None, overlap: int | None) -> ProfileSpec:
        chunker = replace(
            chunker,
            size_tokens=chunker.size_tokens if size is None else size,
            overlap_tokens=chunker.overlap_tokens if overlap is None else overlap,
        )
        embedder = self._embedder(name)
        Chunker(chunker, embedder.tokeniser, embedder.spec.max_tokens)
        analyser = MULTILINGUAL if name == MULTILINGUAL_EMBEDDER else STANDARD
        return ProfileSpec(embedder.spec, chunker, analyser)

    def _analyser(self, version: str) -> Analyser:
        if version not in ANALYSERS:
            raise ModelMismatch(
                f"the corpus was indexed with analyser {version}, this has {' and '.join(ANALYSERS)}",
                hint="index it again with this one: ragsvc reindex CORPUS",
            )
        with self._lock:
            if version not in self._analysers:
                self._analysers[version] = ANALYSERS[version]()
            return self._analysers[version]

    def _recorded(self, spec: EmbedderSpec) -> LoadedEmbedder:
        """The embedder that a corpus was indexed with: without it, another can be chosen."""
        try:
            return self._matching(spec)
        except ModelNotFound as error:
            what = error.hint if spec.name.startswith(BUNDLED_PREFIX) else "put it back"
            raise ModelNotFound(
                error.message,
                hint=f"{what}, or index the corpus with another: ragsvc reindex CORPUS --embedder NAME",
            ) from error

    def _matching(self, spec: EmbedderSpec) -> LoadedEmbedder:
        embedder = self._embedder(spec.name)
        if embedder_fingerprint(embedder.spec) != embedder_fingerprint(spec):
            # Its files may have been replaced since it was loaded.
            embedder = self._make(_place(spec.name))
            _compare(spec, embedder.spec)
            with self._lock:
                self._embedders[_place(spec.name)] = embedder
        return embedder

    def _embedder(self, name: str) -> LoadedEmbedder:
        place = _place(name)
        with self._lock:
            if place not in self._embedders:
                self._embedders[place] = self._make(place)
            return self._embedders[place]


def _cutter(spec: ProfileSpec, tokeniser: Tokeniser) -> CutterSpec:
    Chunker(spec.chunker, tokeniser, spec.embedder.max_tokens)  # refuses sizes that do not fit
    made_by, source = tokeniser.recipe
    return CutterSpec(
        chunker=spec.chunker,
        tokeniser=made_by,
        tokeniser_source=source,
        max_tokens=spec.embedder.max_tokens,
        analyser=spec.analyser,
    )


def _place(name: str) -> str:
    """A folder's name as every process can find it, wherever it was started; other names as they are."""
    folder = model_folder(name)
    return name if folder is None else str(folder)


def _compare(recorded: EmbedderSpec, found: EmbedderSpec) -> None:
    if embedder_fingerprint(recorded) != embedder_fingerprint(found):
        raise ModelMismatch(
            f"the embedder {recorded.name} is not the one that the corpus was indexed with "
            f"(weights {recorded.weights[:12]}, now {found.weights[:12]})",
            hint="put the recorded model back, or index it again: ragsvc reindex CORPUS",
        )
