"""Control tokens that stand in a text are made plain text, character for character."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping

# They tell a reader what stood there, and no tokenizer maps them back.
LOOKALIKES = {"<": "‹", "[": "⁅"}
OTHERWISE = "·"
# An added token that is not called special, such as <think> or [TOOL_CALLS], is none of the runs of
# spaces that some tokenizers add as well.
_TAG = re.compile(r"\s*[<\[｟].*[>\]｠]\s*", re.DOTALL)


class ControlTokens:
    """The tokens of one tokenizer that no text may bring along."""

    def __init__(
        self, tokens: Mapping[int, str], encode: Callable[[str], list[int]], unknown: int | None = None
    ) -> None:
        """Remember them.

        :param tokens: ids and their texts.
        :param encode: the ids of a text, with control tokens found in it, without any put around it.
        :param unknown: the id that stands for any word that the tokenizer does not know.
        """
        texts = sorted({text for text in tokens.values() if text})
        self._ids = frozenset(tokens) - {unknown}
        self._encode = encode
        # The first character of each, also where two overlap.
        starts = "|".join(map(re.escape, texts)) or r"(?!)"
        self._pattern = re.compile(rf"(?={starts}).", re.DOTALL)
        self._firsts = frozenset(_folded(text[0]) for text in texts)

    @classmethod
    def of(cls, tokenizer: object, encode: Callable[[str], list[int]]) -> ControlTokens:
        """Those that a transformers tokenizer names: special ones, and others that look like tags."""
        added: Mapping[int, object] = getattr(tokenizer, "added_tokens_decoder", {})
        special: Collection[int] = set(getattr(tokenizer, "all_special_ids", ()))
        tokens = {
            number: str(token)
            for number, token in added.items()
            if number in special or getattr(token, "special", False) or _TAG.fullmatch(str(token))
        }
        return cls(tokens, encode, getattr(tokenizer, "unk_token_id", None))

    def neutralised(self, text: str) -> str:
        """The text with one character of every control token replaced; as long as it was.

        A text without control tokens comes back as it is.
        """
        text = self._pattern.sub(lambda match: _plain(match.group()), text)
        if self._ids.isdisjoint(self._encode(text)):
            return text
        # The tokenizer folds characters before it looks for its tokens: "＜s＞", or "<S>".
        return "".join(_plain(char) if self._firsts & set(_folded(char)) else char for char in text)


def _plain(char: str) -> str:
    return LOOKALIKES.get(char, OTHERWISE)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower()
