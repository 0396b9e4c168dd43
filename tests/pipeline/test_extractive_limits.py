"""What a caller allows of a quoted answer: a number of tokens, and texts at which it ends."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from ragsvc.domain import ChunkId, Evidence, FinishReason, Generation, Hit, Passage, VersionId
from ragsvc.pipeline.generation.extractive import ExtractiveGenerator

SENTENCES = ("Backups are made nightly.", "They rest thirty days.", "Anna restores any file quickly.")
WHOLE = "Backups are made nightly. [1] They rest thirty days. [1] Anna restores any file quickly. [1]"


def written(
    max_tokens: int | None, stop: tuple[str, ...], count: Callable[[str], int] | None = None
) -> tuple[list[str], FinishReason | None]:
    text = " ".join(SENTENCES)
    passage = Passage(
        ChunkId(1), "d", "ab", VersionId(1), "upload", "", 0, len(text), text, None, (), {}
    )  # fmt: skip
    starts = [text.index(sentence) for sentence in SENTENCES]
    evidence = tuple(
        Evidence(1, at, at + len(sentence), sentence, 1.0, 1.0)
        for at, sentence in zip(starts, SENTENCES, strict=True)
    )
    asked = Generation(
        "q", (Hit(1, 1.0, "c", passage),), evidence, max_tokens=max_tokens, stop=stop, count=count
    )
    pieces = list(ExtractiveGenerator().stream(asked))
    assert all(piece.finish is None for piece in pieces[:-1])
    return [piece.text for piece in pieces], pieces[-1].finish


def test_sentences_are_kept_whole_as_long_as_one_fits() -> None:
    pieces, finish = written(None, ())
    assert (pieces[0], len(pieces), "".join(pieces), finish) == (
        "Backups are made nightly. [1]",
        4,
        WHOLE,
        FinishReason.STOP,
    )
    assert written(12, ()) == (
        ["Backups are made nightly. [1]", " They rest thirty days. [1]", ""],
        FinishReason.LENGTH,
    )
    assert written(3, ()) == (["Backups are made", ""], FinishReason.LENGTH)
    assert written(100, ("thirty",)) == (
        ["Backups are made nightly. [1]", " They rest ", ""],
        FinishReason.STOP,
    )


def test_tokens_are_what_the_caller_counts() -> None:
    assert written(40, (), len) == (["Backups are made nightly. [1]", ""], FinishReason.LENGTH)
    assert written(12, (), len) == (["Backups are", ""], FinishReason.LENGTH)
    assert written(1, (), len) == (["Backups", ""], FinishReason.LENGTH)
    assert written(len(WHOLE), (), len)[1] is FinishReason.STOP


@given(st.integers(1, 20) | st.none(), st.lists(st.sampled_from(["a", ". ", "[", "rest", "\n", "Backups"])))
def test_the_answer_is_the_beginning_that_is_allowed(max_tokens: int | None, stop: list[str]) -> None:
    pieces, finish = written(max_tokens, tuple(stop))
    text = "".join(pieces)
    assert WHOLE.startswith(text)
    assert not any(each in text for each in stop)
    assert max_tokens is None or len(text.split()) <= max_tokens
    assert (finish is FinishReason.LENGTH) <= (max_tokens is not None and len(WHOLE.split()) > max_tokens)
