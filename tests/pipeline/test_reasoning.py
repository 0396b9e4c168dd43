"""What a model thinks is cut out of what it writes, however it comes in pieces."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_hits import passage_of

from ragsvc.domain import Delta, FinishReason, GenerationRequest, Hit, Message
from ragsvc.pipeline.generation.chat_generator import PromptedGenerator
from ragsvc.pipeline.generation.output_filters.thoughts import ReasoningFilter

# The same, said once more, of a text that is whole.
BLOCKS = re.compile(r"\A(?:\s*<(think|thinking|reasoning)>.*?(?:</\1>|\Z))+", re.DOTALL | re.IGNORECASE)
PASSAGE = passage_of(1, "Ice is solid.")
PARTS = "<think>|</think>|<THINKING>|</thinking>|<reasoning>|</reasoning>|<thi|</|<|>|a| |\n|So it is."


def answer(*pieces: str) -> str:
    reasoning = ReasoningFilter()
    return "".join(map(reasoning.feed, pieces)) + reasoning.end()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("<think>Hm. [1]</think>So.", "So."),
        (" \n<Think>a</THINK>\n<reasoning><think></reasoning>So.", "So."),
        ("<think></think>", ""),
        ("<think>never closed</thinking> So.", ""),
        ("<thinking>a</think>b</thinking>So.", "So."),
        ("So <think>it</think> is.", "So <think>it</think> is."),
        ("<thin", "<thin"),
        ("<b>So</b>", "<b>So</b>"),
    ],
)
def test_only_blocks_at_the_beginning_go(written: str, read: str) -> None:
    assert answer(written).lstrip() == read


@given(st.lists(st.sampled_from(PARTS.split("|")), max_size=12), st.data())
def test_the_pieces_do_not_matter(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=8)))
    pieces = [text[a:b] for a, b in itertools.pairwise([0, *cuts, len(text)])]
    assert answer(*pieces) == answer(*text) == BLOCKS.sub("", text)


class Thinker:
    """A Chat that writes what it is told to."""

    name = "thinker"

    def __init__(self, *pieces: str) -> None:
        self.pieces = pieces

    def count(self, text: str) -> int:
        return len(text.split())

    def stream(
        self, messages: Sequence[Message], max_tokens: int, temperature: float, stop: Sequence[str]
    ) -> Iterator[Delta]:
        *first, last = self.pieces
        yield from map(Delta, first)
        yield Delta(last, FinishReason.LENGTH)


@pytest.mark.parametrize(
    ("pieces", "read"),
    [
        (("<thi", "nk>I can", "not.</th", "ink>", "A\0b"), ["", "", "", "", "A\ufffdb"]),
        (("<think>It must", " be"), ["", ""]),
        (("<", "b"), ["", "<b"]),
        (("a ", "<"), ["a", " <"]),
        (("", "<think"), ["", "<think"]),
    ],
)
def test_a_generator_says_only_the_answer(pieces: tuple[str, ...], read: list[str]) -> None:
    generator = PromptedGenerator(Thinker(*pieces), prompt_tokens=600, max_answer_tokens=9)
    said = list(
        generator.stream(
            GenerationRequest(
                question="Why?", passages=(Hit(rank=1, score=1.0, corpus="c", passage=PASSAGE),), evidence=()
            )
        )
    )
    assert [piece.text for piece in said] == read
    assert said[-1].finish is FinishReason.LENGTH
