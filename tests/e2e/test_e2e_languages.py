"""A folder in several languages with the real model: found, answered and refused in each, and across."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from real_server import Server, World

from ragsvc.pipeline.replies import REFUSAL, REPLIES_FILE

pytestmark = pytest.mark.e2e

TEXTS = {
    "lager.txt": "Das Lager in Kassel öffnet um sieben Uhr morgens. Verantwortlich ist Petra Lindner. "
    "Rücksendungen werden nur am Dienstag angenommen.\n",
    "sklad.txt": "Склад в Самаре открывается в восемь часов утра. Ответственная: Ирина Петрова.\n",
    "soko.txt": "東京倉庫の営業時間は午前九時から午後六時までです。責任者は佐藤健二です。\n",
    "depot.txt": "The depot in Leeds opens at six in the morning. Parcels are weighed at gate four.\n",
}
GOLDEN = Path(__file__).parent.parent / "golden" / "small_talk.tsv"
SMALL_TALK = [line.split("\t") for line in GOLDEN.read_text("utf-8").splitlines()]
REPLIES = json.loads(REPLIES_FILE.read_text("utf-8"))


def is_small_talk(server: Server, shape: str, code: str, said: str) -> bool:
    """Whether something said is replied to as small talk, and that in its language."""
    answer = server.post("/v1/answer", corpus="mixed", question=said)
    replies = {kind: text.format(corpus="mixed") for kind, text in REPLIES[code].items() if kind != REFUSAL}
    return answer["answer"] in (replies.values() if shape == "fact" else [replies[shape]])


@pytest.fixture(scope="module")
def mixed(world: World) -> Server:
    folder, home = world.folder / "mixed", world.folder / "mixed-home"
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / name).write_text(text, encoding="utf-8")
    done = world.ragsvc("ingest", "mixed", folder, "--home", home)
    assert done.code == 0, done.err
    assert "bundled:multilingual-e5-small" in done.out
    return Server(world, home)


def test_questions_are_answered_in_their_language_and_across(mixed: Server) -> None:
    try:
        mixed.wait_until_ready()
        asked = {
            "Wann öffnet das Lager in Kassel?": ("lager.txt", "sieben Uhr"),
            "Кто ответственный за склад в Самаре?": ("sklad.txt", "Ирина Петрова"),
            "東京倉庫の営業時間は?": ("soko.txt", "午前九時"),
            "When does the depot in Leeds open?": ("depot.txt", "six in the morning"),
            "When does the warehouse in Kassel open?": ("lager.txt", "sieben Uhr"),
        }
        for question, (document, words) in asked.items():
            answer = mixed.post("/v1/answer", corpus="mixed", question=question)
            assert answer["answered"], question
            assert words in answer["answer"]
            first = answer["citations"][0]
            assert first["document_id"].endswith(document)
            assert TEXTS[document][first["start"] : first["end"]] == first["quote"]
        refused = mixed.post("/v1/answer", corpus="mixed", question="Was kostet eine Fahrkarte nach Bremen?")
        assert (refused["answered"], refused["answer"][:13]) == (False, "Das kann ich ")
        told = [is_small_talk(mixed, *line) for line in SMALL_TALK]
        # A question is never taken for it; of what nothing was fitted to, a little is missed.
        assert not any(told[place] for place, line in enumerate(SMALL_TALK) if line[0] == "fact")
        assert sum(told) >= 0.8 * sum(line[0] != "fact" for line in SMALL_TALK)
        thanks = mixed.post("/v1/answer", corpus="mixed", question="谢谢")
        assert (thanks["answered"], thanks["answer"][:3]) == (False, "不客气")
        details = mixed.http.get("/v1/corpora/mixed").json()
        assert details["embedder"] == "bundled:multilingual-e5-small"
    finally:
        mixed.close()
