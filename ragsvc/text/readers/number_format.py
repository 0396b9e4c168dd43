"""Numbers, dates and times as a spreadsheet shows them, by their number format."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

_GENERAL = ("", "general", "@")
# A literal, a colour or currency in brackets, a blank as wide as a sign, a fill, or one sign.
# What is opened and never closed goes to the end.
_PIECE = re.compile(r'"[^"]*+"?|\[[^\]]*+\]?|\\.|_.|\*.|.', re.DOTALL)
_CURRENCY = re.compile(r"\[\$([^\]-]*)")
_DATE_LETTERS = re.compile(r'"[^"]*+"?|\[[^\]hms]*+\]?|\\.')


@dataclass(slots=True)
class _Shape:
    """How one section of a format writes a number. before, after: literal text around the digits."""

    before: str = ""
    after: str = ""
    whole: str = ""
    decimals: str = ""
    thousands: bool = False
    percent: bool = False
    scale: int = 0
    known: bool = True


# Excel allows 255; whatever is longer is not meant to be read.
_MAX_CODE_CHARS = 300


def shown_value(value: object, code: str | None) -> str:
    """What a cell shows.

    :param value: as openpyxl gives it. code: its number format, such as "00000" or "0.0%".
    """
    code = (code or "")[:_MAX_CODE_CHARS]
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.timedelta):
        return _duration(value, code)
    if isinstance(value, dt.datetime | dt.date):
        return _date(value, code)
    if isinstance(value, dt.time):
        return _time(value, code)
    if isinstance(value, int | float):
        return _number(value, code)
    return str(value)


def _duration(value: dt.timedelta, code: str) -> str:
    seconds = round(value.total_seconds())
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    tail = f":{rest:02}" if rest or "s" in code.lower() else ""
    return f"{sign}{hours}:{minutes:02}{tail}"


def _time(value: dt.time, code: str) -> str:
    # Excel keeps fractions of a day, so a round second may come with a few microseconds.
    seconds = value.hour * 3600 + value.minute * 60 + value.second + round(value.microsecond / 1e6)
    hours, rest = divmod(seconds % 86_400, 3600)
    minutes, rest = divmod(rest, 60)
    return f"{hours:02}:{minutes:02}" + (f":{rest:02}" if rest or "s" in code.lower() else "")


def _date(value: dt.date, code: str) -> str:
    letters = _DATE_LETTERS.sub("", code).lower()
    day = f"{value.year:04}-{value.month:02}-{value.day:02}"
    if isinstance(value, dt.datetime):
        moment = value.time()
        if "h" in letters or moment.replace(microsecond=0) != dt.time():
            return f"{day} {_time(moment, letters.replace('ss', 's'))}" if "h" in letters or moment else day
    if letters and "d" not in letters and "y" in letters:
        return day[:7] if "m" in letters else day[:4]
    return day


def _number(value: int | float, code: str) -> str:
    if code.strip().lower() in _GENERAL:
        return _general(value)
    sections = _sections(code)
    negative = value < 0 and len(sections) > 1
    section = sections[1] if negative else sections[2] if value == 0 and len(sections) > 2 else sections[0]
    if section.strip().lower() in _GENERAL:
        return _general(value)
    shape = _shape_of(section)
    if not shape.known or not (shape.whole or shape.decimals):
        # Conditions, fractions, powers of ten; and sections that show a zero as a dash.
        return shape.before.strip() if shape.known and shape.before.strip() else _general(value)
    try:
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        shown = _written(abs(number) if negative else number, shape)
    except (InvalidOperation, ValueError):
        return _general(value)
    # Who asks for number 417 means the cell that shows 00417.
    return f"{shown} ({_general(value)})" if shown.isdecimal() and shown[0] == "0" and value else shown


def _written(number: Decimal, shape: _Shape) -> str:
    number = number * 100 if shape.percent else number
    number = number / (1000**shape.scale)
    rounded = number.quantize(Decimal(1).scaleb(-len(shape.decimals)), rounding=ROUND_HALF_UP)
    sign, digits = ("-", f"{-rounded:f}") if rounded < 0 else ("", f"{rounded:f}")
    whole, _, fraction = digits.partition(".")
    kept = shape.decimals.rstrip("#?")
    while len(fraction) > len(kept) and fraction.endswith("0"):
        fraction = fraction[:-1]
    if shape.percent:
        # 20.0 % says no more than 20 %.
        fraction = fraction.rstrip("0")
    whole = whole.rjust(shape.whole.count("0"), "0")
    if shape.thousands:
        whole = f"{int(whole):,}".rjust(len(whole), "0") if not whole.startswith("0") else whole
    body = whole + (f".{fraction}" if fraction else "")
    unit = " %" if shape.percent else ""
    return f"{sign}{shape.before}{body}{unit}{shape.after}".strip()


def _general(value: int | float) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return format(value, ".15g") if isinstance(value, float) else str(value)


def _sections(code: str) -> list[str]:
    sections, current = [], ""
    for piece in _PIECE.findall(code):
        if piece == ";":
            sections.append(current)
            current = ""
        else:
            current += piece
    return [*sections, current]


def _shape_of(section: str) -> _Shape:
    shape = _Shape()
    digits = ""
    for piece in _PIECE.findall(section):
        if piece in "0#?.,":
            digits += piece
            continue
        text = _literal(piece)
        if text == "%" and piece == "%":
            shape.percent = True
        elif text is None:
            shape.known = False
        elif digits:
            shape.after += text
        else:
            shape.before += text
    whole, _, decimals = digits.partition(".")
    trimmed = (decimals or whole).rstrip(",")
    shape.scale = len(decimals or whole) - len(trimmed)
    if not decimals:
        whole = trimmed
    shape.thousands = "," in whole
    shape.whole, shape.decimals = whole.replace(",", ""), decimals.rstrip(",")
    return shape


def _literal(piece: str) -> str | None:
    """The text that a piece stands for; None for what is not understood."""
    if piece.startswith('"'):
        return piece.strip('"')
    if piece.startswith("["):
        currency = _CURRENCY.match(piece)
        if currency:
            return currency.group(1)
        return None if piece[1:2] in "<>=" else ""
    if piece.startswith("\\"):
        return piece[1:]
    if piece[0] in "_*" and len(piece) == 2:
        return " " if piece[0] == "_" else ""
    return None if piece in "eE/" else piece
