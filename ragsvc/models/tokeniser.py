"""The embedder's own tokeniser, without torch: counts and spans in its tokens."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from ragsvc.domain import I32Matrix
from ragsvc.errors import InvalidRequest, ModelNotFound
from ragsvc.models.bundled_models import open_model


class EmbedderTokeniser:
    """A tokenizer.json with its truncation and padding switched off.

    Published files often carry both (the bundled one cuts at 128 and pads to 128), which would
    make every count wrong.
    """

    def __init__(self, raw: Tokenizer, folder: str = "") -> None:
        """:param folder: where it was read from."""
        # The padding setting is the one place where tokenizer.json names the padding token.
        self.pad_id = int((raw.padding or {}).get("pad_id", raw.token_to_id("[PAD]") or 0))
        raw.no_truncation()
        raw.no_padding()
        self.raw = raw
        self._folder = folder

    @classmethod
    def from_folder(cls, path: Path | str) -> EmbedderTokeniser:
        """Read `tokenizer.json` of a model folder.

        :raises ModelNotFound: if there is none or it cannot be read.
        """
        path = Path(path).absolute()
        try:
            return cls(Tokenizer.from_file(str(path / "tokenizer.json")), str(path))
        except Exception as error:  # tokenizers raises bare Exception for every failure
            raise ModelNotFound(
                f"{path / 'tokenizer.json'} cannot be loaded: {error}",
                hint="the embedder needs a fast tokeniser: save the model again with a recent transformers",
            ) from error

    @classmethod
    def load(cls, name: str) -> EmbedderTokeniser:
        """Load the tokeniser of a bundled, local or hub model.

        :raises ModelNotFound: if the model or its tokeniser is not to be had.
        """
        return cls.from_folder(open_model(name).path)

    @property
    def special_tokens(self) -> int:
        """Number of tokens that the model puts around every text."""
        return int(self.raw.num_special_tokens_to_add(False))

    @property
    def recipe(self) -> tuple[str, str]:
        """How another process makes the same: "module:callable", and the text that it is called with."""
        return f"{__name__}:{type(self).__name__}.from_folder", self._folder

    def count(self, text: str) -> int:
        """Number of tokens, without special tokens and without any limit."""
        return len(self.raw.encode(text, add_special_tokens=False))

    def spans(self, text: str) -> I32Matrix:
        """Code point offsets of each token, without special tokens.

        :return: (t, 2) int32, [start, end) rows in ascending order.
        """
        encoding = self.raw.encode(text, add_special_tokens=False)
        return np.array(encoding.offsets, dtype=np.int32).reshape(-1, 2)

    def ids(self, texts: Sequence[str], max_tokens: int) -> list[list[int]]:
        """Token ids with special tokens, each list cut to `max_tokens` and closed as the model expects."""
        encodings = self.raw.encode_batch_fast(list(texts), add_special_tokens=True)
        rows: list[list[int]] = []
        for encoding in encodings:
            if len(encoding) > max_tokens:
                rows.append(self._cut(encoding.ids, encoding.special_tokens_mask, max_tokens))
            else:
                rows.append(encoding.ids)
        return rows

    def text(self, ids: Sequence[int]) -> str:
        """The text that these ids of this tokeniser spell; special tokens at both ends are left out.

        :raises InvalidRequest: if tokenising that text would give other ids.
        """
        ends = set(self.raw.encode("", add_special_tokens=True).ids)
        inner = list(ids)
        while inner and inner[0] in ends:
            inner.pop(0)
        while inner and inner[-1] in ends:
            inner.pop()
        size = self.raw.get_vocab_size()
        if any(not 0 <= number < size for number in inner):
            raise InvalidRequest(
                f"a token id is not among the {size} of the embedder's own tokeniser", hint="send texts"
            )
        text: str = self.raw.decode(inner, skip_special_tokens=False)
        # Ids of another tokeniser spell something too; it would be embedded, and mean nothing.
        if self.raw.encode(text, add_special_tokens=False).ids != inner:
            raise InvalidRequest(
                "the token ids are not what the embedder's own tokeniser makes of a text", hint="send texts"
            )
        return text

    @staticmethod
    def _cut(ids: list[int], special: list[int], max_tokens: int) -> list[int]:
        """Drop inner tokens from the end, keeping the special ones at both ends."""
        tail = 0
        while tail < len(ids) and special[len(ids) - 1 - tail]:
            tail += 1
        return ids[: max_tokens - tail] + ids[len(ids) - tail :]
