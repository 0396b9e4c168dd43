"""Whether pictures of text can be read here: Tesseract's language files."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

_SHARES = ("/usr/share", "/usr/local/share", "/opt/homebrew/share")
_MAX_LANGUAGES = 4


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
