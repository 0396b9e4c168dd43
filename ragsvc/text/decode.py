"""Bytes of text files to str: byte order marks, then UTF-8, declarations, then a guess."""

from __future__ import annotations

import codecs
import re

from ragsvc.errors import BrokenDocument

_BOMS = (  # UTF-32 before UTF-16: its mark begins with the other's
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(rb"""(?:encoding|charset)\s*=\s*["']?([A-Za-z0-9_:.-]{2,40})""")
_SAMPLE_BYTES = 65_536
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def decode_text(data: bytes, name: str) -> str:
    """Decode a text file, whatever its encoding; a byte order mark is taken off.

    :param name: of the file, for the message.
    :raises BrokenDocument: if the bytes are not text in any encoding.
    """
    text = _decode(data)
    if text is None or _is_binary(text):
        raise BrokenDocument(f"{name} is not text in any known encoding", hint="Is its extension right?")
    return text


def _decode(data: bytes) -> str | None:
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, errors="replace")
    sample = data[:_SAMPLE_BYTES]
    wide = _guess_wide(sample)
    if wide is not None:
        return data.decode(wide, errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _decode_declared(data) or _decode_nearly_utf8(data) or _decode_guessed(data)


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


def _decode_declared(data: bytes) -> str | None:
    found = _DECLARED.search(data[:2048])
    if found is None:
        return None
    try:
        return data.decode(found.group(1).decode("ascii"))
    except (LookupError, ValueError):
        return None


def _decode_nearly_utf8(data: bytes) -> str | None:
    """UTF-8 with a few damaged bytes, rather than a whole file of mojibake."""
    text = data.decode("utf-8", errors="replace")
    bad = text.count("\ufffd")
    good = len(data) - len(text.encode("ascii", errors="ignore")) - bad
    return text if bad * 20 <= good else None


def _decode_guessed(data: bytes) -> str | None:
    from charset_normalizer import from_bytes

    matches = from_bytes(data[:_SAMPLE_BYTES])
    best = matches.best()
    if best is None:
        return None
    # Short texts often tie between code pages of one family; Windows' Western one is by far the commonest.
    tied = [m.encoding for m in matches if (m.chaos, m.coherence) == (best.chaos, best.coherence)]
    return data.decode("cp1252" if "cp1252" in tied else best.encoding, errors="replace")


def _is_binary(text: str) -> bool:
    sample = text[:_SAMPLE_BYTES]
    odd = len(_CONTROLS.findall(sample)) + sample.count("\ufffd")
    return odd * 10 > len(sample)
