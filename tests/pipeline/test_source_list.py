"""Lists of sources at the end of answers: left out, but for what tells something. Markdown stays whole."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_writing import ANALYSER, HITS, REFUSAL, flagged, write

from ragsvc.domain import Delta, FinishReason, UnsupportedSentence
from ragsvc.pipeline.generation.answer_stream import AnswerStream
from ragsvc.pipeline.generation.output_filters.reference_list import without_sources
from ragsvc.pipeline.generation.sentence_stream import SentenceStream
from ragsvc.pipeline.grounding.passage_ground import CitedSpans
from ragsvc.pipeline.grounding.support import SupportCheck


@pytest.mark.parametrize(
    "listed",
    [
        "\n\nSources:\n- [1] Nature\n- [2] d2, page 3\n",
        "\n\n---\n\n**Sources**\n\n[1] Nature\n[2]",
        "\nReferences: [1] Smith et al. 2020, [2] Nature.",
        # Made up: nobody could follow it.
        "\n\n## References\n1. Smith, J. (2020). Cats. *Journal of Cats*.\n2. https://cats.example/x\n",
        "\n\n# Bibliography\n\n* [2] Cats: A Life\n",
        "\n\nSources: Nature, page 3 and d2",
        "\n\nSources:",
    ],
)
@pytest.mark.parametrize("unsupported", UnsupportedSentence)
def test_a_list_of_sources_at_the_end_is_left_out(listed: str, unsupported: UnsupportedSentence) -> None:
    for pieces in ([f"Ice is solid [1].{listed}"], [*"Ice is solid [1].", *listed]):
        shown, answer = write(*pieces, unsupported=unsupported)
        assert "".join(shown) == answer.answer == "Ice is solid [1]."
        assert answer.unsupported == ()


@pytest.mark.parametrize(
    "rest",
    [
        "\n\nSources:\n- Water boils at 100 degrees [1]",
        "\n\nSources:\n- [1] Nature\n\nCats sleep all day.",
        "\n\nSources:\n- [1] Nature\n\nCats sleep all day.\n\nIce is solid.",
        "\n\nSources of heat are many.",
        "\n\nSource: cats told me.",
        "\n\nSources: cats sleep.\nIce is solid.",
        "\n\nReferences\n1. Call the office on Monday before noon.\n2. Bring two letters.",
        "\n\nSource:\n> Quoted warning: never pour it over oil.",
        "\n\nSource: [1] says that ice melts when it gets warm…",
        "\n\nSources:\n- Solar wind\n- Ocean currents",
        "\n\nSources:\n- [2] Cats: a life",
        "\n\nSources:\n- [1] Nature\n- Feeds",
        "\n\nSource: 42 [1]",
        "\n\n  Sources:\n- [1] Nature",
        "\n\n```yaml\nsources:\n  - https://example.org/feed\n```",
        "\n\n~~~~\nsources:\n~~~\n- [1] Nature",
        "\n\n1. ```\n   x\n\nSources:\n- [1] Nature",
        f"\n\nSources:\n- [1] {'Nature Nature ' * 8}".rstrip(),
        "\n\n---\n\nIt freezes at 0 degrees [1].",
        "\n\nSour",
    ],
)
def test_what_only_looks_like_a_list_of_sources_stays(rest: str) -> None:
    answer = write("Ice is solid [1].", *rest)[1]
    assert answer.answer == f"Ice is solid [1].{rest}"
    # Shown, it is judged like any other text.
    assert flagged(answer) or re.search(r"boils|solid\.|freezes|\[1]|Sour\Z", rest)
    assert write("Sources:\n- Ice is solid [1]")[1].answer == "Sources:\n- Ice is solid [1]"


YAML = "```yaml\nsources:\n  - https://example.org/feed\n```"


def test_a_block_of_code_from_an_address_stays_whole() -> None:
    passage = replace(HITS[0].passage, source="https://example.org/feed/other.md", text=YAML)
    hits = (replace(HITS[0], passage=passage),)
    listing = without_sources(hits, SupportCheck(hits, ANALYSER))
    assert listing.feed(f"It is this:\n{YAML}") + listing.end() == f"It is this:\n{YAML}"


PARTS = [
    "Sources:", "\n", "- [1] Nature", "```", "~~~", "  ", "References", "- Solar wind", "Ice. ", "[2]", "---",
    "> ", "1. ", "https://cats.example/x", "(2020)",
]  # fmt: skip


@given(st.lists(st.sampled_from(PARTS), max_size=14), st.data())
def test_what_stays_begins_the_text_however_it_comes(parts: list[str], data: st.DataObject) -> None:
    support = SupportCheck(HITS, ANALYSER)
    text = "".join(parts)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)))))
    one, many = without_sources(HITS, support), without_sources(HITS, support)
    whole = one.feed(text) + one.end()
    pieces = [text[a:b] for a, b in pairwise([0, *cuts, len(text)])]
    assert "".join(map(many.feed, pieces)) + many.end() == whole
    assert text.startswith(whole)


@given(st.text(alphabet="ab .!?[1]。\n-#`|", max_size=60), st.data())
def test_segments_join_to_the_text_however_it_comes(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)))))
    one, many = SentenceStream(), SentenceStream()
    whole = one.feed(text) + one.end()
    parts = [text[a:b] for a, b in pairwise([0, *cuts, len(text)])]
    assert [segment for part in parts for segment in many.feed(part)] + many.end() == whole
    assert "".join(whole) == text


LONG = {
    "marks": "-", "blanks": " ", "lines": "\n", "abbreviations": "e.g. ", "quotes": "> a. ", "stops": "。",
    "initials": "U.S. a ", "code": "x = f(a). b; c. d\n", "lists": "\nSources:\n- [1] Nature\n",
}  # fmt: skip


def seconds(text: str) -> float:
    """Time of the processor, the less of two, that an answer takes."""
    taken = []
    for _ in range(2):
        pieces = iter([*map(Delta, text), Delta("", FinishReason.STOP)])
        writing = AnswerStream(
            pieces,
            HITS,
            SupportCheck(HITS, ANALYSER),
            CitedSpans(HITS, ANALYSER),
            UnsupportedSentence.FLAG,
            REFUSAL,
        )
        begin = time.process_time()
        assert "".join(writing.pieces()).startswith("Ice is solid.")
        taken.append(time.process_time() - begin)
    return min(taken)


@pytest.mark.parametrize("kind", LONG)
def test_time_grows_with_the_length_and_not_with_its_square(kind: str) -> None:
    text = "Ice is solid.\n\n" + ("```\n" if kind == "code" else "") + LONG[kind] * 20_000
    assert seconds(text[:20_000]) < 3.5 * seconds(text[:10_000])


MARKDOWN = """Ice is solid.

