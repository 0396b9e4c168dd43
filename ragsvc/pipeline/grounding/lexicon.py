"""English words that decide what a sentence says: negations, opposites, and words for how many."""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


NEGATIONS = _words("not never no without neither nor none nothing nobody nowhere")
# What is denied by these stands before them as often as after: "the key was not given", "without a key".
NOUN_NEGATIONS = _words("no without neither nor none nothing nobody nowhere")
# These bear on what follows, but not as plainly.
HALF_NEGATIONS = _words(
    """avoid avoids avoided avoiding lack lacks lacking absent fail fails failed failing unable instead rather
    refuse refuses refused hardly rarely seldom few little except prevent prevents prevented unless until only
    """
)
# "Not only", "no matter": nothing is denied. "Not more than" sets a limit. "Not until": it is, then.
NO_DENIAL = _words("only just merely simply solely necessarily always matter doubt all every")
LIMITS = _words("more less later earlier fewer greater higher lower longer")
TURNED_BY = _words("until unless before except")

# "Refuses to" denies what follows; without "to" these have other senses.
REFUSALS = _words("refuse refuses refused refusing decline declines declined declining")
PERIODS = {
    **{word: word for word in _words("second minute hour day night week month quarter year")},
    **{"hourly": "hour", "daily": "day", "nightly": "night", "weekly": "week", "monthly": "month"},
    **{"quarterly": "quarter", "yearly": "year", "annually": "year", "annual": "year"},
}
"""Words for how often a price or an amount counts, with what they have in common."""

STRONG = _words("all every each always both must")
WEAKER = _words(
    """most mostly usually generally often many typically commonly some sometimes several may might can could
    partly occasionally"""
)
MODALS = _words("must may might can could")

# Stems of measures, of which one excludes the others.
MEASURES = _words(
    """second minut hour day week month year decad centuri hundr thousand million billion trillion percent
    kb mb gb tb kib mib gib kilobyt megabyt gigabyt terabyt metr meter kilometr kilomet mile"""
)

CONDITIONS = _words("if whether unless when")
# Where one of these begins another clause, a negation ends.
JOINTS = _words("but because if when while which who that unless although though since whereas so")

_CARDINALS = "zero one two three four five six seven eight nine ten eleven twelve"
_ORDINALS = "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
SPELT = {word: str(number) for number, word in enumerate(_CARDINALS.split())}
"""Numbers as words, in digits."""
NUMERALS = {word: digits for word, digits in SPELT.items() if word != "one"} | {
    word: f"{number}th" for number, word in enumerate(_ORDINALS.split())
}
"""Those that count for certain, and ordinals, with "th"."""

_UNITS = {
    word: number
    for number, word in enumerate(
        f"{_CARDINALS} thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
    )
}
_TEN_WORDS = "twenty thirty forty fifty sixty seventy eighty ninety"
_TENS = {word: 10 * number for number, word in enumerate(_TEN_WORDS.split(), start=2)}
_UNIT, _TEN = "|".join(sorted(_UNITS, key=len, reverse=True)), "|".join(_TENS)
_BELOW_HUNDRED = rf"(?:(?:{_TEN})(?:[-\s](?:{_UNIT}))?|(?:{_UNIT}))"
_SPELT_OUT = re.compile(
    rf"\b(?:(?:an?|{_UNIT})[-\s]hundred(?:[-\s](?:and\s)?{_BELOW_HUNDRED})?|{_BELOW_HUNDRED})\b"
    rf"(?![-\s](?:{_TEN}|{_UNIT}|hundred|thousand)\b)",
    re.IGNORECASE,
)
_SIMPLE = 12
_EURO = re.compile(r"\beuros?\b")
_STREET = re.compile(r"stra(?:ß|ss)e\b|(?<=[^\W\d_])str\.(?= )")

