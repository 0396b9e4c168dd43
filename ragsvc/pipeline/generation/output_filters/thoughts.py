"""What a model thinks before it answers is no answer: it is cut out while the text comes in pieces."""

from __future__ import annotations

_OPENERS = {f"<{tag}>": f"</{tag}>" for tag in ("think", "thinking", "reasoning")}
_LONGEST = max(map(len, _OPENERS.values()))


class ReasoningFilter:
    """Leaves out `<think>...</think>`, <thinking> and <reasoning> at the beginning of one text.

    There may be several in a row; one that is never closed takes all that follows. Each character is judged
    by itself, so the output does not depend on how the text comes in pieces.
    """

    def __init__(self) -> None:
        # White space, and what may become an opening tag; or, inside of a block, what may end it.
        self._held = ""
        self._closer = ""
        self._begun = False

    def feed(self, piece: str) -> str:
        """What is certain after one more piece."""
        for place, char in enumerate(piece):
            if self._begun:
                return self._release() + piece[place:]
            self._step(char)
        return self._release() if self._begun else ""

    def end(self) -> str:
        """What was held back, when nothing more comes."""
        return "" if self._closer else self._release()

    def _step(self, char: str) -> None:
        self._held += char
        if self._closer:
            self._held = self._held[-_LONGEST:]
            if self._held.lower().endswith(self._closer):
                self._held = self._closer = ""
            return
        tag = self._held.lstrip().lower()
        if tag in _OPENERS:
            self._held, self._closer = "", _OPENERS[tag]
        else:
            self._begun = not any(opener.startswith(tag) for opener in _OPENERS)

    def _release(self) -> str:
        held, self._held = self._held, ""
        return held
