"""The page when something is in the way: a server that is gone, two tabs, half an answer; and its weight."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from browser_page import Visit
from playwright.sync_api import Browser, Response, Route, expect
from real_server import Server, World

pytestmark = pytest.mark.e2e

QUESTION = "Can chat history be stored in a database?"


def test_a_server_that_is_restarted_is_asked_again(browser: Browser, world: World, handbook: Path) -> None:
    home = shutil.copytree(handbook, world.folder / "restarted" / "home")
    server = Server(world, home)
    try:
        server.wait_until_ready()
        with Visit(browser, server.url, expected=["Failed to load resource"]) as visit:
            page = visit.ready()
            visit.ask(QUESTION)
            server.close()
            page.fill("#question", "How is a GAN trained, step by step?")
            page.press("#question", "Enter")
            alert = page.locator(".state.wrong")
            expect(alert).to_have_text(
                "The server cannot be reached. — Perhaps it is being restarted: try again in a moment."
            )
            expect(page.locator("#question")).to_have_value("How is a GAN trained, step by step?")
            server = Server(world, home, port=server.port)
            server.wait_until_ready()
            page.locator(".turn").get_by_role("button", name="Try again").click()
            expect(page.locator(".answer-foot")).to_have_count(2, timeout=60_000)
            expect(page.locator(".turn")).to_have_count(2)
            expect(page.locator("#question")).to_have_value("")
            page.reload()
            visit.ready()
            expect(page.locator(".turn")).to_have_count(2)
    finally:
        server.close()


def test_an_answer_that_breaks_off_can_be_asked_again(browser: Browser, server: Server) -> None:
    with Visit(browser, server.url) as visit:
        page = visit.ready()
        body = 'event: token\ndata: {"text": "It is"}\n\n'
        page.route("**/v1/answer", lambda route: route.fulfill(content_type="text/event-stream", body=body))
        page.fill("#question", QUESTION)
        page.press("#question", "Enter")
        expect(page.locator(".state.wrong")).to_contain_text("broke off")
        page.unroute("**/v1/answer")
        page.get_by_role("button", name="Try again").click()
        expect(page.locator(".answer-foot")).to_be_visible(timeout=60_000)
        expect(page.locator(".turn")).to_have_count(1)


def test_a_page_that_could_not_begin_begins_later(browser: Browser, server: Server) -> None:
    with Visit(browser, server.url, expected=["Failed to load resource"]) as visit:
        page = visit.ready()
        page.route("**/v1/corpora", lambda route: route.abort())
        page.reload()
        expect(page.locator("#main .empty")).to_contain_text("The server cannot be reached.")
        for _ in range(2):
            with page.expect_event("requestfailed"):
                page.get_by_role("button", name="Try again").click()
        expect(page.locator("#notes .note")).to_have_count(1)
        page.unroute("**/v1/corpora")
        page.get_by_role("button", name="Try again").click()
        visit.ready()
        visit.ask(QUESTION)


def test_conversations_take_a_line_of_a_phone(browser: Browser, server: Server) -> None:
    options = {"viewport": {"width": 360, "height": 740}, "has_touch": True}
    with Visit(browser, server.url, options=options) as visit:
        page = visit.ready()
        visit.ask(QUESTION)
        side = page.locator("#side")
        box = side.bounding_box()
        assert box is not None and box["height"] < 60
        expect(page.locator(".session").first).to_be_hidden()
        side.get_by_role("button", name="Conversations").click()
        page.locator(".session").first.click()
        expect(page.locator(".asked")).to_have_text(QUESTION)
        expect(page.locator(".session").first).to_be_hidden()


def test_conversations_that_come_late_are_not_shown_in_another_view(browser: Browser, server: Server) -> None:
    held: list[Route] = []
    with Visit(browser, server.url) as visit:
        page = visit.ready()
        visit.view("jobs")
        page.route("**/v1/sessions", lambda route: held.append(route))
        with page.expect_request("**/v1/sessions"):
            visit.page.goto(f"{server.url}/#/ask")
        expect(page.locator("#question")).to_be_visible()
        expect(page.locator("#side")).to_be_hidden()
        visit.page.goto(f"{server.url}/#/jobs")
        expect(page.locator("#main h1")).to_have_text("Jobs")
        with page.expect_response("**/v1/sessions"):
            held[0].continue_()
        page.evaluate("new Promise((done) => setTimeout(done, 100))")
        expect(page.locator("#side")).to_be_hidden()


def test_two_tabs_do_not_mix(browser: Browser, server: Server) -> None:
    other = "How is a GAN trained, step by step?"
    with Visit(browser, server.url, expected=["404"]) as visit:
        first = visit.ready()
        visit.ask(QUESTION)
        second = visit.context.new_page()
        second.goto(server.url)
        second.wait_for_selector("body[data-ready]")
        expect(second.locator(".turn")).to_have_count(0)
        second.fill("#question", other)
        second.press("#question", "Enter")
        expect(second.locator(".answer-foot")).to_have_count(1, timeout=60_000)
        for page, question in ((first, QUESTION), (second, other)):
            page.reload()
            page.wait_for_selector("body[data-ready]")
            expect(page.locator(".asked")).to_have_text(question)
        # A corpus that another tab deleted: that is said.
        job = server.post("/v1/corpora/page-tabs/documents", documents=[{"id": "a.md", "text": "One line."}])
        server.ended(job)
        visit.choose("page-tabs")
        assert server.http.delete("/v1/corpora/page-tabs").status_code == 204
        first.fill("#question", QUESTION)
        first.press("#question", "Enter")
        expect(first.locator(".state.wrong")).to_contain_text("page-tabs")


def test_an_answer_of_a_part_leads_to_the_rest(browser: Browser, server: Server) -> None:
    rows = "\n".join(f"| Town{number} | {number * 100} | region {number % 4} |" for number in range(1, 26))
    text = f"# Towns\n\nThe towns of the county.\n\n| Town | People | Region |\n| --- | --- | --- |\n{rows}\n"
    job = server.post("/v1/corpora/page-towns/documents", documents=[{"id": "towns.md", "text": text}])
    assert server.ended(job)["state"] == "done"
    with Visit(browser, server.url) as visit:
        visit.choose("page-towns")
        visit.ask("List all towns with their people")
        page = visit.page
        expect(page.locator(".prose")).to_contain_text("rows are shown")
        page.get_by_role("button", name="Show the rest").click()
        expect(page.locator("mark.exact").first).to_be_visible()
        expect(page.locator(".source-text")).to_contain_text("Town25")


def test_an_opinion_reaches_the_record(browser: Browser, server: Server) -> None:
    with Visit(browser, server.url) as visit:
        page = visit.ready()
        visit.ask(QUESTION)
        page.get_by_role("button", name="Bad answer").click()
        page.get_by_label("What was good or wrong?").fill("It is <b>weekly</b> now.")
        page.keyboard.press("Enter")
        expect(page.locator(".feedback")).to_contain_text("Thank you")
    record = server.http.get("/v1/records", params={"limit": 1}).json()["records"][0]
    given = server.http.get(f"/v1/records/{record['id']}").json()["feedback"]
    assert [(each["score"], each["comment"]) for each in given] == [(-1, "It is <b>weekly</b> now.")]


def test_the_page_weighs_little_before_its_first_view(browser: Browser, server: Server) -> None:
    weights: dict[str, int] = {}

    def weigh(response: Response) -> None:
        if "/page/" in response.url or response.url.rstrip("/") == server.url:
            weights[response.url] = len(response.body())

    with Visit(browser, server.url) as visit:
        visit.ready()
        visit.page.on("response", weigh)
        visit.context.new_cdp_session(visit.page).send("Network.setCacheDisabled", {"cacheDisabled": True})
        visit.page.reload()
        visit.ready()
        visit.page.wait_for_load_state("networkidle")
    assert len(weights) > 10 and sum(weights.values()) < 200_000, weights
