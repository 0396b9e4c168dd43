"""Signatures: the same for ever, and true to the Jaccard similarity they estimate."""

from __future__ import annotations

import hashlib
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragsvc.domain import SIGNATURE_VALUES, U16Vector
from ragsvc.text.minhash import NEAR, signature, similarities


def read(text: str) -> U16Vector:
    return np.frombuffer(signature(text) or bytes(2 * SIGNATURE_VALUES), dtype="<u2").astype(np.uint16)


def likeness(one: str, other: str) -> float:
    return float(similarities(read(one), read(other)[None])[0])


def shingles(words: list[str]) -> set[tuple[str, ...]]:
    return set(zip(words, words[1:], words[2:], strict=False))


# Stored signatures are compared with ones made years later: if this fails, do not change the bytes
# here but raise SIGNATURE_VERSION, and only for a good reason.
GOLDEN = {
    "The quick brown fox jumps over the lazy dog.": "bf0141aaba0d26aecf0895a2eb172b50",
    "Straße und Größe: naïve café, ÉCOLE": "0411dd70be772bf242b91f8d8e7c6d83",
    "数据库在提交之前等待锁。死锁在一秒后被发现。": "b1dfe0592ffa30d9701be1c6fae0fa8b",
    "two words": "29505c05377dc950a4ccdf0369932eca",
    "\ud800 lone surrogate here": "3e4bdc1c986b4a4cc4ee5780b40ddb3b",
}


@pytest.mark.parametrize("text", GOLDEN)
def test_signatures_are_the_same_for_ever(text: str) -> None:
    made = signature(text)
    assert len(made) == 2 * SIGNATURE_VALUES
    assert hashlib.sha256(made).hexdigest()[:32] == GOLDEN[text]


def test_the_bytes_are_16_low_bits_of_each_minimum() -> None:
    from datasketch import MinHash, bBitMinHash

    sketch = MinHash(SIGNATURE_VALUES, seed=1, scheme="affine32")
    for shingle in (b"a b c", b"b c d"):
        sketch.update(shingle)
    assert read("A b, c d!").tolist() == bBitMinHash(sketch, b=16).hashvalues.tolist()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(20, 400), st.floats(0, 1))
def test_the_estimate_is_near_the_true_similarity(seed: int, length: int, kept: float) -> None:
    generator = random.Random(seed)
    words = [f"w{generator.randrange(200)}" for _ in range(length)]
    other = [word if generator.random() < kept else f"v{generator.randrange(200)}" for word in words]
    one, two = shingles(words), shingles(other)
    true = len(one & two) / len(one | two)
    error = max((true * (1 - true) / SIGNATURE_VALUES) ** 0.5, 1 / SIGNATURE_VALUES)
    estimate = likeness(" ".join(words), " ".join(other))
    assert abs(estimate - true) < 5 * error
    assert estimate == likeness(" ".join(other), " ".join(words))


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=80))
def test_a_text_is_like_itself_whatever_its_case_and_signs(text: str) -> None:
    if signature(text):
        assert likeness(text, text) == 1
        assert likeness(text, f"  «{text}» \n") == 1
    if text.isascii():
        assert signature(text.upper()) == signature(text.lower())


def test_texts_without_a_word_are_like_nothing() -> None:
    assert signature("") == signature(" …!? \n") == b""
    assert likeness("", "") == 0
    assert likeness("a word", "") == 0


def test_long_texts_are_read_in_blocks_without_a_difference() -> None:
    words = [f"w{n}" for n in range(10_000)]
    assert likeness(" ".join(words), " ".join(words[:9_000])) == pytest.approx(0.9, abs=0.1)
    assert likeness(" ".join(words), " ".join(reversed(words))) < 0.05


def test_scripts_without_blanks_are_compared_by_characters() -> None:
    text = "".join(chr(0x4E00 + 37 * n % 9000) for n in range(200))
    assert likeness(text, text[:100] + "改" + text[101:]) > NEAR
    assert likeness(text, text[::-1]) < 0.2


def test_a_few_changed_words_stay_near_and_more_do_not() -> None:
    words = [f"w{n}" for n in range(150)]
    for changes, near in ((2, True), (20, False)):
        other = list(words)
        for place in range(changes):
            other[place * 150 // changes + 1] = f"x{place}"
        assert (likeness(" ".join(words), " ".join(other)) >= NEAR) is near
