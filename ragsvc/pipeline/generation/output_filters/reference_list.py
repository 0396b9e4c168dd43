"""The list of sources that a model puts at the end of its answer: the service has one that is checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from ragsvc.domain import Hit, SupportState
from ragsvc.pipeline.generation.output_filters.references import References
from ragsvc.pipeline.grounding.citations import numbers_in
from ragsvc.protocols import SupportChecker

# What stands over such a list. Each is followed by a colon, or alone on its line.
LEADS = (
    "sources", "source", "sources used", "references", "reference", "citations", "bibliography",
    "works cited", "quellen", "quellenangaben", "fuentes", "références", "bibliographie", "fonti", "bronnen",
)  # fmt: skip
_MARKS = "#*_>=- \t\r\n"
_FENCE = re.compile(r"[\s>]*+(?:[-*+]\s+|\d{1,3}[.)]\s+)*(`{3,}|~{3,})([^\n]*)")
_MAX_LINES = 60
_MAX_LINE_CHARS = 400


class ReferenceListFilter:
    """Takes a list of sources off the end of one answer while it comes in pieces.

    A line such as "Sources:" is held back, and the references under it. At the end the list is left out,
    unless it tells something: then it, and whatever has other text in it or after it, comes out as it is.
    In a block of code nothing is held. Each character is judged by itself, so the output does not depend
    on how the answer comes in pieces.
    """

    def __init__(self, is_reference: Callable[[str], bool], adds_nothing: Callable[[str], bool]) -> None:
        """:param is_reference: whether an item may be left out. adds_nothing: whether it tells nothing."""
        self._is_reference = is_reference
        self._adds_nothing = adds_nothing
        self._fence = _Fence()
        self._held: list[str] = []
        self._items: list[str] = []
        self._line: list[str] = []
        # _passing: the rest of this line comes out.
        self._passing = self._begun = self._listing = False

    def feed(self, text: str) -> str:
        """What is certain after one more piece."""
        return "".join(map(self._step, text))

    def end(self) -> str:
        """What was held back and tells something, when nothing more comes."""
        line = "" if self._passing else "".join(self._line)
        held = not line or self._holds(line)
        if held and self._listing and all(map(self._adds_nothing, self._items)):
            return ""
        return self._released("" if held else line)

    def _step(self, char: str) -> str:
        self._line.append(char)
        if char == "\n":
            return self._end_line()
        if self._passing:
            return char
        line = "".join(self._line)
        if len(line) <= _MAX_LINE_CHARS and self._may_be_held(line):
            return ""
        self._passing = True
        return self._released(line)

    def _end_line(self) -> str:
        line = "".join(self._line)
        self._line.clear()
        self._fence.end_line(line)
        passing, self._passing = self._passing, self._fence.open
        if passing:
            return "\n"
        return "" if not self._fence.open and self._holds(line) else self._released(line)

    def _may_be_held(self, line: str) -> bool:
        """Whether a line, as far as it goes, may belong to a list of sources."""
        if self._listing:
            return True
        core = line.strip(_MARKS).lower()
        if not self._begun or (core and line[0] in " \t"):
            return False
        lead = core.partition(":")[0].strip(_MARKS)
        return lead in LEADS if ":" in core else any(known.startswith(core) for known in LEADS)

    def _holds(self, line: str) -> bool:
        """Whether a line that ended is held back; then it is."""
        if not self._begun or len(self._held) >= _MAX_LINES:
            return False
        item = ""
        if line.strip(_MARKS) and self._listing:
            item = line
        elif line.strip(_MARKS):
            lead, _, item = line.strip(_MARKS).partition(":")
            if line[0] in " \t" or lead.strip(_MARKS).lower() not in LEADS:
                return False
        if item.strip(_MARKS):
            if not self._is_reference(item):
                return False
            self._items.append(item)
        self._listing = self._listing or bool(line.strip(_MARKS))
        self._held.append(line)
        return True

    def _released(self, line: str) -> str:
        """All that was held back, and this line: it is no list of sources, or more than one."""
        text = "".join((*self._held, line))
        self._held, self._items, self._listing = [], [], False
        self._begun = self._begun or bool(text.strip())
        return text


class _Fence:
    """The fence of the block of code in which the next line stands."""

    def __init__(self) -> None:
        self._mark = ""

    @property
    def open(self) -> bool:
        """Whether it does."""
        return bool(self._mark)

    def end_line(self, line: str) -> None:
        """Take in one more line."""
        if self._mark:
            core = line.strip("> \t\r\n")
            if core.startswith(self._mark) and not core.strip(self._mark[0]):
                self._mark = ""
            return
        found = _FENCE.match(line)
        if found and not (found[1][0] == "`" and "`" in found[2]):
            self._mark = found[1]


def without_sources(passages: Sequence[Hit], support: SupportChecker) -> ReferenceListFilter:
    """The filter for an answer from these passages.

    A reference tells nothing when it only names passages, or when none of them bears it out: then it is
    made up.
    """
    references = References(passages)

    def adds_nothing(item: str) -> bool:
        unsupported = support.verdict(item, numbers_in(item)).standing is not SupportState.SUPPORTED
        return references.names_passages(item) or unsupported

    return ReferenceListFilter(references.is_reference, adds_nothing)
