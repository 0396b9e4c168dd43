"""Metadata as typed, indexed leaves, so that filters are answered by an index."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value of one field; the kind is part of it, so that true is not 1 and "1" is not 1.

    kind: s string, n number, b boolean, z null, l empty list, o object.
    text: the string, or "true"/"false"; None for other kinds.
    number: the number as a double (integers beyond 2**53 are rounded); None for other kinds.
    """

    kind: str
    text: str | None = None
    number: float | None = None


def leaf_of(value: str | float | bool | None) -> Leaf:
    """Make the leaf of a scalar.

    :raises OverflowError: if an integer is beyond the range of a double.
    """
    if value is None:
        return Leaf("z")
    if isinstance(value, bool):
        return Leaf("b", text="true" if value else "false")
    if isinstance(value, str):
        return Leaf("s", text=value)
    return Leaf("n", number=float(value))


def leaves(metadata: Mapping[str, Any]) -> set[tuple[str, Leaf]]:
    """Take metadata apart: (name, leaf) pairs.

    A list gives one leaf per element; nested objects give dotted names.
    """
    return {pair for key, value in metadata.items() for pair in _walk(valid(str(key)), value)}


def field_rows(membership_id: int, corpus_id: int, metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of table `field` for one membership, by name."""
    return [
        {
            "membership_id": membership_id,
            "corpus_id": corpus_id,
            "name": name,
            "kind": leaf.kind,
            "text": leaf.text,
            "number": leaf.number,
        }
        for name, leaf in sorted(leaves(metadata), key=lambda pair: pair[0])
    ]


def valid(text: str) -> str:
    """Replace lone surrogates, which no database stores."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _walk(name: str, value: Any) -> Iterator[tuple[str, Leaf]]:
    if isinstance(value, Mapping):
        yield name, Leaf("o")
        for key, inner in value.items():
            yield from _walk(f"{name}.{valid(str(key))}", inner)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        if not value:
            yield name, Leaf("l")
        for inner in value:
            yield from _walk(name, inner)
    elif isinstance(value, str):
        yield name, leaf_of(valid(value))
    else:
        try:
            yield name, leaf_of(value)
        except OverflowError:
            yield name, Leaf("n", number=math.copysign(math.inf, value))
