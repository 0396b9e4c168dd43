"""Brings a corpus in step with files: read, index, then publish under the writer lock.

Reading and indexing take no lock and only fill caches that are keyed by content, so a killed ingest is
simply run again. Publishing compares with what lives *at that moment* and is one short transaction.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from ragsvc.domain import (
    Caller,
    CommitId,
    Corpus,
    DocumentCounts,
    I64Vector,
    IngestReport,
    IngestRequest,
    InlineDocument,
    ParsedDocument,
    Prune,
    SourceFile,
    VersionId,
)
from ragsvc.errors import (
    Cancelled,
    CorpusNotFound,
    InvalidRequest,
    RagsvcError,
    RootEmpty,
)
from ragsvc.pipeline.index_files import renew_files
from ragsvc.pipeline.ingestion.discovery import Discovery, look_for
from ragsvc.pipeline.ingestion.document_claims import ClaimReader, DocumentClaims
from ragsvc.pipeline.ingestion.indexer import Indexer
from ragsvc.pipeline.ingestion.language_fit import fitted
from ragsvc.pipeline.ingestion.listeners import IngestTools, Listener
from ragsvc.pipeline.ingestion.parse_cache import (
    CatalogParseCache,
    DryParseCache,
    ParseCache,
    ParseKey,
    count_chunks,
    parser_of,
    text_key,
)
from ragsvc.pipeline.ingestion.plan import Plan, Scope, make_plan
from ragsvc.pipeline.ingestion.setbacks import KnownSetbacks, Retry
from ragsvc.retries import retry_stale
from ragsvc.store.gc.pins import ingest_reason
from ragsvc.store.rows import Membership
from ragsvc.text.normalisation import clean, normalise
from ragsvc.text.sources import FoundSource as Item
from ragsvc.text.sources import classify

ATTEMPTS = 3


class Ingest:
    """One ingest into one corpus."""

    def __init__(self, tools: IngestTools, caller: Caller, listener: Listener) -> None:
        self._tools = tools
        self._caller = caller
        self._listener = listener
        self._again = Retry.LEAVE
        self._started = time.perf_counter()
        self._embedded = 0
        self._notices: tuple[str, ...] = ()

    def files(self, request: IngestRequest) -> IngestReport:
        """Ingest paths.

        :raises SourceNotFound: if a path does not exist.
        :raises RootConflict: if a root name stands for another folder.
        :raises RootEmpty: if pruning would remove all of a root.
        :raises WriterBusy: if another writer held the lock for too long.
        """
        found = look_for(request, self._tools.catalog.home.path, self._root_names(request.corpus))
        self._again = Retry.RETRY if request.retry else Retry.LEAVE
        if request.dry_run:
            self._again = Retry.REHEARSE
            return self._dry(request.corpus, found)
        return self._run(request.corpus, found)

    def _root_names(self, name: str) -> dict[str, str]:
        """What the root names of a corpus stand for; none for one that is yet to be made."""
        try:
            return self._tools.catalog.corpora.roots(self._tools.catalog.corpora.get(self._caller, name).id)
        except CorpusNotFound:
            return {}

    def uploads(
        self,
        corpus: str,
        documents: Sequence[InlineDocument],
        files: Mapping[str, Path],
        *,
        retry: bool = False,
    ) -> IngestReport:
        """Ingest documents that were sent: texts, and files by the name that is their document id.

        Documents of these ids are replaced; nothing else is touched.
        """
        self._again = Retry.RETRY if retry else Retry.LEAVE
        items = tuple(_named(classify(str(path), name, ""), name) for name, path in sorted(files.items()))
        inline = tuple((document.document_id, _inline(document)) for document in documents)
        return self._run(corpus, Discovery(items, {}, inline=inline, upload=True))

    def _run(self, name: str, found: Discovery) -> IngestReport:
        # From reading to publishing, so that gc does not take what is prepared meanwhile.
        catalog = self._tools.catalog
        with catalog.pins.pinned(ingest_reason(name)):
            try:
                report = self._prepare_and_publish(name, found)
            except BaseException:
                # What failed leaves no empty corpus behind; why it failed is more important.
                with suppress(RagsvcError):
                    catalog.deletion.drop_unborn(name, ingests=1)
                raise
            if report.failures and not report.commit:
                # Nothing of it could be read.
                catalog.deletion.drop_unborn(name, ingests=1)
            return report

    def _prepare_and_publish(self, name: str, found: Discovery) -> IngestReport:
        tools = self._tools

        def once(attempt: int) -> IngestReport:
            # It may be another one after a while; one that was deleted is not made again.
            of = tools.catalog.corpora.get if attempt else tools.new_corpus
            corpus = of(self._caller, name)
            tools.catalog.corpora.check_roots(corpus.id, found.roots)
            reading = self._read(found, CatalogParseCache(tools.catalog))
            self._embedded += self._index(corpus, found, reading)
            if self._listener.cancelled():
                raise Cancelled("the ingest was cancelled", hint="run it again: its work is kept")
            with tools.catalog.lock.hold(tools.lock_timeout_s, self._listener.on_wait):
                return self._publish(name, found, reading, self._embedded)

        # A deletion may take content away between reading and publishing.
        return retry_stale(once, ATTEMPTS)

    def _read(self, found: Discovery, shelf: ParseCache) -> DocumentClaims:
        tools = self._tools
        reader = ClaimReader(
            shelf,
            self._setbacks(parser_of),
            tools.pool,
            owner=self._caller.principal,
            upload=found.upload,
            encoding=tools.encoding,
            progress=self._listener.progress,
            cancelled=self._listener.cancelled,
        )
        reading = reader.read(found.items)
        reader.add_inline(found.inline)
        reading.kept.update(found.unread)
        reading.claims.sort(key=lambda claim: (claim.document_id, claim.origin))
        return reading

    def _index(self, corpus: Corpus, found: Discovery, reading: DocumentClaims) -> int:
        """Index what will be live and is not yet (what is live is indexed); returns the texts embedded."""
        catalog = self._tools.catalog
        live = catalog.memberships.live(corpus.id)
        plan = make_plan(live, reading.claims, _scope(found, reading))
        todo = sorted({claim.version_id for claim in plan.born} - {row.version_id for row in live.values()})
        if not todo:
            return 0
        corpus, self._notices = fitted(self._tools, corpus, todo)
        parts = self._tools.parts_of(corpus)
        setbacks = self._setbacks(lambda _: parts.profile.fingerprint)
        digests = catalog.versions.text_hashes(todo)
        keys = {version: text_key(digests.get(version, "")) for version in todo}
        tried = setbacks.known(list(keys.values()))
        indexer = Indexer(
            catalog,
            parts,
            self._tools.pool,
            progress=self._listener.progress,
            cancelled=self._listener.cancelled,
        )
        indexer.index([version for version in todo if keys[version] not in tried])
        setbacks.remember({keys[version]: failure for version, failure in indexer.failures.items()})
        reading.drop({version: tried[key] for version, key in keys.items() if key in tried})
        reading.drop(indexer.failures)
        return indexer.embedded

    def _setbacks(self, maker_of: Callable[[ParseKey], str]) -> KnownSetbacks:
        return KnownSetbacks(self._tools.catalog, maker_of, self._again)

    def _publish(self, name: str, found: Discovery, reading: DocumentClaims, embedded: int) -> IngestReport:
        tools = self._tools
        corpus = tools.catalog.corpora.get(self._caller, name)
        live = tools.catalog.memberships.live(corpus.id)
        _refuse_emptied(found, reading, live)
        plan = make_plan(live, reading.claims, _scope(found, reading))
        before = tools.catalog.memberships.live_versions(corpus.id, corpus.commit)
        commit = tools.catalog.memberships.publish(
            self._caller,
            corpus.id,
            kind="ingest",
            born=plan.born,
            died=[row.id for row in plan.died],
            roots=found.roots,
            stats={"added": plan.added, "changed": plan.changed, "removed": plan.removed},
        )
        if commit == corpus.commit:
            return self._report(name, commit, plan, reading, (0, 0, embedded))
        corpus = tools.catalog.corpora.get(self._caller, name)
        renew_files(tools.catalog, corpus)
        after = tools.catalog.memberships.live_versions(corpus.id, commit)
        added = self._count_chunks(corpus, np.setdiff1d(after, before))
        removed = self._count_chunks(corpus, np.setdiff1d(before, after))
        return self._report(name, commit, plan, reading, (added, removed, embedded))

    def _count_chunks(self, corpus: Corpus, versions: I64Vector) -> int:
        counts = self._tools.catalog.chunks.chunk_counts(
            corpus.profile.id, [VersionId(v) for v in versions.tolist()]
        )
        return sum(counts.values())

    def _dry(self, name: str, found: Discovery) -> IngestReport:
        tools = self._tools
        try:
            corpus: Corpus | None = tools.catalog.corpora.get(self._caller, name)
        except CorpusNotFound:
            corpus = None
        live: Mapping[str, Membership] = {}
        if corpus is not None:
            tools.catalog.corpora.check_roots(corpus.id, found.roots)
            live = tools.catalog.memberships.live(corpus.id)
        shelf = DryParseCache(tools.catalog)
        reading = self._read(found, shelf)
        _refuse_emptied(found, reading, live)
        plan = make_plan(live, reading.claims, _scope(found, reading))
        counts = (0, 0, 0)
        if plan.born or plan.died:
            parts = tools.parts_of(corpus) if corpus else tools.default_parts()
            counts = count_chunks(tools.catalog, parts, tools.pool, shelf, live, plan)
        return self._report(name, corpus.commit if corpus else CommitId(0), plan, reading, counts)

    def _report(
        self, name: str, commit: CommitId, plan: Plan, reading: DocumentClaims, chunks: tuple[int, int, int]
    ) -> IngestReport:
        failures = (*reading.failures, *plan.conflicts)
        return IngestReport(
            corpus=name,
            commit=commit,
            documents=DocumentCounts(
                added=plan.added,
                changed=plan.changed,
                unchanged=plan.unchanged,
                removed=plan.removed,
                skipped=len(reading.skipped),
                failed=len(failures),
            ),
            chunks_added=chunks[0],
            chunks_removed=chunks[1],
            embedded=chunks[2],
            seconds=time.perf_counter() - self._started,
            failures=failures,
            skipped=tuple(reading.skipped),
            warnings=tuple(sorted(reading.warnings, key=lambda row: (row.source, row.code))),
            notices=(*self._notices, *reading.notices),
        )


def _named(item: Item, name: str) -> Item:
    """What happened to an upload is told by its name, not by where it was put meanwhile."""
    return item if isinstance(item, SourceFile) else replace(item, source=name)


def _scope(found: Discovery, reading: DocumentClaims) -> Scope:
    return Scope(
        roots=frozenset(found.roots),
        kept=frozenset(reading.kept),
        prune=found.prune is not Prune.KEEP,
    )


def _refuse_emptied(found: Discovery, reading: DocumentClaims, live: Mapping[str, Membership]) -> None:
    """An unmounted disk looks like an empty folder; pruning it must be asked for twice."""
    if found.prune is not Prune.REMOVE:
        return
    for name, path in found.roots.items():
        holds = any(claim.root == name for claim in reading.claims)
        kept = any(origin == name or origin.startswith(f"{name}/") for origin in reading.kept)
        if not holds and not kept and any(row.root == name for row in live.values()):
            raise RootEmpty(
                f"{path} has become empty, but documents of it are in the corpus: nothing was pruned",
                hint="check that the folder is there; to remove them all, add --allow-empty",
            )


def _inline(document: InlineDocument) -> ParsedDocument:
    text, _ = normalise(document.text)
    if not text.strip():
        raise InvalidRequest(f"document {document.document_id!r} has no text", hint="send some text")
    return ParsedDocument(
        title=clean(document.title).strip(),
        text=text,
        media_type="text/plain",
        pages=(),
        metadata=document.metadata,
    )
