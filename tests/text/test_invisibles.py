"""Characters that nobody sees are found, and those that a script or a picture needs are not."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragsvc.text.invisibles import hides, spelt

HIDDEN = {
    "zero width space": "a\u200bb",
    "soft hyphen": "boat\u00adhouse",
    "byte order mark": "a\ufeffb",
    "word joiner": "a\u2060b",
    "override": "\u202eabc\u202c",
    "isolate": "\u2067abc\u2069",
    "mark of direction": "a\u200fb",
    "tag characters": "a\U000e0041\U000e0042",
    "tags after a flag that is none": "\U0001f3f4\U000e0041",
    "filler": "a\u3164b",
    "variation of a letter": "a\ufe0fb",
    "many variations": "\u2764\ufe0f\ufe01\ufe02",
    "joiner between Latin letters": "a\u200db",
    "non-joiner between Latin letters": "a\u200cb",
    "non-joiner at the start": "\u200cabc",
    "joiner after a picture alone": "\U0001f469\u200dabc",
}
SEEN = {
    "ASCII": "a plain line\twith\n\x1b signs",
    "Persian": "می\u200cخواهم",
    "Hindi": "क्\u200dष",
    "Arabic number sign": "\u0600123",
    "family": "\U0001f469\u200d\U0001f469\u200d\U0001f467",
    "heart on fire": "\u2764\ufe0f\u200d\U0001f525",
    "skin": "\U0001f44d\U0001f3fd",
    "key cap": "1\ufe0f\u20e3",
    "flag of Scotland": "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "kind of ideograph": "葛\U000e0100",
    "accents": "e\u0301 à ß 漢字 עברית",
}


@pytest.mark.parametrize("text", HIDDEN.values(), ids=HIDDEN)
def test_hidden(text: str) -> None:
    assert hides(text)
    assert not hides(spelt(text))


@pytest.mark.parametrize("text", SEEN.values(), ids=SEEN)
def test_seen(text: str) -> None:
    assert not hides(text)
    assert spelt(text) == text


def test_an_escape_names_the_character() -> None:
    assert spelt("pay \u202e001\u202c now") == "pay <U+202E>001<U+202C> now"
    assert spelt("x" + "\U000e0041" * 900) == "x" + "<U+E0041>" * 4 + "<and 896 more>"


@given(st.text(st.characters(categories=["Cf", "L", "Nd", "Zs"])))
def test_what_is_left_is_seen(text: str) -> None:
    assert not hides(spelt(text))
    if not hides(text):
        assert spelt(text) == text
    assert hides(text) or all(unicodedata.category(sign) != "Cf" or not sign.isascii() for sign in text)
