"""One story told with kills: after each the home is looked at, the verb is run again, and looked at again."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from doubles import CORPUS
from torture_story import Step, Story
from torture_truth import State
from torture_verbs import CARRIED, OTHER, VERBS
from torture_zygote import Kill, Outcome, Zygote

# Where a change becomes visible: a kill inside shows the old state, one after it the new.
PUBLISHING = ("store.publish", "store.rollback", "store.move_head", "store.adopt", "store.delete_corpus")


@dataclass
class Tally:
    """What a run counted."""

    kills: int = 0
    instants: int = 0
    steps: int = 0
    passed: set[str] = field(default_factory=set)
    killed_at: Counter[str] = field(default_factory=Counter)
    not_opened: int = 0
    lost: int = 0
    halves: int = 0
    mismatches: int = 0
    problems: list[str] = field(default_factory=list)

    def line(self) -> str:
        """The summary of a run."""
        return (
            f"torture: {self.kills} kills in {self.steps} steps, {self.instants} at random instants; "
            f"{len(self.killed_at)} of {len(self.passed)} points covered; {self.not_opened} not opened, "
            f"{self.lost} documents lost, {self.halves} halves visible, {self.mismatches} mismatches"
        )


@dataclass
class Teller:
    """Tells one story on one home, killing as it goes."""

    zygote: Zygote
    base: Path
    story: Story
    tally: Tally
    kills_per_step: int
    instants_per_step: int
    # The long run: all points that were not killed at yet, and instants at every step.
    every_point: bool

    def __post_init__(self) -> None:
        self.random = random.Random(self.story.seed + 1)
        self.home = self.base / "home"
        self.home.mkdir()
        self.copies = 0
        self.now = self._look(self._copied())

    def tell(self, steps: int) -> None:
        """Go through the story, then make the home equal to a fresh build."""
        for _ in range(steps):
            self.step(self.story.next(self.now))
        for step in self.story.last():
            self.step(step)
        self._compare_with_fresh((CORPUS, OTHER))

    def step(self, step: Step) -> None:
        """Do one verb: whole on a copy, killed on copies and at last on the home itself."""
        self.tally.steps += 1
        spoil = VERBS[step.verb].spoil
        if spoil is not None:
            spoil(self.home)
        trial = self._copied()
        whole = self._act(trial, step)
        self._expect(not whole.crash and whole.code in ("", *VERBS[step.verb].again), step, whole)
        after = self._look(trial)
        self._whole(after, step)
        self.tally.passed.update(whole.points)
        if spoil is not None:
            found = after.differences(self.now, numbers=False)
            self._expect(not found, step, f"not mended: {found[:2]}")
        kills = list(self._kills(whole))
        seen = []
        for number, kill in enumerate(kills):
            home = self.home if number + 1 == len(kills) else self._copied()
            is_new = self._killed(home, step, kill, after)
            if kill.point and spoil is None:
                seen.append((_place(whole.points, kill), is_new))
            if home != self.home:
                shutil.rmtree(home)
        order = [is_new for _, is_new in sorted(seen)]
        self._expect(order == sorted(order), step, f"a later kill shows an older state: {sorted(seen)}")
        if not kills:
            self._act(self.home, step)
        shutil.rmtree(trial)
        self.now = after if spoil is None else self._look(self.home)
        if step.verb == "sync":
            self._compare_with_fresh((CORPUS,))
        if step.verb == "carry":
            held = after.documents
            self._expect(held[CORPUS] == held[CARRIED], step, "what was carried is not what was there")

    def _kills(self, whole: Outcome) -> Iterator[Kill]:
        """Points that were never killed at first, then any, then random instants."""
        counts = Counter(whole.points)
        fresh = [name for name in counts if not self.tally.killed_at[name]]
        self.random.shuffle(fresh)
        chosen = fresh if self.every_point else fresh[: self.kills_per_step]
        while counts and len(chosen) < self.kills_per_step:
            chosen.append(self.random.choice(list(counts)))
        kills = [Kill(name, self.random.randint(1, counts[name])) for name in chosen]
        instants = self.instants_per_step if self.every_point or self.tally.steps % 3 == 0 else 0
        kills += [Kill(seconds=self.random.uniform(0, whole.seconds)) for _ in range(instants)]
        self.random.shuffle(kills)
        yield from kills

    def _killed(self, home: Path, step: Step, kill: Kill, after: State) -> bool:
        """Kill, look, run again, look; gives whether the new state was visible after the kill."""
        outcome = self._act(home, step, kill)
        if outcome.killed:
            self.tally.kills += 1
            self.tally.killed_at.update([kill.point] if kill.point else [])
            self.tally.instants += not kill.point
        what = f"killed at {kill}"
        arguments = (str(home), str(self.story.folder), step.verb, step.arguments)
        seen, code, final = self._opened(self.zygote.run("torture_truth:recover", *arguments), step, what)
        is_new = self._stands(seen, step, kill, after, what, outcome.killed)
        done = VERBS[step.verb].again if is_new else ()
        self._expect(code in ("", *done), step, f"{what}, run again: {code}")
        self._whole(final, step, f"{what}, run again")
        # Of a repair that was done before the kill the next one makes no commit.
        found = final.differences(after, numbers=VERBS[step.verb].spoil is None)
        self._expect(not found, step, f"{what}, run again: {found[:2]}")
        return is_new and bool(final.differences(self.now))

    def _stands(self, seen: State, step: Step, kill: Kill, after: State, what: str, killed: bool) -> bool:
        """Check what a kill left; gives whether it is the new state."""
        if lost := seen.lost(State(documents=_common(self.now, after))):
            self.tally.lost += len(lost)
            self._problem(step, f"{what}: lost {lost}")
        old, new = seen.differences(self.now), seen.differences(after)
        if VERBS[step.verb].spoil is not None:
            return not new
        self._whole(seen, step, what)
        self._expect(not old or not new, step, f"{what}: neither as before ({old[:2]}) nor after ({new[:2]})")
        point, _, place = kill.point.rpartition(".")
        if point in PUBLISHING and killed:
            wrong = new if place == "after" else old
            self._expect(not wrong, step, f"{what}: {wrong[:2]}")
        return not new

    def _compare_with_fresh(self, corpora: tuple[str, ...]) -> None:
        home = self.base / f"fresh{self.tally.steps}"
        home.mkdir()
        story = self.story
        other = story.other if OTHER in corpora else {}
        made = (str(story.folder), story.sent, other, story.profile)
        self.zygote.value("torture_verbs:build", str(home), *made)
        fresh = self._look(home)
        found = self.now.differences(fresh, numbers=False, corpora=corpora)
        self._expect(not found, None, f"not like a fresh build: {found[:3]}")
        shutil.rmtree(home)

    def _act(self, home: Path, step: Step, kill: Kill | None = None) -> Outcome:
        arguments = (str(home), str(self.story.folder), step.verb, step.arguments)
        return self.zygote.run("torture_verbs:act", *arguments, kill=kill)

    def _look(self, home: Path, step: Step | None = None) -> State:
        state = self._opened(self.zygote.run("torture_truth:look", str(home)), step)
        assert isinstance(state, State)
        return state

    def _opened(self, outcome: Outcome, step: Step | None, what: str = "") -> Any:
        if outcome.code or outcome.crash:
            self.tally.not_opened += 1
            self._problem(step, f"{what}: cannot be opened: {outcome.code} {outcome.message}{outcome.crash}")
            raise AssertionError("\n".join(self.tally.problems))
        return outcome.value

    def _whole(self, state: State, step: Step, what: str = "") -> None:
        if state.halves:
            self.tally.halves += len(state.halves)
            self._problem(step, f"{what}: {state.halves[:3]}")

    def _expect(self, holds: bool, step: Step | None, *said: object) -> None:
        if not holds:
            self.tally.mismatches += 1
            self._problem(step, " ".join(str(part) for part in said))

    def _problem(self, step: Step | None, what: str) -> None:
        self.tally.problems.append(f"seed {self.story.seed}, step {self.tally.steps} {step}: {what[:2000]}")

    def _copied(self) -> Path:
        self.copies += 1
        return Path(shutil.copytree(self.home, self.base / f"copy{self.copies}"))


def _common(one: State, other: State) -> dict[str, dict[str, object]]:
    return {
        corpus: {
            name: document
            for name, document in documents.items()
            if other.documents.get(corpus, {}).get(name) == document
        }
        for corpus, documents in one.documents.items()
    }


def _place(points: list[str], kill: Kill) -> int:
    """Position in the whole run of the nth time that a point was passed."""
    return [place for place, name in enumerate(points) if name == kill.point][kill.nth - 1]
