"""Reading answers of several systems blind, and counting the verdicts.

    python -m benchmarks.reading sheet --of NAME=FILE --of NAME=FILE ... [--differing] [--out DIR]
    python -m benchmarks.reading score DIR

FILE is what a system answered: a JSONL file with the fields id, question, answer and answered, as
`python -m benchmarks.quality asked --split tune` writes it, or a report of `ragsvc eval answers --out`.
`sheet` writes sheet.md to read, verdicts.jsonl to fill in (good, partly, wrong or refused for each letter),
and key.json, which tells which letter was whose and is not to be looked at before.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from benchmarks.sets import table
from ragsvc.evaluation.intervals import wilson

VERDICTS = ("good", "partly", "wrong", "refused")
LETTERS = "ABCDEFGH"
SHEET, FORM, KEY = "sheet.md", "verdicts.jsonl", "key.json"
Answers: TypeAlias = Mapping[str, Mapping[str, Any]]


def read(path: Path) -> dict[str, dict[str, Any]]:
    """What a system answered, by id of the question; refusals as such."""
    text = path.read_text("utf-8")
    if path.suffix == ".json":
        rows = [
            {"id": each["id"], "question": each["text"], **each["detail"]}
            for each in json.loads(text)["items"]
        ]
    else:
        rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    if not rows:
        raise SystemExit(f"{path} holds no answers; a report of a private half has none")
    return {str(row["id"]): row for row in rows}


def drawn(
    systems: Mapping[str, Answers], count: int, seed: int, *, differing: bool = False
) -> tuple[list[str], dict[str, dict[str, str]]]:
    """Questions that all systems were asked, in random order, and whose answer is behind each letter.

    :param differing: leave out those that all answered alike, word for word.
    :return: ids, and by id a system for each letter.
    """
    chance = random.Random(seed)
    common = sorted(set.intersection(*(set(answers) for answers in systems.values())))
    if not common:
        raise SystemExit("the systems have no question in common: compare their ids")
    if differing:
        common = [name for name in common if len({_said(each[name]) for each in systems.values()}) > 1]
        if not common:
            raise SystemExit("the systems answered every common question alike")
    ids = chance.sample(common, min(count, len(common)))
    letters = LETTERS[: len(systems)]
    shuffled = {name: chance.sample(list(systems), len(systems)) for name in ids}
    return ids, {name: dict(zip(letters, shuffled[name], strict=True)) for name in ids}


def sheet(systems: Mapping[str, Answers], ids: Sequence[str], key: Mapping[str, Mapping[str, str]]) -> str:
    """The questions with their answers, blind, in Markdown."""
    parts = []
    for number, name in enumerate(ids, start=1):
        first = next(iter(systems.values()))[name]
        parts.append(f"## {number}. {first['question']}\n\n`{name}`")
        if first.get("wanted"):
            parts.append(f"in: {', '.join(first['wanted'])}")
        for letter, system in key[name].items():
            lines = _said(systems[system][name]).splitlines()
            parts.append(f"**{letter}**\n\n" + "\n".join(f"> {line}" for line in lines))
    return "\n\n".join(parts) + "\n"


def _said(row: Mapping[str, Any]) -> str:
    return str(row["answer"]) if row.get("answered", True) and row["answer"] else "(refused)"


def form(ids: Sequence[str], key: Mapping[str, Mapping[str, str]]) -> str:
    """One line a question with a blank for each letter."""
    rows = ({"number": n, "id": name, **dict.fromkeys(key[name], "")} for n, name in enumerate(ids, start=1))
    return "\n".join(json.dumps(row) for row in rows) + "\n"


def score(filled: str, key: Mapping[str, Mapping[str, str]]) -> dict[str, Counter[str]]:
    """Verdicts by system; questions without any verdict are left out, half-filled ones are an error."""
    found: dict[str, Counter[str]] = {}
    for line in filter(str.strip, filled.splitlines()):
        row = json.loads(line)
        letters = key[row["id"]]
        given = {letter: str(row.get(letter, "")).strip().lower() for letter in letters}
        if not any(given.values()):
            continue
        for letter, verdict in given.items():
            if verdict not in VERDICTS:
                raise SystemExit(
                    f"{FORM}: {row['id']}, {letter}: {verdict!r} is none of {', '.join(VERDICTS)}"
                )
            found.setdefault(letters[letter], Counter())[verdict] += 1
    if not found:
        raise SystemExit(f"{FORM} has no verdict yet: fill in {', '.join(VERDICTS)}")
    return found


def scores(found: Mapping[str, Counter[str]]) -> str:
    """Shares of each verdict with their 95 % intervals, a system a row."""
    rows = []
    for system, counts in sorted(found.items()):
        total = counts.total()
        shares = [wilson(counts[verdict], total) for verdict in VERDICTS]
        cells = [f"{100 * x.value:.0f} ({100 * x.low:.0f}-{100 * x.high:.0f})" for x in shares]
        rows.append([system, str(total), *cells])
    return table(["system", "read", *VERDICTS], rows)


def _named(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not name or not equals or not path:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=FILE")
    return name, Path(path)


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks.reading", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    draw = commands.add_parser("sheet", help="draw questions and write what is to be read")
    draw.add_argument("--of", type=_named, action="append", required=True, metavar="NAME=FILE")
    draw.add_argument("--count", type=int, default=40)
    draw.add_argument("--seed", type=int, default=1)
    draw.add_argument("--differing", action="store_true", help="only questions with different answers")
    draw.add_argument("--out", type=Path, default=Path("indexes/reading"))
    commands.add_parser("score", help="count verdicts").add_argument("folder", type=Path)
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    wished = arguments(given)
    if wished.command == "score":
        key = json.loads((wished.folder / KEY).read_text("utf-8"))
        print(scores(score((wished.folder / FORM).read_text("utf-8"), key)))
        return 0
    systems = {name: read(path) for name, path in wished.of}
    if not 2 <= len(systems) <= len(LETTERS):
        raise SystemExit(f"name 2 to {len(LETTERS)} systems, each once, with --of NAME=FILE")
    if (wished.out / FORM).exists():
        raise SystemExit(f"{wished.out / FORM} is there already; choose another --out, or move it away")
    ids, key = drawn(systems, wished.count, wished.seed, differing=wished.differing)
    wished.out.mkdir(parents=True, exist_ok=True)
    for name, text in ((SHEET, sheet(systems, ids, key)), (FORM, form(ids, key)), (KEY, json.dumps(key))):
        (wished.out / name).write_text(text, "utf-8")
    print(f"{len(ids)} questions: read {wished.out / SHEET}, fill in {wished.out / FORM}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
