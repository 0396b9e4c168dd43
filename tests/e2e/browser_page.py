"""A real browser for the tests of the page: what it says in its console and whom it asks is written down."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import urllib.request
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, expect

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
REGISTRY = "https://registry.npmjs.org"
# A tool for these tests alone: no part of it is in the package.
AXE = "axe-core/-/axe-core-4.14.1.tgz"
AXE_SHA256 = "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745"

# Emoji of several code points, and Arabic and Hebrew, stand before what is asked for.
MIXED = """# Depot 😀👩‍👩‍👧‍👦🏴󠁧󠁢󠁳󠁣󠁴󠁿

مرحبا بالعالم 🚚🚚 هذا مستودع. שלום עולם 🧪𝒳𝒴.

The zephyr pump of the depot 🛠️ delivers 42 litres per minute at full load.

It is painted green.
"""
HOSTILE = """# Boiler <img src=x onerror=hacked()>

<script>window.hacked = true</script> <svg onload="hacked()"></svg> [click](javascript:hacked())
<a href="javascript:hacked()">x</a>

The quark boiler must be\u202e drained\u202c every\u200b 17 days <img src=x onerror="hacked()"> by it.

<form action="https://evil.example"><input name=q autofocus onfocus="hacked()"></form>\x07\x1b[31m
"""
WRITTEN = """Safe [1] <script>window.hacked = true</script><img src="//evil.example/x" onerror="hacked()">
[a](javascript:window.hacked=true) <a href="data:text/html,<script>1</script>">b</a>
![p](//evil.example/p.png) <style>body{display:none}</style><iframe src="/"></iframe>
<base href="//evil.example">
<form action="//evil.example"><button formaction="javascript:1">c</button></form>
<math><mtext><style><img src=x onerror=window.hacked=1>
"""


@dataclass
class Visit(AbstractContextManager["Visit"]):
    """Somebody at the page. At the end nothing was wrong in it, and it asked nobody but its own server.

    expected: errors of the console that a test means to cause, by a part of their words.
    """

    browser: Browser
    url: str
    expected: Sequence[str] = ()
    options: dict[str, Any] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def __enter__(self) -> Visit:
        self.context = self.browser.new_context(**({"locale": "en-GB"} | self.options))
        self.page = self.context.new_page()
        self.page.set_default_timeout(30_000)
        self.page.on("console", lambda message: self._note(message.type, message.text))
        self.page.on("pageerror", lambda error: self._note("error", str(error)))
        self.page.on("dialog", lambda dialog: (self._note("error", "a dialog opened"), dialog.dismiss()))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(self.url)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.context.close()
        if error is None:
            assert self.said == [], self.said
            own = urlsplit(self.url)
            others = [
                url for url in self.asked if urlsplit(url)[:2] != own[:2] and not url.startswith("data:")
            ]
            assert others == [], others

    def _note(self, kind: str, words: str) -> None:
        if kind in ("error", "warning") and not any(part in words for part in self.expected):
            self.said.append(words)

    def ready(self, corpus: str = "handbook") -> Page:
        """The page, once it is drawn, with a corpus chosen if the server has it.

        Servers are shared between tests, and the page begins with any corpus of theirs.
        """
        self.page.wait_for_selector("body[data-ready]")
        chosen = self.page.locator("#corpus")
        if chosen.locator(f'option[value="{corpus}"]').count() and chosen.input_value() != corpus:
            chosen.select_option(corpus)
            expect(self.page.locator("#corpus")).to_have_value(corpus)
        return self.page

    def view(self, name: str) -> Page:
        """Go to a view."""
        self.page.goto(f"{self.url}/#/{name}")
        expect(self.page.locator("#main h1, #main #question").first).to_be_visible()
        self.page.wait_for_load_state("networkidle")
        return self.page

    def choose(self, corpus: str) -> None:
        """Choose a corpus that may be new since the page was drawn."""
        self.page.reload()
        self.ready(corpus)
        expect(self.page.locator("#corpus")).to_have_value(corpus)

    def ask(self, question: str) -> None:
        """Ask, and wait for the whole answer."""
        before = self.page.locator(".answer-foot").count()
        self.page.fill("#question", question)
        self.page.press("#question", "Enter")
        expect(self.page.locator(".answer-foot")).to_have_count(before + 1, timeout=60_000)


def hindrances(page: Page, axe: str) -> list[tuple[str, list[str]]]:
    """What axe-core calls serious or critical in what is shown: the rule, and some of the elements."""
    page.evaluate(axe)
    report = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    serious = [each for each in report["violations"] if each["impact"] in ("serious", "critical")]
    return [(each["id"], [node["html"][:120] for node in each["nodes"][:3]]) for each in serious]


def fetched_axe() -> str | None:
    """The script of axe-core from a registry; None where none can be reached."""
    registry = os.environ.get("NPM_CONFIG_REGISTRY", REGISTRY).rstrip("/")
    try:
        with urllib.request.urlopen(f"{registry}/{AXE}", timeout=20) as response:
            packed = response.read()
    except OSError:
        return None
    assert hashlib.sha256(packed).hexdigest() == AXE_SHA256
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        script = archive.extractfile("package/axe.min.js")
        assert script is not None
        return script.read().decode()
