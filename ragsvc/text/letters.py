"""How common letters are in languages, roughly: enough to tell one old encoding from another.

All numbers are shares of the characters beyond ASCII in a text of the language.
"""

from __future__ import annotations

import unicodedata
from functools import cache

# Letters beyond a to z in the alphabets of languages (CLDR's exemplar characters), the commonest first.
_LATIN = {
    "de": "üäöß", "fr": "éàèêçâôîùûœëï", "es": "óíáéñúü¿¡", "pt": "ãáçéóíêõúàâô", "it": "àèòùìé",
    "nl": "ëéïöüó", "sv": "äåöé", "da": "åøæé", "cs": "íáěéýřžčšůúňťďó", "sk": "áíéýčžšúľťňôóäďĺŕ",
    "pl": "ęąłóśżćńź", "hu": "áéöóőíüúű", "ro": "ăîâţşțș", "hr": "čšžćđ", "tr": "ışğüöçİâ",
    "is": "áíðóéþúýæö", "et": "äõüöšž", "lv": "āīēšūņžļģčķ", "lt": "ėįųūšžčąę", "ca": "éàóòèíúçïü·",
    "sq": "ëç", "fi": "äöå",
}  # fmt: skip
_RUSSIAN = dict(
    zip(
        "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё",
        (10.9, 8.5, 8.0, 7.3, 6.7, 6.3, 5.5, 4.7, 4.5, 4.4, 3.5, 3.2, 3.0, 2.8, 2.6, 2.0, 1.9, 1.7, 1.7, 1.6,
         1.6, 1.4, 1.2, 1.0, 0.9, 0.7, 0.6, 0.5, 0.4, 0.3, 0.3, 0.1, 0.1),
        strict=True,
    )
)  # fmt: skip
_GREEK_LETTERS = "αοιετνσηρπκυςμλίόάέγδήωθχύώφβξζψϊΐϋ"
_HEBREW_LETTERS = "יוהלאמרתבשנםכעדחפקסןטצגזךףץ"
_ARABIC_LETTERS = "اليمونرتبةعدهأسفقكحىجإشصطخضثزذغءئظآؤ"
_OTHER_CYRILLIC = "іїєґўјљњћђџ"
_QUOTES = "«»“”‘’„‚–—…•€°§·´©®\xa0№"
_SIGNS = "£¥¢½¼¾±µ×²³ªº¬¶†"
_WIDE_SIGNS = "，。、：；！？（）「」『』《》“”‘’…—・ー　～％０１２３４５６７８９"
# The commonest hundred or so, about two fifths of any text.
_SIMPLIFIED = (
    "的一是不了在人有我他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可里后小"
    "么心多天而能好都然没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长知"
)
_TRADITIONAL = (
    "的一是不了在人有我他這中大來上國個到說們為子和你地出道也時年得就那要下以生會自著去之過家學對可裡後小"
    "麼心多天而能好都然沒日於起還發成事只作當想看文無開手十用主行方又如前所本見經頭面公同三已老從動兩長知"
)
# Initial, medial and final parts of Korean syllables in the order of Unicode, in per cent.
_INITIALS = (12, 1, 7, 9, 0.7, 7, 5, 5, 0.3, 9, 0.5, 24, 8, 0.3, 2.5, 1, 1.7, 1.5, 7)
_MEDIALS = (20, 5, 0.7, 0.05, 10, 5, 4.5, 0.5, 11, 1.5, 0.05, 0.8, 1.3, 8, 0.5, 0.02, 0.8, 1, 12, 2, 17)
_FINALS = (55, 5, 0.1, 0.01, 12, 0.05, 0.2, 0.2, 7.5, 0.1, 0.05, 0.02, 0.01, 0.02, 0.02, 0.1, 4, 2.5, 0.2,
           1.5, 2, 8, 0.3, 0.2, 0.05, 0.3, 0.3, 0.3)  # fmt: skip
_UPPER_SHARE = 0.07
_RARE = 2e-4
_NEVER = 1e-7


def _by_rank(letters: str) -> dict[str, float]:
    """Per cent of each letter, of which the commonest comes first."""
    weights = {letter: rank**-0.7 for rank, letter in enumerate(letters, start=1)}
    total = sum(weights.values())
    return {letter: 100 * weight / total for letter, weight in weights.items()}


class Script:
    """Shares of characters in the texts that an encoding was made for."""

    joined = False

    def share(self, char: str) -> float:
        """(0, 1], of a character beyond ASCII."""
        return _NEVER if is_control(char) else _RARE


class Latin(Script):
    """One language with its accented letters."""

    def __init__(self, language: str) -> None:
        self._letters = _by_rank(_LATIN[language])

    def share(self, char: str) -> float:
        """See Script."""
        known = self._letters.get(char) or self._letters.get(char.lower())
        if known:
            return known / 100 * (_UPPER_SHARE if char.isupper() else 0.83)
        if char in _QUOTES:
            return 0.1 / len(_QUOTES)
        if char in _SIGNS:
            return 0.08 / len(_SIGNS)
        return _RARE if char.isalpha() else _RARE / 10


