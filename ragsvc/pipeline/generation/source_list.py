"""The list of sources that a model puts at the end of its answer: the service has one that is checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from ragsvc.domain import Hit
from ragsvc.pipeline.grounding.markers import numbers_in, words_of
from ragsvc.pipeline.grounding.support import Standing, Support, bare

# What stands over such a list. Each is followed by a colon, or alone on its line.
LEADS = (
    "sources", "source", "sources used", "references", "reference", "citations", "bibliography",
    "works cited", "quellen", "quellenangaben", "fuentes", "références", "bibliographie", "fonti", "bronnen",
)  # fmt: skip
_MARKS = "#*_>=- \t\r\n"
# Words that a list of sources has besides titles.
_FILLING = frozenset("passage passages page pages p pp section document see and from".split())  # noqa: SIM905
_ITEM = re.compile(r"\s*(?:[-*+•–>]\s|\(?\d{1,3}[.)]\s|\*{0,2}\[|https?://)")
_MARKER_FIRST = re.compile(r"[\s\-*+•–>(]*(?:\d{1,3}[.)]\s*)?\*{0,2}\[\d{1,4}\]")
_MAX_LINES = 60
_MAX_LINE_CHARS = 400


class WithoutSources:
    """Takes a list of sources off the end of one answer while it comes in pieces.

    A line such as "Sources:" is held back, and all that may be a list under it. At the end the list is left
    out, unless it tells something: then it, and whatever is followed by other text, comes out as it is.
    Each character is judged by itself, so the output does not depend on how the answer comes in pieces.
    """

    def __init__(self, adds_nothing: Callable[[str], bool], is_title: Callable[[str], bool]) -> None:
        """:param adds_nothing: whether an item tells nothing. is_title: whether it only names passages."""
        self._adds_nothing = adds_nothing
        self._is_title = is_title
        self._held: list[str] = []
        self._items: list[str] = []
        self._line = ""
        self._passing = self._begun = self._listing = False

    def feed(self, text: str) -> str:
        """What is certain after one more piece."""
        ready: list[str] = []
        for char in text:
            if self._passing:
                ready.append(char)
                self._passing = char != "\n"
                continue
            self._line += char
            if char == "\n":
                if not self._end_line():
                    ready.append(self._released())
            elif not self._may_be_held():
                ready.append(self._released())
                self._passing = True
        return "".join(ready)

    def end(self) -> str:
        """What was held back and tells something, when nothing more comes."""
        held = not self._line or self._end_line()
        if held and self._listing and all(map(self._adds_nothing, self._items)):
            return ""
        return self._released()

    def _may_be_held(self) -> bool:
        """Whether the line, as far as it goes, may belong to a list of sources."""
        if self._listing:
            return len(self._line) <= _MAX_LINE_CHARS
        if not self._begun:
            return False
        core = self._line.strip(_MARKS).lower()
        lead = core.partition(":")[0].strip(_MARKS)
        if ":" in core:
            return lead in LEADS and len(self._line) <= _MAX_LINE_CHARS
        return any(known.startswith(core) for known in LEADS)

    def _end_line(self) -> bool:
        """Whether the line that ended is held back."""
        line = self._line
        if not line.strip(_MARKS):
            held = bool(self._begun and len(self._held) < _MAX_LINES)
        elif self._listing:
            held = len(self._held) < _MAX_LINES and self._is_item(line)
            if held:
                self._items.append(line)
        else:
            lead, _, rest = line.strip(_MARKS).partition(":")
            held = self._begun and lead.strip(_MARKS).lower() in LEADS and self._is_item(rest)
            self._listing = held
            if held and rest.strip(_MARKS):
                self._items.append(rest)
        if held:
            self._held.append(line)
            self._line = ""
        return held

    def _is_item(self, text: str) -> bool:
        return _ITEM.match(text) is not None or self._is_title(text)

    def _released(self) -> str:
        """All that was held back: it is no list of sources, or more than one."""
        text = "".join((*self._held, self._line))
        self._held, self._items, self._line, self._listing = [], [], "", False
        self._begun = self._begun or bool(text.strip())
        return text


def without_sources(passages: Sequence[Hit], support: Support) -> WithoutSources:
    """The filter for an answer from these passages.

    An item tells nothing when it only names passages, or when none of them bears it out: then it is made up.
    """
    named = frozenset(
        word
        for hit in passages
        for word in words_of(
            f"{hit.passage.title} {hit.passage.document_id} {hit.passage.source} {hit.corpus}"
        )
    )

    def is_title(item: str) -> bool:
        words = words_of(bare(item))
        allowed = named | _FILLING
        if _MARKER_FIRST.match(item):
            headings = (passages[number - 1].passage.headings for number in numbers_in(item))
            allowed |= {word for each in headings for word in words_of(" ".join(each))}
        return all(word in allowed or word.isdigit() for word in words)

    def adds_nothing(item: str) -> bool:
        return is_title(item) or support.verdict(item, numbers_in(item)).standing is not Standing.SUPPORTED

    return WithoutSources(adds_nothing, is_title)
