"""Files and documents at the page: folders dragged in, pages of PDFs, chunks, versions, and long lists."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from browser_page import Visit, fetched_axe, hindrances
from made_files import pdf
from playwright.sync_api import Browser, Page, Route, expect
from real_server import Server

pytestmark = pytest.mark.e2e

WHEN = "2026-01-31T09:00:00.000Z"


def drop(page: Page, onto: str, *paths: Path) -> None:
    """Drag files or folders of this machine onto an element, as a person does."""
    box = page.locator(onto).bounding_box()
    assert box is not None
    devtools = page.context.new_cdp_session(page)
    place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        devtools.send("Input.dispatchDragEvent", {"type": kind, "data": data, **place})


def test_a_folder_that_is_dragged_in_keeps_its_paths(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    folder = tmp_path / "depot"
    (folder / "pumps" / "small").mkdir(parents=True)
    (folder / "readme.md").write_text("The depot opens at seven.")
    (folder / "pumps" / "zephyr.md").write_text("The zephyr pump delivers 42 litres per minute.")
    (folder / "pumps" / "small" / "fleur & <b>.md").write_text("The fleur pump delivers 3 litres per minute.")
    (folder / "readme.md").with_name("a" * 200 + ".md").write_text("A long name.")
    (folder / "pumps" / "logo.bin").write_bytes(b"\0\1\2")
    for number in range(120):
        # More than a browser gives at once.
        (folder / "pumps" / f"part{number}.md").write_text(f"Part {number} weighs {number} grams.")
    with Visit(browser, server.url) as visit:
        visit.ready()
        page = visit.view("upload")
        drop(page, ".zone", folder)
        expect(page.locator(".picked")).to_contain_text("125 files")
        assert page.evaluate("document.querySelector('#main').scrollWidth <= innerWidth"), (
            "long names are broken"
        )
        page.fill("#target", "page-dragged")
        page.click("#upload")
        expect(page.locator(".job[data-state=done]")).to_be_visible(timeout=120_000)
        expect(page.locator(".job")).to_contain_text("depot/pumps/logo.bin")
    found = server.http.get("/v1/corpora/page-dragged/documents", params={"limit": 1000}).json()["documents"]
    names = {each["document_id"] for each in found}
    assert len(names) == 124
    assert {"depot/readme.md", "depot/pumps/zephyr.md", "depot/pumps/small/fleur & <b>.md"} <= names


def test_a_citation_of_a_pdf_shows_its_page_and_is_copied_with_it(browser: Browser, server: Server) -> None:
    pages = (
        "The brochure is about the depot in Aalen.",
        "The quark boiler must be drained every 17 days.",
    )
    assert server.ended(server.upload("page-pdf", {"boiler.pdf": pdf(*pages)}))["state"] == "done"
    with Visit(browser, server.url) as visit:
        visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
        visit.choose("page-pdf")
        page = visit.page
        visit.ask("How often must the quark boiler be drained?")
        expect(page.locator(".sources .page-number")).to_have_text("page 2")
        page.locator(".prose button.marker").first.click()
        expect(page.locator("mark.exact").first).to_be_visible()
        expect(page.locator("#source .source-head")).to_contain_text("page 2")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Copy with citations").click()
        expect(page.locator(".note")).to_have_text("Copied with its citations.")
        copied = page.evaluate("navigator.clipboard.readText()")
        assert "17 days" in copied.split("\n\n")[0] and "[1]" in copied.split("\n\n")[0]
        cited = server.post(
            "/v1/answer", corpus="page-pdf", question="How often must the quark boiler be drained?"
        )
        for each in cited["citations"]:
            assert f"[{each['marker']}] " in copied and f"“{each['quote']}”" in copied
        assert "page 2" in copied


def test_a_citation_of_subtitles_says_from_when_to_when(browser: Browser, server: Server) -> None:
    cues = (
        ("00:59:50,000 --> 00:59:58,500", "Welcome to the meeting of the depot."),
        ("01:02:03,250 --> 01:02:07,000", "The quark boiler must be drained"),
        ("01:02:07,000 --> 01:02:10,900", "every 17 days."),
    )
    talk = "\r\n\r\n".join(f"{at}\r\n{when}\r\n{words}" for at, (when, words) in enumerate(cues, 1))
    assert server.ended(server.upload("page-talk", {"boiler.srt": talk.encode()}))["state"] == "done"
    with Visit(browser, server.url) as visit:
        visit.choose("page-talk")
        visit.ask("How often must the quark boiler be drained?")
        expect(visit.page.locator(".sources .page-number").first).to_have_text("1:02:03–1:02:10")
        visit.page.locator(".prose button.marker").first.click()
        expect(visit.page.locator("#source .source-head")).to_contain_text("1:02:03–1:02:10")


def test_chunks_and_what_changed_between_versions_are_shown(browser: Browser, server: Server) -> None:
    lines = [f"Rule {number} of the house is kept by team {number % 5}." for number in range(40)]
    texts = ["\n\n".join(lines), "\n\n".join([*lines[:20], *lines[21:]]).replace("Rule 5 of", "Law 5 of")]
    for text in texts:
        body = {"id": "rules <i>.md", "text": text, "metadata": {"topic": "house", "<b>": "<img src=x>"}}
        job = server.post("/v1/corpora/page-versions/documents", documents=[body])
        assert server.ended(job)["state"] == "done"
    with Visit(browser, server.url) as visit:
        visit.choose("page-versions")
        page = visit.view("documents")
        page.locator("#main table button").first.click()
        expect(page.locator(".source-text")).to_contain_text("Law 5 of")
        expect(page.locator(".pairs")).to_contain_text("<img src=x>")
        page.get_by_role("button", name="Chunks").click()
        chunks = page.locator(".chunks li")
        expect(chunks.first).to_be_visible()
        hits = server.search("page-versions", "rules", mode="dense", k=200)
        assert chunks.count() == len(hits) > 1
        chunks.last.get_by_role("button").click()
        last = max(hits, key=lambda hit: hit["start"])
        expect(page.locator("mark.exact")).to_have_text(last["text"])
        page.get_by_role("button", name="Versions").click()
        expect(page.locator(".versions li")).to_have_count(2)
        assert page.evaluate("document.activeElement.textContent") == "Versions", "the focus stays"
        page.get_by_role("button", name="What changed at").click()
        expect(page.locator(".difference del.line")).to_have_count(3)
        expect(page.locator(".difference ins.line .changed")).to_have_text("Law")
        expect(page.locator(".difference del.line .changed")).to_have_text("Rule")
        expect(page.locator("#source")).to_contain_text("1 line added, 3 removed")
        expect(page.locator(".skipped").first).to_contain_text("lines are the same")


def test_differences_give_both_texts_again(browser: Browser, server: Server) -> None:
    pairs = [
        ["", ""], ["", "a\nb"], ["a\nb\nc", "a\nc"], ["a b c\n😀 e", "a x c\n😀 f"],
        ["a\na\nb\nb", "b\na\nb\na"],
        ["\n".join(map(str, range(4000))), "\n".join(str(number * 7) for number in range(4000))],
    ]  # fmt: skip
    with Visit(browser, server.url) as visit:
        page = visit.ready()
        told = page.evaluate(
            "async (pairs) => { const { lineDifference } = await import('/page/difference.js');"
            " return pairs.map(([one, two]) => lineDifference(one, two)); }",
            pairs,
        )
    for (before, after), rows in zip(pairs, told, strict=True):
        for text, kind in ((before, "removed"), (after, "added")):
            own = ["".join(part[0] for part in row["parts"]) for row in rows if row["kind"] in ("same", kind)]
            assert "\n".join(own) == text
    assert [row["kind"] for row in told[2]] == ["same", "removed", "same"]
    assert told[3][0]["parts"] == [["a ", False], ["b", True], [" c", False]]


def many_documents(route: Route) -> None:
    """A corpus of ten thousand documents, a page at a time."""
    asked = parse_qs(urlsplit(route.request.url).query)
    start, limit = int(asked.get("cursor", ["0"])[0]), int(asked["limit"][0])
    word = "pneumonoultramicroscopicsilicovolcanoconiosis" * 8
    shown = {"media_type": "text/markdown", "characters": 10, "metadata": {}, "owner": "local", "commit": 1}
    documents = [
        {
            "corpus": "handbook", "document_id": f"notes/{number}/{word}.md", "version": "9f2c51",
            "title": f"Note {number} <script>hacked()</script>", "source": "x", "ingested_at": WHEN,
            "warnings": [],
        } | shown
        for number in range(start, min(start + limit, 10_000))
    ]  # fmt: skip
    following = str(start + limit) if start + limit < 10_000 else None
    route.fulfill(json={"documents": documents, "next_cursor": following})


@pytest.mark.parametrize("width", [1280, 360])
def test_ten_thousand_documents_come_a_page_at_a_time(browser: Browser, server: Server, width: int) -> None:
    with Visit(browser, server.url, options={"viewport": {"width": width, "height": 800}}) as visit:
        page = visit.ready()
        page.route("**/v1/corpora/handbook/documents?*", many_documents)
        visit.view("documents")
        expect(page.locator("#main tbody tr")).to_have_count(50)
        page.get_by_role("button", name="Show more").click()
        expect(page.locator("#main tbody tr")).to_have_count(100)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "long words are broken"
        page.fill("#sought", "NOTE 9876 ")
        expect(page.locator("#main tbody tr")).to_have_count(1)
        expect(page.locator("#main tbody tr")).to_contain_text("Note 9876 <script>")
        page.fill("#sought", "no such note")
        expect(page.locator("#main .empty")).to_be_visible()


@pytest.mark.parametrize("width", [1280, 360])
def test_two_hundred_corpora_fit(browser: Browser, server: Server, width: int) -> None:
    sizes = {
        "created_at": WHEN,
        "commit": 3,
        "documents": 10,
        "chunks": 20,
        "characters": 3000,
        "embedder": "e",
    }
    corpora = [{"name": "handbook", **sizes}]
    corpora += [{"name": f"corpus-{number}-{'x' * 50}"[:64], **sizes} for number in range(200)]
    with Visit(browser, server.url, options={"viewport": {"width": width, "height": 800}}) as visit:
        page = visit.page
        page.route("**/v1/corpora", lambda route: route.fulfill(json={"corpora": corpora}))
        page.reload()
        visit.ready()
        visit.view("overview")
        expect(page.locator("#main .table.tall tbody tr")).to_have_count(201)
        usage = page.locator("#usage").bounding_box()
        assert usage is not None and usage["y"] < 800, "a long list scrolls in its box"
        for view in ("ask", "overview", "upload"):
            visit.view(view)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), view


def test_fields_and_values_of_a_filter_are_offered(browser: Browser, server: Server) -> None:
    with Visit(browser, server.url) as visit:
        page = visit.ready()
        page.get_by_role("button", name="Filter").click()
        fields = page.locator("#filter-fields option")
        expect(page.locator("#filter-fields option[value=topic]")).to_have_count(1)
        assert fields.count() >= 3
        page.get_by_label("field").fill("topic")
        page.get_by_label("value", exact=True).focus()
        offered = page.locator("#filter-values-0 option").evaluate_all(
            "found => found.map(each => each.value)"
        )
        stored = server.http.get("/v1/corpora/handbook/documents", params={"limit": 1000}).json()["documents"]
        assert set(offered) == {each["metadata"]["topic"] for each in stored if "topic" in each["metadata"]}
        assert json.dumps(offered) != "[]"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_what_opens_beside(browser: Browser, server: Server, scheme: str) -> None:
    axe = fetched_axe()
    if axe is None:
        pytest.skip("axe-core cannot be fetched here")
    for text in ("The door is red.\n\nIt is old.", "The door is blue.\n\nIt is old.\n\nIt squeaks."):
        body = {"id": "door.md", "text": text, "metadata": {"topic": "house"}}
        server.ended(server.post("/v1/corpora/page-door/documents", documents=[body]))
    with Visit(browser, server.url, options={"color_scheme": scheme}) as visit:
        visit.choose("page-door")
        page = visit.view("documents")
        found = {}
        page.locator("#main table button").first.click()
        expect(page.locator(".source-text")).to_be_visible()
        found["text"] = hindrances(page, axe)
        page.get_by_role("button", name="Chunks").click()
        expect(page.locator(".chunks")).to_be_visible()
        found["chunks"] = hindrances(page, axe)
        page.get_by_role("button", name="Versions").click()
        page.get_by_role("button", name="What changed at").first.click()
        expect(page.locator(".difference")).to_be_visible()
        found["difference"] = hindrances(page, axe)
        visit.view("ask")
        page.get_by_role("button", name="Filter").click()
        found["filter"] = hindrances(page, axe)
        page.locator("#new").focus()
        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_be_visible()
        found["dialog"] = hindrances(page, axe)
        assert {name: each for name, each in found.items() if each} == {}


def test_documents_are_read_by_keyboard_alone(browser: Browser, server: Server) -> None:
    with Visit(browser, server.url) as visit:
        page = visit.ready()
        visit.view("documents")
        page.locator("#tab-documents").focus()

        def tab_to(name: str) -> None:
            for _ in range(80):
                page.keyboard.press("Tab")
                if page.evaluate("document.activeElement.textContent") == name:
                    return
            raise AssertionError(f"{name} is not reached")

        tab_to("Storing chat history")
        page.keyboard.press("Enter")
        expect(page.locator("#source-title")).to_be_focused()
        tab_to("Chunks")
        page.keyboard.press("Enter")
        expect(page.locator(".chunks li").first).to_be_visible()
        page.keyboard.press("Tab")
        page.keyboard.press("Escape")
        expect(page.locator("#source")).to_be_hidden()
        assert page.evaluate("document.activeElement.textContent") == "Storing chat history"


def test_names_and_fields_of_any_length_leave_room_for_the_text(browser: Browser, server: Server) -> None:
    hostile = {
        "__proto__": "x",
        "constructor": "y",
        "k" * 200: "v" * 2000,
        "<script>": "<script>hacked()</script>",
        "nested": {"a": ["<b>"]},
    }
    body = {
        "id": f"a/{'w' * 300}.md",
        "title": f"<img src=x onerror=hacked()>{'W' * 400}",
        "text": f"The zork valve opens at 40 bar. {'Q' * 3000}",
        "metadata": hostile,
    }
    server.ended(server.post("/v1/corpora/page-long/documents", documents=[body]))
    with Visit(browser, server.url) as visit:
        visit.choose("page-long")
        page = visit.view("documents")
        page.locator("#main table button").first.click()
        expect(page.locator(".source-text")).to_be_in_viewport()
        assert page.evaluate(
            "document.querySelector('#source').scrollWidth <= document.querySelector('#source').clientWidth"
        )
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert (
            page.evaluate("window.hacked") is None
            and page.locator("#source :is(img, script, b)").count() == 0
        )
        visit.view("ask")
        page.get_by_role("button", name="Filter").click()
        page.get_by_label("field").fill("__proto__")
        page.get_by_label("value", exact=True).fill("x")
        visit.ask("At how many bar does the zork valve open?")
        expect(page.locator(".prose")).to_contain_text("40 bar")
        page.locator(".prose button.marker").first.click()
        expect(page.locator("mark.exact").first).to_be_in_viewport()
