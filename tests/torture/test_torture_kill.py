"""Killed anywhere: the home opens at the last commit, nothing is half, and running it again ends as fresh."""

from __future__ import annotations

from pathlib import Path

import pytest
from torture_points import EXEMPT, points_in_source
from torture_run import Tally, Teller
from torture_story import NAMES, SLOW_NAMES, TOUR, Story
from torture_zygote import Zygote

STEPS = 24


def test_kills(zygote: Zygote, tmp_path: Path, kills_wanted: int, seed: int, say: list[str]) -> None:
    tally = Tally()
    names, steps, points, instants = (*NAMES, *SLOW_NAMES), STEPS, 3, 2
    if not kills_wanted:
        names, steps, points, instants = NAMES, len(TOUR), 1, 1
    number = 0
    while number == 0 or tally.kills < kills_wanted:
        base = tmp_path / str(number)
        story = Story(seed + number, base / "docs", names)
        Teller(zygote, base, story, tally, points, instants, every_point=bool(kills_wanted)).tell(steps)
        number += 1
    say.append(tally.line())
    if tally.problems:
        pytest.fail("\n".join([tally.line(), *tally.problems[:10]]))
    if kills_wanted:
        assert set(tally.killed_at) == tally.passed, "every point that a run passes must see a kill"
    named = points_in_source()
    unseen, unknown = named - tally.passed - EXEMPT, (tally.passed | EXEMPT) - named
    assert not unseen, f"no verb passes {sorted(unseen)}"
    assert not unknown, f"the source no longer has {sorted(unknown)}"
    assert tally.kills >= kills_wanted
