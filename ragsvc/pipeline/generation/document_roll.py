"""The documents that mention what was asked for, as an answer says them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from ragsvc.domain import Computation, Hit
from ragsvc.pipeline.generation.composition import MARKER_LIKE, AnswerPart
from ragsvc.pipeline.grounding.documents import WholeText
from ragsvc.pipeline.relations.document_list import DocumentList, ListedDocument
from ragsvc.store.filters import MENTIONS

_MAX_TITLE_CHARS = 200
# One document, several, "and", how many are left out.
_WORDS = {
    False: ("1 document mentions {}:", "{} documents mention {}:", " and ", "{} more are not listed"),
    True: (
        "1 Dokument erwähnt {}:",
        "{} Dokumente erwähnen {}:",
        " und ",
        "{} weitere sind nicht aufgeführt",
    ),
}


def roll(made: DocumentList) -> tuple[tuple[AnswerPart, ...], tuple[Hit, ...], Computation]:
    """Parts of the answer, a document each, with the passages that they cite and how they were found.

    :param made: at least one document.
    """
    one, several, and_, more = _WORDS[made.asked.german]
    names = [_shown(entity.name) for entity in made.asked.entities]
    named = and_.join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    first = one.format(named) if made.total == 1 else several.format(made.total, named)
    titles = Counter(each.hit.passage.title for each in made.documents)
    parts: list[AnswerPart] = []
    hits: list[Hit] = []
    for number, each in enumerate(made.documents, 1):
        head = f"{first}\n\n" if number == 1 else ""
        parts.append(_part(head, number, each, alone=titles[each.hit.passage.title] == 1))
        hits.append(replace(each.hit, rank=number))
    if left := made.total - len(parts):
        parts[-1] = replace(parts[-1], note=more.format(left))
    return tuple(parts), tuple(hits), Computation(_query(made), made.total)


def _part(head: str, number: int, listed: ListedDocument, *, alone: bool) -> AnswerPart:
    passage, text = listed.hit.passage, listed.text
    called = passage.title if alone else f"{passage.title} ({passage.document_id})"
    document = WholeText(text.text, text.pages)
    return AnswerPart(f"{head}- {_shown(called)}", number, document, listed.spans, prose=False)


def _shown(name: str) -> str:
    """A name on one line that is no marker."""
    return MARKER_LIKE.sub(r"(\1)", " ".join(name.split()))[:_MAX_TITLE_CHARS]


def _query(made: DocumentList) -> str:
    names: Sequence[str] = [entity.name for entity in made.asked.entities]
    return json.dumps({MENTIONS: names[0] if len(names) == 1 else {"$all": names}}, ensure_ascii=False)
