"""What cost a worker its life or its time before: listed at once, and not tried again unless asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from ragsvc.domain import Failure
from ragsvc.pipeline.ingestion.parse_cache import ParseKey
from ragsvc.store.catalog import Catalog
from ragsvc.text.worker_pool import SETBACK_CODES


class Retry(StrEnum):
    """What to do about things that failed at great cost before."""

    LEAVE = "leave"
    RETRY = "retry"
    REHEARSE = "rehearse"


class KnownSetbacks:
    """The catalog's memory of them. A rehearsal only reads it."""

    def __init__(self, catalog: Catalog, maker_of: Callable[[ParseKey], str], again: Retry) -> None:
        """:param maker_of: version of the parser, or fingerprint of the profile, that a key is tried with."""
        self._catalog = catalog
        self._maker_of = maker_of
        self._again = again

    def known(self, keys: Sequence[ParseKey]) -> dict[ParseKey, Failure]:
        """Failures, without a source, of those that are not to be tried now."""
        found: dict[ParseKey, Failure] = {}
        for maker, some in self._by_maker(keys).items():
            remembered = self._catalog.setbacks.known(maker, some)
            if remembered and self._again is Retry.RETRY:
                self._catalog.setbacks.forget(maker, list(remembered))
                continue
            for key, (code, error) in remembered.items():
                found[key] = Failure("", code, f"{error}; tried before; --retry (?retry=true) to try again")
        return found

    def remember(self, failures: Mapping[ParseKey, Failure]) -> None:
        """Keep those that cost too much; others another try may cure."""
        costly = {key: item for key, item in failures.items() if item.code in SETBACK_CODES}
        if self._again is Retry.REHEARSE:
            return
        for maker, keys in self._by_maker(list(costly)).items():
            self._catalog.setbacks.put(maker, {key: (costly[key].code, costly[key].error) for key in keys})

    def _by_maker(self, keys: Sequence[ParseKey]) -> dict[str, list[ParseKey]]:
        grouped: dict[str, list[ParseKey]] = {}
        for key in keys:
            grouped.setdefault(self._maker_of(key), []).append(key)
        return grouped
