"""Where hits and citations stand in the originals: read for what is shown, and only of versions that know."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from ragsvc.domain import (
    AnswerEvent,
    Citation,
    CitationEvent,
    DoneEvent,
    Hit,
    Places,
    VersionId,
    places_within,
)

ReadPlaces: TypeAlias = Callable[[Sequence[VersionId]], Mapping[VersionId, Places]]
"""Reads the places of stored versions."""


@dataclass(frozen=True, slots=True)
class PlaceLookup:
    """The places of the versions of some hits, by the public ids of the versions."""

    _places: Mapping[str, Places] = field(default_factory=dict)

    @classmethod
    def of(cls, hits: Sequence[Hit], read: ReadPlaces) -> PlaceLookup:
        """Read those of the hits whose versions have any; where none has, nothing is read."""
        placed = {hit.passage.version_id: hit.passage.version for hit in hits if hit.passage.placed}
        found = read(sorted(placed)) if placed else {}
        return cls({placed[number]: places for number, places in found.items()})

    def hits(self, hits: Sequence[Hit]) -> tuple[Hit, ...]:
        """The hits with the places that each overlaps."""
        if not self._places:
            return tuple(hits)
        return tuple(
            replace(hit, places=self._within(hit.passage.version, hit.passage.start, hit.passage.end))
            for hit in hits
        )

    def event(self, event: AnswerEvent) -> AnswerEvent:
        """An event of an answer over the hits, with the places that its citations overlap."""
        if not self._places:
            return event
        if isinstance(event, CitationEvent):
            return CitationEvent(self._cited(event.citation))
        if isinstance(event, DoneEvent):
            citations = tuple(map(self._cited, event.answer.citations))
            return DoneEvent(replace(event.answer, citations=citations))
        return event

    def _cited(self, citation: Citation) -> Citation:
        return replace(citation, places=self._within(citation.version, citation.start, citation.end))

    def _within(self, version: str, start: int, end: int) -> Places:
        return places_within(self._places.get(version, ()), start, end)