class Alphabet(Script):
    """A script other than Latin. first, last: its block. frequencies: of small letters, in per cent.

    joined: whether a letter never stands alone.
    """

    def __init__(
        self, first: int, last: int, frequencies: dict[str, float] | None = None, *, joined: bool = False
    ) -> None:
        self.joined = joined
        self._range = range(first, last + 1)
        self._frequencies = frequencies or {}
        self._even = 100 / max(sum(chr(code).isalpha() for code in self._range), 1)

    def share(self, char: str) -> float:
        """See Script."""
        if ord(char) in self._range:
            percent = self._frequencies.get(char.lower(), 0.05 if self._frequencies else self._even)
            return percent / 100 * (_UPPER_SHARE if char.isupper() else 0.85)
        if char in _QUOTES:
            return 0.05 / len(_QUOTES)
        return _RARE / 10


class Chinese(Script):
    """common: characters that make two fifths of a text. codec: whose lower half holds the usual ones."""

    def __init__(self, common: str, codec: str, usual: range, size: int) -> None:
        self._common, self._codec, self._usual, self._size = frozenset(common), codec, usual, size

    def share(self, char: str) -> float:
        """See Script."""
        if char in _WIDE_SIGNS:
            return 0.1 / len(_WIDE_SIGNS)
        if char in self._common:
            return 0.4 / len(self._common)
        if _lead(char, self._codec) in self._usual:
            return 0.48 / self._size
        return 0.01 / self._size if "\u4e00" <= char <= "\u9fff" else _NEVER


class Japanese(Script):
    """Kana, and characters of the first level."""

    def share(self, char: str) -> float:
        """See Script."""
        if "\u3041" <= char <= "\u3093":
            return 0.5 / 83
        if "\u30a1" <= char <= "\u30f6":
            return 0.12 / 86
        if char in _WIDE_SIGNS:
            return 0.08 / len(_WIDE_SIGNS)
        if 0x88 <= _lead(char, "cp932") <= 0x97:
            return 0.25 / 2965
        if "\uff61" <= char <= "\uff9f":
            return 0.03 / 63
        return 0.005 / 3390 if "\u4e00" <= char <= "\u9fff" else _NEVER


class Korean(Script):
    """Syllables by their parts: most that could be written never are."""

    def share(self, char: str) -> float:
        """See Script."""
        code = ord(char) - 0xAC00
        if 0 <= code < 11_172:
            initial, rest = divmod(code, 588)
            medial, final = divmod(rest, 28)
            return max(_INITIALS[initial] * _MEDIALS[medial] * _FINALS[final] / 1e6, _NEVER)
        return 0.03 / len(_WIDE_SIGNS) if char in _WIDE_SIGNS else _NEVER


@cache
def _lead(char: str, codec: str) -> int:
    try:
        return char.encode(codec)[0]
    except UnicodeEncodeError:
        return 0


def is_control(char: str) -> bool:
    """Whether a character is none that a text holds: a control, private or unassigned."""
    return unicodedata.category(char) in ("Cc", "Co", "Cn", "Cs") and char not in "\t\n\r\f\x1b"


def _latins(*languages: str) -> tuple[Script, ...]:
    return tuple(Latin(language) for language in languages)


_WEST = _latins("de", "fr", "es", "pt", "it", "nl", "sv", "da", "fi", "is", "ca", "sq")
_MIDDLE = _latins("cs", "sk", "pl", "hu", "ro", "hr", "de", "sq")
_CYRILLIC = (Alphabet(0x400, 0x491, _RUSSIAN | dict.fromkeys(_OTHER_CYRILLIC, 0.2)),)
_GREEK = (Alphabet(0x386, 0x3CE, _by_rank(_GREEK_LETTERS)),)

# In the order of how common they are, which decides where a text reads alike; the number is what an
# encoding that hardly any file has must be better by, in bits.
ENCODINGS: tuple[tuple[str, tuple[Script, ...], float], ...] = (
    ("cp1252", _WEST, 0.0),
    ("cp1250", _MIDDLE, 0.0),
    ("cp1251", _CYRILLIC, 0.0),
    ("gb18030", (Chinese(_SIMPLIFIED, "gb2312", range(0xB0, 0xD8), 3755),), 0.0),
    ("cp932", (Japanese(),), 0.0),
    ("big5", (Chinese(_TRADITIONAL, "big5", range(0xA4, 0xC7), 5401),), 0.0),
    ("cp949", (Korean(),), 0.0),
    ("iso8859-2", _MIDDLE, 2.0),
    ("cp1254", _latins("tr"), 0.0),
    ("cp1257", _latins("lv", "lt", "et"), 1.0),
    ("cp1253", _GREEK, 0.0),
    ("cp1255", (Alphabet(0x591, 0x5F4, _by_rank(_HEBREW_LETTERS), joined=True),), 0.0),
    ("cp1256", (Alphabet(0x60C, 0x6D2, _by_rank(_ARABIC_LETTERS), joined=True),), 0.0),
    ("cp874", (Alphabet(0xE01, 0xE5B, joined=True),), 1.0),
    ("koi8-r", _CYRILLIC, 1.0),
    ("koi8-u", _CYRILLIC, 2.0),
    ("iso8859-5", _CYRILLIC, 2.0),
    ("iso8859-7", _GREEK, 2.0),
    ("euc_jp", (Japanese(),), 1.0),
    ("cp866", _CYRILLIC, 3.0),
    ("cp850", _WEST, 6.0),
    ("cp852", _MIDDLE, 6.0),
    ("mac_roman", _WEST, 6.0),
)
