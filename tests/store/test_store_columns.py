"""Cells of JSON: what was written is read back, whatever the reader of JSON makes of its rarities."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from ragsvc.store.columns import CanonicalJson, canonical_json

# Lone surrogates among the texts: names of files may have them.
TEXTS = st.text(st.characters(exclude_categories=()))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
)


def read(text: str | None) -> Any:
    return CanonicalJson().result_processor(sqlite.dialect(), None)(text)


@given(value=VALUES)
def test_what_was_written_is_read(value: Any) -> None:
    found = read(canonical_json(value))
    assert found == value
    # 1 is not 1.0 where filters tell numbers from truth.
    assert canonical_json(found) == canonical_json(value)


@pytest.mark.parametrize("depth", [10, 199, 201, 500])
def test_what_is_deep_is_read(depth: int) -> None:
    text = "[" * depth + "]" * depth
    assert canonical_json(read(text)) == text


def test_an_empty_cell_is_none() -> None:
    assert read(None) is None
