"""Examples as token ids: [CLS] question [SEP] header, text [SEP]."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from training.reader.examples import Example

MAX_QUESTION_TOKENS = 72
MAX_HEADER_TOKENS = 32
MAX_TOKENS = 256
SPAN_IGNORED = -100


@dataclass(frozen=True, slots=True)
class Features:
    """All examples, one after another; each array has one entry an example unless it says otherwise.

    ids: (tokens,) int32, of all. bounds: (n + 1,) int64, where each example's ids begin. text_from: the
    first token of its text. start, end: tokens of the answer; 0 for none, SPAN_IGNORED for unknown.
    """

    ids: np.ndarray[Any, Any]
    bounds: np.ndarray[Any, Any]
    text_from: np.ndarray[Any, Any]
    start: np.ndarray[Any, Any]
    end: np.ndarray[Any, Any]
    answerable: np.ndarray[Any, Any]
    relevant: np.ndarray[Any, Any]
    support: np.ndarray[Any, Any]
    weight: np.ndarray[Any, Any]
    source: np.ndarray[Any, Any]

    def save(self, path: Path) -> None:
        """Write one file."""
        np.savez(path, **{name: getattr(self, name) for name in self.__slots__})

    @classmethod
    def load(cls, path: Path) -> Features:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as file:
            return cls(**{name: file[name] for name in cls.__slots__})

    def __len__(self) -> int:
        return len(self.start)


def featured(examples: Iterable[Example], tokenizer_file: Path) -> Features:
    """Tokenise; an answer beyond the last token that fits is none that is known."""
    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    cls, sep = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    rows: list[tuple[Any, ...]] = []
    for each in examples:
        question = tokenizer.encode(each.question, add_special_tokens=False).ids[:MAX_QUESTION_TOKENS]
        header = tokenizer.encode(each.header, add_special_tokens=False).ids[:MAX_HEADER_TOKENS]
        text = tokenizer.encode(each.text, add_special_tokens=False)
        before = [cls, *question, sep, *header]
        room = MAX_TOKENS - len(before) - 1
        ids = [*before, *text.ids[:room], sep]
        start, end = SPAN_IGNORED, SPAN_IGNORED
        if each.spans and each.start < 0:
            start = end = 0
        elif each.spans:
            inside = [
                at
                for at, (a, b) in enumerate(text.offsets[:room])
                if b > each.start and a < each.end and b > a
            ]
            if inside and text.offsets[inside[-1]][1] >= each.end:
                start, end = len(before) + inside[0], len(before) + inside[-1]
        labels = (each.answerable, each.relevant, int(each.support), each.weight, each.source)
        rows.append((ids, len(before), start, end, *labels))
    columns = list(zip(*rows, strict=True))
    lengths = [len(ids) for ids in columns[0]]
    return Features(
        np.concatenate([np.asarray(ids, dtype=np.int32) for ids in columns[0]]),
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        *(np.asarray(column, dtype=np.int32) for column in columns[1:7]),
        np.asarray(columns[7], dtype=np.float32),
        np.asarray(columns[8]),
    )
