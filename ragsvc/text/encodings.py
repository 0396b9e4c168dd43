"""Bytes of text files to str: byte order marks, then UTF-8, what the user or the file says, then a guess."""

from __future__ import annotations

import codecs
import math
import re
from collections import Counter
from dataclasses import dataclass

from ragsvc.domain import Caveat
from ragsvc.errors import BrokenDocument, InvalidRequest
from ragsvc.text.letters import ENCODINGS, Script, is_control

_BOMS = (  # UTF-32 before UTF-16: its mark begins with the other's
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(rb"""(?:encoding|charset)\s*=\s*["']?([A-Za-z0-9_:.-]{2,40})""")
_SAMPLE_BYTES = 65_536
_GUESSED_BYTES = 16_384
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_JIS_ESCAPE = re.compile(rb"\x1b(?:\$[@B]|\([BJI])")
# Sequences of two bytes or more, as only UTF-8 has them.
_SEQUENCES = re.compile(rb"([\xc2-\xdf][\x80-\xbf])|([\xe0-\xef][\x80-\xbf]{2})|([\xf0-\xf4][\x80-\xbf]{3})")
_MIXED_WORD = re.compile(r"[a-zA-Z][^\W\d_a-zA-Z]|[^\W\d_a-zA-Z][a-zA-Z]")
# Two letters, one of them beyond ASCII. A capital after a small one inside a word is rare, and text in the
# wrong encoding is full of it.
_PAIR = re.compile(r"(?=([^\W\d_]{2}))")
_LONE = re.compile(r"(?<![^\W_])[^\W\d_](?![^\W_])")
_MIXED_BITS = 6.0
_HUMP_BITS = 4.0
_LONE_BITS = 5.0
_CAPITALS_BITS = 6.0
_SURE_BITS = 5.0
# A character of which worse is thought says nothing any more; random bytes come to more in every encoding.
_PLAUSIBLE_BITS = 9.5


@dataclass(frozen=True, slots=True)
class DecodedText:
    """A text and how its bytes were read. encoding: a name of Python's."""

    text: str
    encoding: str
    warnings: tuple[Caveat, ...] = ()


@dataclass(frozen=True, slots=True)
class _Guess:
    """bits: how surprising the text would be in this encoding; lower is better."""

    encoding: str
    text: str
    bits: float


def decode_text(data: bytes, name: str, encoding: str = "") -> str:
    """See decode; without the account."""
    return decode(data, name, encoding).text


def decode(data: bytes, name: str, encoding: str = "") -> DecodedText:
    """Decode a text file, whatever its encoding; a byte order mark is taken off.

    :param name: of the file, for the message.
    :param encoding: what the user says files are that are not UTF-8; "": nothing.
    :raises BrokenDocument: if the bytes are not text in any encoding that can be told.
    """
    found = _decode(data, encoding)
    if found is None or _is_binary(found.text):
        raise BrokenDocument(
            f"{name} is not text in any encoding that can be told",
            hint="Is its extension right? If it is text, name its encoding: ingest --encoding NAME.",
        )
    return found


def check_encoding(name: str) -> str:
    """The name of an encoding as Python has it.

    :raises InvalidRequest: if there is none of this name.
    """
    try:
        found = codecs.lookup(name)
        b"x".decode(found.name)
    except (LookupError, ValueError, TypeError, AssertionError) as error:
        raise InvalidRequest(
            f"there is no text encoding {name!r}", hint="such as gbk, big5, koi8-r, iso8859-2, cp1252"
        ) from error
    return found.name


def _decode(data: bytes, encoding: str) -> DecodedText | None:
    for mark, named in _BOMS:
        if data.startswith(mark):
            return _strict_or_damaged(data[len(mark) :], named)
    wide = _guess_wide(data[:_SAMPLE_BYTES])
    if wide is not None:
        return _strict_or_damaged(data, wide)
    if _JIS_ESCAPE.search(data[:_SAMPLE_BYTES]):
        try:
            return DecodedText(data.decode("iso2022_jp"), "iso2022_jp")
        except UnicodeDecodeError:
            pass
    try:
        return DecodedText(data.decode("utf-8"), "utf-8")
    except UnicodeDecodeError:
        pass
    if encoding:
        return _strict_or_damaged(data, encoding)
    return _declared(data) or _nearly_utf8(data) or _guessed(data)


def _guess_wide(sample: bytes) -> str | None:
    """UTF-16 without a mark shows as a NUL in most even or most odd places."""
    half = len(sample) // 2
    if half < 2 or b"\x00" not in sample:
        return None
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if odd > half * 0.6 and even < half * 0.1:
        return "utf-16-le"
    if even > half * 0.6 and odd < half * 0.1:
        return "utf-16-be"
    return None


def _declared(data: bytes) -> DecodedText | None:
    found = _DECLARED.search(data[:2048])
    if found is None:
        return None
    try:
        name = found.group(1).decode("ascii")
        return DecodedText(data.decode(name), name)
    except (LookupError, ValueError):
        return None


def _nearly_utf8(data: bytes) -> DecodedText | None:
    """UTF-8 with damaged bytes: hardly any other text has sequences of several bytes by chance.

    One of three bytes says as much as several of two, which pairs of letters can look like.
    """
    weight = sum(1 if found.group(1) else 3 if found.group(2) else 6 for found in _SEQUENCES.finditer(data))
    if not weight:
        return None
    made = _strict_or_damaged(data, "utf-8")
    return made if weight >= made.text.count("\ufffd") else None


def _strict_or_damaged(data: bytes, encoding: str) -> DecodedText:
    """Decode, with U+FFFD for what cannot be, which is said."""
    text = data.decode(encoding, errors="replace")
    bad = text.count("\ufffd")
    if not bad:
        return DecodedText(text, encoding)
    places = f"{bad} place{'' if bad == 1 else 's'}"
    return DecodedText(
        text, encoding, (Caveat("encoding_damaged", f"{places} are not {encoding}, kept as U+FFFD"),)
    )


def _guessed(data: bytes) -> DecodedText | None:
    """The encoding in which the text is the least surprising; None where it makes no sense in any."""
    first = next((at for at, byte in enumerate(data) if byte > 127), 0)
    start = max(data.rfind(b"\n", 0, first) + 1, first - 200, 0)
    sample = data[start : start + _GUESSED_BYTES]
    weighed = sum(byte > 127 for byte in sample)
    guesses = sorted(_guesses(sample), key=lambda guess: guess.bits)
    if not guesses or guesses[0].bits > _PLAUSIBLE_BITS * weighed:
        return None
    best = guesses[0]
    other = next((guess for guess in guesses[1:] if guess.text != best.text), None)
    made = _strict_or_damaged(data, best.encoding)
    words = f"read as {best.encoding}, which is a guess"
    if other is not None and other.bits - best.bits < _SURE_BITS:
        words += f" and not a sure one: it may be {other.encoding}"
    words += "; name it with ingest --encoding if it is wrong"
    return DecodedText(made.text, best.encoding, (Caveat("encoding_guessed", words), *made.warnings))


def _guesses(sample: bytes) -> list[_Guess]:
    found: list[_Guess] = []
    for encoding, scripts, handicap in ENCODINGS:
        text = _decode_sample(sample, encoding)
        if text is None:
            continue
        counts = Counter(char for char in text if char > "\x7f")
        if any(is_control(char) for char in counts):
            continue
        bits = min(_bits(counts, script) for script in scripts) + handicap
        if not any(char.islower() for char in counts):
            # All in capitals: rare, but then each letter is no surprise for being one.
            lowered = Counter(text.lower())
            small = Counter({char: count for char, count in lowered.items() if char > "\x7f"})
            bits = min(bits, *(_bits(small, script) + handicap + _CAPITALS_BITS for script in scripts))
        lone = [found.group() for found in _LONE.finditer(text) if found.group() > "\x7f"]
        bits += _LONE_BITS * sum(scripts[0].joined or char.isupper() for char in lone)
        bits += _MIXED_BITS * _mixed(text) + _HUMP_BITS * _humps(text)
        found.append(_Guess(encoding, text, bits))
    return found


def _decode_sample(sample: bytes, encoding: str) -> str | None:
    """A sample that was cut off may end inside a character."""
    for cut in range(4 if len(sample) == _GUESSED_BYTES else 1):
        try:
            return sample[: len(sample) - cut].decode(encoding)
        except UnicodeDecodeError as error:
            if error.start < len(sample) - 4:
                return None
    return None


def _bits(counts: Counter[str], script: Script) -> float:
    return sum(-math.log2(script.share(char)) * count for char, count in counts.items())


def _mixed(text: str) -> int:
    """Places where a letter of another script touches one of a to z."""
    return sum(
        not _is_latin(found.group()[0]) or not _is_latin(found.group()[1])
        for found in _MIXED_WORD.finditer(text)
        if found.group()[1] < "\u2e80" and found.group()[0] < "\u2e80"
    )


def _is_latin(char: str) -> bool:
    return char < "\u0250"


def _humps(text: str) -> int:
    pairs = (found.group(1) for found in _PAIR.finditer(text))
    return sum(pair[0].islower() and pair[1].isupper() and not pair.isascii() for pair in pairs)


def _is_binary(text: str) -> bool:
    sample = text[:_SAMPLE_BYTES]
    odd = len(_CONTROLS.findall(sample)) + sample.count("\ufffd")
    return odd * 10 > len(sample)
