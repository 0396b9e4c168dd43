"""The files of a corpus's index: when they are written anew, and with which rows.

They hold what lives and, as long as it is not more than that, what earlier commits need, so that going
back to one of them costs no index work.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from ragsvc.domain import Corpus, Holdings, I64Vector
from ragsvc.errors import StaleContent, StorageError
from ragsvc.index import index_reader, index_writer
from ragsvc.index.corpus_index import CorpusIndex
from ragsvc.store.catalog import Catalog

log = logging.getLogger(__name__)

# Shares of the base: live rows that it lacks, rows in it that nothing needs.
LACKING_SHARE = 0.10
USELESS_SHARE = 0.25


def folder_of(catalog: Catalog, corpus: Corpus) -> Path:
    """Where the derived files of a corpus and its profile live."""
    return catalog.home.index(corpus.uid, corpus.profile.fingerprint)


def is_ours(catalog: Catalog, corpus: Corpus, written: index_reader.WrittenIndex) -> bool:
    """Whether files are of a commit in this catalog: it may have been put back to an older state."""
    return catalog.history.has_commit(corpus.id, written.commit_uid)


def renew_files(catalog: Catalog, corpus: Corpus) -> None:
    """Rebase after a publish, which stands whether or not there is room for files."""
    try:
        rebase(catalog, corpus)
    except (StorageError, StaleContent) as error:
        log.warning("the index files of %s stay as they were: %s", corpus.name, error.message)


def rebase(catalog: Catalog, corpus: Corpus, *, force: bool = False) -> bool:
    """Rewrite the base files when they lack too much of what lives, or hold too much that is useless.

    Must be called by the holder of the writer lock.

    :param corpus: at its head.
    :param force: rewrite them in any case.
    :return: whether files were written.
    :raises StorageError: if they cannot be written; the old ones stay.
    """
    folder = folder_of(catalog, corpus)
    holdings = catalog.history.holdings(corpus.id, corpus.profile.id)
    wanted = _wanted(holdings)
    if not force and not _is_worn(_base_rows(catalog, corpus), holdings, wanted):
        return False
    index = CorpusIndex.empty(corpus.profile.spec.embedder.dimension)
    if wanted.size:
        try:
            batch = catalog.chunks.batch(corpus.profile.id, wanted)
        except StaleContent:
            # What lives must not suffer from a fault in what lived once.
            batch = catalog.chunks.batch(corpus.profile.id, holdings.versions[holdings.live])
        index = index.extended(batch)
    keep = np.ones(index.rows, dtype=np.bool_)
    index_writer.save(
        index.compacted(keep),
        folder,
        commit=corpus.commit,
        commit_uid=corpus.commit_uid,
        profile=corpus.profile.fingerprint,
    )
    return True


def _wanted(holdings: Holdings) -> I64Vector:
    """Versions to keep: the whole history while it at most doubles what lives, else what lives."""
    live = int(holdings.chunks[holdings.live].sum())
    if int(holdings.chunks.sum()) > 2 * live:
        return holdings.versions[holdings.live]
    return holdings.versions


def _base_rows(catalog: Catalog, corpus: Corpus) -> index_reader.Rows | None:
    folder = folder_of(catalog, corpus)
    written = index_reader.written(folder)
    if written is None or not is_ours(catalog, corpus, written):
        return None
    return index_reader.written_rows(folder)


def _is_worn(base: index_reader.Rows | None, holdings: Holdings, wanted: I64Vector) -> bool:
    if base is None:
        return True
    held = np.isin(holdings.versions, base.versions)
    if not np.array_equal(holdings.cuts[held], base.cuts(holdings.versions[held])):
        return True  # cut anew since then
    rows = len(base.versions)
    lacking = holdings.chunks[holdings.live & ~held].sum()
    useless = np.count_nonzero(~np.isin(base.versions, wanted))
    return bool(lacking > LACKING_SHARE * rows or useless > USELESS_SHARE * rows)
