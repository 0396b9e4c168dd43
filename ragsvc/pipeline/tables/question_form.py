"""Brings a question into the form that the grammar reads: without what is said beside it, the count first."""

from __future__ import annotations

from ragsvc.pipeline.tables.lexicon import lexicon, stems
from ragsvc.pipeline.tables.question_items import DISTANT, items_at
from ragsvc.pipeline.tables.question_words import QuestionItemKind, QuestionText, joined
from ragsvc.pipeline.tables.table_words import TableWords

_MIN_HEAD_CHARS = 4
_COUNTED = frozenset({"count", "amount"})


def plain_form(text: QuestionText, words: TableWords) -> QuestionText:
    """A question without sentences that are about who asks ("I need it for a report."), with "..: how many?"
    moved to its front, and German compounds of what is done and of what cut in two: Durchschnittsmiete."""
    parts = text.parts()
    kept = [part for part in parts if not _is_aside(part, words)] or parts
    for part in kept[1:]:
        if _only_counts(part):
            kept.remove(part)
            kept.insert(0, part)
            break
    return _cut_compounds(joined(kept), words)


def _is_aside(part: QuestionText, words: TableWords) -> bool:
    """Whether a sentence says something of who asks, and nothing that the table knows."""
    if not part.small or part.small[0] not in lexicon().openers:
        return False
    for at in range(len(part.small)):
        for item in items_at(part, words, at):
            links = item.kind not in (QuestionItemKind.ACT, QuestionItemKind.UNKNOWN)
            if (links and item.cost < DISTANT) or (
                not links and item.lexeme.role not in ("and", "per", "until")
            ):
                return False
    return True


def _only_counts(part: QuestionText) -> bool:
    """Whether a part asks how many, and says nothing else."""
    known = lexicon()
    for length in range(min(4, len(part.small)), 0, -1):
        acts = known.acts(part.small[:length])
        if acts and acts[0].role == "head" and acts[0].value in _COUNTED:
            return all(word in known.silent | known.expletives for word in part.small[length:])
    return False


def _cut_compounds(text: QuestionText, words: TableWords) -> QuestionText:
    if not text.german:
        return text
    own = {form for column in words.table.columns for word in column.words for form in stems(word)}
    parts: list[QuestionText] = []
    for raw, small in zip(text.raw, text.small, strict=True):
        cut = next((start for start in lexicon().compounds if small.startswith(start)), "")
        rest = raw[len(cut) :]
        if cut and len(rest) >= _MIN_HEAD_CHARS and not own & stems(small):
            parts.append(_text((lexicon().compounds[cut], rest.capitalize())))
        else:
            parts.append(_text((raw,)))
    return joined(parts) if parts else text


def _text(raw: tuple[str, ...]) -> QuestionText:
    return QuestionText(raw, tuple(map(str.casefold, raw)), german=True)
