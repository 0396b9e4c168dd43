"""Faithful rewordings with denials, opposites and lists stand, and their unfaithful twins do not."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from made_hits import hit_of

from ragsvc.domain import SupportState
from ragsvc.pipeline.grounding.contradiction import contradicts, overstates
from ragsvc.pipeline.grounding.enumerations import in_order_of
from ragsvc.pipeline.grounding.parsed_sentence import ParsedSentence
from ragsvc.pipeline.grounding.support import SupportCheck
from ragsvc.text.analyser import StandardAnalyser

ANALYSER = StandardAnalyser()
LONG = "The key is needed to open the store. Some of 5 guests may not open it without a key."


def standing(sentence: str, text: str) -> SupportState:
    return SupportCheck([hit_of(1, text)], ANALYSER).verdict(sentence, (1,)).standing


@pytest.mark.parametrize(
    ("sentence", "passage"),
    [
        # Two denials make none.
        ("The store cannot be opened without the key.", "The key is needed to open the store."),
        ("You need a password to log in.", "You cannot log in without a password."),
        # A modal that is denied forbids, whichever it is.
        ("Guests must not smoke.", "Guests may not smoke."),
        ("Passwords must not be shared.", "Passwords cannot be shared."),
        # The opposite, with the sides exchanged.
        (
            "Restart the server after changing the key.",
            "Change the key before restarting the server.",
        ),
        ("After changing the key, restart the server.", "Change the key before restarting the server."),
        ("The moon is smaller than the earth.", "The earth is larger than the moon."),
        ("Lisbon won against Porto.", "Porto lost to Lisbon."),
        ("Ada sold the house to Bob.", "Bob bought the house from Ada."),
        ("Berlin is east of Hanover.", "Hanover is west of Berlin."),
        ("The old server is slower than the new one.", "The new server is faster than the old one."),
        # The opposite in the place of the negation.
        ("Late requests are rejected.", "Late requests are not accepted."),
        ("The office is closed on Sundays.", "The office is not open on Sundays."),
        ("Smoking indoors is forbidden.", "Smoking indoors is not allowed."),
        ("The server refuses to start without a key.", "The server does not start without a key."),
        # Words that only look like one of a pair.
        ("Setting up a cache reduces costs.", "Costs are reduced when a cache is set."),
        ("The meeting lasts 30 minutes.", "The first meeting takes 30 minutes."),
        ("The parcel left the house.", "The parcel was in the right house."),
        # What is denied is of another part.
        ("The key is not stored in plain text.", "The key is stored encrypted, never in plain text."),
        # Lists have no order.
        ("Ada, Bob and Cy attended.", "Cy, Ada and Bob attended."),
        ("Ada, Bob and Cy attended.", "Bob, Cy and Ada attended."),
        ("Red, green and blue are used.", "Blue, red and green are used."),
        ("Red, green and blue are used.", "Blue, green and red are used."),
        # "No" and "not" of other languages.
        ("O livro fica no Porto.", "O livro fica em Porto."),
        ("O gato está no jardim da casa.", "O gato está em jardim da casa."),
    ],
)
def test_what_is_faithful_in_other_words_is_supported(sentence: str, passage: str) -> None:
    assert standing(sentence, passage) is SupportState.SUPPORTED


@pytest.mark.parametrize(
    ("sentence", "passage"),
    [
        ("The store can be opened without the key.", "The key is needed to open the store, not a code."),
        ("The store cannot be opened with the key.", "The store is opened with the key."),
        ("You can log in without a password.", "You cannot log in without a password."),
        ("Guests must smoke outside.", "Guests may smoke outside."),
        ("Guests may smoke.", "Guests must not smoke."),
        ("Passwords can be shared.", "Passwords cannot be shared."),
        ("Change the key after restarting the server.", "Change the key before restarting the server."),
        ("The moon is larger than the earth.", "The earth is larger than the moon."),
        ("The earth is smaller than the moon.", "The earth is larger than the moon."),
        ("Lisbon lost to Porto.", "Porto lost to Lisbon."),
        ("Porto won against Lisbon.", "Porto lost to Lisbon."),
        ("Bob sold the house to Ada.", "Bob bought the house from Ada."),
        ("Berlin is west of Hanover.", "Berlin is east of Hanover."),
        ("The new server is slower than the old one.", "The new server is faster than the old one."),
        ("Requests are accepted.", "Requests are not accepted."),
        ("Requests are not rejected.", "Requests are not accepted."),
        ("The office is open.", "The office is not open."),
        ("Smoking is allowed.", "Smoking is not allowed."),
        ("The server starts without a key.", "The server does not start without a key."),
        ("The cost goes up in May.", "The cost goes down in May."),
        ("The last meeting takes 30 minutes.", "The first meeting takes 30 minutes."),
        ("Turn left at the house.", "Turn right at the house."),
        ("The key is stored in plain text.", "The key is stored encrypted, never in plain text."),
        ("The key is not stored encrypted.", "The key is stored encrypted, never in plain text."),
        ("Bob, Cy and Ada called Dan.", "Dan, Cy and Ada called Bob."),
        ("The book is not in Porto.", "The book is in Porto."),
    ],
)
def test_the_unfaithful_twin_is_not_supported(sentence: str, passage: str) -> None:
    assert standing(sentence, passage) is SupportState.UNSUPPORTED


@pytest.mark.parametrize(
    ("sentence", "text"),
    [
        # Half of their words are others: it takes the embedder to support these.
        ("Requests are rejected.", "Requests are not accepted."),
        ("The office is closed.", "The office is not open."),
        ("Smoking is forbidden.", "Smoking is not allowed."),
        ("Access is denied.", "Access is not permitted."),
    ],
)
def test_an_opposite_in_the_place_of_a_negation_contradicts_nothing(sentence: str, text: str) -> None:
    ours, theirs = ParsedSentence(sentence, ANALYSER), ParsedSentence(text, ANALYSER)
    assert not contradicts(ours, theirs)
    assert not contradicts(theirs, ours)
    assert contradicts(ParsedSentence(text.replace(" not", ""), ANALYSER), ours)


def test_two_denials_contradict_nothing() -> None:
    said = ParsedSentence("Nobody can enter the office without a badge.", ANALYSER)
    text = ParsedSentence("A badge is needed to enter the office.", ANALYSER)
    assert not contradicts(said, text)
    assert not contradicts(text, said)


def test_a_list_has_its_order_where_it_says_so() -> None:
    text = "Ada and Bob live in Lisbon and Porto"
    other = ParsedSentence("Bob and Ada live in Porto and Lisbon", ANALYSER)
    free, bound = ParsedSentence(text, ANALYSER), ParsedSentence(f"{text}, respectively", ANALYSER)
    assert in_order_of(other.words, free.words) == free.words
    assert in_order_of(other.words, bound.words) == other.words


def seconds(work: Callable[[], object]) -> float:
    """Of the processor, the fewest of some runs: how busy the machine is does not count."""
    times = []
    for _ in range(5):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times)


@pytest.mark.parametrize("filler", ["all ", "not ", "without ", "5 ", "all x "])
def test_the_time_for_a_long_sentence_grows_with_its_length(filler: str) -> None:
    def judge(count: int) -> Callable[[], object]:
        return lambda: standing(f"The key is needed to open the store {filler * count}.", LONG)

    def overstate(count: int) -> Callable[[], object]:
        text = ParsedSentence(LONG, ANALYSER)
        return lambda: overstates(ParsedSentence(f"The key opens {filler * count}.", ANALYSER), text)

    assert seconds(judge(10_000)) < 3.5 * seconds(judge(5000))
    assert seconds(overstate(10_000)) < 3.5 * seconds(overstate(5000))
