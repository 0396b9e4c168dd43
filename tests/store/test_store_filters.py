"""Filters: SQL agrees with a plain evaluator, in both ways of asking; nonsense is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from store_building import ME, SPEC, document, new, prepare

from ragsvc.domain import Corpus
from ragsvc.errors import InvalidFilter
from ragsvc.store.catalog import Catalog
from ragsvc.store.filters import MAX_CONDITIONS, MAX_DEPTH, MAX_VALUES, parse_filter

SIZE = 12
BUILT_IN = ("_id", "_source", "_title", "_type", "_ingested_at")


def flatten(value: Any, name: str, out: dict[str, list[Any]]) -> None:
    """Oracle's own way to take metadata apart."""
    if isinstance(value, dict):
        if name:
            out.setdefault(name, [])
        for key, inner in value.items():
            flatten(inner, f"{name}.{key}" if name else key, out)
    elif isinstance(value, list):
        out.setdefault(name, [])
        for inner in value:
            flatten(inner, name, out)
    else:
        out.setdefault(name, []).append(value)


def same_type(a: Any, b: Any) -> bool:
    def kind(x: Any) -> str:
        if x is None:
            return "null"
        if isinstance(x, bool):
            return "bool"
        return "number" if isinstance(x, int | float) else "string"

    return kind(a) == kind(b)


def compare(op: str, have: list[Any], value: Any) -> bool:
    tests = {
        "$eq": lambda x: x == value,
        "$gt": lambda x: x > value,
        "$gte": lambda x: x >= value,
        "$lt": lambda x: x < value,
        "$lte": lambda x: x <= value,
    }
    return any(same_type(x, value) and tests[op](x) for x in have)


def field_matches(op: str, value: Any, name: str, doc: dict[str, list[Any]]) -> bool:
    have = doc.get(name, [])
    if op == "$exists":
        return (name in doc) is value
    if op == "$not":
        return not all(field_matches(o, v, name, doc) for o, v in value.items())
    if op == "$ne":
        return not compare("$eq", have, value)
    if op in ("$in", "$nin"):
        return any(compare("$eq", have, v) for v in value) is (op == "$in")
    return compare(op, have, value)


def matches(where: dict[str, Any], doc: dict[str, list[Any]]) -> bool:
    for key, value in where.items():
        if key == "$and":
            ok = all(matches(part, doc) for part in value)
        elif key == "$or":
            ok = any(matches(part, doc) for part in value)
        elif key == "$not":
            ok = not matches(value, doc)
        elif isinstance(value, dict):
            ok = all(field_matches(op, v, key, doc) for op, v in value.items())
        else:
            ok = compare("$eq", doc.get(key, []), value)
        if not ok:
            return False
    return True


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 1, 2, -1, 0.5, 1.0, 2**31, 1e300]),
    st.sampled_from(["", "a", "b", "1", "true", "é", "\U0001f600", "2024-01-31", "a\x00b", "%", "A"]),
)
names = st.sampled_from(["a", "b", "c", "a.b"])
metadata = st.dictionaries(
    names,
    st.one_of(
        scalars,
        st.lists(scalars, max_size=3),
        st.dictionaries(st.sampled_from(["b", "c"]), scalars, max_size=2),
    ),
    max_size=3,
)
ordered = st.one_of(st.sampled_from([0, 1, 1.5, -1]), st.sampled_from(["", "a", "b", "2024"]))
plain = st.one_of(
    st.tuples(st.sampled_from(["$eq", "$ne"]), scalars),
    st.tuples(st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), ordered),
    st.tuples(st.sampled_from(["$in", "$nin"]), st.lists(scalars, max_size=3)),
    st.tuples(st.just("$exists"), st.booleans()),
)
operators = st.lists(plain, min_size=1, max_size=2).map(dict)
with_not = st.one_of(operators, operators.map(lambda inner: {"$not": inner}))
built_in = st.sampled_from(["d3", "/src/d3", "text/plain", "d", "T1", "text/html", "2000", "3000", "doc 3"])
filters = st.recursive(
    st.one_of(
        st.dictionaries(names, st.one_of(scalars, with_not), max_size=2),
        st.dictionaries(
            st.sampled_from(BUILT_IN),
            st.one_of(
                built_in,
                scalars,
                with_not,
                built_in.map(lambda v: {"$gte": v}),
                st.lists(built_in, max_size=2).map(lambda v: {"$nin": v}),
            ),
            max_size=1,
        ),
    ),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"$and": parts}),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"$or": parts}),
        inner.map(lambda part: {"$not": part}),
    ),
    max_leaves=5,
)


class Shelf:
    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.corpus: Corpus = catalog.corpora.create(ME, "c", SPEC)
        made = [document(f"doc {i}", title=f"T{i}" if i % 2 else "") for i in range(SIZE)]
        self.versions = prepare(catalog, self.corpus, made)
        self.chunks = catalog.chunks.batch(self.corpus.profile.id, self.versions).chunk_ids.tolist()

    def publish(self, docs: list[dict[str, Any]]) -> int:
        with self.catalog.lock.hold():
            return self.catalog.memberships.publish(
                ME,
                self.corpus.id,
                kind="ingest",
                born=[new(f"d{i}", self.versions[i], meta) for i, meta in enumerate(docs)],
                died=[m.id for m in self.catalog.memberships.live(self.corpus.id).values()],
                roots={},
                stats={},
            )


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    with Catalog.open(tmp_path_factory.mktemp("filters")) as catalog:
        yield Shelf(catalog)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(docs=st.lists(metadata, min_size=1, max_size=SIZE), wheres=st.lists(filters, min_size=4, max_size=12))
