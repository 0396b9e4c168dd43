"""Damaged files beside the catalog cost nothing: the home opens, finds the same, and mends them."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from doubles import CORPUS
from torture_damage import OF_FILES, OF_FOLDERS, TRUTH, damaged_indexes, targets
from torture_story import Story
from torture_truth import State
from torture_verbs import OTHER
from torture_zygote import Zygote

CORRUPTIONS = 100
SHORT = 10


class Home:
    """A home with two corpora, an old base under new commits, and what else lies in it."""

    def __init__(self, zygote: Zygote, base: Path, seed: int) -> None:
        self.zygote = zygote
        self.story = Story(seed, base / "docs")
        self.path = base / "home"
        self.path.mkdir()
        self.stale = base / "stale"
        self.act("sync")
        self.act("sync_part", file="l.jsonl")
        shutil.copytree(self.path, self.stale)
        for _ in range(12):
            self.story.edit()
        self.act("sync")
        self.act("reindex", embedder="second", chunk_tokens=40)
        self.act("send", documents={"sent/small": "one fig"})
        self.act("send", documents={"sent/small": "one fig and a kiwi"}, corpus=OTHER)
        for name, content in (("spool/left/000000.md", "half"), ("readers/gone", "")):
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            (self.path / name).write_text(content)
        self.state = self.look(self.path)

    def act(self, verb: str, **arguments: object) -> None:
        self.act_on(self.path, verb, **arguments)

    def act_on(self, path: Path, verb: str, **arguments: object) -> None:
        self.zygote.value("torture_verbs:act", str(path), str(self.story.folder), verb, arguments)

    def look(self, path: Path) -> State:
        state = self.zygote.value("torture_truth:look", str(path))
        assert isinstance(state, State)
        return state


@pytest.fixture(scope="module")
def home(zygote: Zygote, tmp_path_factory: pytest.TempPathFactory, seed: int) -> Home:
    return Home(zygote, tmp_path_factory.mktemp("damage"), seed)


def corrupted(home: Home, copy: Path, chance: random.Random) -> str:
    """Damage a copy of the home; gives what was done."""
    if chance.random() < 0.06:
        # Older files of the same corpus come back, as from a backup of that folder alone.
        bases = [path for path in targets(home.stale) if path.is_dir() and path.parent.parent == home.stale]
        old = chance.choice(bases)
        place = copy / old.relative_to(home.stale)
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(old, place)
        return f"stale {old.relative_to(home.stale)}"
    found = targets(copy)
    # Arrays are many and alike: the others must not be rare.
    kinds = {
        "array": [path for path in found if path.suffix == ".npy"],
        "manifest": [path for path in found if path.suffix == ".json"],
        "folder": [path for path in found if path.is_dir()],
        "other": [path for path in found if path.is_file() and path.suffix not in (".npy", ".json")],
    }
    path = chance.choice(kinds[chance.choice(sorted(kinds))])
    damages = OF_FOLDERS if path.is_dir() else OF_FILES
    name = chance.choice(sorted(damages))
    damages[name](path, chance, found)
    return f"{name} {path.relative_to(copy)}"


def problems(home: Home, copy: Path, kind: str) -> list[str]:
    """Open the damaged copy, twice, then write to it."""
    first = home.zygote.run("torture_truth:look", str(copy))
    if first.code or first.crash:
        return [f"not opened: {first.code} {first.message}{first.crash}"]
    found = [*first.value.halves, *first.value.differences(home.state)]
    found += [f"not mended: {damage}" for damage in damaged_indexes(copy)]
    again = home.zygote.run("torture_truth:look", str(copy))
    found += [f"rebuilt again: {line}" for line in again.logged if "rebuilt" in line]
    for verb, arguments in (("sync", {}), ("job", {"documents": {"sent/late": "a late plum"}})):
        written = home.zygote.run("torture_verbs:act", str(copy), str(home.story.folder), verb, arguments)
        if written.code or written.crash:
            found.append(f"{verb} cannot write: {written.code} {written.message}{written.crash}")
    return found


def test_corruptions(home: Home, tmp_path: Path, kills_wanted: int, seed: int, say: list[str]) -> None:
    wanted = CORRUPTIONS if kills_wanted else SHORT
    found: list[str] = []
    kinds: Counter[str] = Counter()
    for number in range(wanted):
        chance = random.Random(f"{seed} {number}")
        copy = Path(shutil.copytree(home.path, tmp_path / str(number)))
        kind = corrupted(home, copy, chance)
        kinds[kind.split()[0]] += 1
        found += [
            f"seed {seed}, {number}: {kind}: {problem}"[:1000] for problem in problems(home, copy, kind)
        ]
        shutil.rmtree(copy)
    say.append(f"damage: {wanted} corruptions of {len(kinds)} kinds, {len(found)} problems")
    if found:
        pytest.fail("\n".join(found[:20]))


def test_a_catalog_from_a_backup_does_not_believe_newer_files(home: Home, tmp_path: Path) -> None:
    backup = tmp_path / "backup.db"
    with closing(sqlite3.connect(home.path / "catalog.db")) as old, closing(sqlite3.connect(backup)) as new:
        old.backup(new)
    late = {f"sent/{number}": f"A lemon that came late, number {number}. " * 20 for number in range(10)}
    for path, others in ((tmp_path / "home", 0), (tmp_path / "second", 4)):
        shutil.copytree(home.path, path)
        home.act_on(path, "send", documents=late)
        for name in TRUTH:
            (path / name).unlink(missing_ok=True)
        shutil.copyfile(backup, path / "catalog.db")
        # Another corpus makes the numbers rise past the commit of the files that must not be believed.
        for number in range(others):
            home.act_on(path, "send", documents={f"sent/{number}": f"a plum {number}"}, corpus=OTHER)
        seen = home.look(path)
        assert seen.halves == []
        assert seen.differences(home.state, numbers=False, corpora=[CORPUS]) == []
        home.act_on(path, "send", documents={"sent/small": "a new fig"})
        assert home.look(path).halves == []
