"""A server at work: commits of other processes, uploads, jobs that end in every way, clients that go away."""

from __future__ import annotations

import json
import socket
import statistics
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import made_files
import pytest
from real_server import Server, World, wait_for

pytestmark = pytest.mark.e2e

FORMATS = {
    "minutes.docx": made_files.docx("The quokka committee meets on Tuesdays in the glass pavilion."),
    "report.pdf": made_files.pdf("Turbine seven was repaired by the night crew in Trondheim."),
    "pages/site.html": made_files.html("Visitors may photograph the marmalade museum without a flash."),
    "mail.eml": made_files.eml("The harpsichord was delivered to the wrong cathedral."),
    "notes.md": b"# Notes\n\nThe lighthouse keeper grows saffron on the cliff.\n",
}
ASKED = {
    "minutes.docx": "When does the quokka committee meet?",
    "report.pdf": "Who repaired turbine seven?",
    "pages/site.html": "May visitors photograph the marmalade museum?",
    "mail.eml": "Where was the harpsichord delivered?",
    "notes.md": "What does the lighthouse keeper grow?",
}


def ids(server: Server, corpus: str, query: str) -> list[str]:
    return [hit["document_id"] for hit in server.search(corpus, query)]


def test_commits_of_the_command_line_are_picked_up(world: World, server: Server) -> None:
    folder = world.folder / "garden"
    folder.mkdir()
    (folder / "tulips.md").write_text("Tulips are planted in October, ten centimetres deep.\n")
    (folder / "roses.md").write_text("Roses are pruned in February, above an outer bud.\n")
    done = world.ragsvc("ingest", "garden", folder, "--home", server.home, "--json")
    assert done.code == 0, done.err
    wait_for(lambda: ids(server, "garden", "When are tulips planted?")[:1] == ["garden/tulips.md"], 10)
    (folder / "tulips.md").unlink()
    again = world.ragsvc("ingest", "garden", folder, "--prune", "--home", server.home, "--json").json
    assert again["documents"]["removed"] == 1
    assert again["embedded"] == 0
    wait_for(lambda: ids(server, "garden", "When are tulips planted?") == ["garden/roses.md"], 5)
    gone = server.http.get("/v1/corpora/garden/document", params={"id": "garden/tulips.md"})
    assert gone.status_code == 404
    gone = server.http.delete("/v1/corpora/garden/document", params={"id": "garden/roses.md"})
    assert gone.status_code == 200
    wait_for(lambda: ids(server, "garden", "roses") == [], 5)


def test_uploads_of_many_formats(server: Server) -> None:
    job = server.ended(server.upload("mixed", FORMATS))
    assert job["state"] == "done", job
    assert job["result"]["documents"]["added"] == len(FORMATS)
    for name, question in ASKED.items():
        hit = server.search("mixed", question)[0]
        assert hit["document_id"] == name
        assert hit["source"] == "upload"
    assert server.search("mixed", ASKED["report.pdf"])[0]["page"] == 1
    again = server.ended(server.upload("mixed", FORMATS))["result"]
    assert again["documents"]["unchanged"] == len(FORMATS)
    assert again["embedded"] == 0
    assert again["commit"] == job["result"]["commit"]


def test_one_broken_file_costs_only_itself(server: Server) -> None:
    files = {"broken.pdf": b"%PDF-1.7 not really", "empty.txt": b"", "fine.md": b"Otters hold hands.\n"}
    job = server.ended(server.upload("broken", files))
    assert job["state"] == "done"
    counts = job["result"]["documents"]
    assert counts["added"] == 1
    assert counts["failed"] + counts["skipped"] == 2
    unread = job["result"]["failures"] + job["result"]["skipped"]
    assert {item["source"] for item in unread} == {"broken.pdf", "empty.txt"}
    assert all(item["code"] for item in unread)
    assert ids(server, "broken", "otters") == ["fine.md"]


def test_fifty_uploads_at_once(server: Server) -> None:
    def send(number: int) -> dict[str, object]:
        text = f"Parcel {number} holds exactly {number * 17} marbles.\n".encode()
        return server.upload("parcels", {f"parcel-{number}.md": text})

    with ThreadPoolExecutor(50) as pool:
        jobs = list(pool.map(send, range(50)))
    end = time.monotonic() + 120
    ended = [server.ended(job, end - time.monotonic()) for job in jobs]
    assert {job["state"] for job in ended} == {"done"}
    assert server.http.get("/v1/corpora/parcels").json()["documents"] == 50
    assert ids(server, "parcels", "parcel 33")[0] == "parcel-33.md"


def begin_long_job(server: Server, corpus: str) -> dict[str, object]:
    job = server.upload(corpus, {"long.md": made_files.prose(corpus, 6000)})
    wait_for(lambda: server.job(job)["state"] == "running", 60)
    return job


