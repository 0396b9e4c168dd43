"""Sentences of pages said otherwise: fairly, and in one way wrongly."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from benchmarks.claims import Claim
from ragsvc.pipeline.grounding.readable_text import readable
from ragsvc.text.sentences import sentences


@dataclass(frozen=True, slots=True)
class Case:
    """A sentence, the text around it and a source of chance."""

    sentence: str
    around: str
    draw: random.Random


Change: TypeAlias = Callable[[Case], str | None]
"""The sentence changed, or None: it cannot be."""

AROUND = 3
_NOT_PROSE = re.compile(r"\s*(?:#{1,6}\s|\||```|~~~|<|:::|import |export |[-=*_]{3,}\s*$)")
_NUMBER = re.compile(r"(?<![\w.,-])\d+(?:\.\d+)?(?![\w.,-]*\d)(?!\w)")
_NAME = re.compile(r"(?<=[a-z,;] )[A-Z][\w-]*[A-Za-z](?: [A-Z][\w-]*[A-Za-z])*")
_AUX = re.compile(r"\b(is|are|was|were|can|must|should|will|would|could|may)\b(?! (?:not|also not)\b|n['’]t)")
_NEGATED = re.compile(r"\b(is|are|was|were|can|must|should|will|would|could|may) ?not\b|\b(do|does|did) not ")
_OPPOSITES = (
    ("more", "less"), ("before", "after"), ("higher", "lower"), ("larger", "smaller"), ("faster", "slower"),
    ("increases", "decreases"), ("increase", "decrease"), ("minimum", "maximum"), ("always", "never"),
    ("all", "no"), ("first", "last"), ("with", "without"), ("same", "different"), ("enable", "disable"),
    ("enabled", "disabled"), ("public", "private"), ("true", "false"), ("long", "short"), ("high", "low"),
    ("large", "small"), ("required", "optional"), ("input", "output"), ("old", "new"), ("cheap", "expensive"),
    ("inside", "outside"), ("synchronous", "asynchronous"), ("local", "remote"), ("allows", "prevents"),
    ("internal", "external"), ("add", "remove"), ("open", "closed"), ("above", "below"), ("slow", "fast"),
    ("easy", "hard"), ("positive", "negative"), ("best", "worst"), ("many", "few"), ("often", "rarely"),
    ("start", "end"), ("success", "failure"), ("upper", "lower"), ("read", "write"), ("strong", "weak"),
)  # fmt: skip
_SAME = (
    ("use", "employ"), ("uses", "employs"), ("used", "employed"), ("show", "display"), ("need", "require"),
    ("needs", "requires"), ("make", "produce"), ("makes", "produces"), ("help", "assist"), ("big", "large"),
    ("get", "obtain"), ("start", "begin"), ("starts", "begins"), ("choose", "select"), ("quick", "fast"),
    ("for example", "for instance"), ("many", "numerous"), ("also", "in addition"), ("must", "has to"),
    ("create", "build"), ("allows", "permits"), ("because", "since"), ("such as", "like"),
    ("often", "frequently"),
)  # fmt: skip
_NOT_SO = (
    ("not allowed", "forbidden"), ("not permitted", "forbidden"), ("not accepted", "rejected"),
    ("not open", "closed"), ("not required", "optional"), ("not enabled", "disabled"),
    ("not the same", "different"), ("not safe", "unsafe"), ("not always", "sometimes not"),
)  # fmt: skip
_COMPARATIVES = {
    one: other
    for pair in (("larger", "smaller"), ("faster", "slower"), ("higher", "lower"), ("longer", "shorter"),
                 ("older", "newer"), ("cheaper", "dearer"), ("stronger", "weaker"), ("easier", "harder"))
    for one, other in (pair, pair[::-1])
}  # fmt: skip
_LIST = re.compile(
    r"(?<=[a-z] )(?!and |or )([\w-]+), (?!and |or )([\w-]+),? and ([\w-]+)(?= (?:are|is|in|to|for|with)\b|\.)"
)
_SPELT = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_CONTRACTED = re.compile(r"\b(is|are|was|were|does|do|did|has|have|should|would|could) not\b")


def quoted(case: Case) -> str | None:
    return case.sentence


def contracted(case: Case) -> str | None:
    found = _CONTRACTED.sub(r"\1n't", case.sentence).replace("cannot", "can't")
    return found if found != case.sentence else None


def turned(case: Case) -> str | None:
    """If this, that. -> That if this."""
    found = re.fullmatch(r"(If|When|Once|Because|After|Before) ([^,]+), ([^,:;]+)\.", case.sentence)
    if not found:
        return None
    word, first, then = map(str, found.groups())
    return f"{then[0].upper()}{then[1:]} {word.lower()} {first}."


def shortened(case: Case) -> str | None:
    """Without what stands in brackets or after the last comma."""
    found = re.sub(r" \([^()]*\)", "", case.sentence)
    if found == case.sentence:
        found = re.sub(r", (?:which|such as|including|for example)[^,.]*\.$", ".", case.sentence)
    return found if found != case.sentence and len(found.split()) > 4 else None


def spelt(case: Case) -> str | None:
    for word in re.findall(r"(?<![\w.,-])\d+(?![\w.,-]*\d)(?!\w)", case.sentence):
        if int(word) < len(_SPELT) and int(word) > 1:
            return re.sub(rf"(?<![\w.,-]){word}(?!\w)", _SPELT[int(word)], case.sentence, count=1)
    return None


def synonym(case: Case) -> str | None:
    return _replaced(case.sentence, [*_SAME], case.draw)


def forbidden(case: Case) -> str | None:
    """Must not, cannot, may not: one forbids as the other does."""
    pairs = [("must not", "may not"), ("may not", "must not"), ("cannot", "must not")]
    found = _replaced(case.sentence, pairs, case.draw)
    return found if found and re.search(r"(?:must|may) not be ", found) else None


def opposite_for_not(case: Case) -> str | None:
    return _replaced(case.sentence, [*_NOT_SO], case.draw)


def listed(case: Case) -> str | None:
    """Red, green and blue. -> Blue, red and green."""
    found = _LIST.search(case.sentence)
    if not found or "respectively" in case.sentence:
        return None
    first, second, third = map(str, found.groups())
    return case.sentence[: found.start(1)] + f"{third}, {first} and {second}" + case.sentence[found.end(3) :]


def compared(case: Case) -> str | None:
    """A is larger than B. -> B is smaller than A."""
    found = re.fullmatch(r"([^,;:]+) (is|are|was|were) (\w+) than ([^,;:]+)\.", case.sentence)
    if not found or (other := _COMPARATIVES.get(found.group(3))) is None:
        return None
    one, verb, _, two = map(str, found.groups())
    return f"{two[0].upper()}{two[1:]} {verb} {other} than {one[0].lower()}{one[1:]}."


def in_turn(case: Case) -> str | None:
    """A before B. -> B after A, with both as they are."""
    found = re.fullmatch(r"([^,;:]+) (before|after) ((?:the|an?|you|we|they) [^,;:]+)\.", case.sentence)
    if not found or re.search(r"\bnot\b|n't", case.sentence):
        return None
    # Both must be clauses, each with a subject of its own.
    if not re.match(r"(?:The|An?|You|We|They) ", case.sentence) or not all(
        re.search(r"\b(?:is|are|was|were|has|have|can|will|must|should)\b", part)
        for part in (found.group(1), found.group(3))
    ):
        return None
    one, word, two = map(str, found.groups())
    other = {"before": "after", "after": "before"}[word]
    return f"{two[0].upper()}{two[1:]} {other} {one[0].lower()}{one[1:]}."


def denied(case: Case) -> str | None:
    if _NEGATED.search(case.sentence) or not (found := _AUX.search(case.sentence)):
        return None
    return f"{case.sentence[: found.end()]} not{case.sentence[found.end() :]}"


def never(case: Case) -> str | None:
    found = re.search(r"\b(is|are|was|were|can|must|should|will) (?!not\b|never\b)", case.sentence)
    return f"{case.sentence[: found.end()]}never {case.sentence[found.end() :]}" if found else None


def affirmed(case: Case) -> str | None:
    if not (found := _NEGATED.search(case.sentence)):
        return None
    return f"{case.sentence[: found.start()]}{found.group(1) or ''}{case.sentence[found.end() :]}".replace(
        "  ", " "
    )


def other_number(case: Case) -> str | None:
    """A number that no passage has."""
    found = _NUMBER.search(case.sentence)
    if not found:
        return None
    fresh = str(int(float(found.group(0))) * 3 + 7)
    return (
        case.sentence[: found.start()] + fresh + case.sentence[found.end() :]
        if fresh not in case.around
        else None
    )


def number_from_around(case: Case) -> str | None:
    """A number of another sentence of the passage."""
    found = _NUMBER.search(case.sentence)
    others = sorted(set(_NUMBER.findall(case.around)) - set(_NUMBER.findall(case.sentence)))
    if not found or not others:
        return None
    return _put(case.draw.choice(others), found, case.sentence)


def name_from_around(case: Case) -> str | None:
    """A name of another sentence of the passage."""
    found = _NAME.search(case.sentence)
    others = sorted(
        {name for name in _NAME.findall(case.around) if not set(name.split()) & set(case.sentence.split())}
    )
    if not found or not others:
        return None
    return _put(case.draw.choice(others), found, case.sentence)


def exchanged(case: Case) -> str | None:
    """Two names change places, if not in a list."""
    found = list(_NAME.finditer(case.sentence))
    for one, other in itertools.pairwise(found):
        between = case.sentence[one.end() : other.start()]
        verb = re.search(r"\b(?:is|are|uses?|has|needs?|wraps?|runs?|holds?|stores?|[a-z]{3,}s)\b", between)
        if verb and not re.search(r"\b(?:and|or|as)\b|,", between) and one.group() != other.group():
            before, after = case.sentence[: one.start()], case.sentence[other.end() :]
            return "".join((before, other.group(), between, one.group(), after))
    return None


def opposite(case: Case) -> str | None:
    return _replaced(case.sentence, [*_OPPOSITES, *((b, a) for a, b in _OPPOSITES)], case.draw)


def overstated(case: Case) -> str | None:
    pairs = [("some", "all"), ("most", "all"), ("many", "all"), ("often", "always"), ("usually", "always"),
             ("sometimes", "always"), ("can", "must"), ("may", "must"), ("at least", "exactly")]  # fmt: skip
    return _replaced(case.sentence, pairs, case.draw)


CHANGES: tuple[tuple[str, bool, Change], ...] = (
    ("quoted", True, quoted),
    ("contracted", True, contracted),
    ("clauses turned", True, turned),
    ("shortened", True, shortened),
    ("number spelt", True, spelt),
    ("synonym", True, synonym),
    ("forbidden otherwise", True, forbidden),
    ("opposite for not", True, opposite_for_not),
    ("list in another order", True, listed),
    ("compared from the other side", True, compared),
    ("before for after", True, in_turn),
    ("denied", False, denied),
    ("never", False, never),
    ("denial taken out", False, affirmed),
    ("another number", False, other_number),
    ("number from around", False, number_from_around),
    ("name from around", False, name_from_around),
    ("names exchanged", False, exchanged),
    ("opposite", False, opposite),
    ("overstated", False, overstated),
)


def spoilt(pages: Iterable[tuple[str, str]], name: str, most: int, seed: int = 0) -> Iterator[Claim]:
    """At most so many claims of each kind."""
    draw = random.Random(seed)
    everything = [(page, at, parts) for page, parts in map(_parts, pages) for at in range(len(parts))]
    draw.shuffle(everything)
    counts = dict.fromkeys((kind for kind, _, _ in CHANGES), 0)
    for page, at, parts in everything:
        sentence = readable(parts[at])
        if _NOT_PROSE.match(parts[at]) or not 5 <= len(sentence.split()) <= 45 or not sentence.endswith("."):
            continue
        around = "\n\n".join(parts[max(0, at - AROUND) : at + AROUND + 1])
        for kind, faithful, change in CHANGES:
            if counts[kind] < most and (text := change(Case(sentence, around, draw))):
                counts[kind] += 1
                yield Claim(page, name, kind, text, (around,), faithful)


def _put(text: str, place: re.Match[str], sentence: str) -> str:
    return sentence[: place.start()] + text + sentence[place.end() :]


def _parts(page: tuple[str, str]) -> tuple[str, list[str]]:
    path, text = page
    return path, [text[span.start : span.end] for span in sentences(text)]


def _replaced(sentence: str, pairs: Iterable[tuple[str, str]], draw: random.Random) -> str | None:
    fitting = [
        (old, new)
        for old, new in pairs
        if re.search(rf"\b{old}\b", sentence) and not re.search(rf"\b{new}\b", sentence)
    ]
    if not fitting:
        return None
    old, new = draw.choice(fitting)
    return re.sub(rf"\b{old}\b", new, sentence, count=1)
