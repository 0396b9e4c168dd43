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
    number = 0
    while number == 0 or tally.kills < kills_wanted:
        base = tmp_path / str(number)
        story = Story(seed + number, base / "docs", (*NAMES, *SLOW_NAMES) if kills_wanted else NAMES)
        if kills_wanted:
            Teller(zygote, base, story, tally, kills_per_step=3, instants_per_step=2).tell(STEPS)
        else:
            Teller(zygote, base, story, tally, kills_per_step=0, instants_per_step=1).tell(len(TOUR))
        number += 1
    say.append(tally.line())
    if tally.problems:
        pytest.fail("\n".join([tally.line(), *tally.problems[:10]]))
    assert set(tally.killed_at) == tally.passed, "every point that a run passes must see a kill"
    named = points_in_source()
    assert not named - tally.passed - EXEMPT, "no verb passes these points"
    assert tally.passed | EXEMPT <= named, "the source no longer has these points"
    assert tally.kills >= kills_wanted
