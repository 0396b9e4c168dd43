"""The view of relations in a real browser: from a name to its documents, and to an answer from them alone."""

from __future__ import annotations

import re

import pytest
from browser_page import Visit
from playwright.sync_api import Browser, expect
from real_server import Server

pytestmark = pytest.mark.e2e

NAME = "Vector databases"


def test_a_name_leads_to_its_documents_and_narrows_a_question(browser: Browser, server: Server) -> None:
    with Visit(browser, server.url) as visit:
        page = visit.ready()
        visit.choose("handbook")
        visit.view("graph")
        nodes = page.locator(".graph-drawing .node")
        listed = page.locator(".graph-list li > button")
        expect(nodes.first).to_be_visible()
        assert nodes.count() == listed.count() <= 60
        # What is drawn is inside the drawing, and no two names are at one place.
        spots = page.locator(".graph-drawing circle").evaluate_all(
            "found => found.map(each => [each.cx.baseVal.value, each.cy.baseVal.value])"
        )
        assert len({tuple(spot) for spot in spots}) == len(spots)
        assert all(0 < x < 760 and 0 < y < 560 for x, y in spots)
        # By the keyboard, from the list.
        listed.first.focus()
        page.keyboard.press("Enter")
        expect(page.locator(".entity h2")).to_be_visible()
        page.fill("#entity", NAME)
        page.keyboard.press("Enter")
        expect(page.locator(".entity h2")).to_have_text(NAME)
        expect(page).to_have_url(re.compile("#/graph/Vector%20databases"))
        expect(page.locator(".named-by li").nth(2)).to_be_visible()
        expect(page.locator(".graph-drawing .chosen")).to_have_count(1)
        page.locator(".graph-drawing .node:not(.chosen)").first.click()
        expect(page.locator(".entity h2")).not_to_have_text(NAME)
        page.go_back()
        expect(page.locator(".entity h2")).to_have_text(NAME)
        page.get_by_role("button", name="Ask these documents").click()
        expect(page.locator("#filter input").first).to_have_value("_mentions")
        with page.expect_request("**/v1/answer") as sent:
            visit.ask("What is approximate search?")
        assert sent.value.post_data_json["filter"] == {"_mentions": {"$eq": NAME}}


def test_a_name_that_nobody_has_is_no_dead_end(browser: Browser, server: Server) -> None:
    with Visit(browser, server.url, options={"locale": "de-DE"}, expected=["404"]) as visit:
        page = visit.ready()
        visit.choose("handbook")
        page.goto(f"{server.url}/#/graph/<b>zzz")
        expect(page.locator("#main .empty")).to_contain_text("Nichts heißt „<b>zzz“.")
        page.get_by_role("button", name="Alle zeigen").click()
        expect(page.locator(".graph-list li").first).to_be_visible()
