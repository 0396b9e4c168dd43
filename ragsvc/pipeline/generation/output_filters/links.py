"""What a client might load, or be led to: only what stands in a passage comes out of an answer."""

from __future__ import annotations

import re
from collections import deque
from enum import Enum, auto

from ragsvc.pipeline.generation.output_filters.link_targets import PUNCTUATION, SCHEMES, Targets, is_loading
from ragsvc.pipeline.generation.output_filters.markers import CodeSpans
from ragsvc.pipeline.generation.output_filters.output import LEFT_OUT, NUMBER, FilteredText, without_bangs

# Longer ones are no addresses that anybody reads; held text must not grow without limit.
MAX_TARGET_CHARS = 2000
MAX_TAG_CHARS = 200
_TARGET = re.compile(r"\s*(?:<([^<>\n]*)>|([^\s<]\S*))?(\s+[\"'(].*)?\s*", re.DOTALL)
# What is no link whatever follows: a second word that begins no title.
_NO_TARGET = re.compile(r"\(\s*[^\s<]\S*\s+[^\s\"'()]")
_BLANK_LINE = re.compile(r"\n[ \t]*\n\Z")
_LEADS_ON = re.compile(r"[:/]")
_MAX_BANGS = 64
_IN_PROSE = re.compile(r"//(?=[\W_]|\Z)|data:(?![\w+.-]*[/;,])|\w+:/*\Z|www\.+\Z", re.IGNORECASE)
_ADDRESS = re.compile(r"<([a-zA-Z][\w+.-]{1,31}:[^\s<>]*)>")
_ENDS_ADDRESS = frozenset('<>"`|[]')


class _State(Enum):
    TEXT = auto()
    BANG = auto()
    CLOSED = auto()
    TARGET = auto()
    TAG = auto()
    SCHEME = auto()
    ADDRESS = auto()
    DROPPED = auto()


