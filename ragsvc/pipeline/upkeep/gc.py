"""Retention over rows and files: what no kept commit needs goes from both."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from ragsvc.domain import Caller, CollectReport
from ragsvc.errors import CorpusNotFound, StorageError
from ragsvc.generative import model_upkeep
from ragsvc.index import index_reader, index_writer
from ragsvc.pipeline.index_files import folder_of, rebase
from ragsvc.store.catalog import Catalog
from ragsvc.store.gc.retention import ProfileUse
from ragsvc.store.lock_turns import LockTurns

log = logging.getLogger(__name__)

_UID = re.compile(r"[0-9a-f]{32}")
_PROFILE = re.compile(r"[0-9a-f]{16}")


def collect(
    catalog: Catalog,
    caller: Caller,
    corpus: str | None,
    keep: int,
    *,
    dry_run: bool,
    vacuum: bool,
    turns: LockTurns,
) -> CollectReport:
    """Collect commits, content and index files; the writer lock is taken in turns, unless with a dry run.

    :param corpus: whose commits may go; None: of all corpora.
    :param keep: how many of the newest commits of a corpus stay, at least 1.
    :param vacuum: give the catalog's free pages back to the disk; not with a dry run.
    :raises CorpusNotFound: if there is none of this name.
    :raises WriterBusy: if another writer held the lock for too long; what was collected stays so.
    :raises DiskFull: if there is no room to vacuum; what was collected stays so.
    """
    started = time.perf_counter()
    collected = catalog.gc.collect(caller, corpus, keep, dry_run=dry_run, turns=turns)
    if dry_run:
        useless = list(_useless_folders(catalog.home.path, collected.places))
        freed = sum(index_writer.size_bytes(folder) for folder in useless)
        freed += sum(map(model_upkeep.size_bytes, _model_orphans(catalog, caller)))
    else:
        with turns.turn():
            useless = list(_useless_folders(catalog.home.path, catalog.gc.places()))
            freed = sum(index_writer.size_bytes(folder) for folder in useless)
            _remove(useless)
            freed += _remove_models(_model_orphans(catalog, caller))
        for place in collected.places:
            with turns.turn():
                freed += _shrink(catalog, caller, place)
        freed += catalog.gc.vacuum(turns) if vacuum else 0
    return replace(
        collected.report,
        indexes=len(useless),
        freed_bytes=freed,
        reusable_bytes=0 if dry_run else catalog.gc.reusable_bytes(),
        seconds=time.perf_counter() - started,
    )


def _useless_folders(home: Path, places: Sequence[ProfileUse]) -> Iterator[Path]:
    """Index folders that stand for no place; whatever has another name is not ours."""
    needed = {(place.uid, place.profile[:16]) for place in places}
    for corpus in sorted(home.iterdir()):
        if not _UID.fullmatch(corpus.name) or not corpus.is_dir() or corpus.is_symlink():
            continue
        for folder in sorted(corpus.iterdir()):
            ours = _PROFILE.fullmatch(folder.name) and folder.is_dir() and not folder.is_symlink()
            if ours and (corpus.name, folder.name) not in needed:
                yield folder


def _model_orphans(catalog: Catalog, caller: Caller) -> list[Path]:
    return model_upkeep.orphans(catalog.home, catalog.models.all(caller))


def _remove_models(folders: Sequence[Path]) -> int:
    """Remove what trainings left that were killed; gives the bytes freed."""
    freed = 0
    for folder in folders:
        size = model_upkeep.size_bytes(folder)
        try:
            model_upkeep.remove(folder)
            freed += size
        except StorageError as error:
            log.warning("files of a model stay that nothing needs: %s", error.message)
    return freed


def _remove(folders: Sequence[Path]) -> None:
    for folder in folders:
        try:
            index_writer.remove(folder)
        except StorageError as error:
            log.warning("index files stay that nothing needs: %s", error.message)
        with suppress(OSError):
            folder.parent.rmdir()


def _shrink(catalog: Catalog, caller: Caller, place: ProfileUse) -> int:
    """Write index files anew when they hold rows of deleted versions; gives the bytes saved."""
    try:
        corpus = catalog.corpora.get(caller, place.corpus)
    except CorpusNotFound:
        return 0  # deleted since
    if corpus.profile.fingerprint != place.profile:
        return 0  # what is gone back to seldom is not worth the work
    folder = folder_of(catalog, corpus)
    rows = index_reader.written_rows(folder)
    if (
        rows is None
        or np.isin(rows.versions, catalog.history.holdings(corpus.id, corpus.profile.id).versions).all()
    ):
        return 0
    before = index_writer.size_bytes(folder)
    try:
        rebase(catalog, corpus, force=True)
    except StorageError as error:
        # The old files serve as well: rows of deleted versions are never alive.
        log.warning("the index files of %s stay as they were: %s", corpus.name, error.message)
    return before - index_writer.size_bytes(folder)
