"""A disk that fills up at every write in turn: it is said, nothing is half, and with room it goes on."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import pytest
from torture_story import NAMES, SLOW_NAMES, TOUR, Story
from torture_truth import State
from torture_verbs import VERBS
from torture_zygote import Zygote

Order: TypeAlias = tuple[str, dict[str, object]]
DISK_BYTES = 8 << 20
STEP_BYTES = 8 << 10
SHORT_ROOMS = (0, 24 << 10, 64 << 10, 144 << 10)


@dataclass
class Tally:
    """What a run counted. places: the last crash point before each failure, or "" before the first."""

    runs: int = 0
    refused: int = 0
    without_files: int = 0
    opened_full: int = 0
    places: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def line(self) -> str:
        """The summary of a run."""
        return (
            f"full disk: {self.runs} runs, {self.refused} ended with disk_full at {len(self.places)} places, "
            f"{self.without_files} committed without new index files, {self.opened_full} homes opened while "
            f"full, {len(self.problems)} problems"
        )


@dataclass
class Disk:
    """The small disk, and the process that sees it."""

    zygote: Zygote
    path: Path
    tally: Tally

    def try_with(
        self, home: Path, story: Story, order: Order, states: tuple[State, State], room: int
    ) -> bool:
        """Do one thing with `room` bytes left; gives whether there was room for all of it.

        :param states: of the home before and after it.
        """
        before, whole = states
        zygote, disk, folder = self.zygote, str(self.path), str(story.folder)
        on_disk = f"{disk}/home"
        zygote.value("torture_disk:fill", disk, str(home), room)
        outcome = zygote.run("torture_disk:act", disk, folder, *order)
        where = f"seed {story.seed}, {order} with {room} bytes: "
        self.tally.runs += 1
        full = zygote.run("torture_truth:look", on_disk)
        zygote.value("torture_disk:drain", disk)
        seen, code, final = zygote.value("torture_truth:recover", on_disk, folder, *order)
        if outcome.code:
            self.tally.refused += 1
            self.tally.places[outcome.points[-1] if outcome.points else ""] += 1
        files_stay = any("stay as they were" in line for line in outcome.logged)
        self.tally.without_files += files_stay
        self.tally.opened_full += not full.code
        expected = before if outcome.code else whole
        if outcome.code and order[0] == "job" and not seen.differences(whole):
            expected = whole  # it was published, and there was no room to write down that it is done
        problems = [*seen.halves, *final.halves, *seen.differences(expected), *final.differences(whole)]
        if outcome.crash or outcome.code not in ("", "disk_full") or (outcome.code and not outcome.hint):
            problems.append(f"{outcome.code}: {outcome.message} ({outcome.hint}){outcome.crash}")
        if full.crash or full.code not in ("", "disk_full"):
            problems.append(f"opening it while full: {full.code} {full.message} {full.crash}")
        elif not full.code:
            problems += full.value.differences(expected)
        if code and (outcome.code or code not in VERBS[order[0]].again):
            problems.append(f"run again: {code}")
        self.tally.problems += [where + problem for problem in problems[:2]]
        return not outcome.code and not files_stay


@pytest.fixture
def disk(mounting: Zygote, tmp_path: Path) -> Disk:
    path = tmp_path / "disk"
    path.mkdir()
    mounted = mounting.run("torture_disk:mount", str(path), DISK_BYTES, inside=True)
    assert not mounted.crash, mounted.crash
    return Disk(mounting, path, Tally())


def test_full_disk(disk: Disk, tmp_path: Path, kills_wanted: int, seed: int, say: list[str]) -> None:
    story = Story(seed, tmp_path / "docs", (*NAMES, *SLOW_NAMES) if kills_wanted else NAMES)
    home = tmp_path / "home"
    home.mkdir()
    now = _look(disk.zygote, shutil.copytree(home, tmp_path / "nothing"))
    for _ in TOUR:
        step = story.next(now)
        order = (step.verb, step.arguments)
        if VERBS[step.verb].spoil is not None:
            continue
        whole = Path(shutil.copytree(home, tmp_path / f"home{story.told}"))
        disk.zygote.value("torture_verbs:act", str(whole), str(story.folder), *order)
        states = (now, _look(disk.zygote, whole))
        room = 0 if kills_wanted else SHORT_ROOMS[story.told // 2 % len(SHORT_ROOMS)]
        if kills_wanted or story.told % 2:
            while not disk.try_with(home, story, order, states, room) and kills_wanted:
                room += STEP_BYTES
        home, now = whole, states[1]
    say.append(disk.tally.line())
    if disk.tally.problems:
        pytest.fail("\n".join([disk.tally.line(), *disk.tally.problems[:10]]))
    assert disk.tally.refused, "some run must have met the full disk"


def _look(zygote: Zygote, home: Path) -> State:
    state = zygote.value("torture_truth:look", str(home))
    assert isinstance(state, State)
    return state