| Thing | Degrees |
|---|---:|
| Steam | cats bark 7 [1] |
| Water boils | 100 degrees [1] |
| Cats. Sleep | 5 days [2] |

# After
Ice is solid [1]. Cats sleep.

- Water boils at 100 degrees. [1]
- Cats bark.
- Ice is solid. [1]

| X | Y |
|---|---|
| cats | dogs |

| Z | Y |
|---|---|
| ice | solid |

Ice is solid."""
REMOVED = "| Steam", "| Cats", " Cats sleep", "- Cats bark", "| X |", "| cats |"


def test_what_is_left_after_removing_is_still_markdown() -> None:
    lines = (
        MARKDOWN.replace(" Cats sleep.", "").replace("| X | Y |\n|---|---|\n", "").splitlines(keepends=True)
    )
    left = "".join(line for line in lines if not line.startswith(REMOVED)).replace("\n\n\n", "\n\n")
    for pieces in ([MARKDOWN], [*MARKDOWN]):
        assert write(*pieces, unsupported=UnsupportedSentence.REMOVE)[1].answer == left
    rows = ["| Steam | cats bark 7 [1] |", "| Cats. Sleep | 5 days [2] |", "| cats | dogs |"]
    assert [part for part in flagged(write(MARKDOWN)[1]) if part.startswith("|")] == rows
