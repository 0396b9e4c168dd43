"""Lists such as "red, green and blue", whose items mean the same in any order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from ragsvc.pipeline.grounding.parsed_sentence import Word
from ragsvc.pipeline.grounding.word_diff import MOST_OF_TEXT, MOST_WORDS

# An item has at most so many words.
_ITEM = 3
# And a list so many separators.
_LIST = 8
# With this word a list has its order.
_ORDERED = "respectively"
_JOINING = frozenset({"and", "or", "&"})
_SEPARATING = _JOINING | {",", ";"}


def in_order_of(sentence: Sequence[Word], text: Sequence[Word]) -> list[Word]:
    """The words of a sentence, with its lists in the order in which a text has the same items."""
    found = list(sentence)
    if (
        len(sentence) > MOST_WORDS
        or len(text) > MOST_OF_TEXT
        or any(word.text == _ORDERED for word in (*sentence, *text))
    ):
        return found
    known = {_items(text[start:end]): text[start:end] for start, end in _lists(text)}
    last = len(found)
    for start, end in sorted(_lists(sentence), key=lambda place: (-place[1], place[0])):
        other = known.get(_items(sentence[start:end]))
        if other is not None and end <= last:
            found[start:end] = other
            last = start
    return found


def _lists(words: Sequence[Word]) -> Iterator[tuple[int, int]]:
    """Where lists may begin and end: the first and the last item have one word or some."""
    places = [at for at, word in enumerate(words) if word.text in _SEPARATING]
    for first in range(len(places)):
        run = places[first : first + 1]
        for at in places[first + 1 : first + _LIST]:
            if at - run[-1] > _ITEM + 1:
                break
            run.append(at)
        for last in range(1, len(run) + 1):
            if words[run[last - 1]].text in _JOINING:
                yield from _around(words, run[0], run[last - 1])


def _around(words: Sequence[Word], first: int, last: int) -> Iterator[tuple[int, int]]:
    """Where a list may begin and end whose first and last separators stand at these places."""
    for before, after in product(range(1, _ITEM + 1), repeat=2):
        start, end = first - before, last + 1 + after
        if start >= 0 and end <= len(words):
            yield start, end


def _items(words: Sequence[Word]) -> tuple[tuple[str, ...], ...]:
    """The items of a list, in one order whatever theirs is."""
    items: list[list[str]] = [[]]
    for word in words:
        if word.text in _SEPARATING:
            items.append([])
        else:
            items[-1].append(word.text)
    return tuple(sorted(tuple(item) for item in items if item))
