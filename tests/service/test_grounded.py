"""A chat model behind the service: what it makes up is flagged, removed or refused."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from doubles import CORPUS, ME, WordTokeniser, open_service, upload

from ragsvc.domain import (
    Answer,
    AnswerRequest,
    CitationEvent,
    Delta,
    DoneEvent,
    FinishReason,
    Message,
    PassagesEvent,
    TokenEvent,
    UnsupportedSentence,
)
from ragsvc.pipeline.generation.chat_generator import PromptedGenerator
from ragsvc.service.generators import Generators
from ragsvc.service.views.answers import AnswerView

PEARS = "Pears ripen in October. They are stored in a cool cellar."


class Parrot:
    """A Chat that writes one text, a character a piece."""

    name = "parrot"

    def __init__(self, text: str) -> None:
        self.text = text
        self.asked: Sequence[Message] = ()

    def count(self, text: str) -> int:
        return len(text.split())

    def stream(
        self, messages: Sequence[Message], max_tokens: int, temperature: float, stop: Sequence[str]
    ) -> Iterator[Delta]:
        self.asked = messages
        yield from map(Delta, self.text)
        yield Delta("", FinishReason.STOP, 5, len(self.text))


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def ask(text: str, policy: UnsupportedSentence = UnsupportedSentence.FLAG) -> tuple[Answer, Parrot]:
        parrot = Parrot(text)
        generator = PromptedGenerator(parrot, prompt_tokens=512, max_answer_tokens=99)
        monkeypatch.setattr(Generators, "current", lambda self: generator)
        with open_service(tmp_path / "home", unsupported=policy, max_false_refusals=0.0001) as service:
            upload(service, {"pears": PEARS})
            asked = AnswerRequest(corpora=(CORPUS,), question="When do pears ripen in October?")
            events = list(service.stream_answer(ME, asked))
        assert isinstance(events[0], PassagesEvent)
        assert isinstance(events[-1], DoneEvent)
        answer = events[-1].answer
        assert "".join(event.text for event in events if isinstance(event, TokenEvent)) == answer.answer
        cited = tuple(event.citation for event in events if isinstance(event, CitationEvent))
        assert cited == answer.citations
        assert all(PEARS[citation.start : citation.end] == citation.quote for citation in cited)
        return answer, parrot

    return ask


LIE = "Pears ripen in October [1]. Apples are blue [7]. They taste of lemon [1]."


def test_made_up_citations_never_come_out_and_made_up_sentences_are_flagged(ask):
    answer, parrot = ask(LIE)
    assert answer.answer == "Pears ripen in October [1]. Apples are blue. They taste of lemon [1]."
    shape = AnswerView.of(answer).json_object()
    assert [answer.answer[span["start"] : span["end"]] for span in shape["unsupported"]] == [
        "Apples are blue.",
        "They taste of lemon [1].",
    ]
    assert answer.citations[0].quote == "Pears ripen in October."
    assert (answer.generator, answer.prompt_tokens) == ("parrot", 5)
    assert PEARS in parrot.asked[-1].content


def test_made_up_sentences_are_removed_where_that_is_set(ask):
    answer, _ = ask(LIE, UnsupportedSentence.REMOVE)
    assert answer.answer == "Pears ripen in October [1]."
    assert (len(answer.citations), answer.unsupported) == (1, ())


@pytest.mark.parametrize("text", ["Apples are blue [1].", "I cannot answer this from the documents.", ""])
def test_a_guess_is_the_services_own_refusal(ask, text):
    answer, _ = ask(text)
    assert not answer.answered
    assert answer.answer == f"I cannot answer this from the documents in {CORPUS}."
    assert (answer.citations, answer.unsupported) == ((), ())
    # A model that wrote nothing has told no tokens: then those of the refusal are counted.
    assert answer.completion_tokens == (len(text) or WordTokeniser().count(answer.answer))


def test_what_nothing_can_be_shown_of_is_told_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Not for every piece of a generator that is quick: each would be a turn in the line of a server."""

    class Slow(Parrot):
        def stream(self, *asked: Any) -> Iterator[Delta]:
            for piece in super().stream(*asked):
                time.sleep(0.004)
                yield piece

    def empty_ones(parrot: Parrot) -> int:
        generator = PromptedGenerator(parrot, prompt_tokens=512, max_answer_tokens=99)
        monkeypatch.setattr(Generators, "current", lambda _: generator)
        with open_service(
            tmp_path / f"home{parrot.__class__.__name__}", max_false_refusals=0.0001
        ) as service:
            upload(service, {"p": PEARS})
            asked = AnswerRequest(corpora=(CORPUS,), question="When do pears ripen in October?")
            return list(service.stream_answer(ME, asked)).count(TokenEvent(""))

    assert empty_ones(Parrot(LIE)) < 5
    assert empty_ones(Slow(LIE)) >= 1
