"""Tokens to text, stop texts and control tokens, against plain definitions of what they must do."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from made_models import CONTROL, TAG, byte_tokenizer

from ragsvc.models.chat_prompt import ChatPrompt
from ragsvc.models.control_tokens import ControlTokens
from ragsvc.models.token_decoder import StopTexts, TokenDecoder

TOKENIZER = byte_tokenizer()
PROMPT = ChatPrompt("made", TOKENIZER, two_texts=False)
CONTROL_IDS = {*TOKENIZER.all_special_ids, TOKENIZER.convert_tokens_to_ids(TAG)}
PARTS = st.sampled_from([*CONTROL, TAG, "<|", "|>", "im_end", "im_start", "<", "think>", "é🍐", "[", " "])
LETTERS = st.text("ab🍐", max_size=12)


@given(st.text(max_size=30))
def test_decoding_gives_every_character_once_and_whole(text: str) -> None:
    ids = PROMPT._encode(text, special=False)
    decoding = TokenDecoder(PROMPT.decode)
    pieces = [decoding.feed(token) for token in ids]
    assert "".join([*pieces, decoding.end()]) == text.rstrip("\ufffd") or "\ufffd" in text
    if "\ufffd" not in text:
        assert all("\ufffd" not in piece for piece in pieces)
        assert decoding.end() == ""


@given(st.lists(st.integers(0, 255), max_size=60), st.text("aé🍐", min_size=1, max_size=4))
def test_decoding_comes_through_bytes_that_are_no_text(ids: list[int], text: str) -> None:
    decoding = TokenDecoder(PROMPT.decode)
    for token in ids:
        decoding.feed(token)
    # Enough plain letters that nothing broken can be pending any more.
    letters = PROMPT._encode("zzzz", special=False)
    for token in letters:
        decoding.feed(token)
    assert "".join(decoding.feed(token) for token in PROMPT._encode(text, special=False)) == text


def until_stop(text: str, stops: list[str]) -> tuple[str, bool]:
    """The definition: read on, character by character, until the text ends with a stop text."""
    for end in range(1, len(text) + 1):
        done = [stop for stop in stops if text[:end].endswith(stop)]
        if done:
            return text[: end - max(map(len, done))], True
    return text, False


@given(
    st.lists(LETTERS, max_size=8),
    st.lists(st.text("ab🍐", min_size=1, max_size=4), max_size=3),
)
def test_stop_texts_do_not_depend_on_how_the_text_comes(pieces: list[str], stops: list[str]) -> None:
    watch = StopTexts(stops)
    out = "".join([*(watch.feed(piece) for piece in pieces), watch.end()])
    assert (out, watch.reached) == until_stop("".join(pieces), stops)


@given(st.lists(LETTERS, max_size=8), st.lists(st.text("ab🍐", min_size=1, max_size=4), max_size=3))
def test_nothing_is_held_back_that_can_be_no_stop_text(pieces: list[str], stops: list[str]) -> None:
    watch = StopTexts(stops)
    given_out = ""
    for number, piece in enumerate(pieces, start=1):
        given_out += watch.feed(piece)
        held = "".join(pieces[:number])[len(given_out) :]
        if not watch.reached:
            assert held == "" or any(stop.startswith(held) for stop in stops)


@given(st.lists(PARTS, max_size=8).map("".join))
def test_neutralised_texts_keep_their_length_and_lose_their_control_tokens(text: str) -> None:
    plain = PROMPT._control.neutralised(text)
    assert len(plain) == len(text)
    assert CONTROL_IDS.isdisjoint(PROMPT._encode(plain, special=False))
    assert PROMPT._control.neutralised(plain) == plain
    if CONTROL_IDS.isdisjoint(PROMPT._encode(text, special=False)):
        assert plain == text


def test_a_tokenizer_that_folds_what_it_reads_finds_no_control_token_either() -> None:
    def encode(text: str) -> list[int]:
        return [1] if "<s>" in text.lower().replace("＜", "<") else [7]

    control = ControlTokens({1: "<s>"}, encode)
    for hostile in ("<S> a", "＜s> a"):
        assert encode(hostile) == [1]
        assert encode(control.neutralised(hostile)) == [7]
        assert control.neutralised(hostile)[1:] == hostile[1:]


def test_an_end_that_also_stands_for_unknown_words_is_a_control_token() -> None:
    tokenizer = byte_tokenizer()
    tokenizer.unk_token = tokenizer.eos_token
    prompt = ChatPrompt("made", tokenizer, two_texts=False)
    assert prompt._control.neutralised(f"a {tokenizer.eos_token}") == "a ‹|im_end|>"


def test_runs_of_spaces_that_are_added_tokens_are_left_alone() -> None:
    prompt = ChatPrompt("made", byte_tokenizer(words=("    ", "pear")), two_texts=False)
    assert prompt._control.neutralised("    pear") == "    pear"
