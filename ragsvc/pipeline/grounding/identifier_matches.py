"""Which units hold the identifiers of a question, by themselves or by what stands over them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ragsvc.domain import Hit, Passage
from ragsvc.pipeline.grounding.identifiers import holds, identifiers_in, plainly
from ragsvc.pipeline.grounding.scored_unit import COMPOSITE, ScoredUnit
from ragsvc.pipeline.grounding.units import Unit, UnitKind


def held_identifiers(
    wanted: Sequence[str], passages: Sequence[Hit], found: Sequence[ScoredUnit]
) -> list[frozenset[str]]:
    """Which of the question's identifiers each unit holds, by itself or by what stands over it."""
    if not wanted:
        return [frozenset()] * len(found)
    names = {hit.rank: _name_of(hit.passage) for hit in passages}
    return [
        frozenset(each for each in wanted if holds(text, each) or holds(names[unit.number], each))
        for text, unit in zip(_contexts(found), found, strict=True)
    ]


def _name_of(passage: Passage) -> str:
    """What names a whole document: a code in it is that of all its units."""
    return plainly(f"{passage.document_id} | {passage.title}")


def _contexts(found: Sequence[ScoredUnit]) -> Iterator[str]:
    """What binds each unit: its titles and its own text; of a whole with many parts only its titles.

    A sentence without identifiers goes on about those that its paragraph named last.
    """
    named, last = "", (-1, -1)
    for each in found:
        unit = each.unit
        over = plainly(" | ".join((each.part.title, *unit.path, unit.lead)))
        if unit.kind in COMPOSITE:
            yield over
            continue
        said = plainly(unit.text)
        place = (each.number, unit.position)
        if unit.kind is UnitKind.SENTENCE:
            if identifiers_in(said) or place != last:
                named, last = said, place
            else:
                said = f"{named} | {said}"
        yield f"{over} | {said}"


def is_about(unit: Unit, named: Sequence[str]) -> bool:
    """Whether a unit, or what stands right over it, begins with one of the names, or a cell of it is one."""
    if unit.kind is UnitKind.ROW:
        cells = {cell.rpartition(": ")[2] for cell in plainly(unit.text).split("; ")}
        return not cells.isdisjoint(named)
    heads = [plainly(unit.text), *(plainly(title) for title in unit.path[-1:])]
    return any(head.startswith(name) and holds(head, name) for head in heads for name in named)
