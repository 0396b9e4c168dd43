"""An end for answers of servers that do not keep to a number of tokens."""

from __future__ import annotations

# In twelfths of a token, so that a usual text is never counted higher than its model counts it:
# ASCII has four characters a token, other alphabets three, and Chinese, Japanese and Korean one and a half.
WHOLE = 12
ASCII, ALPHABET, IDEOGRAPH = 3, 4, 8
FIRST_IDEOGRAPH = "\u2e80"
# One and a half times as much as asked for; the more, because a few tokens may be long words.
SLACK = 1.5
MORE_TOKENS = 8


class TokenLimit:
    """Ends a text that is clearly longer than so many tokens."""

    def __init__(self, max_tokens: int) -> None:
        """:param max_tokens: that the server was asked for."""
        self._left = int((max_tokens * SLACK + MORE_TOKENS) * WHOLE)
        self.reached = False

    def feed(self, text: str) -> str:
        """Take the next piece; gives what of it may come out, "" once the limit was `reached`."""
        if self.reached:
            return ""
        for at, char in enumerate(text):
            self._left -= ASCII if char.isascii() else ALPHABET if char < FIRST_IDEOGRAPH else IDEOGRAPH
            if self._left < 0:
                self.reached = True
                return text[:at]
        return text