def test_a_running_job_is_cancelled_and_publishes_nothing(server: Server) -> None:
    job = begin_long_job(server, "cancelled")
    assert server.http.delete(f"/v1/jobs/{job['id']}").status_code == 200
    assert server.ended(job, 30)["state"] == "cancelled"
    found = server.http.get("/v1/corpora/cancelled")
    assert found.status_code == 404 or found.json()["documents"] == 0
    assert not (server.home / "spool" / str(job["id"])).exists()
    assert server.http.delete(f"/v1/jobs/{job['id']}").json()["state"] == "cancelled"


def test_a_job_that_is_killed_is_tried_again_until_it_is_given_up(server: Server) -> None:
    job = begin_long_job(server, "killed")
    kills = 0
    # A process that is killed before it notes the death of the one before it costs one kill more.
    while kills < 8:
        wait_for(lambda: server.job(job)["state"] in ("running", "failed"), 60)
        if server.job(job)["state"] == "failed":
            break
        kills += 1
        assert server.job(job)["attempts"] == kills
        child = server.child()
        assert child is not None
        child.kill()
        wait_for(lambda: server.job(job)["state"] != "running", 30)
    assert kills >= 3
    failed = server.ended(job, 60)
    assert failed["state"] == "failed"
    assert failed["error"]["code"] == "job_crashed"
    assert "SIGKILL" in failed["error"]["message"]
    assert not (server.home / "spool" / str(job["id"])).exists()
    found = server.http.get("/v1/corpora/killed")
    assert found.status_code == 404 or found.json()["documents"] == 0
    assert server.ended(server.upload("killed", {"short.md": b"Herons wait.\n"}))["state"] == "done"
    assert ids(server, "killed", "herons") == ["short.md"]


def test_jobs_outlive_their_server(world: World) -> None:
    """Ended politely or killed, its process ends with it, and the job runs again with the next server."""
    home = world.folder / "outlive" / "home"
    home.parent.mkdir()
    first = Server(world, home)
    job = first.upload("moths", {"hawk.md": made_files.prose("hawk moth", 20)})
    wait_for(lambda: first.job(job)["state"] == "running", 30)
    first.close()
    second = Server(world, home)
    assert second.ended(job)["state"] == "done"
    job = second.upload("moths", {"atlas.md": made_files.prose("atlas moth", 150)})
    wait_for(lambda: second.job(job)["state"] == "running", 30)
    child = second.kill()
    wait_for(lambda: not child.is_running(), 10)
    third = Server(world, home)
    done = third.ended(job)
    assert (done["state"], done["attempts"]) == ("done", 2)
    assert ids(third, "moths", "atlas moth")[0] == "atlas.md"
    assert list((home / "spool").iterdir()) == []
    third.close()


def test_clients_that_hang_up_in_mid_stream_hold_nothing(server: Server) -> None:
    """More of them than queries may be at once: a leaked slot or thread would show as 503."""
    body = json.dumps({"corpus": "handbook", "question": "What is a transformer?", "stream": True}).encode()
    head = f"POST /v1/answer HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"

    def hang_up(number: int) -> None:
        with server.socket() as line:
            line.sendall(head.encode() + b"Content-Type: application/json\r\n\r\n" + body)
            if number % 2:
                assert line.recv(200).startswith(b"HTTP/1.1 200")
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(hang_up, range(16)))
    # An answer that was under way when its client left is finished first; then every slot is free again.
    wait_for(lambda: all_slots_free(server), 30)


def all_slots_free(server: Server) -> bool:
    def status(number: int) -> int:
        asked = {"corpus": "handbook", "query": f"question {number}"}
        return server.http.post("/v1/search", json=asked).status_code

    with ThreadPoolExecutor(12) as pool:
        return set(pool.map(status, range(12))) == {200}


def test_answers_never_block_the_event_loop(server: Server) -> None:
    def answer(number: int) -> float:
        started = time.perf_counter()
        server.post("/v1/answer", corpus="handbook", question=f"How does a diffusion model work? {number}")
        return time.perf_counter() - started

    pings = []
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(answer, number) for number in range(24)]
        while not all(future.done() for future in answers):
            started = time.perf_counter()
            assert server.http.get("/healthz").status_code == 200
            pings.append(time.perf_counter() - started)
            time.sleep(0.01)
    p95 = statistics.quantiles(pings, n=20)[-1]
    assert p95 < 0.5 * statistics.median(future.result() for future in answers)


def test_no_upload_is_left_in_the_spool(server: Server) -> None:
    states = {job["state"] for job in server.http.get("/v1/jobs").json()["jobs"]}
    assert states <= {"done", "failed", "cancelled"}
    assert list(Path(server.home / "spool").glob("*")) == []
