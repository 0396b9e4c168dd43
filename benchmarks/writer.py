"""What the bundled writer makes of quoted answers, and how long it takes.

    RAGSVC_TEST_DATA=folder python -m benchmarks.writer --home DIR [--most 400] [--show]

Asks the open half of the asked questions; --home is that of `python -m benchmarks.quality asked`. Tells how
many sentences the units bore out and for how many a unit stands, the time to the first words and to the whole
answer, beside that of quoting, and how long the model takes to load. With --show both answers are printed.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.asked_corpus import NAME, QUESTIONS
from benchmarks.load import percentile
from benchmarks.quality.jobs import CALLER
from benchmarks.sets import table
from ragsvc.domain import Answer, AnswerRequest, DoneEvent, TokenEvent
from ragsvc.evaluation.questions import load
from ragsvc.models.writer import BundledWriter
from ragsvc.pipeline.generation.paraphrase import Paraphrase
from ragsvc.service.service import Service
from ragsvc.settings.settings import Settings


def asked(service: Service, question: str) -> tuple[Answer, float, float]:
    """An answer, the seconds to its first words and to its end."""
    started, first = time.perf_counter(), 0.0
    for event in service.stream_answer(CALLER, AnswerRequest((NAME,), question)):
        if isinstance(event, TokenEvent) and event.text and not first:
            first = time.perf_counter() - started
        if isinstance(event, DoneEvent):
            return event.answer, first, time.perf_counter() - started
    raise AssertionError("an answer ends with DoneEvent")


def watched() -> list[Paraphrase]:
    """Every paraphrase that is made from now on."""
    made: list[Paraphrase] = []
    plain = Paraphrase.__init__

    def remembered(self: Paraphrase, *given: Any, **named: Any) -> None:
        plain(self, *given, **named)
        made.append(self)

    Paraphrase.__init__ = remembered  # type: ignore[method-assign]
    return made


def times(name: str, seconds: Sequence[float]) -> list[str]:
    ordered = sorted(seconds)
    return [name, *(f"{percentile(ordered, share):.2f}" for share in (0.5, 0.9))]


def rows(home: Path, questions: Sequence[str], *, show: bool) -> Iterator[list[str]]:
    made = watched()
    quoting = Service.open(Settings(home=home, generator="extractive"), create=False)
    writing = Service.open(Settings(home=home, generator="bundled"), create=False)
    with quoting, writing:
        for service in (quoting, writing):
            asked(service, questions[0])
        made.clear()
        quotes = [asked(quoting, question) for question in questions]
        found = [asked(writing, question) for question in questions]
    answered = [at for at, (answer, _, _) in enumerate(quotes) if answer.answered]
    for at in answered if show else ():
        print(f"\n## {questions[at]}\n\n> {quotes[at][0].answer}\n\n> {found[at][0].answer}")
    for name, of in (("quoted", quotes), ("said anew", found)):
        yield times(f"{name}: first words, s (median, 90 %)", [of[at][1] for at in answered])
        yield times(f"{name}: whole answer, s", [of[at][2] for at in answered])
        yield [
            f"{name}: characters on average",
            f"{sum(len(of[at][0].answer) for at in answered) / len(answered):.0f}",
        ]
    changed = sum(quotes[at][0].answer != found[at][0].answer for at in answered)
    yield ["answers that read otherwise", f"{changed} of {len(answered)}"]
    kept, replaced = (sum(getattr(each, name) for each in made) for name in ("kept", "replaced"))
    yield ["sentences written that stand", f"{kept} of {kept + replaced}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--most", type=int, default=400)
    parser.add_argument("--show", action="store_true")
    given = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import transformers  # noqa: F401 - whose own loading is not the model's

    BundledWriter(given.home, 1).count("x")
    begun = time.perf_counter()
    BundledWriter(given.home, 1).count("x")
    loaded = ["loading the model, s", f"{time.perf_counter() - begun:.2f}"]
    questions = [each.text for each in load(QUESTIONS, "tune").questions][: given.most]
    load_now = ["load of the machine, 1 min", f"{os.getloadavg()[0]:.1f}"]
    found = [loaded, *rows(given.home, questions, show=given.show), load_now]
    print(table(["figure", "value", ""], [[*row, ""][:3] for row in found]))


if __name__ == "__main__":
    main()
