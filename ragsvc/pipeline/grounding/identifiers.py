"""Identifiers in a question: a version, code or part number binds, its neighbours are noise."""

from __future__ import annotations

import re

# Letters, digits and the signs inside names: 2.10.1, AX-4417/B, ERR-1204, --exclude, shutil.copy2, maxDict.
_RUN = re.compile(r"(?:(?<!\S)--)?[^\W_][\w.\-/:+#]*")
_HAS_DIGIT = re.compile(r"\d")
_NAME = re.compile(r"--|[^\W_]_+[^\W_]|[^\W\d_][.][^\W\d_]{2}|[a-z][A-Z]")
_END_SIGNS = ".:/-+,"
# "MTP/3", "MTP-3" and "mtp3" are one name: what separates letters from digits is left out.
_SEPARATED = re.compile(r"(?<=[^\W\d_])[-/_](?=\d)")
# Of "shutil.copy2" the last part names it where it is documented.
_DOTTED = re.compile(r"(?<!\w)(?:[^\W\d_]\w*+\.)+(?=[^\W\d_])")


def identifiers_in(question: str) -> tuple[str, ...]:
    """The codes, numbers and names of programs that a question holds, each once, as `plainly` writes them."""
    runs = (match.group().rstrip(_END_SIGNS) for match in _RUN.finditer(question))
    kept = (run for run in runs if _HAS_DIGIT.search(run) or _NAME.search(run))
    return tuple(dict.fromkeys(_DOTTED.sub("", plainly(run)) for run in kept))


def plainly(text: str) -> str:
    """A text in small letters, without what separates letters from digits."""
    return _SEPARATED.sub("", text.casefold())


def is_code(identifier: str) -> bool:
    """Whether it is a code or an option: more than a plain number, which may count anything, or a word."""
    if identifier.startswith("--"):
        return True
    return any(map(str.isdigit, identifier)) and not identifier.isdigit()


def holds(text: str, identifier: str) -> bool:
    """Whether a text has an identifier that is not a part of a longer one; both as of `plainly`."""
    at = text.find(identifier)
    while at >= 0:
        end = at + len(identifier)
        if not _goes_on_before(text, at) and not _goes_on_after(text, end):
            return True
        at = text.find(identifier, at + 1)
    return False


def _goes_on_before(text: str, at: int) -> bool:
    if at == 0:
        return False
    if text[at - 1].isalnum() or text[at - 1] == "_":
        # "v2.10.1" is 2.10.1, "a5" is not 5.
        return not (text[at - 1] == "v" and (at == 1 or not text[at - 2].isalnum()))
    return text[at - 1] in ".-/" and at > 1 and text[at - 2].isdigit()


def _goes_on_after(text: str, end: int) -> bool:
    if end == len(text):
        return False
    if text[end].isalnum() or text[end] == "_":
        return True
    if text[end] not in ".-/" or end + 1 == len(text):
        return False
    # "mtp3.txt" is a file of mtp3; 2.10.1.4 is not 2.10.1.
    return text[end + 1].isdigit() if text[end] == "." else text[end + 1].isalnum()
