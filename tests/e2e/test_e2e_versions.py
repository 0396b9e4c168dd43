"""Versions with the real model: tag, edit, ask as it was, go back, from the command line and over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from real_server import Server, World, wait_for

pytestmark = pytest.mark.e2e

CORPUS = "ferry"
PATH = f"/v1/corpora/{CORPUS}"
QUESTION = "When does the first ferry to Aurland leave?"
OLD = "The first ferry to Aurland leaves at 6:40 in the morning."
NEW = "The first ferry to Aurland leaves at 8:15 in the morning."


def first_text(answer: dict[str, Any]) -> str:
    assert answer["answered"], answer
    return str(answer["citations"][0]["quote"])


def asked(server: Server, **more: Any) -> dict[str, Any]:
    return server.post("/v1/answer", corpus=CORPUS, question=QUESTION, **more)


def test_tag_edit_ask_and_go_back(world: World, server: Server) -> None:
    """Every command runs while the server serves, which takes each commit up by itself."""

    def ragsvc(*words: str) -> dict[str, Any]:
        done = world.ragsvc(*words, "--home", str(server.home), "--json")
        assert done.code == 0, done.out + done.err
        return done.json

    folder = world.folder / "ferry"
    folder.mkdir()
    (folder / "winter.md").write_text(f"# Timetable\n\n{OLD}\n")
    (folder / "fares.md").write_text("# Fares\n\nA ticket for a bicycle costs 40 kroner.\n")
    first = ragsvc("ingest", CORPUS, str(folder))["commit"]
    assert ragsvc("tag", CORPUS, "winter")["commit"] == first
    (folder / "winter.md").write_text(f"# Timetable\n\n{NEW}\n")
    (folder / "fares.md").unlink()
    second = ragsvc("ingest", CORPUS, str(folder), "--prune")["commit"]
    wait_for(lambda: asked(server)["commit"] == second, 10)

    # Asked as it was, by each way to say so, by command line and server alike.
    then = asked(server, at="winter")
    assert (first_text(then), first_text(asked(server))) == (OLD, NEW)
    assert first_text(ragsvc("ask", CORPUS, QUESTION, "--at", "winter")) == OLD
    for at in (first, str(first), "winter", "head~1"):
        again = asked(server, at=at)
        assert again | {"timings_s": 0, "record": ""} == then | {"timings_s": 0, "record": ""}
    found = ragsvc("search", CORPUS, "bicycle", "--at", "winter")
    assert found["hits"][0]["document_id"] == "ferry/fares.md"
    assert found == server.post("/v1/search", corpus=CORPUS, query="bicycle", at="winter")
    cited = then["citations"][0]
    span = {name: cited[name] for name in ("document_id", "version", "start", "end")}
    assert server.http.get(f"{PATH}/text", params=span).json()["text"] == OLD

    # Over HTTP: documents as they were, the history, tags.
    fares = {"id": "ferry/fares.md"}
    assert server.http.get(f"{PATH}/document", params=fares).status_code == 404
    assert server.http.get(f"{PATH}/document", params=fares | {"at": "winter"}).status_code == 200
    assert len(server.http.get(f"{PATH}/documents", params={"at": first}).json()["documents"]) == 2
    assert server.http.get(f"{PATH}/commits").json() == ragsvc("log", CORPUS)
    assert server.http.put(f"{PATH}/tags/winter", json={}).json()["code"] == "tag_exists"
    assert server.http.put(f"{PATH}/tags/summer", json={"at": second}).json()["commit"] == second
    assert server.http.get(f"{PATH}/tags").json() == ragsvc("tag", CORPUS)

    # Back by the command line, forward by HTTP, back again: nothing is embedded, every step is a commit.
    undo = ragsvc("rollback", CORPUS, "winter")
    assert undo["previous"] == second
    wait_for(lambda: first_text(asked(server)) == OLD, 5)
    report = server.post(f"{PATH}/rollback", to=undo["previous"])
    assert first_text(asked(server)) == NEW, "who asked for it sees it at once"
    assert first_text(ragsvc("ask", CORPUS, QUESTION)) == NEW
    assert report["documents"] == {"added": 0, "changed": 1, "removed": 1}
    server.post(f"{PATH}/rollback", to="winter")
    assert ragsvc("ingest", CORPUS, str(folder), "--prune")["embedded"] == 0
    assert [commit["kind"] for commit in ragsvc("corpora", "show", CORPUS)["commits"]] == [
        "ingest", "rollback", "rollback", "rollback", "ingest",
    ]  # fmt: skip
    assert server.http.post(f"{PATH}/rollback", json={"to": "autumn"}).status_code == 404
