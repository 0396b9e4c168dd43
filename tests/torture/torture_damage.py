"""Ways to damage a file of a home, and whether its index files are as their manifests say."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

# The only truth; without it there is nothing to rebuild from.
TRUTH = ("catalog.db", "catalog.db-wal", "catalog.db-shm")

Damage = Callable[[Path, random.Random, list[Path]], None]


def targets(home: Path) -> list[Path]:
    """Everything in a home but the truth: files, and the folders that hold them.

    :return: in an order that does not depend on the random names of corpora.
    """
    with closing(sqlite3.connect(home / "catalog.db")) as database:
        names = dict(database.execute("SELECT uid, name FROM corpus").fetchall())

    def place(path: Path) -> list[str]:
        return [names.get(part, part) for part in path.relative_to(home).parts]

    return sorted((path for path in home.rglob("*") if path.name not in TRUTH), key=place)


def flip(path: Path, chance: random.Random, _: list[Path]) -> None:
    """Turn a few bits around."""
    content = bytearray(path.read_bytes() or b"\0")
    for _bit in range(chance.randint(1, 8)):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def cut(path: Path, chance: random.Random, _: list[Path]) -> None:
    """Lose the end."""
    content = path.read_bytes()
    path.write_bytes(content[: chance.randrange(len(content) or 1)])


def grow(path: Path, chance: random.Random, _: list[Path]) -> None:
    """Have more at the end."""
    path.write_bytes(path.read_bytes() + chance.randbytes(chance.randint(1, 5000)))


def zero(path: Path, chance: random.Random, _: list[Path]) -> None:
    """Have zeros somewhere, as after a power cut."""
    content = path.read_bytes()
    start = chance.randrange(len(content) or 1)
    length = min(len(content) - start, chance.choice((1, 64, 4096)))
    path.write_bytes(content[:start] + bytes(length) + content[start + length :])


def empty(path: Path, chance: random.Random, _: list[Path]) -> None:
    """Have a name and nothing else."""
    path.write_bytes(b"")


def remove(path: Path, chance: random.Random, _: list[Path]) -> None:
    """Be gone."""
    _away(path)


def folder(path: Path, chance: random.Random, _: list[Path]) -> None:
    """Be a folder, with something in it or not."""
    _away(path)
    path.mkdir()
    if chance.random() < 0.5:
        (path / "stranger.txt").write_text("I was here")


def file(path: Path, chance: random.Random, _: list[Path]) -> None:
    """Be a file of other content, also where there was a folder."""
    _away(path)
    path.write_bytes(chance.randbytes(chance.randint(0, 3000)))


def dangling(path: Path, chance: random.Random, _: list[Path]) -> None:
    """Be a link to nowhere."""
    _away(path)
    path.symlink_to(path.with_name("nowhere"))


def loop(path: Path, chance: random.Random, _: list[Path]) -> None:
    """Be a link to itself."""
    _away(path)
    path.symlink_to(path.name)


def pipe(path: Path, chance: random.Random, _: list[Path]) -> None:
    """Be a pipe, at which a reader waits for ever."""
    _away(path)
    os.mkfifo(path)


def unreadable(path: Path, chance: random.Random, _: list[Path]) -> None:
    """Be forbidden, which root does not notice."""
    path.chmod(0)


def other_array(path: Path, chance: random.Random, _: list[Path]) -> None:
    """Be a valid array of other numbers."""
    _away(path)
    with path.open("wb") as target:
        np.save(target, np.arange(chance.randint(0, 500), dtype=np.int32))


def swap(path: Path, chance: random.Random, others: list[Path]) -> None:
    """Change places with another file, of another corpus or kind."""
    files = [other for other in others if other.is_file() and other != path]
    if files:
        other = chance.choice(files)
        mine, theirs = path.read_bytes(), other.read_bytes()
        path.write_bytes(theirs)
        other.write_bytes(mine)


OF_FILES: dict[str, Damage] = {
    "flip": flip,
    "cut": cut,
    "grow": grow,
    "zero": zero,
    "empty": empty,
    "remove": remove,
    "folder": folder,
    "file": file,
    "dangling": dangling,
    "loop": loop,
    "pipe": pipe,
    "unreadable": unreadable,
    "other_array": other_array,
    "swap": swap,
}
OF_FOLDERS: dict[str, Damage] = {
    name: OF_FILES[name] for name in ("remove", "folder", "file", "dangling", "loop", "pipe")
}


def damaged_indexes(home: Path) -> Iterator[str]:
    """What is wrong with the index files that corpora are searched with, told by their manifests alone."""
    with closing(sqlite3.connect(home / "catalog.db")) as database:
        places = database.execute(
            "SELECT c.uid, p.fingerprint FROM corpus c JOIN profile p ON p.id = c.profile_id"
        ).fetchall()
    for uid, fingerprint in places:
        manifest = home / uid / fingerprint[:16] / "manifest.json"
        where = manifest.relative_to(home)
        try:
            listed = json.loads(manifest.read_bytes())["files"].values()
        except (OSError, ValueError, KeyError, TypeError) as error:
            yield f"{where}: {error!r}"
            continue
        for entry in listed:
            path = manifest.parent / entry["name"]
            if not path.is_file() or path.is_symlink():
                yield f"{where}: {path.name} is no file"
            elif path.stat().st_size != entry["size_bytes"]:
                yield f"{where}: {path.name} has another size"
            elif hashlib.sha256(path.read_bytes()).hexdigest() != entry["sha256"]:
                yield f"{where}: {path.name} has another hash"


def _away(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
