"""Chunks: exact offsets, full coverage, and never more tokens than the embedder reads."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pumping import growth

from ragsvc.domain import ChunkDraft, ChunkerSpec
from ragsvc.errors import InvalidRequest
from ragsvc.models.tokeniser import EmbedderTokeniser
from ragsvc.text.chunker import DEFAULT_CHUNKER, MARKDOWN, Chunker
from ragsvc.text.headings import outline
from ragsvc.text.token_counts import TokenIndex

MAX_TOKENS = 256
TOKENISER = EmbedderTokeniser.load("bundled:all-MiniLM-L6-v2")
DEFAULT = Chunker(DEFAULT_CHUNKER, TOKENISER, MAX_TOKENS)
SMALL = ChunkerSpec(version="1", size_tokens=16, overlap_tokens=0, header_tokens=8)
PIECES = st.sampled_from(
    [
        "# Top\n",
        "## Sub heading\n",
        "\n\n",
        "\n",
        "word ",
        "Sentence ends. ",
        "世界。",
        "😀",
        "👩‍👩‍👧",
        "é",
        "\x1c",
        "```python\n",
        "# no heading\n",
        "```\n",
        "- item\n",
        "| a | b |\n|---|---|\n",
        "x" * 150,
        "\u200b",
        "   ",
    ]
)
TEXTS = st.one_of(st.lists(PIECES, max_size=80).map("".join), st.text(max_size=300))


def tokens(draft: ChunkDraft) -> int:
    return TOKENISER.count(draft.embedded_text) + TOKENISER.special_tokens


def check(text: str, drafts: list[ChunkDraft], max_tokens: int, *, whole: bool = True) -> None:
    seen = bytearray(len(text))
    for before, draft in zip([None, *drafts], drafts, strict=False):
        chunk = text[draft.start : draft.end]
        assert chunk and chunk == chunk.strip()
        assert draft.embedded_text.endswith(chunk)
        assert before is None or (before.start < draft.start and before.end < draft.end)
        assert tokens(draft) <= max_tokens
        seen[draft.start : draft.end] = b"\1" * len(chunk)
    assert not whole or all(covered or char.isspace() for covered, char in zip(seen, text, strict=True))


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.sampled_from([MARKDOWN, "text/plain", "text/x-python"]), st.sampled_from([0, 4]))
@example("```python\n" + "é" * 300, MARKDOWN, 0)
def test_chunks_cover_everything_but_white_space_in_order(text: str, media_type: str, overlap: int) -> None:
    spec = ChunkerSpec(version="1", size_tokens=16, overlap_tokens=overlap, header_tokens=8)
    check(text, Chunker(spec, TOKENISER, 32).split("A title 世界", text, media_type), 32)


@pytest.mark.parametrize(
    "text",
    [
        "x" * 5000,
        "0123456789abcdef" * 400,
        "😀" * 5000,
        "世界" * 2500,
        "a-b." * 2000,
        "\u0e01\u0e34" * 2000,
        "e\u0301" * 3000,
        "a\u200b" * 3000,
        ("y" * 101 + " ") * 100,
        " " * 20000 + "x" + " " * 20000 + "y",
        "世界 " * 6000 + "\n\nend " + "ab" * 6000,
        "# " + "heading " * 400 + "\n\nbody",
        "## h\n" * 500,
    ],
    ids=lambda text: ascii(text[:6]),
)
@pytest.mark.parametrize("media_type", [MARKDOWN, "text/plain"])
def test_hostile_text_is_never_cut_silently(text: str, media_type: str) -> None:
    drafts = DEFAULT.split("A title " * 100, text, media_type)
    check(text, drafts, MAX_TOKENS)
    assert max(draft.end - draft.start for draft in drafts) <= 12_000


def test_a_machine_made_line_takes_linear_time() -> None:
    def machine_made(chars: int) -> str:
        return "intro\n" + '{"key":[1,2,3]},' * (chars // 30) + "\nouter " + "x" * (chars // 2)

    assert growth(lambda text: DEFAULT.split("", text, "text/x-json"), machine_made, 150_000) is None
    text = machine_made(600_000)
    drafts = DEFAULT.split("", text, "text/x-json")
    check(text, drafts[:50] + drafts[-50:], MAX_TOKENS, whole=False)


def test_offsets_are_code_points() -> None:
    text = "😀 世界 héllo. " * 60
    drafts = DEFAULT.split("", text, MARKDOWN)
    assert len(drafts) > 1
    assert all(draft.embedded_text == text[draft.start : draft.end] for draft in drafts)


def test_blank_text_has_no_chunks() -> None:
    assert DEFAULT.split("Title", " \n\t\n", MARKDOWN) == []


def section(words: str) -> str:
    return " ".join(f"{words} {number}." for number in range(150))


def test_header_holds_title_and_headings_that_stand_before_the_chunk() -> None:
    text = f"# Guide\n\n## Install\n\n{section('step')}\n\n## Run\n\n{section('go')}\n"
    drafts = DEFAULT.split("Manual", text, MARKDOWN)
    assert drafts[0].embedded_text.startswith("Manual\n# Guide")
    assert drafts[0].headings == ("Guide", "Install")
    inner = next(draft for draft in drafts[1:] if draft.headings == ("Guide", "Install"))
    assert inner.embedded_text.startswith("Manual > Guide > Install\nstep")
    assert drafts[-1].headings == ("Guide", "Run")
    assert drafts[-1].embedded_text.startswith("Manual > Guide > Run\ngo ")


def test_title_is_not_repeated_when_a_heading_says_it() -> None:
    drafts = DEFAULT.split("Guide", f"# Guide\n\n{section('word')}", MARKDOWN)
    assert drafts[0].embedded_text.startswith("# Guide")
    assert drafts[1].embedded_text.startswith("Guide\nword")


def test_long_header_keeps_its_most_specific_whole_words() -> None:
    spec = ChunkerSpec(version="1", size_tokens=100, overlap_tokens=0, header_tokens=5)
    text = f"# First part\n\n## Very specific heading\n\n{section('word')}"
    last = Chunker(spec, TOKENISER, MAX_TOKENS).split("Long unneeded title", text, MARKDOWN)[-1]
    header = last.embedded_text.split("\n")[0]
    assert header == "part > Very specific heading"
    assert TOKENISER.count(header) <= 5


def test_code_comments_are_no_headings() -> None:
    text = "# Real\n\n```sh\n# comment\n```\n\nUnder\n=====\n\ntext\n\n"
    text += "Also `x`\n---\n\n~~~\n## no\n~~~\n### Deep {#id}\n"
    assert [(each.title, each.level) for each in outline(text).headings] == [
        ("Real", 1),
        ("Under", 1),
        ("Also x", 2),
        ("Deep", 3),
    ]
    for each in outline(text).headings:
        assert text[each.start : each.end].strip("# =-\n").startswith(("Real", "Under", "Also", "Deep"))


def test_a_heading_is_never_a_chunk_by_itself() -> None:
    text = "\n\n".join(f"## Part {number}\n\n{section('word')}" for number in range(5))
    for draft in DEFAULT.split("", text, MARKDOWN):
        assert "word" in draft.embedded_text.split("\n", 1)[-1]


def test_plain_text_has_no_headings_and_pages_are_counted_from_one() -> None:
    text = f"# not a heading\n{section('alpha')}\n\n{section('beta')}"
    pages = (0, text.index("beta"))
    drafts = DEFAULT.split("T", text, "text/plain", pages)
    assert {draft.headings for draft in drafts} == {()}
    assert [draft.page for draft in drafts] == [1 if draft.start < pages[1] else 2 for draft in drafts]
    assert DEFAULT.split("T", text, "text/plain")[0].page is None


def test_overlap_repeats_text() -> None:
    spec = ChunkerSpec(version="1", size_tokens=64, overlap_tokens=16, header_tokens=8)
    drafts = Chunker(spec, TOKENISER, MAX_TOKENS).split("", section("word"), "text/plain")
    assert any(after.start < before.end for before, after in pairwise(drafts))


@pytest.mark.parametrize(
    "spec",
    [
        ChunkerSpec("1", 240, 0, 32),
        ChunkerSpec("1", 8, 0, 0),
        ChunkerSpec("1", 64, 64, 0),
        ChunkerSpec("1", 64, 0, -1),
    ],
)
def test_sizes_that_do_not_fit_are_refused(spec: ChunkerSpec) -> None:
    with pytest.raises(InvalidRequest) as refused:
        Chunker(spec, TOKENISER, MAX_TOKENS)
    assert refused.value.hint


@given(st.text(alphabet="ab 世😀.\n", max_size=120), st.data())
@settings(deadline=None)
def test_ruler_matches_the_tokeniser_at_word_bounds(text: str, data: st.DataObject) -> None:
    ruler = TokenIndex(text, TOKENISER.spans(text))
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    if not ruler.cuts_token(start) and not ruler.cuts_token(end):
        exact = TOKENISER.spans(text[start:end])
        assert (
            ruler.count(start, end) == len(exact)
            or any(np.diff(exact).ravel() > 32)
            or cuts_word(text, start, end)
        )
    assert ruler.measure(text[start:end]) >= 0


def cuts_word(text: str, start: int, end: int) -> bool:
    """A word of several tokens may be cut between them and then tokenises otherwise."""
    return (
        any(
            0 < place < len(text) and text[place - 1].isalnum() and text[place].isalnum()
            for place in (start, end)
        )
        or "😀" in text
    )


@pytest.fixture(scope="module")
def pages() -> Iterator[list[str]]:
    root = os.environ.get("RAGSVC_TEST_DATA")
    folder = Path(root or "/nowhere") / "docs-haystack" / "current"
    if not folder.is_dir():
        pytest.skip("RAGSVC_TEST_DATA holds no docs-haystack")
    yield [file.read_text(encoding="utf-8") for file in sorted(folder.rglob("*.md*"))[::8]]


@pytest.mark.data
def test_real_pages_fit_and_a_paragraph_edit_changes_few_chunks(pages: list[str]) -> None:
    draw = random.Random(7)
    fresh: list[int] = []
    for text in pages:
        drafts = DEFAULT.split("Title", text, MARKDOWN)
        check(text, drafts, MAX_TOKENS)
        parts = text.split("\n\n")
        bodies = [place for place, part in enumerate(parts) if part[:1].isalpha()]
        if bodies:
            place = draw.choice(bodies)
            parts[place] += " One more sentence stands here."
            known = {draft.embedded_text for draft in drafts}
            edited = DEFAULT.split("Title", "\n\n".join(parts), MARKDOWN)
            fresh.append(sum(draft.embedded_text not in known for draft in edited))
    assert len(fresh) >= 50
    assert sum(fresh) / len(fresh) <= 2


def test_the_rest_of_a_table_keeps_its_column_names() -> None:
    rows = "".join(f"| Item {number} | {number} euros | {'long ' * 9}note |\n" for number in range(60))
    text = f"# Prices\n\nSome words.\n\n| Item | Price | Note |\n|---|---:|---|\n{rows}\nAfter it.\n"
    drafts = DEFAULT.split("Shop", text, MARKDOWN)
    check(text, drafts, MAX_TOKENS)
    assert len(drafts) > 3
    below = text.index("|---")
    for draft in drafts:
        if below <= draft.start < text.index("After"):
            assert draft.headings == ("Prices", "| Item | Price | Note |")
            assert draft.embedded_text.startswith("Shop > Prices > | Item | Price | Note |\n")
        else:
            assert draft.headings == ("Prices",)
    first = Chunker(replace(DEFAULT_CHUNKER, version="1"), TOKENISER, MAX_TOKENS)
    assert {draft.headings for draft in first.split("Shop", text, MARKDOWN)} == {("Prices",)}
