"""Conversations and thumbs of the page: over a real server, and over routes that say what one says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from browser_page import Visit
from playwright.sync_api import Browser, Page, Route, expect
from real_server import Server, World

pytestmark = pytest.mark.e2e

QUESTION = "Can chat history be stored in a database?"
WHEN = "2026-01-31T09:00:00.000Z"


class Records:
    """Keeps what the page sends, as such a service would; answers are the real ones."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.sessions: dict[str, dict[str, Any]] = {}
        self.feedback: list[tuple[str, Any]] = []

    def install(self, page: Page) -> None:
        state = {"key_needed": False, "logged_in": False, "features": {"sessions": True, "feedback": True}}
        page.route("**/login", lambda route: route.fulfill(json=state))
        page.route("**/v1/answer", self._answer)
        page.route("**/v1/sessions", self._all)
        page.route("**/v1/sessions/*", self._one)
        page.route("**/v1/records/*/feedback", self._opinion)

    def _answer(self, route: Route) -> None:
        body = route.request.post_data_json
        session = self.sessions[body["session"]]
        answer = self._server.post("/v1/answer", corpus=body["corpus"], question=body["question"])
        kept = ("corpus", "document_id", "version", "start", "end")
        record = {
            **{name: answer[name] for name in ("question", "answer", "answered", "confidence")},
            "id": f"r{len(session['turns'])}",
            "corpora": [body["corpus"]],
            "commits": {body["corpus"]: answer["commit"]},
            "citations": [
                {name: each[name] for name in (*kept, "marker", "quote")} for each in answer["citations"]
            ],
            "passages": [{name: each[name] for name in kept} for each in answer["passages"]],
            "unsupported": 0,
        }
        session["turns"].append(record)
        done = json.dumps(answer | {"record": record["id"], "session": body["session"]})
        route.fulfill(content_type="text/event-stream", body=f"event: done\ndata: {done}\n\n")

    def _all(self, route: Route) -> None:
        if route.request.method == "POST":
            name = f"s{len(self.sessions)}"
            self.sessions[name] = {
                "id": name,
                "created_at": WHEN,
                "turns": [],
                **route.request.post_data_json,
            }
            route.fulfill(status=201, json=self.sessions[name])
        else:
            route.fulfill(json={"sessions": list(self.sessions.values()), "next_cursor": None})

    def _one(self, route: Route) -> None:
        name = route.request.url.rpartition("/")[2]
        if route.request.method == "DELETE":
            del self.sessions[name]
            route.fulfill(status=204)
            return
        if route.request.method == "PATCH":
            self.sessions[name] |= route.request.post_data_json
        route.fulfill(json=self.sessions[name])

    def _opinion(self, route: Route) -> None:
        self.feedback.append((route.request.url.split("/")[-2], route.request.post_data_json))
        route.fulfill(status=201, json={})


def begun(visit: Visit, records: Records) -> Page:
    """The page over such a service."""
    records.install(visit.page)
    visit.page.reload()
    return visit.ready()


def test_conversations_are_kept_found_again_renamed_and_deleted(browser: Browser, server: Server) -> None:
    records = Records(server)
    with Visit(browser, server.url) as visit:
        page = begun(visit, records)
        expect(page.locator("#side")).to_contain_text("None yet")
        visit.ask(QUESTION)
        assert records.sessions["s0"]["title"] == QUESTION
        expect(page.locator(".session[aria-current]")).to_have_text(QUESTION)
        page.click("#new")
        expect(page.locator(".turn")).to_have_count(0)
        visit.ask("How is a GAN trained, step by step?")
        page.get_by_role("button", name=QUESTION, exact=True).click()
        expect(page.locator(".asked")).to_have_text(QUESTION)
        # A record keeps places, no titles and no texts: its citations open all the same.
        page.locator(".prose button.marker").first.click()
        page.wait_for_selector("mark.exact")
        quotes = [
            each["quote"] for each in records.sessions["s0"]["turns"][0]["citations"] if each["marker"] == 1
        ]
        assert (
            page.locator("mark.exact").evaluate_all("found => found.map(each => each.textContent)") == quotes
        )
        page.locator("#source .source-row").last.click()
        page.wait_for_selector("mark.exact")
        page.keyboard.press("Escape")
        page.get_by_role("button", name=f"Rename {QUESTION}").click()
        page.get_by_role("dialog").get_by_label("Title").fill("Chats <b>")
        page.get_by_role("dialog").get_by_role("button", name="Save").click()
        expect(page.locator(".session[aria-current]")).to_have_text("Chats <b>")
        page.get_by_role("button", name="Delete Chats <b>").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(page.locator(".session")).to_have_count(1)
        expect(page.locator(".turn")).to_have_count(0)
    assert list(records.sessions) == ["s1"]


