"""What every Generator does: the prompted one, over models that write anything."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_hits import hits_of
from scripted_chat import ScriptedChat

from ragsvc.domain import Delta, FinishReason, GenerationRequest
from ragsvc.pipeline.generation.chat_generator import PromptedGenerator
from ragsvc.protocols import Generator

MARKER = re.compile(r"\[(\d{1,4})\]")
# Whatever a model writes: words, markers that name something or nothing, and what looks like them.
pieces = st.lists(
    st.sampled_from(["Pears ", "grow [1]", "[", "2", "]", " [9]", "<think>no</think>", "[3]]", "\0", "."])
    | st.text(max_size=6),
    max_size=12,
)


HITS = tuple(hits_of(["Pears grow on trees.", "Figs ripen late."]))


def prompted(chat: ScriptedChat) -> Generator:
    return PromptedGenerator(chat, prompt_tokens=600, max_answer_tokens=50)


@pytest.mark.parametrize("make", [prompted])
class TestGeneratorContract:
    """An answer comes in pieces and ends once, and its markers are numbers of passages."""

    @settings(max_examples=80, deadline=None)
    @given(script=pieces)
    def test_markers_name_passages_and_the_end_is_told_once(
        self, make: Callable[[ScriptedChat], Generator], script: Sequence[str]
    ) -> None:
        found = list(
            make(ScriptedChat(script)).stream(
                GenerationRequest(question="What grows?", passages=HITS, evidence=())
            )
        )
        assert [piece.finish for piece in found if piece.finish is not None] == [FinishReason.STOP]
        text = "".join(piece.text for piece in found)
        assert {int(number) for number in MARKER.findall(text)} <= {1, 2}
        assert "\0" not in text

    def test_closing_it_closes_the_model(self, make: Callable[[ScriptedChat], Generator]) -> None:
        chat = ScriptedChat(["Pears "] * 50)
        answer = make(chat).stream(GenerationRequest(question="What grows?", passages=HITS, evidence=()))
        assert isinstance(next(answer), Delta)
        answer.close()  # type: ignore[attr-defined]
        assert chat.closed

    def test_it_asks_for_no_more_tokens_than_it_may(self, make: Callable[[ScriptedChat], Generator]) -> None:
        chat = ScriptedChat(["Pears."])
        generator = make(chat)
        for wanted in (None, 7, 9000):
            list(
                generator.stream(
                    GenerationRequest(question="What grows?", passages=HITS, evidence=(), max_tokens=wanted)
                )
            )
        assert chat.limits[1] == 7
        assert chat.limits[0] == chat.limits[2] < 9000

    def test_it_has_a_name(self, make: Callable[[ScriptedChat], Generator]) -> None:
        assert make(ScriptedChat([])).name
