"""Documents and corpora as people look at them, at the head or at an earlier commit."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from ragsvc.domain import Caller, Corpus, CorpusDetails, Document, TextSlice
from ragsvc.errors import InvalidRequest, NotFound
from ragsvc.retries import retry_stale
from ragsvc.service.relations import RelationService
from ragsvc.store.catalog import Catalog
from ragsvc.store.filters import parse_filter

T = TypeVar("T")

ATTEMPTS = 3
SHOWN_COMMITS = 5


class CorpusBrowser:
    """Reading, each time from one commit of one corpus."""

    def __init__(self, catalog: Catalog, relations: RelationService) -> None:
        self._catalog = catalog
        self._relations = relations

    def details(self, caller: Caller, name: str) -> CorpusDetails:
        """See `MaintenanceService.details`."""
        summary = self._catalog.corpora.summary(caller, name)
        corpus = self._catalog.corpora.get(caller, name)
        return CorpusDetails(
            summary=summary,
            profile=corpus.profile,
            index_bytes=_size_of(self._catalog.home.corpus(corpus.uid)),
            log=tuple(self._catalog.history.log(caller, name, SHOWN_COMMITS)),
            tags=tuple(self._catalog.history.tags(caller, name)),
        )

    def documents(
        self,
        caller: Caller,
        name: str,
        at: str | None,
        cursor: str | None,
        limit: int,
        *,
        warned: bool = False,
        where: Mapping[str, Any] | None = None,
    ) -> tuple[list[Document], str | None]:
        """See `Service.documents`."""
        asked = None if where is None else parse_filter(where)

        def page(corpus: Corpus) -> tuple[list[Document], str | None]:
            narrowed = self._relations.resolved(caller, corpus, asked)
            return self._catalog.documents.page(
                caller, corpus, corpus.commit, cursor, limit, warned=warned, where=narrowed
            )

        return self._read(caller, name, at, page)

    def document(self, caller: Caller, name: str, at: str | None, document_id: str) -> Document:
        """See `Service.document`."""
        return self._read(
            caller,
            name,
            at,
            lambda corpus: self._catalog.documents.get(caller, corpus, document_id, corpus.commit),
        )

    def text(
        self,
        caller: Caller,
        name: str,
        at: str | None,
        document_id: str,
        version: str | None,
        start: int,
        end: int | None,
    ) -> TextSlice:
        """See `Service.text`."""
        if version is not None and at is not None:
            raise InvalidRequest("version and at both say which text", hint="give one of them")

        def read(corpus: Corpus) -> TextSlice:
            wanted = (
                version or self._catalog.documents.get(caller, corpus, document_id, corpus.commit).version
            )
            return self._catalog.documents.text(caller, corpus, document_id, wanted, start, end)

        return self._read(caller, name, at, read)

    def _read(self, caller: Caller, name: str, at: str | None, read: Callable[[Corpus], T]) -> T:
        """Read from one commit; when gc took it meanwhile, the reference is looked up anew."""

        def once(_: int) -> T:
            catalog = self._catalog
            corpus = (
                catalog.corpora.get(caller, name)
                if at is None
                else catalog.history.corpus_at(caller, name, at)
            )
            try:
                found = read(corpus)
            except NotFound:
                # Perhaps only because gc took it between.
                catalog.history.check_kept(corpus)
                raise
            catalog.history.check_kept(corpus)
            return found

        return retry_stale(once, ATTEMPTS)


def _size_of(folder: Path) -> int:
    """Bytes of the files below a folder; a writer may be replacing files and folders in it."""
    total = 0
    for parent, _, names in os.walk(folder):  # which passes over what has gone
        for name in names:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                total += Path(parent, name).lstat().st_size
    return total
