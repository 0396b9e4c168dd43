"""The page at / in a real browser: what people do there, with real answers of a real server."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from browser_page import HOSTILE, MIXED, WRITTEN, Visit, fetched_axe, hindrances
from playwright.sync_api import Browser, Page, Route, expect
from real_server import Server

from ragsvc.text.invisibles import hides

pytestmark = pytest.mark.e2e

VIEWS = ("ask", "documents", "graph", "history", "upload", "jobs", "overview")
QUESTION = "Can chat history be stored in a database?"
# Notes what an answer looks like whenever something of it changes.
WATCH = """() => {
    window.seen = [];
    const look = () => {
        const [state, prose] = [".state", ".prose"].map((name) => document.querySelector(".answer " + name));
        const ended = !!document.querySelector(".answer-foot");
        if (prose) window.seen.push([state.textContent, prose.textContent.length, ended]);
    };
    const all = {childList: true, subtree: true, characterData: true};
    new MutationObserver(look).observe(document.getElementById("main"), all);
}"""


def marked(page: Page) -> list[str]:
    """What is marked in the pane, one text a span."""
    page.wait_for_selector("mark.exact")
    return page.locator("mark.exact").evaluate_all("found => found.map(each => each.textContent)")


def upload(page: Page, folder: Path, files: dict[str, str], corpus: str) -> None:
    """Upload by the page."""
    paths = []
    for name, content in files.items():
        path = folder / name
        path.write_text(content, encoding="utf-8")
        paths.append(path)
    page.set_input_files("#files", paths)
    page.fill("#target", corpus)
    page.click("#upload")


def test_a_question_is_answered_and_its_characters_are_shown(browser: Browser, server: Server) -> None:
    with Visit(browser, server.url) as visit:
        page = visit.ready()
        visit.ask(QUESTION)
        cited = server.post("/v1/answer", corpus="handbook", question=QUESTION)["citations"]
        page.locator(".prose button.marker").first.click()
        assert marked(page) == [each["quote"] for each in cited if each["marker"] == 1]
        box = page.locator("mark.exact").first.bounding_box()
        assert box is not None and 0 <= box["y"] < page.viewport_size["height"], "it was scrolled to"
        # By keyboard alone: out, the next marker, in again.
        page.keyboard.press("Escape")
        expect(page.locator("#source")).to_be_hidden()
        assert page.evaluate("document.activeElement.dataset.marker") == "1", "back where one came from"
        page.keyboard.press("Enter")
        expect(page.locator("#source mark.exact").first).to_be_visible()
        assert page.locator(".beside .source-row").count() > len(cited), "passages beside the citations"
        page.keyboard.press("Escape")
        assert QUESTION.split()[-1].rstrip("?") in page.locator("#live").text_content().lower(), "read out"
        visit.page.reload()
        visit.ready()
        expect(page.locator(".asked")).to_have_text(QUESTION)
        expect(page.locator(".prose button.marker").first).to_be_visible()


def test_the_answer_is_written_while_it_comes(browser: Browser, server: Server) -> None:
    with Visit(browser, server.url) as visit:
        page = visit.ready()
        page.evaluate(WATCH)
        with page.expect_request("**/v1/answer") as sent:
            visit.ask(QUESTION)
        assert sent.value.post_data_json["stream"] is True and "history" not in sent.value.post_data_json
        seen = page.evaluate("window.seen")
        assert any("passages" in state and not ended for state, _, ended in seen)
        with page.expect_request("**/v1/answer") as sent:
            visit.ask("And what keeps the messages in order?")
        turns = sent.value.post_data_json["history"]
        assert [turn["role"] for turn in turns] == ["user", "assistant"] and turns[0]["content"] == QUESTION


def test_a_refusal_shows_what_came_closest(browser: Browser, server: Server) -> None:
    with Visit(browser, server.url) as visit:
        page = visit.ready()
        visit.ask("What does a Midjourney subscription cost?")
        expect(page.locator(".refused-head")).to_be_visible()
        row = page.locator(".closest .source-row").first
        row.click()
        hits = server.post(
            "/v1/answer", corpus="handbook", question="What does a Midjourney subscription cost?"
        )
        assert marked(page) == [hits["passages"][0]["text"]]


def test_a_filter_needs_no_json(browser: Browser, server: Server) -> None:
    with Visit(browser, server.url) as visit:
        page = visit.ready()
        page.get_by_role("button", name="Filter").click()
        page.get_by_label("field").fill("topic")
        page.get_by_label("value", exact=True).fill("data")
        page.get_by_role("button", name="Add a condition").click()
        page.get_by_label("field").nth(1).fill("tags")
        page.get_by_label("Operator").nth(1).select_option("$exists")
        with page.expect_request("**/v1/answer") as sent:
            visit.ask(QUESTION)
        assert sent.value.post_data_json["filter"] == {
            "$and": [{"topic": {"$eq": "data"}}, {"tags": {"$exists": True}}]
        }
        expect(page.locator(".prose button.marker").first).to_be_visible()


def test_spans_after_emoji_and_right_to_left_text_are_exact(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    with Visit(browser, server.url) as visit:
        visit.ready()
        page = visit.view("upload")
        upload(page, tmp_path, {"depot.md": MIXED, "empty.md": ""}, "page-mixed")
        expect(page.locator(".job[data-state=done]")).to_be_visible(timeout=60_000)
        account = page.locator(".job").inner_text()
        assert "added" in account and "empty.md" in account, "every file is accounted for"
        visit.view("ask")
        question = "How many litres per minute does the zephyr pump deliver?"
        visit.ask(question)
        page.locator(".prose button.marker").first.click()
        cited = server.post("/v1/answer", corpus="page-mixed", question=question)["citations"]
        assert marked(page) == [each["quote"] for each in cited if each["marker"] == 1]
        assert "delivers 42 litres" in marked(page)[0]
        stored = server.http.get("/v1/corpora/page-mixed/text", params={"document_id": "depot.md"}).json()[
            "text"
        ]
        assert page.locator(".source-text").text_content() == stored
        assert page.locator(".hidden-sign").count() == 0, "a family and a flag hide nothing"


def test_a_hostile_document_is_text_and_runs_nothing(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    name = "<img src=x onerror=hacked()>.md"
    with Visit(browser, server.url) as visit:
        visit.ready()
        page = visit.view("upload")
        upload(page, tmp_path, {name: HOSTILE}, "page-hostile")
        expect(page.locator(".job[data-state=done]")).to_be_visible(timeout=60_000)
        visit.view("documents")
        expect(page.locator("#main table")).to_contain_text("onerror=hacked()")
        page.locator("#main table button").first.click()
        text = page.locator(".source-text")
        expect(text).to_contain_text("<script>window.hacked = true</script>")
        assert page.locator(".hidden-sign").count() >= 3
        shown = page.locator(".hidden-sign").evaluate_all("found => found.map(each => each.dataset.code)")
        assert {"U+202E", "U+202C", "U+200B"} <= set(shown)
        visit.view("ask")
        visit.ask("How often must the quark boiler be drained?")
        page.locator(".source-row").first.click()
        cited = server.post(
            "/v1/answer", corpus="page-hostile", question="How often must the quark boiler be drained?"
        )
        spans = [each["quote"] for each in cited["citations"][:1]] or [cited["passages"][0]["text"]]
        assert marked(page) == spans
        assert_harmless(page)


def test_what_a_model_writes_runs_nothing(browser: Browser, server: Server) -> None:
    answer = server.post("/v1/answer", corpus="handbook", question=QUESTION)
    done = json.dumps(answer | {"answer": WRITTEN})
    token = json.dumps({"text": WRITTEN})
    body = f"event: token\ndata: {token}\n\nevent: done\ndata: {done}\n\n"
    with Visit(browser, server.url) as visit:
        page = visit.ready()
        page.route("**/v1/answer", lambda route: route.fulfill(content_type="text/event-stream", body=body))
        visit.ask("Anything")
        # Markup that is written is shown as it was written.
        expect(page.locator(".prose")).to_contain_text(
            "Safe 1 <script>window.hacked = true</script><img src="
        )
        expect(page.locator(".prose button.marker")).to_have_count(1)
        assert_harmless(page)


@pytest.mark.parametrize(("locale", "page_words"), [("en-GB", "page 12"), ("de-DE", "Seite 12")])
def test_a_citation_of_a_scan_is_drawn_on_its_page(
    browser: Browser, server: Server, locale: str, page_words: str
) -> None:
    answer = server.post("/v1/answer", corpus="handbook", question=QUESTION)
    boxes = [[0.1, 0.25, 0.9, 0.3], [0.1, 0.3, 0.4, 0.35]]
    for citation in answer["citations"]:
        citation["places"] = [{"page": 12, "bbox": box} for box in boxes]
    said = {**answer["citations"][0], "marker": 99, "places": [{"from_s": 75.5, "to_s": 80.0}]}
    answer["citations"].append(said)
    body = f"event: done\ndata: {json.dumps(answer)}\n\n"
    with Visit(browser, server.url, options={"locale": locale}) as visit:
        page = visit.ready()
        page.route("**/v1/answer", lambda route: route.fulfill(content_type="text/event-stream", body=body))
        visit.ask(QUESTION)
        expect(page.locator(".sources .page-number").first).to_have_text(page_words)
        expect(page.locator(".sources .page-number").last).to_have_text("1:15–1:20")
        page.locator(".sources .source-row").first.click()
        sheet = page.locator("#source .sheet svg")
        expect(sheet).to_have_count(1)
        assert page_words in sheet.get_attribute("aria-label") and "10" in sheet.get_attribute("aria-label")
        assert marked(page)
        outer = sheet.bounding_box()
        drawn = [each.bounding_box() for each in sheet.locator("rect.stands").all()]
        spans = [each for each in answer["citations"] if each["marker"] == answer["citations"][0]["marker"]]
        assert outer is not None and len(drawn) == 2 * len(spans)
        for box, found in zip(boxes, drawn, strict=False):
            assert found is not None
            assert found["x"] == pytest.approx(outer["x"] + box[0] * outer["width"], abs=1)
            assert found["y"] == pytest.approx(outer["y"] + box[1] * outer["height"], abs=1)


def assert_harmless(page: Page) -> None:
    assert page.evaluate("window.hacked") is None
    bad = "script, img, svg, iframe, form[action], style, base, math, object, [onerror], [onload], [onclick]"
    assert page.locator(f"#frame :is({bad})").count() == 0
    links = page.locator("#frame a[href]").evaluate_all(
        "found => found.map(each => each.getAttribute('href'))"
    )
    assert [link for link in links if not re.match(r"https?://|#/|/docs$", link)] == []


def test_a_job_can_be_cancelled(browser: Browser, server: Server, tmp_path: Path) -> None:
    files = {
        f"note{number}.md": "\n\n".join(
            f"Entry {number}.{line}: item {number * line} was seen." for line in range(150)
        )
        for number in range(60)
    }
    with Visit(browser, server.url) as visit:
        visit.ready()
        page = visit.view("upload")
        upload(page, tmp_path, files, "page-cancelled")
        page.click("#cancel")
        expect(page.locator(".job[data-state=cancelled]")).to_be_visible(timeout=60_000)
        expect(page.locator(".job")).to_contain_text("Nothing of it is visible")
        visit.view("jobs")
        expect(page.locator("#main table .badge.cancelled").first).to_be_visible()
    names = [each["name"] for each in server.http.get("/v1/corpora").json()["corpora"]]
    assert (
        "page-cancelled" not in names
        or server.http.get("/v1/corpora/page-cancelled").json()["documents"] == 0
    )


def test_a_job_that_went_with_its_corpus_is_not_asked_for_again(browser: Browser, server: Server) -> None:
    times = {"created_at": "2026-01-31T09:00:00.000Z", "updated_at": "2026-01-31T09:00:00.000Z"}
    job = {"id": "j", "corpus": "c", "state": "running", "progress": {"done": 0, "total": 2}, **times}
    asked: list[str] = []

    def answered(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            route.fulfill(json=job)
        else:
            route.fulfill(status=404, json={"detail": "there is no job", "code": "job_not_found"})

    with Visit(browser, server.url, expected=["404"]) as visit:
        page = visit.ready()
        page.clock.install()
        page.route("**/v1/jobs/j", answered)
        page.goto(f"{server.url}/#/jobs/j")
        expect(page.locator(".job")).to_be_visible()
        page.clock.run_for(1000)
        expect(page.locator(".note.error")).to_have_text("there is no job")
        page.clock.run_for(10_000)
        assert len(asked) == 2


def test_a_corpus_goes_back_after_a_question(browser: Browser, server: Server, tmp_path: Path) -> None:
    with Visit(browser, server.url) as visit:
        visit.ready()
        for words in ("The gate opens at nine.", "The gate opens at ten."):
            page = visit.view("upload")
            upload(page, tmp_path, {"gate.md": words}, "page-gate")
            expect(page.locator(".job[data-state=done]")).to_be_visible(timeout=60_000)
            visit.view("ask")
        visit.view("history")
        commits = page.locator(".commit")
        expect(commits).to_have_count(2)
        commits.nth(1).get_by_role("button", name="Go back").click()
        page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
        expect(commits).to_have_count(2)
        commits.nth(1).get_by_role("button", name="Go back").click()
        page.get_by_role("dialog").get_by_role("button", name="Go back").click()
        expect(commits).to_have_count(3)
        commits.nth(0).get_by_role("button", name="Tag").click()
        page.get_by_role("dialog").get_by_label("Name").fill("early")
        page.get_by_role("dialog").get_by_role("button", name="Save").click()
        expect(page.locator(".badge.tag")).to_contain_text("early")
        visit.view("documents")
        page.locator("#main table button").first.click()
        expect(page.locator(".source-text")).to_contain_text("nine")
        page.get_by_role("button", name="Versions").click()
        expect(page.locator(".versions li")).to_have_count(3)
    text = server.http.get("/v1/corpora/page-gate/text", params={"document_id": "gate.md"}).json()["text"]
    assert "nine" in text


def test_a_login_keeps_the_key_out_of_sight(browser: Browser, keyed_server: Server) -> None:
    key = keyed_server.headers["Authorization"].removeprefix("Bearer ")
    # A browser says so itself when a login is refused.
    with Visit(browser, keyed_server.url, expected=["status of 401"]) as visit:
        page = visit.page
        page.fill("#key", "wrong")
        page.press("#key", "Enter")
        expect(page.get_by_role("alert")).to_contain_text("not the server")
        page.fill("#key", key)
        page.press("#key", "Enter")
        visit.ready()
        visit.ask(QUESTION)
        page.reload()
        visit.ready()
        cookies = visit.context.cookies()
        assert [(each["name"], each["httpOnly"], each["sameSite"]) for each in cookies] == [
            (f"ragsvc_page_{keyed_server.port}", True, "Strict")
        ]
        kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
        assert key not in kept and "ragsvc_page" not in kept
        page.get_by_role("button", name="Log out").click()
        expect(page.locator("#key")).to_be_visible()
        assert page.locator(".turn").count() == 0
        for url in visit.asked:
            assert key.split()[0] not in url and key.replace(" ", "%20") not in url
    assert key not in keyed_server.log.read_text()


def test_languages_and_themes(browser: Browser, server: Server) -> None:
    with Visit(browser, server.url, options={"locale": "de-AT", "color_scheme": "dark"}) as visit:
        page = visit.ready()
        assert page.evaluate("document.documentElement.lang") == "de"
        expect(page.locator("#send")).to_have_text("Fragen")
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.select_option("#language", "en")
        expect(page.locator("#send")).to_have_text("Ask")
        page.click("#theme")
        page.reload()
        visit.ready()
        assert page.evaluate("document.documentElement.lang") == "en"
        assert page.evaluate("document.documentElement.dataset.theme") == "light"
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark


def test_a_phone_shows_everything_in_its_width(browser: Browser, server: Server) -> None:
    options = {"viewport": {"width": 360, "height": 740}, "has_touch": True}
    with Visit(browser, server.url, options=options) as visit:
        page = visit.ready()
        visit.choose("handbook")
        for view in VIEWS:
            visit.view(view)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), view
        visit.view("ask")
        visit.ask(QUESTION)
        page.locator(".prose button.marker").first.click()
        marked(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_shortcuts_are_listed_and_work(browser: Browser, server: Server) -> None:
    with Visit(browser, server.url) as visit:
        page = visit.ready()
        visit.view("jobs")
        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_contain_text("Next or previous citation")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        page.keyboard.press("u")
        expect(page.locator("#target")).to_be_visible()
        page.keyboard.press("/")
        expect(page.locator("#question")).to_be_visible()


def test_hidden_characters_are_those_of_the_service(browser: Browser, server: Server) -> None:
    """The page flags by itself what stands in texts; citations say it by `hidden`. They must agree."""
    texts = [
        MIXED, HOSTILE.replace("\x07", "").replace("\x1b", ""),
        "می\u200cخواهم", "क्\u200dष", "a\u200db", "a\u200cb",
        "©\ufe0f 1\ufe0f\u20e3",
        "a\ufe0f", "葛\U000e0100", "a\U000e0100",
        "soft\u00adhyphen", "\u0600١٢", "\u2800\u3164\uffa0\u034f",
        "👍🏽 ❤️\u200d🔥",
        "\U000e0041\U000e0042", "🏴\U000e0067\U000e0062\U000e007f",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "\ufeffx",
    ]  # fmt: skip
    with Visit(browser, server.url) as visit:
        page = visit.ready()
        seen = page.evaluate(
            "async (texts) => texts.map((await import('/page/characters.js')).hides)",
            texts,
        )
        assert dict(zip(texts, seen, strict=True)) == {text: hides(text) for text in texts}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_it(browser: Browser, server: Server, scheme: str) -> None:
    axe = fetched_axe()
    if axe is None:
        pytest.skip("axe-core cannot be fetched here")
    with Visit(browser, server.url, options={"color_scheme": scheme}) as visit:
        page = visit.ready()
        visit.choose("handbook")
        found = {}
        for view in VIEWS:
            visit.view(view)
            if view == "ask":
                visit.ask(QUESTION)
                page.locator(".prose button.marker").first.click()
                marked(page)
            found[view] = hindrances(page, axe)
        assert {view: each for view, each in found.items() if each} == {}
