"""A quoted answer, rendered as Markdown with HTML: it shows what documents say, and nothing of it runs."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from pipeline.grounded import ANALYSER, MARKDOWN, PLAIN, hits_of, parts_of, scored

from ragsvc.domain import Answer, CommitId, Span
from ragsvc.pipeline.generation.composition import AnswerPart, compose
from ragsvc.pipeline.generation.quotation import NAME, Quotation, spoken
from ragsvc.pipeline.grounding.answer_shape import AnswerShape

EMPTY = Answer(
    corpus="c",
    commit=CommitId(1),
    question="q",
    answered=False,
    answer="no",
    confidence=0.5,
    citations=(),
    passages=(),
    generator="",
    timings_s={},
)
ELEMENTS = {
    "p", "em", "strong", "code", "pre", "ul", "ol", "li", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6",
    "hr", "br", "a", "s", "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
ATTRIBUTES = {
    ("a", "href"),
    ("a", "title"),
    ("code", "class"),
    ("ol", "start"),
    ("th", "style"),
    ("td", "style"),
}
RENDERERS = (
    MarkdownIt("commonmark", {"html": True}),
    MarkdownIt("gfm-like", {"html": True, "linkify": False}),
)


class Page(HTMLParser):
    """What a browser would make of a rendered answer: its text, and what does not belong there."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.strange: list[str] = []
        self.feed(html)
        self.close()

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        fair = tag in ELEMENTS and all((tag, name) in ATTRIBUTES for name, _ in attrs)
        leading = (value for name, value in attrs if name == "href")
        if not fair or not all(str(each).startswith(("http://", "https://", "mailto:")) for each in leading):
            self.strange.append(f"{tag} {attrs}")

    def handle_comment(self, data: str) -> None:
        self.strange.append(f"comment {data}")

    def handle_decl(self, decl: str) -> None:
        self.strange.append(f"declaration {decl}")

    def handle_pi(self, data: str) -> None:
        self.strange.append(f"instruction {data}")


def answer_of(*texts: str, prose: bool = True, max_tokens: int | None = None) -> Answer:
    """An answer that quotes each text whole."""
    documents = parts_of(texts, PLAIN)
    found = [
        AnswerPart(text, number, documents[number], (Span(0, len(text)),), prose)
        for number, text in enumerate(texts, start=1)
    ]
    quotation = Quotation(
        found, hits_of(texts), max_tokens=max_tokens, stop=(), count=lambda said: len(said.split())
    )
    return quotation.finished(EMPTY)


def pages(answer: Answer) -> list[Page]:
    return [Page(renderer.render(answer.answer)) for renderer in RENDERERS]


SHOWN = (
    "Use std::vector<int> where a < b and b > a.",
    "cp <file> [<target>] copies it, see C:\\temp\\<name> and \\<share>.",
    "Write <script>alert(1)</script> and <img src=x onerror=alert(1)> there.",
    "See [here](javascript:alert(1)), ![chart](https://evil.example/x.png) and <javascript:alert(1)>.",
    "The pattern list[i](x) or `<b>` and `](data:x)` is code.",
    "It ends with a tag <!-- and <?php and </p> that stays.",
    "Already \\<b> and \\\\<i> and !\\[x](y) escaped.",
)


@pytest.mark.parametrize("text", SHOWN)
def test_what_would_run_is_shown_as_it_stands(text: str) -> None:
    answer = answer_of(text)
    for page in pages(answer):
        assert page.strange == []
        assert page.text.strip() == f"{text} [1]"
    assert spoken(answer) == f"{text} [1]"
    assert [citation.quote for citation in answer.citations] == [text]


@pytest.mark.parametrize(
    "text", ["2**8 = 256 and a < b.", "Run `ls` or see [it](https://example.org/a).", "x <3 !"]
)
def test_what_runs_nothing_stays_as_it_is(text: str) -> None:
    assert answer_of(text).answer == f"{text} [1]"


def test_code_stays_code() -> None:
    text = "```html\n<script>run()</script>\n![a](b)\n```"
    answer = answer_of(text, "Then <b>", prose=False)
    assert answer.answer == f"{text}\n[1]\n\nThen \\<b> [2]"
    assert all(page.strange == [] for page in pages(answer))


