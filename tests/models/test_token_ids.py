"""Token ids back to text: the text has exactly these ids, or the ids are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragsvc.errors import InvalidRequest
from ragsvc.models.embedder import DEFAULT_EMBEDDER
from ragsvc.models.tokeniser import EmbedderTokeniser

TOKENISER = EmbedderTokeniser.load(DEFAULT_EMBEDDER)
TEXTS = [
    "Backups are made nightly; don't skip them!",
    'It\'s 3.14 % of e-mail <a@b.de> -- "quoted", naïve café, 世界, 😀',
    "unbelievably antidisestablishmentarianism",
    "",
]


def ids_of(text: str, special: bool) -> list[int]:
    ids: list[int] = TOKENISER.raw.encode(text, add_special_tokens=special).ids
    return ids


@pytest.mark.parametrize("special", [True, False])
@pytest.mark.parametrize("text", TEXTS)
def test_ids_come_back(text: str, special: bool) -> None:
    again = TOKENISER.text(ids_of(text, special))
    assert ids_of(again, False) == ids_of(text, False)


@given(st.lists(st.integers(-3, 31_000), max_size=12))
def test_whatever_is_sent_comes_back_or_is_refused(ids: list[int]) -> None:
    try:
        text = TOKENISER.text(ids)
    except InvalidRequest:
        return
    inner = ids_of(text, False)
    assert [number for number in ids if number not in (101, 102)] == [
        number for number in inner if number not in (101, 102)
    ]


def test_ids_of_another_tokeniser_are_refused() -> None:
    # "Backups are made nightly; don't skip them!" in cl100k_base's style: beyond this vocabulary.
    with pytest.raises(InvalidRequest, match="not among"):
        TOKENISER.text([3998, 8000, 100_256])
    # A piece of a word cannot begin a text.
    with pytest.raises(InvalidRequest, match="not what"):
        TOKENISER.text([TOKENISER.raw.token_to_id("##ing")])
