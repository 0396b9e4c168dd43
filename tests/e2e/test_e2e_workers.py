"""Two server processes behind one port, with the real model: one is killed, jobs go on, all end together."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import psutil
import pytest
from real_server import Server, World, wait_for

pytestmark = pytest.mark.e2e

MODULE = "ragsvc.api.worker"
VISIBLE_S = 1.0


class Pair(Server):
    """A server of two processes."""

    def workers(self) -> list[psutil.Process]:
        found = []
        for child in psutil.Process(self._process.pid).children():
            try:
                if MODULE in child.cmdline():
                    found.append(child)
            except psutil.Error:
                continue  # it has just ended
        return found

    def holder(self) -> psutil.Process | None:
        """The worker whose child does the jobs."""
        for worker in self.workers():
            if any("ragsvc.service.job_worker" in child.cmdline() for child in worker.children()):
                return worker
        return None

    def line_to(self, worker: psutil.Process, stack: ExitStack) -> httpx.Client:
        """A client whose one connection is held by this worker."""
        for _ in range(100):
            client = httpx.Client(base_url=self.url, timeout=30, trust_env=False)
            client.get("/healthz").raise_for_status()
            stream = client._transport._pool.connections[0]._connection._network_stream  # type: ignore[attr-defined]
            mine = stream.get_extra_info("client_addr")[1]
            if any(c.raddr and c.raddr.port == mine for c in worker.net_connections("tcp")):
                stack.callback(client.close)
                return client
            client.close()
        raise AssertionError("no connection came to the worker")


@pytest.fixture
def pair(world: World) -> Iterator[Pair]:
    home = world.folder / "pair" / "home"
    home.mkdir(parents=True)
    server = Pair(world, home, {"RAGSVC_WORKERS": "2"})
    try:
        wait_for(lambda: len(server.workers()) == 2, 30)
        ready(server)
        yield server
    finally:
        server.close()


def ready(server: Pair) -> None:
    with ExitStack() as stack:
        for worker in server.workers():
            line = server.line_to(worker, stack)
            wait_for(lambda line=line: line.get("/readyz").status_code == 200, 30)  # type: ignore[misc]


def found(line: httpx.Client, corpus: str, query: str) -> list[str]:
    response = line.post("/v1/search", json={"corpus": corpus, "query": query})
    return [hit["document_id"] for hit in response.json().get("hits", [])]


def test_commits_and_jobs_in_both_and_one_killed(world: World, pair: Pair) -> None:
    with ExitStack() as stack:
        lines = [pair.line_to(worker, stack) for worker in pair.workers()]
        folder = world.folder / "orchard"
        folder.mkdir()
        (folder / "plums.md").write_text("Plums are picked in August, before they split.\n")
        done = world.ragsvc("ingest", "orchard", folder, "--home", pair.home, "--json")
        assert done.code == 0, done.err
        time.sleep(VISIBLE_S)
        for line in lines:
            assert {tuple(found(line, "orchard", "plums")) for _ in range(10)} == {("orchard/plums.md",)}
        jobs = []
        for number, line in enumerate(lines):
            text = {"id": f"owl-{number}", "text": f"Owl {number} sleeps in barn {number}."}
            response = line.post("/v1/corpora/owls/documents", json={"documents": [text]})
            assert response.status_code == 202, response.text
            jobs.append(response.json())
        assert {pair.ended(job)["state"] for job in jobs} == {"done"}
        time.sleep(VISIBLE_S)
        for line in lines:
            assert set(found(line, "owls", "owl")) == {"owl-0", "owl-1"}
    # The one that has been running the jobs is the one that hurts most.
    victim = wait_for(pair.holder, 5)
    statuses = kill_under_load(pair, victim)
    lost = [status for status in statuses if status != 200]
    # No more than what the dead one had in work; every other request was answered.
    assert len(lost) <= 4, lost
    assert set(lost) <= {0}
    assert len(statuses) > 20
    wait_for(lambda: len(pair.workers()) == 2, 20)
    assert victim.pid not in {worker.pid for worker in pair.workers()}
    job = pair.ended(pair.upload("owls", {"late.md": b"The late owl hunts at dawn.\n"}))
    assert job["state"] == "done"
    wait_for(lambda: found(pair.http, "owls", "late owl hunts at dawn")[0] == "late.md", 5)


def kill_under_load(pair: Pair, victim: psutil.Process) -> list[int]:
    """Statuses of searches on new connections before, while and after a worker is killed; 0: lost."""
    stop = threading.Event()

    def ask(number: int) -> list[int]:
        statuses = []
        while not stop.is_set():
            body = {"corpus": "orchard", "query": f"plums {number} {len(statuses)}"}
            try:
                statuses.append(httpx.post(f"{pair.url}/v1/search", json=body, timeout=30).status_code)
            except httpx.TransportError:
                statuses.append(0)
        return statuses

    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask, number) for number in range(4)]
        time.sleep(1)
        victim.kill()
        time.sleep(4)
        stop.set()
        return [status for future in asking for status in future.result()]
