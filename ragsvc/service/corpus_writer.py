"""Changes to corpora: ingest and deletion."""

from __future__ import annotations

import shutil
from collections.abc import Callable

from ragsvc.domain import Caller, CommitId, Corpus, Progress
from ragsvc.errors import DocumentNotFound
from ragsvc.models.bundled_models import MULTILINGUAL_EMBEDDER
from ragsvc.models.speech_model import NO_SPEECH, find_speech_model
from ragsvc.pipeline.index_files import renew_files
from ragsvc.pipeline.ingestion.ingest import Ingest
from ragsvc.pipeline.ingestion.listeners import IngestTools, Listener
from ragsvc.service.model_registry import ModelRegistry
from ragsvc.settings import Settings
from ragsvc.store.catalog import Catalog
from ragsvc.store.corpora import check_name
from ragsvc.text.encodings import check_encoding
from ragsvc.text.worker_pool import ParseLimits, ParserPool


def new_pool(settings: Settings) -> ParserPool:
    """Workers with the limits of the settings; none is started.

    :raises MissingExtra: if recordings are to be read, and the packages for it are not installed.
    :raises ModelNotFound: if the model for them is not to be had.
    """
    speech = find_speech_model(settings.speech_model) if settings.speech_model else NO_SPEECH
    limits = ParseLimits(
        timeout_s=settings.parse_timeout_s,
        memory_bytes=settings.parse_memory_bytes,
        max_file_bytes=settings.max_file_bytes,
        reads_pictures=settings.ocr,
        speech_model=speech.path,
        speech_reading=speech.reading,
    )
    return ParserPool(settings.parse_workers, limits)


class CorpusWriter:
    """Writes under the writer lock, and only for as long as it publishes."""

    def __init__(self, catalog: Catalog, loader: ModelRegistry, settings: Settings, pool: ParserPool) -> None:
        self._catalog = catalog
        self._loader = loader
        self._settings = settings
        self._pool = pool

    def ingest(
        self,
        caller: Caller,
        progress: Callable[[Progress], None] | None,
        on_wait: Callable[[str], None] | None,
        cancelled: Callable[[], bool] | None,
        encoding: str = "",
    ) -> Ingest:
        """An ingest with this service's tools.

        :param encoding: as of IngestRequest.
        :raises InvalidRequest: if there is no such encoding.
        """
        settings = self._settings
        tools = IngestTools(
            catalog=self._catalog,
            lock_timeout_s=settings.lock_timeout_s,
            pool=self._pool,
            encoding=check_encoding(encoding) if encoding else "",
            parts_of=lambda corpus: self._loader.parts(corpus.profile),
            default_parts=self._loader.unsaved_parts,
            new_corpus=self._new_corpus,
            fitted=self._fitted,
            fits=lambda corpus, foreign: self._loader.fits(corpus.profile.spec, foreign),
            multilingual=MULTILINGUAL_EMBEDDER,
        )
        listener = Listener.of(progress, on_wait, cancelled)
        return Ingest(tools, caller, listener)

    def delete_document(self, caller: Caller, name: str, document_id: str) -> CommitId:
        """See `Service.delete_document`."""
        self._catalog.corpora.get(caller, name)
        with self._catalog.lock.hold(self._settings.lock_timeout_s):
            corpus = self._catalog.corpora.get(caller, name)
            row = self._catalog.memberships.live(corpus.id).get(document_id)
            if row is None:
                raise DocumentNotFound(
                    f"no document {document_id!r} in {name}",
                    hint=f"ragsvc documents list {name} shows the ids",
                )
            commit = self._catalog.memberships.publish(
                caller, corpus.id, kind="delete", born=[], died=[row.id], roots={}, stats={"removed": 1}
            )
            renew_files(self._catalog, self._catalog.corpora.get(caller, name))
            return commit

    def delete_corpus(self, caller: Caller, name: str) -> None:
        """See `Service.delete_corpus`."""
        corpus = self._catalog.corpora.get(caller, name)
        with self._catalog.lock.hold(self._settings.lock_timeout_s):
            self._catalog.deletion.delete_corpus(caller, name)
            shutil.rmtree(self._catalog.home.corpus(corpus.uid), ignore_errors=True)
        self._catalog.deletion.empty_log()

    def _new_corpus(self, caller: Caller, name: str) -> Corpus:
        check_name(name)
        return self._catalog.corpora.create(caller, name, self._loader.new_spec())

    def _fitted(self, corpus: Corpus, foreign: float) -> Corpus:
        spec = self._loader.spec_for(foreign)
        return (
            corpus if spec == corpus.profile.spec else self._catalog.corpora.choose_profile(corpus.name, spec)
        )
