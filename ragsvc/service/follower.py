"""A server's eye on the catalog: takes in new commits while queries go on with what they have."""

from __future__ import annotations

import gc
import logging
import threading
import time

from ragsvc.domain import Caller, CommitId, Readiness
from ragsvc.errors import RagsvcError
from ragsvc.service.queries import QueryService
from ragsvc.settings import Settings
from ragsvc.store.catalog import Catalog

log = logging.getLogger(__name__)

# How often a server looks whether its index files are as it read them.
CHECK_EVERY_S = 2.0


class Follower:
    """Polls one number; when it moved, brings every snapshot up to date in its own thread."""

    def __init__(self, catalog: Catalog, asker: QueryService, settings: Settings) -> None:
        self._catalog = catalog
        self._asker = asker
        self._settings = settings
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._reason = "not started"
        self._commit = CommitId(0)
        self._was_ready = False

    def start(self) -> None:
        """Load the model and the indexes, then follow; returns at once."""
        self._reason = "loading"
        self._thread = threading.Thread(target=self._run, name="ragsvc-follow", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop following."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        gc.unfreeze()

    def ready(self) -> Readiness:
        """Ready once the model and all indexes are in memory."""
        return Readiness(self._reason == "", self._reason, self._settings.embedder, self._commit)

    def _run(self) -> None:
        warm = False
        delay = check_at = 0.0
        while not self._stop.wait(delay):
            delay = self._settings.poll_s
            try:
                if not warm:
                    self._asker.warm_up()
                    warm = True
                newest = self._catalog.corpora.latest_commit()
                if newest != self._commit or self._reason:
                    failures = self._asker.refresh_all(Caller())
                    self._asker.followed = True
                    if failures:
                        raise failures[0]
                    self._commit = newest
                    self._reason = ""
                    if not self._was_ready:
                        _settle()
                    self._was_ready = True
                if time.monotonic() >= check_at:
                    check_at = time.monotonic() + CHECK_EVERY_S
                    self._asker.check_files()
            except RagsvcError as error:
                # Who was ready goes on with what it has.
                self._reason = "" if self._was_ready else error.message
                log.warning("cannot follow the catalog, trying again: %s", error.message)
                delay = max(1.0, delay)
            except Exception:
                self._reason = "" if self._was_ready else "internal error, see the log"
                log.exception("cannot follow the catalog, trying again")
                delay = max(1.0, delay)


def _settle() -> None:
    """Keep the collector off what stays: going through all that was loaded stops every query for .1 s."""
    gc.collect()
    gc.freeze()
