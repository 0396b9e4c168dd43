"""Whether pictures of text can be read here: by Tesseract, or by RapidOCR where that is installed."""

from __future__ import annotations

import shutil
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

_SHARES = ("/usr/share", "/usr/local/share", "/opt/homebrew/share")
_MAX_LANGUAGES = 4


HINT = "Install ragsvc[ocr], or Tesseract (tesseract-ocr), to read scans and pictures."


@cache
def has_rapidocr() -> bool:
    """Whether the extra ragsvc[ocr] is installed."""
    return all(find_spec(name) is not None for name in ("rapidocr", "onnxruntime", "PIL"))


@cache
def describe_ocr() -> str:
    """What reads pictures here, with all that decides what it reads; "none" when nothing does."""
    tessdata = find_tessdata()
    if tessdata is not None:
        return tessdata[1]
    try:
        return f"rapidocr-{version('rapidocr')}" if has_rapidocr() else "none"
    except PackageNotFoundError:
        return "none"


@cache
def find_tessdata() -> tuple[str, str] | None:
    """Tesseract's data folder and the installed languages as "eng+deu"; None without Tesseract."""
    program = shutil.which("tesseract")
    if program is None:
        return None
    shares = [Path(program).resolve().parent.parent / "share", *map(Path, _SHARES)]
    for share in shares:
        for folder in [share / "tessdata", *sorted(share.glob("tesseract-ocr/*/tessdata"), reverse=True)]:
            found = {file.stem for file in folder.glob("*.traineddata")} - {"osd", "equ"}
            if found:
                # English first: the order is the order of preference.
                languages = sorted(found, key=lambda language: (language != "eng", language))
                return str(folder), "+".join(languages[:_MAX_LANGUAGES])
    return None
