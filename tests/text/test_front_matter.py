"""Front matter: what is read, what stays text, and that nothing in it costs more than its own size."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragsvc.text.front_matter import MAX_ALIASES, FrontMatter, FrontMatterFault, take_front_matter
from ragsvc.text.normalisation import MAX_DEPTH, MAX_NODES, to_json


@given(st.text(max_size=60))
def test_front_matter_never_loses_the_body(body: str) -> None:
    assert take_front_matter("---\na: 1\n---\n" + body) == FrontMatter(body, {"a": 1})
    found = take_front_matter(body)
    assert found.text == body or found.metadata or body.startswith("---")


@pytest.mark.parametrize(
    "text",
    [
        "---\nbroken: [1\n---\nbody",
        "---\n- a list\n---\nbody",
        "---\njust words\n---\nbody",
        "---\nnever: closed\n",
        "---\n---\nbody",
        "---\nwhen: 2024-13-45\n---\nbody",
        "--- not a fence\na: 1\n---\n",
        # aliases that unfold to billions
        "---\na: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(
            f"{n}: &{n} [{','.join([f'*{p}'] * 9)}]\n" for p, n in zip("abcdefgh", "bcdefghi", strict=True)
        )
        + "---\nbody",
        "---\na: &a [*a]\n---\nbody",
    ],
)
def test_what_is_not_front_matter_stays_text(text: str) -> None:
    found = take_front_matter(text)
    assert (found.text, found.metadata) == (text, {})


def test_front_matter_becomes_json() -> None:
    metadata = take_front_matter(
        "---\ndate: 2024-05-01\nat: 2024-05-01 10:00:00\nnan: .nan\n1: one\n"
        "nul: 'a\\0b'\nset: !!set {x}\n...\n"
    ).metadata
    assert json.loads(json.dumps(metadata)) == metadata
    assert metadata["date"] == "2024-05-01" and metadata["nan"] is None and metadata["1"] == "one"
    assert to_json({"a": ("x\x00", {1})}) == {"a": ["x\ufffd", [1]]}


def document(yaml: str) -> str:
    return f"---\n{yaml}\n---\npenguin"


def fault_of(yaml: str) -> FrontMatterFault:
    found = take_front_matter(document(yaml))
    if found.fault:
        assert (found.text, found.metadata) == (document(yaml), {}), "what is not read stays in the text"
    return found.fault


@pytest.mark.parametrize("opener", ["[", "{", "{a: ", "[[], ", "- ", "? ", "? - ", "&a [", "!!map {? "])
@pytest.mark.parametrize("times", [MAX_DEPTH + 1, 1000, 30_000])
def test_deep_nests_are_left_alone_without_a_crash(opener: str, times: int) -> None:
    start = "a: " if opener[0] in "[{&!" else "a:\n "
    assert fault_of(start + opener * min(times, 60_000 // len(opener))) is FrontMatterFault.TOO_COMPLEX


def layers(depth: int, width: int, layer: str) -> str:
    lines = ["a0: &a0 {k: v}"]
    lines += [f"a{n}: &a{n} " + layer.format(", ".join([f"*a{n - 1}"] * width)) for n in range(1, depth + 1)]
    return "\n".join(lines)


@pytest.mark.parametrize("layer", ["{{<<: [{}]}}", "[{}]", "{{a: [{}], b: 1}}"])
@pytest.mark.parametrize(("depth", "width"), [(11, 10), (40, 2), (6, 10), (3, 60)])
def test_merges_and_aliases_that_multiply_are_left_alone(layer: str, depth: int, width: int) -> None:
    assert fault_of(layers(depth, width, layer)) is FrontMatterFault.TOO_COMPLEX


def test_an_alias_inside_of_what_it_names_is_left_alone() -> None:
    assert fault_of("a: &a [*a]") is FrontMatterFault.TOO_COMPLEX
    assert fault_of("a: &a {<<: *a}") is FrontMatterFault.TOO_COMPLEX
    assert fault_of("a: *nothing") is FrontMatterFault.TOO_COMPLEX


def test_too_many_of_anything_is_left_alone() -> None:
    assert fault_of("a: &a 1\nb: [" + "*a, " * (MAX_ALIASES + 1) + "]") is FrontMatterFault.TOO_COMPLEX
    assert fault_of("a: [" + "1, " * MAX_NODES + "]") is FrontMatterFault.TOO_COMPLEX
    assert fault_of("a: " + "1:" * 20_000 + "1") is FrontMatterFault.TOO_COMPLEX
    assert fault_of("a: [") is FrontMatterFault.INVALID


def test_what_people_write_is_read() -> None:
    yaml = "title: T\nbase: &b {x: 1, y: [a, b]}\nother:\n  <<: *b\n  z: {d: [[1]]}\nagain: *b"
    found = take_front_matter(document(yaml))
    assert found.fault is FrontMatterFault.NONE and found.text == "penguin"
    assert found.metadata["other"] == {"x": 1, "y": ["a", "b"], "z": {"d": [[1]]}}
    # As deep as metadata may be.
    assert fault_of("a: " + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1)) is FrontMatterFault.NONE
