"""Which units hold the identifiers of a question, by themselves or by what stands over them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ragsvc.domain import Hit, Passage
from ragsvc.pipeline.grounding.documents import DocumentPart
from ragsvc.pipeline.grounding.identifiers import holds, identifiers_in, plainly
from ragsvc.pipeline.grounding.scored_unit import ScoredUnit
from ragsvc.pipeline.grounding.unit_features import COMPOSITE
from ragsvc.pipeline.grounding.units import PARTS_KEPT, Unit, UnitKind, units_of

# A label stands within so many characters of where a unit begins.
LABEL_CHARS = 60
_DIGITS = re.compile(r"\d+")
_LETTERS = re.compile(r"[^\W\d_]+")
_HEX = re.compile(r"[0-9a-f]{6,}(?:-[0-9a-f]+)*")


def held_identifiers(
    wanted: Sequence[str], passages: Sequence[Hit], found: Sequence[ScoredUnit]
) -> list[frozenset[str]]:
    """Which of the question's identifiers each unit holds, by itself or by what stands over it."""
    if not wanted:
        return [frozenset()] * len(found)
    names = {hit.rank: _name_of(hit.passage) for hit in passages}
    contexts = [_context(each) for each in found]
    labelled = {name for context in contexts for name in wanted if holds(context.over, name)}
    kinds = {name: _shape_of(name) for name in wanted}
    return [
        frozenset(
            name
            for name in wanted
            if holds(context.over, name)
            or holds(names[unit.number], name)
            # What is about another of the kind only mentions this one.
            or (holds(context.said, name) and not (name in labelled and kinds[name] in context.labels))
        )
        for context, unit in zip(contexts, found, strict=True)
    ]


def is_about(unit: Unit, named: Sequence[str]) -> bool:
    """Whether a unit, or what stands right over it, begins with one of the names, or a cell of it is one."""
    if unit.kind is UnitKind.ROW:
        cells = {cell.rpartition(": ")[2] for cell in plainly(unit.text).split("; ")}
        return not cells.isdisjoint(named)
    heads = [plainly(unit.text), *(plainly(title) for title in unit.path[-1:])]
    return any(head.startswith(name) and holds(head, name) for head in heads for name in named)


@dataclass(frozen=True, slots=True)
class _Context:
    """What binds a unit, all as of `plainly`.

    over: its titles, what it begins with, and the label that was last before it. said: its own text.
    labels: shapes of the identifiers that it begins with.
    """

    over: str
    said: str
    labels: frozenset[str]


def _context(scored: ScoredUnit) -> _Context:
    unit = scored.unit
    titles = plainly(" | ".join((scored.part.title, *unit.path, unit.lead)))
    if unit.kind in COMPOSITE:
        # A whole of many parts is bound by its titles alone.
        return _Context(titles, "", frozenset())
    own, carried = _labels(scored.part).get(_key(unit), ((), ()))
    over = " | ".join((titles, *own, *carried))
    return _Context(over, plainly(unit.text), frozenset(map(_shape_of, own)))


@lru_cache(PARTS_KEPT)
def _labels(part: DocumentPart) -> dict[_Key, tuple[tuple[str, ...], tuple[str, ...]]]:
    """The identifiers that each unit begins with, and those that it goes on about.

    Text goes on about a label up to the next one of its shape: "K-11 ..." is over the lines below it up to
    "K-12 ...". Items and rows stand beside each other, and not below the one before.
    """
    found: dict[_Key, tuple[tuple[str, ...], tuple[str, ...]]] = {}
    current: dict[str, tuple[str, Unit]] = {}
    for unit in units_of(part):
        if unit.kind in COMPOSITE:
            continue
        own = tuple(_leading(unit))
        shapes = set(map(_shape_of, own))
        current = {shape: held for shape, held in current.items() if held[1].section == unit.section}
        carried = tuple(
            label
            for shape, (label, above) in current.items()
            if shape not in shapes and (above.group is None or above.group is not unit.group)
        )
        current |= {_shape_of(label): (label, unit) for label in own}
        found[_key(unit)] = own, carried
    return found


def _leading(unit: Unit) -> Iterator[str]:
    """The identifiers that a unit begins with."""
    head = unit.text[:LABEL_CHARS]
    plain = plainly(head)
    for name in identifiers_in(head):
        if plain.startswith(name) and holds(plain, name):
            yield name


def _shape_of(identifier: str) -> str:
    """What two identifiers of a kind share: their signs, and where they have letters and digits."""
    if _HEX.fullmatch(identifier):
        # Where letters and digits stand in a hash is chance.
        return "hex"
    return _DIGITS.sub("9", _LETTERS.sub("a", identifier))


_Key = tuple[int, int, UnitKind]


def _key(unit: Unit) -> _Key:
    return unit.start, unit.end, unit.kind


def _name_of(passage: Passage) -> str:
    """What names a whole document: a code in it is that of all its units."""
    return plainly(f"{passage.document_id} | {passage.title}")
