"""A small writer behind the service: what it says anew is cited, limited and counted like what is quoted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from doubles import CORPUS, ME, open_service, upload

from ragsvc.domain import Answer, AnswerRequest, Delta, DoneEvent, FinishReason, Message, TokenEvent
from ragsvc.pipeline.generation.quotation import spoken
from ragsvc.service.generators import Generators

PEARS = "Pears ripen in October (most years). They are stored in a cool cellar."
QUESTION = "When do pears ripen in October?"
FAIR = "Most years, pears ripen in October, and are stored in a cool cellar. [1]"


class Writer:
    """A Chat that writes one text, a few characters a piece."""

    name = "bundled"

    def __init__(self, text: str) -> None:
        self.text = text
        self.temperature = -1.0

    def count(self, text: str) -> int:
        return len(text.split())

    def stream(
        self, messages: Sequence[Message], max_tokens: int, temperature: float, stop: Sequence[str]
    ) -> Iterator[Delta]:
        self.temperature = temperature
        yield from (Delta(self.text[at : at + 5]) for at in range(0, len(self.text), 5))
        yield Delta("", FinishReason.STOP, 5, 11)


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def ask(text: str, **named: Any) -> tuple[Answer, Writer]:
        writer = Writer(text)
        monkeypatch.setattr(Generators, "writer", lambda self: writer)
        with open_service(tmp_path / "home", max_false_refusals=0.0001, reader="none") as service:
            upload(service, {"pears": PEARS})
            events = list(
                service.stream_answer(ME, AnswerRequest(corpora=(CORPUS,), question=QUESTION, **named))
            )
        assert isinstance(events[-1], DoneEvent)
        answer = events[-1].answer
        assert "".join(event.text for event in events if isinstance(event, TokenEvent)) == answer.answer
        return answer, writer

    return ask


def test_what_is_said_anew_is_cited_with_the_words_of_the_document(ask):
    answer, writer = ask(FAIR, temperature=0.5)
    assert answer.answer == FAIR
    assert (answer.generator, answer.finish, answer.completion_tokens) == ("bundled", FinishReason.STOP, 11)
    # The first sentence says little that the question does not: the next one is of its unit.
    assert [each.quote for each in answer.citations] == [
        PEARS[each.start : each.end] for each in answer.citations
    ]
    assert " ".join(each.quote for each in answer.citations) == PEARS
    assert writer.temperature == 0.5


def test_what_no_unit_bears_out_is_quoted(ask):
    answer, _ = ask("Pears ripen in March. [1]")
    assert answer.answer == f"{PEARS} [1]"
    assert answer.answered and answer.unsupported == ()


def test_it_ends_where_the_caller_says(ask):
    answer, _ = ask(FAIR, stop=("Octo",))
    assert (answer.answer, answer.finish) == ("Most years, pears ripen in", FinishReason.STOP)
    answer, _ = ask(FAIR, max_tokens=2)
    assert (answer.answer, answer.finish) == ("Most", FinishReason.LENGTH)


def test_small_talk_and_refusals_need_no_writer(ask, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Writer, "stream", None)
    with monkeypatch.context() as patch:
        patch.setattr(f"{__name__}.QUESTION", "thanks!")
        answer, _ = ask(FAIR)
    assert answer.answer.startswith("You are welcome") and not answer.citations


def test_where_a_document_holds_markup_nothing_of_it_runs(ask, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(f"{__name__}.PEARS", "Pears ripen in October <img src=x> in `most` years.")
    answer, _ = ask("Pears ripen in October <img src=x> in most years. [1]")
    assert answer.answer == "Pears ripen in October \\<img src=x> in \\`most\\` years. [1]"
    assert spoken(answer) == "Pears ripen in October <img src=x> in `most` years. [1]"