def test_a_part_cannot_open_or_close_the_code_of_another() -> None:
    code = "```\n<img src=x onerror=run()>\n```"
    for before in ("It begins:\n```", "It begins:\n~~~\n<b>", "- x\n\n      ```", "> ```\n> <i>"):
        answer = answer_of(before, code, "<script>run()</script>", prose=False)
        assert [page.strange for page in pages(answer)] == [[], []]
        assert spoken(answer).count("<script>") == 1


def test_a_document_defines_no_link_for_our_markers() -> None:
    answer = answer_of(
        "Boats are blue.", "[1]: javascript:alert(1)\n\n[2]: https://evil.example", prose=False
    )
    assert [page.strange for page in pages(answer)] == [[], []]
    assert all("evil" in page.text for page in pages(answer))


SCRAPS = (
    "<", ">", "</", "<!", "<!--", "-->", "<?", "<![CDATA[", "script", "img src=x onerror=run()", "a href=",
    "svg/onload=x", "[", "]", "(", ")", "![", "](", "]:", "[1]", "[1]: ", "javascript:", "data:text/html,",
    "vbscript:", "https://e.org", "&#106;avascript:", "\\", "`", "```", "~~~", "\n", "\n\n", "    ", "> ",
    "- ", "1. ", '"', "'", "x", " ", "\t", "\r", "\0", "|", "| - |", "*", "_", "#", "===", "mailto:a@b",
)  # fmt: skip
NASTY = st.lists(st.sampled_from(SCRAPS), max_size=14).map("".join).filter(str.strip)
SEVERAL = st.lists(NASTY, min_size=1, max_size=3)


@given(
    st.lists(NASTY.filter(str.strip), min_size=1, max_size=3), st.booleans(), st.integers(1, 12) | st.none()
)
def test_nothing_runs_whatever_the_documents_say(
    texts: list[str], prose: bool, max_tokens: int | None
) -> None:
    answer = answer_of(*texts, prose=prose, max_tokens=max_tokens)
    assert [page.strange for page in pages(answer)] == [[], []], answer.answer


@given(SEVERAL, st.booleans())
def test_what_is_spoken_is_what_was_quoted(texts: list[str], prose: bool) -> None:
    parsed = [spoken(answer_of(text, prose=prose)) for text in texts]
    assert parsed == [f"{text}{chr(10) if text.endswith('```') else ' '}[1]" for text in texts]


@given(
    NASTY.filter(str.strip),
    st.sampled_from((MARKDOWN, PLAIN, "text/x-rst")),
    st.sampled_from(list(AnswerShape)),
)
def test_nothing_runs_of_a_document_that_was_read(text: str, media_type: str, shape: AnswerShape) -> None:
    text = f"The boat is here: {text}\n\n{text}"
    units = scored("Where is the boat?", [text], media_type, shape)
    assume(units)
    found = compose(units, shape, ANALYSER, "Where is the boat?")
    quotation = Quotation(found, hits_of([text]), max_tokens=None, stop=(), count=len)
    answer = quotation.finished(EMPTY)
    assert [page.strange for page in pages(answer)] == [[], []], answer.answer
    for citation in answer.citations:
        assert text[citation.start : citation.end] == citation.quote


def test_the_answer_is_spoken_alike_by_pieces_and_at_once() -> None:
    answer = answer_of(*SHOWN)
    assert answer.generator == NAME
    assert spoken(answer) == " ".join(f"{text} [{number}]" for number, text in enumerate(SHOWN, start=1))


def test_a_stop_is_looked_for_in_what_the_documents_say() -> None:
    texts = ["See the <b> tag."]
    found = [AnswerPart(texts[0], 1, parts_of(texts, PLAIN)[1], (Span(0, len(texts[0])),), True)]
    quotation = Quotation(found, hits_of(texts), max_tokens=None, stop=("the <b>",), count=len)
    answer = quotation.finished(EMPTY)
    assert (answer.answer, answer.citations) == ("See", ())


@pytest.mark.parametrize(
    ("text", "hidden"), [("A boat.", False), ("A bo\u200bat.", True), ("\u202eA boat.", True)]
)
def test_a_quote_with_hidden_characters_is_flagged_and_exact(text: str, hidden: bool) -> None:
    (citation,) = answer_of(text).citations
    assert (citation.hidden, citation.quote) == (hidden, text)
