"""What the parser leaves out of Office files: second readers fill it in, or it is said."""

from __future__ import annotations

from ragsvc.domain import Caveat
from ragsvc.text.kept_words import fill_in
from ragsvc.text.readers.word import WordAccount


def complete_word(text: str, account: WordAccount) -> tuple[str, tuple[Caveat, ...]]:
    """Add to the text of a Word file what its body lacks, then heads, feet and comments."""
    text, caveats = fill_in(text, account.paragraphs)
    beside = [line for line in account.beside if line.partition(": ")[2] not in text]
    if beside:
        text = "\n\n".join([text.rstrip("\n"), *beside]).lstrip("\n") + "\n"
    return text, (*account.warnings, *caveats)