_OPPOSITES = """
increase rise grow gain / decrease decline fall drop reduce shrink loss lose
increased rising rose grew growing / decreased declined fell dropped reduced falling
up / down
more / less fewer
before / after
minimum least / maximum most
higher greater larger bigger longer / lower smaller shorter
high large big / low small tiny
long / short
faster quicker / slower
fast quick rapid / slow
first / last
always / never rarely seldom
approve approves approved / reject rejects rejected refuse refuses refused
often frequently / rarely seldom
many / few
with including include includes / without excluding exclude excludes
enable enables enabled / disable disables disabled
allow permit permitted / forbid forbidden prevent prohibit deny denies denied
public / private
true / false
required mandatory compulsory obligatory / optional voluntary
input / output
old older / new newer
cheap cheaper inexpensive / expensive dearer costly
inside within / outside beyond
internal / external
local / remote
online / offline
add adds added / remove removes removed delete deletes deleted
open opens opened / close closes closed shut
above / below beneath
easy easier simple simpler / hard harder difficult complex complicated
positive positively / negative negatively
best better / worst worse
start starts started begin begins began / end ends ended finish finishes finished stop stops stopped
success succeed succeeds succeeded successful / failure fail fails failed
upper top / bottom
read reads / write writes
strong stronger / weak weaker
same identical / different
early earlier / late later
accept accepts accepted / reject rejects rejected refuse refuses refused
win wins won / lose loses lost
buy buys bought / sell sells sold
love loves loved / hate hates hated dislike dislikes disliked
male man men / female woman women
married / divorced unmarried
alive living / dead
north northern / south southern
east eastern / west western
left / right
hot warm / cold cool
import imports imported / export exports exported
majority / minority
profit profits / loss losses
agree agrees agreed / disagree disagrees disagreed
improve improves improved improvement / worsen worsens worsened deterioration
encrypt encrypts encrypted / decrypt decrypts decrypted
safe secure / unsafe dangerous insecure
temporary / permanent
static / dynamic
manual manually / automatic automatically
major / minor
natural / artificial synthetic
"""
# Each line: words of one sense / words of the opposite one. A word may stand in several lines.

# These have other senses too, and other parts of speech: "set up", "she left", "it lasts".
SLIPPERY = _words("up down left right")
NO_VERBS = _words("last first long right left up down")
# With the opposite and the sides exchanged they say the same; comparatives do before "than".
MUTUAL = _words(
    """before after above below beneath win wins won lose loses lost buy buys bought sell sells sold north
    northern south southern east eastern west western"""
)
COMPARING = _words("than of")

ENGLISH = _words(
    """the a an is are was were be been of to in on at and or for from by with as it its that this these those
    you your we they he she his her their there can cannot must may should will would could has have had does
    do did if when which who what until but than all any some nor neither"""
)
FOREIGN = _words(
    """o os da das dos em na nas nos ao aos uma um não para com que por se sem mas mais foi são el la los las
    lo un una en es y del al su sus con le les des du et est une dans pour pas il di che per gli nel della non
    der die das und ist ein eine nicht mit von zu den dem het een van niet og det på ikke"""
)
"""Words of English and of its neighbours that tell in which language a sentence is; "no" is of many."""


def _signs() -> dict[str, tuple[tuple[int, int], ...]]:
    found: dict[str, list[tuple[int, int]]] = {}
    for number, line in enumerate(_OPPOSITES.strip().splitlines()):
        for sign, words in zip((1, -1), line.split(" / "), strict=True):
            for word in words.split():
                found.setdefault(word, []).append((number, sign))
    return {word: tuple(senses) for word, senses in found.items()}


SIGNS = _signs()
"""Each word: its lines, and on which side it stands, 1 or -1."""


def plainly(text: str) -> str:
    """A text with its numbers from thirteen to 999 in digits, and with one word for euros and for streets."""
    text = _SPELT_OUT.sub(lambda found: _in_digits(found.group()), text)
    return _STREET.sub("str", _EURO.sub("EUR", text))


def _in_digits(spelt: str) -> str:
    number = 0
    for word in re.findall(r"[a-z]+", spelt.lower()):
        number = max(1, number) * 100 if word == "hundred" else number + _UNITS.get(word, _TENS.get(word, 0))
    return spelt if number <= _SIMPLE else str(number)
