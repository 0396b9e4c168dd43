"""Answers of any generator: only markers that resolve, quotes that slice again, sentences that stand."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from made_hits import hit_of
from scripted_chat import ScriptedChat

from ragsvc.domain import (
    Answer,
    CommitId,
    Delta,
    FinishReason,
    GenerationRequest,
    Hit,
    UnsupportedSentence,
)
from ragsvc.pipeline.generation.answer_stream import AnswerStream
from ragsvc.pipeline.generation.chat_generator import PromptedGenerator
from ragsvc.pipeline.generation.prompt import CANNOT
from ragsvc.pipeline.grounding.citations import ANY_MARKER
from ragsvc.pipeline.grounding.passage_ground import CitedSpans
from ragsvc.pipeline.grounding.support import SupportCheck
from ragsvc.text.analyser import StandardAnalyser

WATER = "Steam is a gas. Water boils at 100 degrees Celsius. It freezes at 0 degrees. Ice is solid."
MOON = "The Moon orbits the Earth in 27 days. Neil Armstrong walked on it in 1969."
REFUSAL = "I cannot answer this from the documents in c."
ANALYSER = StandardAnalyser()
# Anything that a reader would take for a marker, outside code.
LOOKS_LIKE = re.compile(r"[\[［【] ?\d+(?: ?[,;] ?\d+)* ?[\]］】]")


def hit(number: int, text: str) -> Hit:
    return hit_of(number, text, title="Nature", start=100)


HITS = (hit(1, WATER), hit(2, MOON))


def write(
    *pieces: str,
    unsupported: UnsupportedSentence = UnsupportedSentence.FLAG,
    finish: FinishReason = FinishReason.STOP,
    stops: bool = False,
) -> tuple[list[str], Answer]:
    chat = ScriptedChat(pieces, finish)
    generator = PromptedGenerator(chat, prompt_tokens=600, max_answer_tokens=50)
    stream = generator.stream(GenerationRequest(question="Why?", passages=HITS, evidence=()))
    writing = AnswerStream(
        stream,
        HITS,
        SupportCheck(HITS, ANALYSER),
        CitedSpans(HITS, ANALYSER),
        unsupported,
        REFUSAL,
        stops=stops,
    )
    shown = list(writing.pieces())
    blank = Answer(
        corpus="c",
        commit=CommitId(1),
        question="Why?",
        answered=False,
        answer=REFUSAL,
        confidence=0.9,
        citations=(),
        passages=HITS,
        generator=generator.name,
        timings_s={},
    )
    assert chat.closed
    return shown, writing.finished(blank)


def flagged(answer: Answer) -> list[str]:
    return [answer.answer[span.start : span.end] for span in answer.unsupported]


def cited(answer: Answer) -> list[tuple[int, str]]:
    return [(citation.marker, citation.quote) for citation in answer.citations]


MARKERS = "[1]|[2]| [1][2]|[1, 2]|［1］|【2】|[٢]|[99]|[0]|[1,|[|]|9|1|[Passage 1]|[12345678901234567890]"
WORDS = "Water boils at 100 degrees|.| | The Moon orbits the Earth.|\n\n|\n- |Cats sleep.|# Head\n|。|```"
TABLE = ["| Water | Degrees |\n", "|---|--:|\n", "| boils | 100 |\n", "|", "\n"]
LISTS = ["\n\nSources:\n", "\n**References**\n", "- [1] Nature\n", "\n---\n"]
LINKS = ["](http://evil.example/", "![", "[1](", ")", "<img src=x>", "//evil.example"]
SAYINGS = [*LINKS, *MARKERS.split("|"), *WORDS.split("|"), *TABLE, *LISTS, "I cannot answer this."]

said = st.lists(st.one_of(st.sampled_from(SAYINGS), st.text(max_size=8)), max_size=14)


@given(said, st.sampled_from(UnsupportedSentence), st.data())
@example(["I cannot answer this. ", "Ice is solid. [1] So."], UnsupportedSentence.FLAG, None)
@example(["Water boils at 100 degrees. [1, ", "[9", "9]2]"], UnsupportedSentence.FLAG, None)
@example(
    ["Water boils.[1] See [", " Cats sleep. ", "99]. It freezes at 0 degrees. [1]"],
    UnsupportedSentence.REMOVE,
    None,
)
def test_whatever_is_written_every_marker_resolves_and_every_quote_slices_again(
    pieces: list[str], unsupported: UnsupportedSentence, data: st.DataObject | None
) -> None:
    shown, answer = write(*pieces, unsupported=unsupported)
    text = answer.answer
    assert "".join(shown) == text
    if not answer.answered:
        assert (text, answer.citations, answer.unsupported) == (REFUSAL, (), ())
    elif "`" not in text:
        assert all(ANY_MARKER.fullmatch(found) for found in LOOKS_LIKE.findall(text))
    numbers = {int(number) for number in ANY_MARKER.findall(text)}
    assert numbers <= {citation.marker for citation in answer.citations} <= {1, 2}
    for citation in answer.citations:
        passage = HITS[citation.marker - 1].passage
        assert (citation.document_id, citation.version) == (passage.document_id, passage.version)
        assert passage.start <= citation.start < citation.end <= passage.end
        assert passage.text[citation.start - 100 : citation.end - 100] == citation.quote
    bounds = [bound for span in answer.unsupported for bound in (span.start, span.end)]
    assert bounds == sorted(bounds)
    assert all(part and part == part.strip() for part in flagged(answer))
    assert unsupported is UnsupportedSentence.FLAG or not answer.unsupported
    if data is not None:
        whole = "".join(pieces)
        cuts = sorted(data.draw(st.sets(st.integers(0, len(whole)), max_size=8)))
        parts = [whole[a:b] for a, b in itertools.pairwise([0, *cuts, len(whole)])]
        again = write(*parts, unsupported=unsupported)[1]
        assert (again.answer, again.citations, again.unsupported) == (
            text,
            answer.citations,
            answer.unsupported,
        )


@given(said)
def test_what_is_left_after_removing_is_what_is_not_flagged(pieces: list[str]) -> None:
    kept, all_of_it = write(*pieces, unsupported=UnsupportedSentence.REMOVE)[1], write(*pieces)[1]
    assert kept.answered == all_of_it.answered
    if not all_of_it.unsupported and all_of_it.answered:
        assert all_of_it.answer.startswith(kept.answer)
    rest = iter(re.sub(r"\s", "", all_of_it.answer))
    assert all(char in rest for char in re.sub(r"\s", "", kept.answer))


@pytest.mark.parametrize(
    ("sentence", "stands"),
    [
        ("Water boils at 100 degrees Celsius. [1]", True),
        ("At 100 degrees water boils, and at 0 degrees it freezes [1].", True),
        ("According to passage [1], water boils at 100 degrees.", True),
        ("1. Water boils at 100 degrees [1].", True),
        # Another number, another name, another passage.
        ("Water boils at 90 degrees Celsius. [1]", False),
        ("The Moon orbits the Earth in 28 days. [2]", False),
        ("Then Buzz Aldrin walked on the Moon in 1969. [2]", False),
        ("Water boils at 100 degrees Celsius. [2]", False),
        # Together they stand.
        ("Water boils at 100 degrees and the Moon orbits the Earth. [1][2]", True),
        ("Water boils at 100 degrees and the Moon orbits the Earth. [1]", False),
        # Without a marker: any passage, but one.
        ("The Moon orbits the Earth in 27 days.", True),
        ("Water boils, ice is solid and the Moon orbits the Earth.", False),
    ],
)
def test_a_sentence_stands_on_the_words_numbers_and_names_of_its_passages(
    sentence: str, stands: bool
) -> None:
    first = "Ice is solid. [1] "
    _, answer = write(first + sentence)
    assert answer.answered
    assert flagged(answer) == ([] if stands else [sentence])
    _, kept = write(first + sentence, unsupported=UnsupportedSentence.REMOVE)
    assert kept.answer == (first + sentence if stands else first.strip())


def test_sentences_without_marker_are_cited_where_no_marker_speaks_for_them() -> None:
    text = "The Moon orbits the Earth. Water boils at 100 degrees.\n\nIce is solid. [1]"
    assert cited(write(text)[1]) == [
        (2, "The Moon orbits the Earth in 27 days."),
        (1, "Water boils at 100 degrees Celsius."),
        (1, "Ice is solid."),
    ]
    assert cited(write("It boils: water. Water boils at 100 degrees Celsius. [1]")[1]) == [
        (1, "Water boils at 100 degrees Celsius.")
    ]
    # Two sentences next to each other may hold what one does not.
    assert cited(write("It boils at 100, it freezes at 0. [1]")[1]) == [
        (1, "Water boils at 100 degrees Celsius. It freezes at 0 degrees.")
    ]


def test_nothing_is_shown_before_a_sentence_stands_and_then_all_at_once() -> None:
    pieces = [
        "Sure",
        ", here",
        " it is.",
        " Ice",
        " is solid",
        " [1",
        "]. The",
        " Moon",
        " fell",
        " down",
        ".",
    ]
    shown, answer = write(*pieces)
    assert shown[:7] == [""] * 7
    assert "".join(shown) == answer.answer == "".join(pieces)
    assert [piece for piece in shown if piece][1:] == [" fell", " down", "."]
    assert flagged(answer) == ["Sure, here it is.", "The Moon fell down."]
    shown, answer = write(*pieces, unsupported=UnsupportedSentence.REMOVE)
    assert answer.answer == "Ice is solid [1]."


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        CANNOT,
        f"{CANNOT} [1]",
        f"{CANNOT} But ice is solid. [1]",
        "I'm sorry, but I don't know.",
        "I am unable to determine this. Ice is solid [1].",
        "Cats sleep all day [1]. Dogs bark [99].",
        "[1]",
        "# Cats.",
        "I",
        "I cannot ans",
        "I'm sorry, but no",
        "I do not",
        "The passages do not st",
        "Cats sleep all day and all ni",
        "# Cats sleep all day",
        "Cats sleep. The",
        "Neil Armstrong walked on Mars in 28",
    ],
)
@pytest.mark.parametrize("unsupported", UnsupportedSentence)
def test_what_is_no_answer_becomes_the_refusal(text: str, unsupported: UnsupportedSentence) -> None:
    shown, answer = write(*text, unsupported=unsupported, finish=FinishReason.LENGTH)
    assert "".join(shown) == answer.answer == REFUSAL
    assert not answer.answered
    assert (answer.citations, answer.unsupported) == ((), ())
    assert (answer.finish, answer.prompt_tokens, answer.completion_tokens) == (
        FinishReason.LENGTH,
        7,
        len(text),
    )


CUT = {"finish": FinishReason.LENGTH}, {"stops": True}


@pytest.mark.parametrize("how", CUT)
@pytest.mark.parametrize("unsupported", UnsupportedSentence)
@pytest.mark.parametrize(
    "text",
    ["Water", "The", "Water boi", "Water boils at 100 deg [1]", "# Water boils", "Water boils [1"],
)
def test_what_was_cut_off_in_its_first_sentence_is_shown(
    text: str, unsupported: UnsupportedSentence, how: dict[str, Any]
) -> None:
    shown, answer = write(*text, " ", unsupported=unsupported, **how)
    assert answer.answered and "".join(shown) == answer.answer == text
    assert [citation.marker for citation in answer.citations] == ([1] if "[1]" in text else [])
    assert unsupported is UnsupportedSentence.FLAG or not answer.unsupported


@pytest.mark.parametrize("unsupported", UnsupportedSentence)
@pytest.mark.parametrize("text", ["Cats", "Yes, at 100"])
def test_a_few_words_claim_nothing_where_tokens_ran_out(text: str, unsupported: UnsupportedSentence) -> None:
    answer = write(text, unsupported=unsupported, finish=FinishReason.LENGTH)[1]
    assert (answer.answered, answer.answer, answer.unsupported) == (True, text, ())
    # A text that ends the answer leaves words whole.
    assert not write(text, unsupported=unsupported, stops=True)[1].answered


@pytest.mark.parametrize("how", CUT)
@pytest.mark.parametrize("unsupported", UnsupportedSentence)
@pytest.mark.parametrize(
    "text", ["Juan Gomez approves all trips to Asia", "The Moon orbits the Earth in 28", "Cats sleep " * 300]
)
def test_a_claim_without_a_full_stop_is_held_against_the_passages(
    text: str, unsupported: UnsupportedSentence, how: dict[str, Any]
) -> None:
    answer = write(text, unsupported=unsupported, **how)[1]
    assert (answer.answered, answer.answer) == (False, REFUSAL)
    assert flagged(write(f"Ice is solid. {text}", **how)[1]) == [text.strip()]
    assert (
        write(f"Ice is solid. {text}", unsupported=UnsupportedSentence.REMOVE, **how)[1].answer
        == "Ice is solid."
    )


DECLINED = [
    "The passages do not state who the contact for ice is.",
    "The degrees of the Moon are not mentioned [2].",
    "When water boils is unknown.",
    "It is not stated who walked on the Moon.",
    "I could not find a degree at which water boils.",
    "I do not have specific information about the Moon [2].",
    "The documents don't specify when water boils.",
    "There is no information about ice [1].",
    "Unfortunately, I couldn’t find when water boils.",
    "None of the passages mentions the Moon.",
]


@pytest.mark.parametrize("unsupported", UnsupportedSentence)
@pytest.mark.parametrize("text", DECLINED)
def test_it_is_not_in_the_documents_is_no_answer_in_any_words(
    text: str, unsupported: UnsupportedSentence
) -> None:
    shown, answer = write(*text, unsupported=unsupported)
    assert (answer.answered, "".join(shown), answer.citations) == (False, REFUSAL, ())
    after = write(f"Ice is solid [1]. {text}", unsupported=unsupported)[1]
    rest = f" {text}" if unsupported is UnsupportedSentence.FLAG else ""
    assert (after.answered, after.answer, after.unsupported) == (True, f"Ice is solid [1].{rest}", ())


@pytest.mark.parametrize(
    ("passage", "text"),
    [
        ("The price is not specified.", "The price is not specified [1]."),
        ("The author of the letter: **unknown**.", "The author of the letter is unknown [1]."),
        ("The report does not mention the fire.", "The documents do not mention the fire in the report [1]."),
        ("Guests are not given keys. Trips to Asia need a visa.", "Guests are not given keys [1]."),
    ],
)
@pytest.mark.parametrize("unsupported", UnsupportedSentence)
def test_what_a_passage_itself_leaves_open_is_an_answer(
    passage: str, text: str, unsupported: UnsupportedSentence
) -> None:
    hits = (hit(1, passage),)
    writing = AnswerStream(
        iter([Delta(text), Delta("", FinishReason.STOP)]),
        hits, SupportCheck(hits, ANALYSER), CitedSpans(hits, ANALYSER), unsupported, REFUSAL,
    )  # fmt: skip
    assert "".join(writing.pieces()) == text


@pytest.mark.parametrize("unsupported", UnsupportedSentence)
@pytest.mark.parametrize("text", ["", " \n", "**", "- "])
def test_an_answer_that_ends_before_its_first_word_is_empty(
    text: str, unsupported: UnsupportedSentence
) -> None:
    shown, answer = write(text, unsupported=unsupported, stops=True)
    assert answer.answered and "".join(shown) == answer.answer == ""
    assert (answer.citations, answer.unsupported, answer.finish) == ((), (), FinishReason.STOP)
    # Who wrote nothing of itself, or used up its tokens before, has not answered.
    assert not write(text, unsupported=unsupported)[1].answered
    assert not write(text, unsupported=unsupported, stops=True, finish=FinishReason.LENGTH)[1].answered


@pytest.mark.parametrize("how", CUT)
def test_a_sentence_that_was_cut_off_later_is_held_against_the_passages(how: dict[str, Any]) -> None:
    assert flagged(write("Ice is solid. Cats sleep all da", **how)[1]) == ["Cats sleep all da"]
    assert flagged(write("Ice is solid. Water boi", **how)[1]) == []
    text = "Ice is solid. Cats sleep all da"
    assert write(text, unsupported=UnsupportedSentence.REMOVE, **how)[1].answer == "Ice is solid."
    # Whole sentences are cited, the beginning of one only where its marker stands.
    assert [quote for _, quote in cited(write("Ice is solid. Water boils at", **how)[1])] == ["Ice is solid."]
    # Whole sentences that are not supported are no beginning of an answer.
    assert not write("Cats sleep all day.", **how)[1].answered


def test_an_answer_ends_without_white_space() -> None:
    for unsupported in UnsupportedSentence:
        shown, answer = write("Ice is solid. [1] ", "\n\n", unsupported=unsupported)
        assert "".join(shown) == answer.answer == "Ice is solid. [1]"


def test_an_answer_to_a_part_may_say_what_it_leaves_open() -> None:
    _, answer = write("Ice is solid. [1] I cannot answer the rest.")
    assert answer.answered
    assert flagged(answer) == []


def test_a_client_that_leaves_ends_the_work() -> None:
    chat = ScriptedChat(["word "] * 1000)
    generator = PromptedGenerator(chat, prompt_tokens=600, max_answer_tokens=50)
    stream = generator.stream(GenerationRequest(question="Why?", passages=HITS, evidence=(), max_tokens=9000))
    pieces = AnswerStream(
        stream,
        HITS,
        SupportCheck(HITS, ANALYSER),
        CitedSpans(HITS, ANALYSER),
        UnsupportedSentence.FLAG,
        REFUSAL,
    ).pieces()
    assert next(pieces) == ""
    assert chat.limits == [50]
    assert not chat.closed
    pieces.close()  # type: ignore[attr-defined]
    assert chat.closed
