"""Tokens become text while they come: no character is split, and nothing of a stop text comes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

# What a decoder writes for bytes that are no character, or not yet.
BROKEN = "\ufffd"
# A character has at most 4 tokens, one for each byte: what is still broken after them stays so.
MAX_PENDING = 8


class TokenDecoder:
    """Decodes one token after the other, each with those before it that its text may depend on."""

    def __init__(self, decode: Callable[[list[int]], str]) -> None:
        self._decode = decode
        # The tokens of the last text that came out, and those after it.
        self._ids: list[int] = []
        self._read = 0

    def feed(self, token: int) -> str:
        """Take the next token.

        :return: the text that is now certain; "" while a character is incomplete.
        """
        self._ids.append(token)
        text = self._pending()
        if text.endswith(BROKEN) and len(self._ids) - self._read < MAX_PENDING:
            return ""
        self._ids = self._ids[self._read :]
        self._read = len(self._ids)
        return text

    def end(self) -> str:
        """The rest, without a character that was never completed."""
        return self._pending().rstrip(BROKEN)

    def _pending(self) -> str:
        known = self._decode(self._ids[: self._read]) if self._read else ""
        return self._decode(self._ids)[len(known) :] if self._ids else ""


class StopTexts:
    """Ends a text before the first of some texts that is complete."""

    def __init__(self, stops: Sequence[str]) -> None:
        """:param stops: none of them empty."""
        self._stops = tuple(stops)
        self._held = ""
        self.reached = False

    def feed(self, text: str) -> str:
        """Take the next piece.

        :return: what cannot be part of a stop text any more; "" once one was `reached`.
        """
        if self.reached:
            return ""
        text = self._held + text
        ends = [(at + len(stop), at) for stop in self._stops if (at := text.find(stop)) >= 0]
        if ends:
            self.reached, self._held = True, ""
            return text[: min(ends)[1]]
        cut = len(text) - self._open(text)
        self._held = text[cut:]
        return text[:cut]

    def end(self) -> str:
        """What was held back, when no more text comes."""
        held, self._held = self._held, ""
        return held

    def _open(self, text: str) -> int:
        """Length of the longest end of a text that may still become a stop text."""
        longest = 0
        for stop in self._stops:
            for size in range(min(len(stop) - 1, len(text)), longest, -1):
                if text.endswith(stop[:size]):
                    longest = size
                    break
        return longest
