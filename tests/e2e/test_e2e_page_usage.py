"""The plots of the operator's view: over a real server, and over figures of many days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from browser_page import Visit, fetched_axe, hindrances
from playwright.sync_api import Browser, Page, Route, expect
from real_server import Server

pytestmark = pytest.mark.e2e

PLOTS = ["questions", "unanswered", "support", "score", "latency", "far"]
# The pixels of a canvas that are of a colour, by the name of its variable.
COUNT = """([at, name]) => {
    const canvas = document.querySelectorAll("#usage canvas")[at];
    const probe = document.createElement("canvas").getContext("2d");
    probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    probe.fillRect(0, 0, 1, 1);
    const [red, green, blue] = probe.getImageData(0, 0, 1, 1).data;
    const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    let found = 0;
    for (let each = 0; each < data.length; each += 4)
        found += data[each] === red && data[each + 1] === green && data[each + 2] === blue;
    return found;
}"""


def row(day: str, corpus: str, questions: int, **others: Any) -> dict[str, Any]:
    figures = {"unanswered": 0.25, "support": 0.9, "feedback": 0, "score": None, "far": 0.05}
    times = {"latency_p50_ms": 120.0, "latency_p95_ms": 900.0}
    return {"day": day, "corpus": corpus, "questions": questions} | figures | times | others


def many_days(route: Route) -> None:
    count = int(route.request.url.rpartition("=")[2])
    today = datetime.now(UTC).date()
    days = [(today - timedelta(days=back)).isoformat() for back in range(count) if back % 7 < 5]
    rows = [row(day, "handbook", 10 + at, feedback=2, score=0.5) for at, day in enumerate(days)]
    rows += [row(day, "<b>minutes", 4, latency_p95_ms=2400.0) for day in days]
    route.fulfill(json={"days": count, "usage": rows})


def drawn(page: Page) -> None:
    expect(page.locator("#usage canvas")).to_have_count(len(PLOTS))
    for at in range(len(PLOTS)):
        assert page.evaluate(COUNT, [at, "--accent"]) > 20, PLOTS[at]


def test_what_was_asked_is_counted_and_drawn(browser: Browser, server: Server) -> None:
    with Visit(browser, server.url) as visit:
        page = visit.ready()
        assert not any("uplot" in url for url in visit.asked), "plots come with their view"
        visit.ask("Can chat history be stored in a database?")
        rows = server.http.get("/v1/usage", params={"days": 30}).json()["usage"]
        visit.view("overview")
        expect(page.locator("#usage canvas").first).to_be_visible()
        assert page.evaluate(COUNT, [0, "--accent"]) > 20
        asked = page.locator("#usage .count", has_text="Questions").locator("dd").inner_text()
        assert int(asked.replace(",", "")) >= sum(each["questions"] for each in rows) > 0


def test_what_is_unlike_the_others_is_listed(browser: Browser, server: Server) -> None:
    found = server.http.get("/v1/corpora/handbook/outliers").json()["outliers"]
    with Visit(browser, server.url) as visit:
        page = visit.ready()
        visit.view("overview")
        page.locator("#main .table.tall").get_by_role("button", name="handbook", exact=True).click()
        page.get_by_role("button", name="Find outliers").click()
        listed = page.get_by_role("table", name="Least like the others").locator("tbody tr")
        expect(listed).to_have_count(len(found) or 20)
        expect(listed.first).to_contain_text(found[0]["document_id"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_plots_of_many_days_can_be_read(browser: Browser, server: Server, scheme: str, width: int) -> None:
    options = {"color_scheme": scheme, "viewport": {"width": width, "height": 800}}
    # A browser would have a canvas that is read made otherwise.
    with Visit(browser, server.url, options=options, expected=["willReadFrequently"]) as visit:
        page = visit.ready()
        page.route("**/v1/usage?*", many_days)
        visit.view("overview")
        drawn(page)
        assert page.evaluate(COUNT, [PLOTS.index("latency"), "--plot-second"]) > 20
        for name in PLOTS:
            picture = page.locator(f"[data-plot={name}]").get_by_role("img")
            assert ": from " in (picture.get_attribute("aria-label") or ""), "it is described"
        page.get_by_text("The figures as a table").click()
        expect(page.locator("#usage tbody tr")).to_have_count(22)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.select_option("#usage-days", "7")
        page.select_option("#usage-corpus", "<b>minutes")
        page.get_by_text("The figures as a table").click()
        expect(page.locator("#usage tbody tr").first).to_contain_text("2.4 s")
        # Nobody judged those answers: that is said, not drawn.
        expect(page.locator("[data-plot=score]")).to_contain_text("No value")
        # In the other theme they are drawn anew.
        before = page.evaluate(COUNT, [0, "--accent"])
        page.emulate_media(color_scheme="light" if scheme == "dark" else "dark")
        page.wait_for_timeout(100)
        assert page.evaluate(COUNT, [0, "--accent"]) == before > 20
        axe = fetched_axe()
        if axe is not None:
            assert hindrances(page, axe) == []


def test_without_questions_the_view_says_so(browser: Browser, server: Server) -> None:
    with Visit(browser, server.url) as visit:
        page = visit.ready()
        page.route("**/v1/usage?*", lambda route: route.fulfill(json={"days": 30, "usage": []}))
        visit.view("overview")
        expect(page.locator("#usage")).to_contain_text("Nothing was asked in this time.")
        assert page.locator("#usage canvas").count() == 0
        assert not any("uplot" in url for url in visit.asked)


def test_figures_of_several_corpora_are_weighed(browser: Browser, server: Server) -> None:
    rows = [
        row("2026-01-02", "a", 30, unanswered=0.5, support=1.0, feedback=3, score=1.0, far=0.0),
        row(
            "2026-01-02", "b", 10, unanswered=0.0, support=0.5, feedback=1, score=-1.0, latency_p95_ms=2000.0
        ),
        row("2026-01-01", "b", 2, unanswered=1.0, support=None),
    ]
    with Visit(browser, server.url) as visit:
        page = visit.ready()
        script = """async (rows) => {
            const usage = await import("/page/usage.js");
            const days = usage.lastDays(3, Date.parse("2026-01-03T23:59:00Z"));
            return [days, usage.byDay(rows, days), usage.byDay(rows, days, "a")[1].unanswered];
        }"""
        days, told, of_a = page.evaluate(script, rows)
    assert days == ["2026-01-01", "2026-01-02", "2026-01-03"] and of_a == 0.5
    first, second, none = told
    assert (first["questions"], first["unanswered"], first["support"], first["score"]) == (2, 1.0, None, None)
    assert (second["questions"], second["feedback"], second["p95"]) == (40, 4, 2000)
    assert second["unanswered"] == pytest.approx(15 / 40)
    # 15 answers of one, 10 of the other.
    assert second["support"] == pytest.approx((15 * 1.0 + 10 * 0.5) / 25)
    assert second["score"] == pytest.approx(0.5) and second["far"] == pytest.approx(0.05 * 10 / 40)
    assert (none["questions"], none["p50"], none["far"]) == (0, None, None)