def test_thumb_and_comment_are_one_opinion(browser: Browser, server: Server) -> None:
    records = Records(server)
    with Visit(browser, server.url) as visit:
        page = begun(visit, records)
        visit.ask(QUESTION)
        page.get_by_role("button", name="Good answer").click()
        page.get_by_role("button", name="Bad answer").click()
        page.get_by_label("What was good or wrong?").fill("It is weekly now.")
        page.keyboard.press("Enter")
        expect(page.locator(".feedback")).to_contain_text("Thank you")
    assert records.feedback == [("r0", {"score": -1, "comment": "It is weekly now."})]


def test_a_conversation_of_a_real_server_is_found_again(browser: Browser, server: Server) -> None:
    # The 80th unit of the title is the first half of an emoji.
    emoji = f"{QUESTION:<79}😀"
    with Visit(browser, server.url) as visit:
        page = visit.ready()
        visit.ask(emoji)
        visit.ask("What does a Midjourney subscription cost?")
        page.click("#new")
        expect(page.locator(".turn")).to_have_count(0)
        page.goto(f"{server.url}/#/ask/%")
        page.reload()
        page.locator("#side .session").first.click()
        expect(page.locator(".turn")).to_have_count(2)
        expect(page.locator(".refused-head")).to_be_visible()
        page.locator(".prose button.marker").first.click()
        page.wait_for_selector("mark.exact")
        page.keyboard.press("Escape")
        page.locator(".closest .source-row").first.click()
        page.wait_for_selector("mark.exact")
        page.keyboard.press("Escape")
        # Deleted elsewhere: the conversation in hand goes on.
        session = server.http.get("/v1/sessions").json()["sessions"][0]
        assert session["title"] == emoji[:80] and session["turn_count"] == 2
        assert server.http.delete(f"/v1/sessions/{session['id']}").status_code == 204
        visit.expected = ["404"]
        visit.ask("How is a GAN trained, step by step?")


def test_more_conversations_than_a_page_has_are_reached(browser: Browser, server: Server) -> None:
    made = [server.post("/v1/sessions", title=f"Talk {number}")["id"] for number in range(101)]
    with Visit(browser, server.url) as visit:
        page = visit.ready()
        expect(page.locator(".session")).to_have_count(100)
        page.locator("#side").get_by_role("button", name="Show more").click()
        expect(page.get_by_role("button", name="Talk 0", exact=True)).to_be_visible()
    for each in made:
        assert server.http.delete(f"/v1/sessions/{each}").status_code == 204


@pytest.mark.parametrize("policy", ["anonymous", "off"])
def test_what_keeps_no_text_answers_all_the_same(
    browser: Browser, world: World, handbook: Path, policy: str
) -> None:
    home = shutil.copytree(handbook, world.folder / policy / "home")
    server = Server(world, home, {"RAGSVC_RECORDS": policy})
    try:
        server.wait_until_ready()
        with Visit(browser, server.url) as visit:
            page = visit.ready()
            visit.ask(QUESTION)
            assert page.evaluate("document.getElementById('side').hidden") is (policy == "off")
            assert page.locator(".feedback").count() == (policy != "off")
            if policy == "anonymous":
                page.locator("#side .session").first.click()
                expect(page.locator(".asked")).to_have_text("(text not kept)")
                expect(page.locator(".prose")).to_have_text("(text not kept)")
            visit.ask("How is a GAN trained, step by step?")
    finally:
        server.close()
