"""Small helpers of all rooms: the cache of what was used last, and trying again."""

from __future__ import annotations

from collections import OrderedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragsvc.errors import InvalidRequest, StaleContent
from ragsvc.lru_cache import LruCache
from ragsvc.retries import retry_stale

keys = st.integers(0, 6)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.dictionaries(keys, st.text("ab", max_size=12), max_size=4)),
        st.tuples(st.just("among"), st.lists(keys, unique=True, max_size=4)),
        st.tuples(st.just("drop"), st.lists(keys, max_size=2)),
    ),
    max_size=30,
)


@given(steps, st.integers(0, 20))
def test_what_was_used_longest_ago_goes_first(story: list[tuple[str, object]], limit: int) -> None:
    """As written down longhand, step by step."""
    cache: LruCache[int, str] = LruCache(limit, len)
    held: OrderedDict[int, str] = OrderedDict()
    for what, given_ in story:
        if what == "put":
            cache.put(given_)
            for key, text in given_.items():
                held.pop(key, None)
                if len(text) <= limit:
                    held[key] = text
                while sum(map(len, held.values())) > limit:
                    held.popitem(last=False)
        elif what == "among":
            assert cache.among(given_) == {key: held[key] for key in given_ if key in held}
            for key in given_:
                if key in held:
                    held.move_to_end(key)
        else:
            cache.drop(given_)
            for key in given_:
                held.pop(key, None)
        assert cache.values() == list(held.values())
        assert sum(map(len, cache.values())) <= limit


def test_without_weights_so_many_values_are_held() -> None:
    cache: LruCache[str, object] = LruCache(2)
    first = cache.get_or_make("a", object)
    assert cache.get_or_make("a", object) is first
    cache.put({"b": 1, "c": 2})
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (None, 1, 2)
    cache.clear()
    assert cache.values() == []


@pytest.mark.parametrize("stale", range(4))
def test_stale_content_is_prepared_again_until_the_last_attempt(stale: int) -> None:
    tried: list[int] = []

    def once(attempt: int) -> str:
        tried.append(attempt)
        if attempt < stale:
            raise StaleContent("gone")
        return "done"

    if stale < 3:
        assert retry_stale(once, 3) == "done"
    else:
        with pytest.raises(StaleContent):
            retry_stale(once, 3)
    assert tried == list(range(min(stale, 2) + 1))


def test_other_errors_are_not_tried_again() -> None:
    tried: list[int] = []

    def once(attempt: int) -> None:
        tried.append(attempt)
        raise InvalidRequest("no")

    with pytest.raises(InvalidRequest):
        retry_stale(once, 3)
    assert tried == [0]
