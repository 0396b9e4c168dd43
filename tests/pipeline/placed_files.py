"""A parser, run in worker processes, of files that say themselves where their text stands."""

from __future__ import annotations

import json
from pathlib import Path

from ragsvc.domain import ParsedDocument, places_of
from ragsvc.text.limits import ParseLimits

PARSER = f"{__name__}:placed"


def placed(path: str, limits: ParseLimits) -> ParsedDocument:
    made = json.loads(Path(path).read_text(encoding="utf-8"))
    places = places_of(made["places"], len(made["text"]))
    return ParsedDocument(title="", text=made["text"], media_type="image/png", places=places)
