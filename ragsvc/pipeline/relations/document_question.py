"""The question which documents mention something: read whole, or not at all."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ragsvc.domain import Entity

MAX_NAMES = 8
_MAX_CHARS = 500

# Mails, reports and articles are but some of the documents; which of them they are, nothing here can tell.
_EN_THINGS = r"(?:documents?|docs?|files?|texts?)"
_DE_THINGS = r"(?:dokumenten?|dateien?|texten?|unterlagen)"
# Before the names and after them, and whether it is German.
_FORMS = tuple(
    (german, re.compile(rf"{before} (?P<names>.+){after}", re.IGNORECASE))
    for german, before, after in (
        (False, rf"(?:which|what) {_EN_THINGS} (?:mentions?|names?|cites?|refers? to|links? to)", ""),
        (False, rf"in (?:which|what) {_EN_THINGS} (?:is|are)", " (?:mentioned|named|cited)"),
        (True, rf"welche[rs]? {_DE_THINGS} (?:erwähn|nenn|zitier)(?:t|en)", ""),
        (True, rf"welche[rs]? {_DE_THINGS} verweis(?:t|en) auf", ""),
        (True, rf"in welche[nmr] {_DE_THINGS} (?:wird|werden)", " (?:erwähnt|genannt|zitiert)"),
    )
)
_BETWEEN = re.compile(r"( and | und | & | as well as | sowie | als auch |, (?:and )?)", re.IGNORECASE)
_BEFORE = re.compile(r"(?:both|sowohl) ", re.IGNORECASE)
_ARTICLE = re.compile(r"(?:the|a|an|der|die|das|den|dem|ein|eine|einen|einem|einer) ", re.IGNORECASE)
_QUOTES = "\"'`„“”‚‘’«»"


@dataclass(frozen=True, slots=True)
class DocumentQuestion:
    """Which documents mention all of some entities. german: the language of the question."""

    entities: tuple[Entity, ...]
    german: bool


def document_question(question: str, entity_of: Callable[[str], Entity | None]) -> DocumentQuestion | None:
    """Read a question which documents mention something.

    :param entity_of: the entity that is called so.
    :return: None for all other questions, and where a name is none that is known.
    """
    for german, names in _readings(question):
        before = _BEFORE.match(names)
        for written in (names, names[before.end() :] if before else ""):
            parts = _BETWEEN.split(written)
            if len(parts) <= 2 * MAX_NAMES and (entities := _entities(parts, entity_of)):
                return DocumentQuestion(tuple(dict.fromkeys(entities)), german)
    return None


def asks_for_documents(question: str) -> bool:
    """Whether a question may ask which documents mention something; its names are not looked at."""
    return next(_readings(question), None) is not None


def _readings(question: str) -> Iterator[tuple[bool, str]]:
    """Whether a question is German, and the names in it as they are written."""
    asked = " ".join(question.split()).rstrip("?!. ")
    if len(asked) <= _MAX_CHARS:
        for german, form in _FORMS:
            if found := form.fullmatch(asked):
                yield german, found["names"]


def _entities(parts: Sequence[str], entity_of: Callable[[str], Entity | None]) -> list[Entity]:
    """What all parts name, with separators at odd places, which may be part of a name; [] when not."""
    for end in range(len(parts), 0, -2):
        entity = _entity("".join(parts[:end]), entity_of)
        if entity is None:
            continue
        if end == len(parts):
            return [entity]
        if rest := _entities(parts[end + 1 :], entity_of):
            return [entity, *rest]
    return []


def _entity(written: str, entity_of: Callable[[str], Entity | None]) -> Entity | None:
    name = written.strip().strip(_QUOTES)
    if not name:
        return None
    found = entity_of(name)
    article = _ARTICLE.match(name)
    return found if found or not article else entity_of(name[article.end() :].strip(_QUOTES))