@example(docs=[{"a": True}, {"a": 1}, {"a": "1"}, {}], wheres=[{"a": 1}, {"a": True}, {"a": {"$ne": 1}}, {}])
@example(docs=[{"a": []}, {"a": {}}, {"a": None}, {}], wheres=[{"a": {"$exists": True}}, {"a": None}])
def test_sql_matches_plain_evaluation(shelf: Shelf, docs: list[Any], wheres: list[Any]) -> None:
    commit = shelf.publish(docs)
    stored, _ = shelf.catalog.documents.page(ME, shelf.corpus, commit, None, 100)
    built = {
        d.document_id: {
            "_id": [d.document_id],
            "_source": [d.source],
            "_title": [d.title],
            "_type": [d.media_type],
            "_ingested_at": [d.ingested_at],
        }
        for d in stored
    }
    for where in wheres:
        expected = set()
        for i, meta in enumerate(docs):
            flat: dict[str, list[Any]] = {}
            flatten(meta, "", flat)
            if matches(where, flat | built[f"d{i}"]):
                expected.add(f"d{i}")
        parsed = parse_filter(json.loads(json.dumps(where)))
        allowed = shelf.catalog.memberships.allowed_versions(shelf.corpus.id, commit, parsed, ME).tolist()
        assert {f"d{shelf.versions.index(v)}" for v in allowed} == expected, where
        shown = shelf.catalog.passages.read(shelf.corpus, commit, shelf.chunks, parsed, ME)
        assert {p.document_id for p in shown} == expected, where


def test_a_title_falls_back_to_the_base_name_in_filters_and_passages(shelf: Shelf) -> None:
    commit = shelf.publish([{}, {}])
    where = parse_filter({"_title": "d0"})
    shown = shelf.catalog.passages.read(shelf.corpus, commit, shelf.chunks, where, ME)
    assert [(p.document_id, p.title) for p in shown] == [("d0", "d0")]


def nested(depth: int) -> dict[str, Any]:
    where: dict[str, Any] = {"a": 1}
    for _ in range(depth):
        where = {"$not": where}
    return where


@pytest.mark.parametrize(
    ("where", "named"),
    [
        ([], "a list"),
        ("x", "a string"),
        (None, "null"),
        ({"$foo": 1}, "$foo"),
        ({"a": {"$like": "x"}}, "$like"),
        ({"a": {}}, "'a'"),
        ({"a": {"b": 1}}, "'b'"),
        ({"a": [1]}, "$in"),
        ({"a": {"$in": 1}}, "$in"),
        ({"a": {"$in": [[1]]}}, "$in"),
        ({"a": {"$gt": True}}, "$gt"),
        ({"a": {"$gt": None}}, "$gt"),
        ({"a": {"$exists": 1}}, "$exists"),
        ({"a": {"$not": 3}}, "$not"),
        ({"a": float("nan")}, "finite"),
        ({"a": 10**400}, "too large"),
        ({"a": "\ud800"}, "Unicode"),
        ({"": 1}, "empty"),
        ({"x" * 5000: 1}, "longer"),
        ({"$and": []}, "$and"),
        ({"$or": {"a": 1}}, "$or"),
        ({"$and": [1]}, "$and"),
        (nested(MAX_DEPTH + 1), "deeper"),
        ({"a": {"$in": list(range(MAX_VALUES + 1))}}, "values"),
        ({"$and": [{"a": 1}] * (MAX_CONDITIONS + 1)}, "conditions"),
    ],
)
def test_a_malformed_filter_is_an_error_that_names_the_place(where: Any, named: str) -> None:
    with pytest.raises(InvalidFilter) as caught:
        parse_filter(where)
    assert named in caught.value.message + caught.value.hint
    assert caught.value.hint


def test_the_largest_filters_that_are_accepted_run(shelf: Shelf) -> None:
    commit = shelf.publish([{"a": 1}])
    wide = {"$and": [{"a": {"$ne": i + 2}} for i in range(MAX_CONDITIONS // 2 - 2)]}
    for where in (wide, nested(MAX_DEPTH - 2), {"a": {"$in": list(range(MAX_VALUES))}}):
        parsed = parse_filter(where)
        allowed = shelf.catalog.memberships.allowed_versions(shelf.corpus.id, commit, parsed, ME)
        assert allowed.tolist() == shelf.versions[:1], where


def test_filters_are_keys_that_keep_types_apart() -> None:
    keys = {
        parse_filter({"a": 1}),
        parse_filter({"a": True}),
        parse_filter({"a": "1"}),
        parse_filter({"a": 1.0}),
    }
    assert len(keys) == 3


def test_an_empty_home_is_enough(tmp_path: Path) -> None:
    with Catalog.open(tmp_path) as catalog:
        corpus = catalog.corpora.create(ME, "c", SPEC)
        assert (
            catalog.memberships.allowed_versions(
                corpus.id, corpus.commit, parse_filter({"a": 1}), ME
            ).tolist()
            == []
        )