class Links:
    """Takes out of one answer, while it comes in pieces, what leads to or loads from elsewhere.

    A Markdown link to a target that stands in no passage becomes its text, an image its text (or a link,
    where its target stands in one), a bare address "…"; tags of HTML that load, link or run something go.
    What is left on both sides is kept apart, so that nothing new comes of it.

    In code, bare addresses and tags without an address stay. Links, images and other tags are treated as
    elsewhere: what one client takes for code is none to another. Each character is judged by itself, so the
    output does not depend on how the answer comes in pieces.
    """

    def __init__(self, known: Targets) -> None:
        """known: where links may lead."""
        self._known = known
        self._code = CodeSpans()
        self._in_code = False
        self._state = _State.TEXT
        # A thing of the state's kind, as far as it goes; what ends one that is left out.
        self._held = ""
        self._until = ""
        self._out = FilteredText()
        self._steps = {
            _State.TEXT: self._text,
            _State.BANG: self._bang,
            _State.CLOSED: self._closed,
            _State.TARGET: self._target,
            _State.TAG: self._tag,
            _State.SCHEME: self._scheme,
            _State.ADDRESS: self._address,
            _State.DROPPED: self._dropped,
        }
        self._again: deque[str] = deque()

    def feed(self, piece: str) -> str:
        """What is certain after one more piece."""
        for char in piece:
            self._in_code = self._code.step(char)
            self._again.append(char)
            self._work()
        return self._out.given()

    def end(self) -> str:
        """What was held back and may be shown, when nothing more comes."""
        while self._state is not _State.TEXT:
            match self._state:
                case _State.BANG:
                    self._to_text(self._held)
                case _State.CLOSED:
                    self._close()
                case _State.TARGET:
                    self._unlink()
                case _State.TAG:
                    self._end_tag()
                case _State.SCHEME:
                    self._to_text(self._held[0], again=self._held[1:])
                case _State.ADDRESS:
                    self._end_address()
                case _:
                    self._to_text("")
            self._work()
        self._out.flush()
        return self._out.given()

    def _work(self) -> None:
        while self._again:
            self._steps[self._state](self._again.popleft())

    def _text(self, char: str) -> None:
        before = self._out.before()[-1:]
        if char == "!":
            self._hold(_State.BANG, char)
        elif char == "[":
            self._open_bracket(char)
        elif char == "]":
            self._hold(_State.CLOSED, "")
        elif char == "<":
            self._hold(_State.TAG, char)
        elif not self._in_code and char.lower() in _FIRST and (self._out.gap or not before.isalnum()):
            self._hold(_State.SCHEME, char)
        else:
            self._out.emit(char)

    def _bang(self, char: str) -> None:
        if char == "[":
            bangs = self._held
            self._to_text("")
            self._open_bracket(bangs + char)
        elif char == "!":
            self._held = (self._held + char)[:_MAX_BANGS]
        else:
            self._to_text(self._held, again=char)

    def _closed(self, char: str) -> None:
        if char == "(":
            self._hold(_State.TARGET, char)
        else:
            self._close()
            self._again.appendleft(char)

    def _target(self, char: str) -> None:
        self._held += char
        held = self._held
        if held.endswith("]("):
            self._unlink()
            self._hold(_State.TARGET, char)
        elif char == ")" and held.count("(") <= held.count(")"):
            self._end_target()
        elif held[-2].isspace() and _NO_TARGET.match(held):
            self._not_linked(apart=not self._in_code or _LEADS_ON.search(held) is not None)
        elif char == "\n" and _BLANK_LINE.search(held):
            self._unlink()
            self._again.extendleft("\n\n")
        elif len(held) > MAX_TARGET_CHARS:
            self._unlink()
            self._drop(")")

    def _tag(self, char: str) -> None:
        if len(self._held) == 1 and not (char.isascii() and (char.isalpha() or char in "/!?")):
            self._to_text("<", again=char)
            return
        if char == "<":
            self._again.appendleft(char)
            self._end_tag()
            return
        self._held += char
        if char == ">":
            self._whole_tag()
        elif len(self._held) > MAX_TAG_CHARS:
            loading = is_loading(self._held)
            self._end_tag()
            if loading:
                self._drop(">")

    def _scheme(self, char: str) -> None:
        held = (self._held + char).lower()
        if held in SCHEMES:
            self._hold(_State.ADDRESS, self._held + char)
        elif any(scheme.startswith(held) for scheme in SCHEMES):
            self._held += char
        else:
            self._to_text(self._held[0], again=self._held[1:] + char)

    def _address(self, char: str) -> None:
        closes = char == ")" and self._held.count("(") <= self._held.count(")")
        if char.isspace() or char in _ENDS_ADDRESS or closes:
            self._again.appendleft(char)
            self._end_address()
            return
        self._held += char
        if len(self._held) > MAX_TARGET_CHARS:
            self._end_address()
            self._drop(" ")

    def _dropped(self, char: str) -> None:
        if char == self._until or (char.isspace() and self._until != ">"):
            self._to_text("", again=char if char.isspace() else "")

    def _hold(self, state: _State, held: str) -> None:
        self._state, self._held = state, held

    def _drop(self, until: str) -> None:
        self._hold(_State.DROPPED, "")
        self._until = until

    def _to_text(self, shown: str, again: str = "") -> None:
        self._hold(_State.TEXT, "")
        self._out.emit(shown)
        self._again.extendleft(reversed(again))

    def _open_bracket(self, bracket: str) -> None:
        self._out.settle(bracket[-1])
        self._out.open.append(bracket)

    def _close(self) -> None:
        """A bracket that is no link."""
        entry = self._out.open.pop() if self._out.open else ""
        mark = self._out.mark_in(entry)
        self._to_text(without_bangs(entry) + mark + "]")

    def _end_target(self) -> None:
        held = self._held
        found = _TARGET.fullmatch(held[1:-1])
        target = (found.group(1) or found.group(2) or "") if found else ""
        if target in self._known or (self._in_code and target and not _LEADS_ON.search(target)):
            entry = self._out.open.pop() if self._out.open else ""
            self._to_text(f"{entry.lstrip('!')}]" + (held if found and not found.group(3) else f"({target})"))
        elif target.isalnum():
            self._not_linked(apart=True)
        else:
            self._unlink()

    def _not_linked(self, *, apart: bool) -> None:
        """Words in parentheses after a bracket."""
        held = self._held
        self._close()
        self._out.gap = self._out.gap or apart
        self._out.emit("(")
        self._again.extendleft(reversed(held[1:]))

    def _unlink(self) -> None:
        """Leave a link's text without its target."""
        entry = self._out.open.pop() if self._out.open else None
        if entry is None or NUMBER.fullmatch(entry):
            self._to_text(f"{(entry or '').removeprefix('!')}]")
        else:
            self._out.gap = True
            self._to_text(entry.lstrip("!").removeprefix("["))
        self._out.gap = True

    def _whole_tag(self) -> None:
        held = self._held
        address = _ADDRESS.fullmatch(held)
        if address:
            stays = self._in_code or address.group(1) in self._known
            self._to_text(held if stays else LEFT_OUT)
        elif is_loading(held) and not (self._in_code and ":" not in held and "//" not in held):
            self._to_text("")
            self._out.gap = True
        elif "[" in held or ":" in held:
            self._to_text("<", again=held[1:])
        else:
            self._to_text(held)

    def _end_tag(self) -> None:
        """A tag that is not closed."""
        held = self._held
        if is_loading(held):
            self._to_text("")
            self._out.gap = True
        else:
            self._to_text("<", again=held[1:])

    def _end_address(self) -> None:
        held = self._held
        address = held.rstrip(PUNCTUATION)
        if prose := _IN_PROSE.match(held):
            address = prose.group()
        stays = prose is not None or address in self._known
        # An image may begin with its last character.
        self._to_text(address if stays else LEFT_OUT, again=held[len(address) :])


_FIRST = frozenset(scheme[0] for scheme in SCHEMES)
