"""Texts that make a pattern or a function work, of any size: pumps, and how time grows with them."""

from __future__ import annotations

import ast
import gc
import importlib
import pkgutil
import re
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from types import FrameType
from typing import Any

import ragsvc

PACKAGE = Path(ragsvc.__file__).parent
LARGEST_CHARS = 32_768
# From here on the clock is finer than what it measures.
MEASURED_S = 0.004
METHODS = ("search", "match", "fullmatch", "finditer", "findall", "sub", "subn", "split")
SIGNS = [
    *(" ", "\t", "\n", "\n\n", "\r\n", "\x0c", "\x85", "# ", "![", "](", "```", "~~~", "**", "\\|", "- "),
    *("--- ", "ab ", "1,", ". ", "<a ", "</", "é", "\u0301", "字", "\u200b"),
    *"#[](){}`*_\\|-aA1.,<>\"'=:;+&%$/@?!",
]  # fmt: skip


@dataclass(frozen=True)
class Pump:
    """A text of any size: prefix, a part again and again, suffix."""

    prefix: str
    part: str
    suffix: str

    def text(self, chars: int) -> str:
        return self.prefix + self.part * max(1, chars // len(self.part)) + self.suffix


class TooSlow(Exception):
    """It took far longer than twice the text may."""


@dataclass(frozen=True)
class Found:
    """A compiled pattern and the ways in which the package uses it."""

    module: str
    name: str
    pattern: re.Pattern[Any]
    methods: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.module.removeprefix('ragsvc.')}:{self.name}"

    def runs(self) -> Iterator[tuple[str, Callable[[Any], object]]]:
        pattern = self.pattern
        for method in self.methods:
            if method in ("sub", "subn"):
                yield method, lambda text: pattern.sub(text[:0], text)
            elif method == "finditer":
                yield method, lambda text: sum(1 for _ in pattern.finditer(text))
            else:
                yield method, getattr(pattern, method)


@cache
def patterns() -> tuple[Found, ...]:
    """All compiled patterns that are attributes of a module of the package, alone or in a collection."""
    uses = _uses()
    places: dict[int, list[tuple[str, str]]] = {}
    made: dict[int, re.Pattern[Any]] = {}
    for module in sorted(_modules()):
        for name, value in sorted(vars(importlib.import_module(module)).items()):
            for number, pattern in enumerate(_patterns_in(value)):
                label = name if isinstance(value, re.Pattern) else f"{name}[{number}]"
                places.setdefault(id(pattern), []).append((module, label))
                made[id(pattern)] = pattern
    found = []
    for key, names in places.items():
        methods = set().union(*(uses.get(name, set()) for name in names))
        # One that is handed on is called out of sight.
        found.append(Found(*names[0], made[key], tuple(sorted(methods)) or ("search", "match")))
    return tuple(found)


def _modules() -> Iterator[str]:
    for info in pkgutil.walk_packages([str(PACKAGE)], "ragsvc."):
        # Run by others: importing them would do their work.
        if info.name != "ragsvc.__main__" and ".migrations." not in info.name:
            yield info.name


