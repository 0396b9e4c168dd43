"""People who ask a server that may die at any moment, and what it told them that it has kept."""

from __future__ import annotations

import json
import random
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

# Waited for less than this, a turn was written: the service waits a quarter of a second for the disk at most.
TURN_S = 0.25
QUESTIONS = (
    "When are backups made?",
    "How long are backups kept?",
    "Who may restore a backup?",
    "What is the capital of France?",
)


@dataclass(slots=True)
class Promises:
    """What answers of the server said. certain: ids of records that it says are written.

    answers: by id of the record, with the time at which they came. opinions: number by record.
    sessions: ids of records by session, in order.
    """

    certain: set[str] = field(default_factory=set)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    answered_at: dict[str, float] = field(default_factory=dict)
    opinions: dict[str, int] = field(default_factory=dict)
    sessions: dict[str, list[str]] = field(default_factory=dict)

    def join(self, other: Promises) -> None:
        """Take over what another one was told."""
        self.certain |= other.certain
        self.answers |= other.answers
        self.answered_at |= other.answered_at
        self.opinions |= other.opinions
        self.sessions |= other.sessions


class Person(threading.Thread):
    """Asks, in a session and without, and says what answers are worth, until the server is gone."""

    def __init__(self, url: str, seed: int) -> None:
        super().__init__(daemon=True)
        self._http = httpx.Client(base_url=url, timeout=30, trust_env=False)
        self._choose = random.Random(seed)
        self.told = Promises()
        self.wrong: list[str] = []

    def run(self) -> None:
        try:
            while True:
                self._choose.choice((self._ask, self._ask, self._go_on, self._go_on, self._rate))()
        except httpx.TransportError:
            return  # killed
        finally:
            self._http.close()

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        response = self._http.post(path, json=body)
        if response.status_code >= 300:
            self.wrong.append(f"{path}: {response.status_code} {response.text[:300]}")
            raise httpx.TransportError("not what was asked for")
        value = response.json()
        assert isinstance(value, dict)
        return value

    def _answer(self, session: str | None) -> dict[str, Any]:
        question = self._choose.choice(QUESTIONS)
        body = {"corpus": "handbook", "question": question, "session": session}
        if self._choose.random() < 0.5:
            answer = self._post("/v1/answer", body)
        else:
            with self._http.stream("POST", "/v1/answer", json=body | {"stream": True}) as response:
                text = response.read().decode()
            name, _, data = text.strip().rpartition("\n\n")[2].partition("\n")
            if name != "event: done":
                raise httpx.RemoteProtocolError("cut off")
            answer = json.loads(data.removeprefix("data: "))
        self.told.answers[answer["record"]] = answer
        self.told.answered_at[answer["record"]] = time.monotonic()
        return answer

    def _ask(self) -> None:
        self._answer(None)

    def _go_on(self) -> None:
        sessions = self.told.sessions
        if not sessions or self._choose.random() < 0.2:
            sessions[self._post("/v1/sessions", {"title": "talk"})["id"]] = []
        session = list(sessions)[-1]
        began = time.monotonic()
        record = self._answer(session)["record"]
        sessions[session].append(record)
        if time.monotonic() - began < TURN_S:
            self.told.certain.add(record)

    def _rate(self) -> None:
        if not self.told.answers:
            return
        before = set(self.told.answers)
        record = self._choose.choice(sorted(before))
        said = self._post(f"/v1/records/{record}/feedback", {"score": 1.0, "comment": "right"})
        assert said["record"] == record
        # What waits is written before any is read.
        self.told.certain |= before
        self.told.opinions[record] = self.told.opinions.get(record, 0) + 1
