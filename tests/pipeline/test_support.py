"""Sentences held against passages: quotes stand, fair rewordings stand, the contrary does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_hits import hit_of

from ragsvc.domain import SupportState
from ragsvc.pipeline.grounding.readable_text import readable
from ragsvc.pipeline.grounding.support import SupportCheck
from ragsvc.text.analyser import StandardAnalyser
from ragsvc.text.sentences import sentences

ANALYSER = StandardAnalyser()
HANDBOOK = Path(__file__).parents[2] / "corpora" / "handbook"
WINDOW = 8

KEYS = (
    "The key is needed to open the store. A backup runs every 30 minutes. "
    "The cache is cleared after 5 minutes."
)
TOOLS = (
    "The Reader uses the Index of Qdrant. Large files are not stored in Git. "
    "Most servers encrypt their disks. If no key is set, any text will do. "
    "The first release came in 2019 and the eighth one in 2023."
)
RULES = (
    "Guests may book a room online. The fee rises in summer. Unencrypted disks are not allowed. "
    "It is not only fast but also small. Nothing is sold before the gates open. "
    "Lisbon beat Porto in the final."
)


def standing(sentence: str, *passages: str, marked: bool = True) -> SupportState:
    hits = [hit_of(number, text) for number, text in enumerate(passages, start=1)]
    numbers = tuple(range(1, len(hits) + 1)) if marked else ()
    return SupportCheck(hits, ANALYSER).verdict(sentence, numbers).standing


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize(
    ("sentence", "passage"),
    [
        # Denied, or the denial left out.
        ("The key is never needed to open the store.", KEYS),
        ("The key isn't needed to open the store.", KEYS),
        ("No key is needed to open the store.", KEYS),
        ("Large files are stored in Git.", TOOLS),
        ("It is not fast but small.", RULES),
        # Numbers of other sentences, or before other words.
        ("A backup runs every 5 minutes.", KEYS),
        ("The cache is cleared after 30 minutes.", KEYS),
        ("The fifth release came in 2019.", TOOLS),
        ("The cache is cleared after 5 hours.", KEYS),
        # Names that changed places, or came from elsewhere.
        ("The Index uses the Reader of Qdrant.", TOOLS),
        ("Porto beat Lisbon in the final.", RULES),
        # Opposites and quantities.
        ("The fee falls in summer.", RULES),
        ("The cache is cleared before 5 minutes.", KEYS),
        ("All servers encrypt their disks.", TOOLS),
        ("Guests must book a room online.", RULES),
    ],
)
def test_the_contrary_of_a_passage_is_not_supported(sentence: str, passage: str, *, marked: bool) -> None:
    assert standing(sentence, passage, marked=marked) is SupportState.UNSUPPORTED


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize(
    ("sentence", "passage"),
    [
        ("To open the store, the key is needed.", KEYS),
        ("Yes, the key is needed to open the store.", KEYS),
        ("Every 30 minutes a backup runs.", KEYS),
        ("The cache is cleared after five minutes.", KEYS),
        ("Git does not store large files.", TOOLS),
        ("Large files aren't stored in Git.", TOOLS),
        ("No large files are stored in Git.", TOOLS),
        ("Any text will do if no key is set.", TOOLS),
        ("The Index of Qdrant is used by the Reader.", TOOLS),
        ("Disks that are not encrypted are not allowed.", RULES),
        ("It is fast and also small.", RULES),
        ("Guests can book a room online.", RULES),
        ("In summer the fee increases.", RULES),
        ("The eighth release came in 2023.", TOOLS),
        ("Porto was beaten by Lisbon in the final.", RULES),
    ],
)
def test_a_fair_rewording_is_supported(sentence: str, passage: str, *, marked: bool) -> None:
    assert standing(sentence, passage, marked=marked) is SupportState.SUPPORTED


FAQ = (
    "Q: Is there a mobile app? A: We are working on it. Q: Can I export my data? A: Yes, as CSV files. "
    "Q: Is there a dark mode? A: No, only a light one. Q: How do I reset a password? A: Click on Forgot."
)
PRICES = """| Plan | Price | Seats |
| --- | --- | --- |
| Team | 20 EUR | 12 |
| Enterprise | 75 EUR | 300 |
"""
RATES = """| Country | Standard rate | Reduced rate |
| --- | --- | --- |
| Hungary | 27% | 5% |
| Spain | 21% | 10% |
"""
TRIPS = (
    "Maria Lopez approves all trips to Asia. Hotels are booked by Hugo. Hugo pays for lunch. "
    "Rooms in Berlin cost up to 140 EUR a night, and in London up to 180 EUR a night. "
    "The export is not available on trial keys. The office is in Lindenstr. 5 in Berlin."
)
CARS = "| Car | Daily rate |\n| --- | --- |\n| Golf | 40 EUR |\n| Passat | 85 EUR |\n"


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize(
    ("sentence", "passage"),
    [
        # A question says nothing, and its answer decides.
        ("There is a mobile app.", FAQ),
        ("Yes, there is a mobile app.", FAQ),
        ("There is a dark mode.", FAQ),
        ("You cannot export your data.", FAQ),
        # Of another row, or another column.
        ("The Team plan costs 75 EUR per month.", PRICES),
        ("The Team plan has 300 seats.", PRICES),
        ("| Team | 75 EUR |", PRICES),
        ("The standard rate in Hungary is 5%.", RATES),
        ("The reduced rate in Spain is 5%.", RATES),
        # Another name at the beginning.
        ("Alice approves all trips to Asia.", TRIPS),
        ("alice approves all trips to Asia.", TRIPS),
        ("Alice pays for lunch.", TRIPS),
        # Denied without "not", or limited the wrong way round; another measure.
        ("Maria Lopez rejects all trips to Asia.", TRIPS),
        ("Maria Lopez refuses to approve all trips to Asia.", TRIPS),
        ("It is false that Maria Lopez approves all trips to Asia.", TRIPS),
        ("The export is only available on trial keys.", TRIPS),
        ("Rooms in London cost up to 180 EUR a week.", TRIPS),
        ("The Golf costs 40 EUR per week.", CARS),
        ("Rooms in London cost up to 140 EUR a night, and in Berlin up to 180 EUR.", TRIPS),
        ("Rooms in London cost up to one hundred ninety euros a night.", TRIPS),
    ],
)
def test_what_only_sounds_like_a_passage_is_not_supported(
    sentence: str, passage: str, *, marked: bool
) -> None:
    assert standing(sentence, passage, marked=marked) is SupportState.UNSUPPORTED


@pytest.mark.parametrize(
    ("sentence", "passage"),
    [
        ("Is there a mobile app?", FAQ),
        ("Yes, you can export your data as CSV files.", FAQ),
        ("There is no dark mode, only a light one.", FAQ),
        ("To reset a password, click on Forgot.", FAQ),
        ("The Team plan costs 20 EUR and Enterprise 75 EUR.", PRICES),
        ("Plans cost 20 EUR or 75 EUR.", PRICES),
        ("| Team | 20 EUR |", PRICES),
        ("Hungary has a standard rate of 27% and a reduced rate of 5%.", RATES),
        ("All trips to Asia are approved by Maria Lopez.", TRIPS),
        ("Ms. Lopez approves all trips to Asia.", TRIPS),
        ("It is false that the export is available on trial keys.", TRIPS),
        ("The Golf costs 40 EUR per day.", CARS),
        ("Rooms in London cost up to 180 EUR a night, and in Berlin up to 140 EUR.", TRIPS),
        ("Rooms in London cost up to one hundred eighty euros a night.", TRIPS),
        ("The office is in Lindenstraße 5 in Berlin.", TRIPS),
    ],
)
def test_answers_rows_and_names_that_belong_together_are_supported(sentence: str, passage: str) -> None:
    assert standing(sentence, passage) is SupportState.SUPPORTED


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Sure!", SupportState.NOTHING_CLAIMED),
        ("I hope this helps!", SupportState.NOTHING_CLAIMED),
        ("Let me know if you need more!", SupportState.NOTHING_CLAIMED),
        ("Sure, you can have more information.", SupportState.UNSUPPORTED),
        ("Let me know if you need more than 5 trips.", SupportState.UNSUPPORTED),
    ],
)
def test_a_courtesy_claims_nothing(sentence: str, expected: SupportState) -> None:
    assert standing(sentence, TRIPS) is expected


def test_what_another_sentence_bears_out_is_supported() -> None:
    both = "The key is not needed to read. The key is needed to write. The key is needed to read a draft."
    assert standing("The key is needed to write.", both) is SupportState.SUPPORTED
    assert standing("The key is not needed to read.", both) is SupportState.SUPPORTED
    # Of several passages one is enough where no marker says which.
    one, other = "The fee falls in summer.", "The fee rises in summer."
    assert standing("The fee rises in summer.", one, other, marked=False) is SupportState.SUPPORTED
    assert standing("The fee rises in summer.", one, other) is SupportState.SUPPORTED
    assert standing("The fee rises in summer.", one) is SupportState.UNSUPPORTED


VOCABULARY = """the a key is are not never no without all some must may 5 30 2019 five first more less before
after Lisbon Porto uses open opens closed unencrypted encrypted if only but and by of store rises falls don't
cannot"""
made = st.lists(st.sampled_from(VOCABULARY.split()), min_size=3, max_size=12).map(
    lambda words: f"{words[0].capitalize()} {' '.join(words[1:])}."
)


@settings(deadline=None)
@given(st.lists(made, min_size=1, max_size=6), st.data())
def test_a_quote_is_never_unsupported(parts: list[str], data: st.DataObject) -> None:
    text = data.draw(st.sampled_from([" ", "\n\n", "\n- "])).join(parts)
    for span in sentences(text):
        quote = readable(text[span.start : span.end])
        assert standing(quote, text) is not SupportState.UNSUPPORTED
        assert standing(quote, "Another text.", text, marked=False) is not SupportState.UNSUPPORTED


def test_every_sentence_of_the_handbook_stands_on_its_surroundings() -> None:
    for path in sorted(HANDBOOK.rglob("*.md")):
        text = path.read_text(encoding="utf-8")
        spans = sentences(text)
        for first in range(0, len(spans), WINDOW):
            window = spans[first : first + WINDOW]
            start = window[0].start
            passage = text[start : window[-1].end]
            support = SupportCheck([hit_of(1, passage)], ANALYSER)
            for span in sentences(passage):
                quote = readable(passage[span.start : span.end])
                assert support.verdict(quote, (1,)).standing is not SupportState.UNSUPPORTED, quote


TABLE = """# Limits

| Plan | Files | Not allowed | Seats |
| --- | ---: | --- | ---: |
| Free | 5 | none | 1 |
| Team | 50 | no videos | 12 |
| Firm | no limit | nothing | 1,200 |
"""