def _patterns_in(value: Any) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        for item in (*value.keys(), *value.values()):
            yield from _patterns_in(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _patterns_in(item)


@cache
def _uses() -> dict[tuple[str, str], set[str]]:
    """(module that uses it, its name there) -> methods that are called on it."""
    uses: dict[tuple[str, str], set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        module = ".".join(("ragsvc", *path.relative_to(PACKAGE).with_suffix("").parts))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in METHODS and isinstance(node.value, ast.Name):
                uses.setdefault((module, node.value.id), set()).add(node.attr)
    return uses


def fragments_of(pattern: re.Pattern[Any]) -> list[str]:
    """Literal runs, members of classes and repeated groups of a pattern, as short texts."""
    found: dict[str, None] = {}
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    flags = pattern.flags if isinstance(pattern.pattern, str) else pattern.flags & ~re.UNICODE
    _collect(parser.parse(source, flags & ~re.DEBUG), found)
    return [text for text in found if 0 < len(text) <= 40]


def _collect(tree: Any, found: dict[str, None]) -> str:
    """One way to spell a part of a pattern; its parts go into `found`."""
    whole = ""
    for operation, argument in tree:
        spelt = _spell(operation, argument, found)
        found[spelt] = None
        whole += spelt
    found[whole] = None
    return whole


def _spell(operation: Any, argument: Any, found: dict[str, None]) -> str:
    if operation in (sre.LITERAL, sre.CATEGORY):
        return _member((operation, argument))
    if operation in (sre.NOT_LITERAL, sre.ANY):
        return "y" if argument != ord("y") else "z"
    if operation is sre.IN:
        members = [_member(item) for item in argument]
        if argument[0][0] is sre.NEGATE:
            return next(c for c in "y .-1\n'" if c not in {m for m in members if m})
        for member in members:
            found[member] = None
        return members[0]
    if operation is sre.BRANCH:
        spelt = [_collect(branch, found) for branch in argument[1]]
        return spelt[0]
    if operation is sre.SUBPATTERN:
        return _collect(argument[-1], found)
    if operation in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        low, _, inner = argument
        return _collect(inner, found) * max(1, min(low, 6))
    if operation is sre.ATOMIC_GROUP:
        return _collect(argument, found)
    if operation in (sre.ASSERT, sre.ASSERT_NOT):
        _collect(argument[1], found)
    return ""


def _member(item: Any) -> str:
    operation, argument = item
    if operation is sre.LITERAL:
        return chr(argument)
    if operation is sre.RANGE:
        return chr(argument[0])
    if operation is sre.CATEGORY:
        name = str(argument).lower()
        kinds = {"category_digit": "1", "category_space": " ", "category_word": "y"}
        return kinds.get(name.replace("uni_", ""), "." if "not_word" in name else "y")
    return ""


def pumps_of(pattern: re.Pattern[Any], most: int) -> list[Pump]:
    """About `most` pumps: always the plainest, and of the others some, spread over all kinds."""
    own = fragments_of(pattern)
    parts = list(dict.fromkeys([*own, *SIGNS, *(a + b for a in own[:12] for b in own[:12] if a != b)]))
    whole = own[-1] if own else ""
    prefixes = list(dict.fromkeys(["", whole, *(whole[:size] for size in (1, 2, 4)), "x"]))
    made = [
        Pump(prefix, part, suffix)
        for part in parts
        for prefix in prefixes
        for suffix in ("", "\x01", "\nx")
        if len(part) <= 40
    ]
    plain = [pump for pump in made if pump.prefix in ("", whole) and pump.part in (" ", "\t", "x", *own[-3:])]
    return list(dict.fromkeys([*plain, *made[:: max(1, len(made) // most)]]))


def growth(
    run: Callable[[Any], object], text_of: Callable[[int], Any], smallest: int = 512
) -> tuple[int, float] | None:
    """How much longer twice the text takes, where that is four times as long or nearly.

    Only processor time counts, the best of several runs, and only at sizes that take long enough.

    :param smallest: characters to begin with; below, it may take what it likes.
    :return: characters and the ratio; None when it grows as it should.
    """
    size = smallest
    while True:
        once = _seconds(run, text_of(size), None)
        if once >= MEASURED_S or size > LARGEST_CHARS:
            break
        size *= 2
    if once < MEASURED_S:
        return None
    for _ in range(6):
        once = min(_seconds(run, text_of(size), None) for _ in range(2))
        try:
            twice = min(_seconds(run, text_of(2 * size), 12 * once + 0.05) for _ in range(2))
        except TooSlow:
            twice = 12 * once
        if twice <= 3.2 * once or once <= 0:
            return None
    # Caches and collectors disturb one doubling; a square shows in the next one too.
    try:
        again = _seconds(run, text_of(4 * size), 16 * once + 0.1)
    except TooSlow:
        again = 16 * once
    return (size, twice / once) if again > 9 * once else None


def _seconds(run: Callable[[Any], object], text: Any, most: float | None) -> float:
    def stop(number: int, frame: FrameType | None) -> None:
        raise TooSlow

    # What the timer stops must not be a collector's callback, where nobody can catch it.
    collects = gc.isenabled()
    gc.disable()
    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, most or 2.0)
    started = time.process_time()
    try:
        run(text)
        return time.process_time() - started
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
        if collects:
            gc.enable()


def slow_pumps(found: Found, most: int, patience_s: float = 10.0) -> Iterator[str]:
    """Ways in which a pattern takes the square of its text, in words; stops at the first of each method."""
    binary = isinstance(found.pattern.pattern, bytes)
    for method, run in found.runs():
        for pump in pumps_of(found.pattern, most):

            def text_of(chars: int, pump: Pump = pump) -> Any:
                text = pump.text(chars)
                return text.encode("utf-8") if binary else text

            try:
                slow = growth(run, text_of)
            except TooSlow:
                slow = (512, float("inf"))
            if slow:
                yield f"{method} over {pump} takes {slow[1]:.1f} times as long for twice {slow[0]} characters"
                break


if __name__ == "__main__":
    wanted: Iterable[Found] = [f for f in patterns() if not sys.argv[2:] or sys.argv[2] in str(f)]
    for each in wanted:
        for line in slow_pumps(each, int(sys.argv[1])):
            print(each, repr(each.pattern.pattern)[:150], "::", line, flush=True)
