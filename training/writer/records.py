"""Rows, definitions and settings with identifiers, made up: the writer must copy them sign by sign."""

from __future__ import annotations

import random
from collections.abc import Iterator

from training.writer.examples import Example, Source, among

_NOUNS = (
    "pump",
    "valve",
    "router",
    "sensor",
    "cable",
    "printer",
    "badge",
    "locker",
    "engine",
    "filter",
    "mirror",
)
_VERBS = {
    "prints": "the version of the program",
    "reads": "the list of files from a file",
    "sets": "the number of retries",
    "limits": "how many connections are open at once",
    "hides": "lines that hold no match",
    "keeps": "the old file under a new name",
    "follows": "symbolic links",
    "skips": "files that have not changed",
}
_PROPERTIES = (
    "price",
    "weight",
    "length",
    "stock",
    "voltage",
    "capacity",
    "temperature",
    "delivery time",
    "limit",
)
_UNITS = (" EUR", " kg", " mm", "", " V", " l", " °C", " days", "")
_WORDS = (
    "max",
    "min",
    "retry",
    "cache",
    "queue",
    "log",
    "idle",
    "session",
    "upload",
    "batch",
    "worker",
    "backup",
)
_TAILS = ("size", "limit", "timeout", "count", "path", "level", "days", "threshold", "interval")


def records(rng: random.Random, count: int) -> Iterator[Example]:
    """So many examples, a quarter of each kind."""
    for at in range(count):
        yield (_row, _option, _setting, _rows)[at % 4](rng)


def _row(rng: random.Random) -> Example:
    which = rng.randrange(len(_PROPERTIES))
    noun, field = rng.choice(_NOUNS), _PROPERTIES[which]
    code = f"{rng.choice('ABCDKLMPRTX')}{rng.choice('ABCDEFGH')}-{rng.randint(10, 9999)}"
    value = f"{rng.choice((rng.randint(1, 999), round(rng.uniform(0.5, 99), 2)))}{_UNITS[which]}"
    head, ending = rng.choice((("Article", ""), ("Part", ""), ("Name", f" {noun}"), ("Model", f" {noun}")))
    unit = Source("", f"{head}: {code}{ending}; {field.capitalize()}: {value}")
    question = rng.choice(
        (f"What is the {field} of {code}?", f"{code} {field}", f"Which {field} does the {noun} {code} have?")
    )
    return among(rng, "records", question, [(unit, f"The {field} of {code}{ending} is {value}.")], [])


def _rows(rng: random.Random) -> Example:
    which, noun = rng.randrange(len(_PROPERTIES)), rng.choice(_NOUNS)
    field, ending = _PROPERTIES[which], rng.choice(("", f" {noun}"))
    codes = rng.sample(
        [f"{a}{b}{n}" for a in "ABCFHKMPRSTX" for b in "-/. " for n in (10, 12, 20, 25, 300, 450)], 2
    )
    chosen = []
    for code in codes:
        value = f"{rng.randint(1, 999)}{_UNITS[which]}"
        unit = Source(
            "",
            f"{code}{ending}: {value} ({field})"
            if ending
            else f"Name: {code}; {field.capitalize()}: {value}",
        )
        chosen.append((unit, f"The {field} of {code}{ending} is {value}."))
    question = rng.choice(
        (f"Compare the {field} of {{}} and {{}}.", f"Which {field} have {{}} and {{}}?")
    ).format(*codes)
    return among(rng, "records", question, chosen, [])


def _option(rng: random.Random) -> Example:
    verb, what = rng.choice(list(_VERBS.items()))
    word = rng.choice(_WORDS)
    flag = rng.choice(
        (f"-{rng.choice('abcdefgknqrtvwxz')}", f"--{word}-{rng.choice(_TAILS)}", f"--{word}={word.upper()}")
    )
    plain = verb[:-1]
    unit = Source(rng.choice(("", "Options")), f"{flag}: {plain.capitalize()} {what}.")
    question = rng.choice(
        (f"What does {flag} do?", f"Which option {verb} {what}?", f"How do I {plain} {what}?")
    )
    return among(rng, "records", question, [(unit, f"The option {flag} {verb} {what}.")], [])


def _setting(rng: random.Random) -> Example:
    name = "_".join((rng.choice(_WORDS), rng.choice(_TAILS)))
    name = rng.choice((name, name.upper(), name.replace("_", "."), name.replace("_", "-")))
    value = rng.choice(
        (str(rng.randint(1, 5000)), "true", "false", f"{rng.randint(1, 90)}s", f"/var/{name[:5]}/data")
    )
    others = [Source("", f"{rng.choice(_WORDS)}_{rng.choice(_TAILS)} = {rng.randint(1, 900)}")]
    unit = Source("", rng.choice((f"{name} = {value}", f"{name}: {value}", f"{name}={value}")))
    said = rng.choice((f"{name} is {value}.", f"{name} is set to {value}."))
    question = rng.choice(
        (f"What is {name} set to?", f"Which value has {name}?", f"What is the value of {name}?")
    )
    return among(rng, "records", question, [(unit, said)], others[: rng.randint(0, 1)])
