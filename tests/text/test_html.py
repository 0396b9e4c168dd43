"""Web pages: what a browser shows is read, however deep it lies; what it hides is not."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_parse import parse

from ragsvc.errors import DocumentError
from ragsvc.text.html import prepare_html
from ragsvc.text.kept_words import compare, fill_in


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ("<div>", "</div>"),
        ("<span>", "</span>"),
        ("<blockquote>", "</blockquote>"),
        ("<ul><li>", "</li></ul>"),
        ("<table><tr><td>", "</td></tr></table>"),
        ("<section><div><b>", "</b></div></section>"),
    ],
)
@pytest.mark.parametrize("depth", [10, 62, 500])
def test_text_is_read_however_deep_it_lies(tmp_path: Path, begin: str, end: str, depth: int) -> None:
    page = f"<p>first</p>{begin * depth}heron <b>stands</b>{end * depth}<p>last</p>"
    words = parse(tmp_path, "x.html", page).text.replace("*", " ").replace("|", " ").split()
    assert [word for word in words if word.isalpha()] == ["first", "heron", "stands", "last"]


def test_what_a_browser_hides_is_not_read(tmp_path: Path) -> None:
    page = (
        "<title>The <b>title</title><p>seen</p><p hidden>a</p>"
        "<div style='color:red; display : none'>b<p>c</div>"
        "<!-- d --><noscript>e</noscript><template>f</template><svg><title>g</title></svg><script>h</script>"
    )
    parsed = parse(tmp_path, "x.html", page)
    assert (parsed.title, parsed.text.strip()) == ("The <b>title", "seen")


def test_an_old_encoding_of_a_page_is_said(tmp_path: Path) -> None:
    page = "<p>Ключ от склада лежит у дежурного.</p>"
    assert [w.code for w in parse(tmp_path, "x.html", page.encode("koi8-r")).warnings] == ["encoding_guessed"]
    declared = f"<meta charset=koi8-r>{page}".encode("koi8-r")
    assert parse(tmp_path, "x.html", declared).warnings == ()


@pytest.mark.parametrize("pump", ["<title>", "<html lang ", "<a ", "<!--", "<div><", "<meta name='author' "])
def test_a_page_of_one_thing_repeated_takes_time_in_proportion(pump: str) -> None:
    def seconds(size: int) -> float:
        started = time.process_time()
        prepare_html((pump * (size // len(pump))).encode(), "x")
        return time.process_time() - started

    seconds(1000)
    small, large = seconds(100_000), seconds(400_000)
    assert large < max(small, 0.01) * 12


@given(st.text(alphabet="<>/ab p=\"'!-&;\x00div", max_size=200))
def test_no_page_fails_otherwise_than_politely(page: str) -> None:
    with contextlib.suppress(DocumentError):
        prepare_html(page.encode(), "x")


def test_what_a_reader_left_out_is_added_and_said() -> None:
    paragraphs = ["One two three.", "Four five six seven.", "Eight."]
    assert fill_in("one TWO three, eight", paragraphs[::2]) == ("one TWO three, eight", ())
    text, (caveat,) = fill_in("one two three eight", paragraphs)
    assert text.endswith("\n\nFour five six seven.\n") and caveat.code == "text_out_of_place"
    assert compare("nothing", paragraphs).share == 0.0


def test_what_is_said_in_place_of_pictures_and_below_them_stays_beside_them(tmp_path: Path) -> None:
    page = (
        '<p>Before.</p><figure><img src="a.png" alt="A red ferry at the quay">'
        "<figcaption>Figure 1: The ferry.</figcaption></figure>"
        '<p><img src="c.jpg" alt="c.jpg">See <a href="/x"><img src="b.png" alt="the map"></a>.</p>'
    )
    lines = [line for line in parse(tmp_path, "x.html", page.encode()).text.splitlines() if line]
    assert lines == ["Before.", "A red ferry at the quay", "*Figure 1: The ferry.*", "See the map."]
