"""What a user keeps out: `.ragsvcignore` files and patterns of the command line, as gitignore has them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pathspec import GitIgnoreSpec

from ragsvc.errors import InvalidRequest

IGNORE_FILE = ".ragsvcignore"
_MAX_BYTES = 1 << 20


class Ignores:
    """The patterns that hold in one root.

    The file of a folder speaks of what is below it; of two that speak of one path, the deeper one counts,
    and the command line before both.
    """

    def __init__(self, patterns: Sequence[str] = ()) -> None:
        """
        :param patterns: of the command line, relative to the root.
        :raises InvalidRequest: if one is no pattern.
        """
        self._given = _compile(patterns, "--exclude")
        self._files: dict[str, GitIgnoreSpec] = {}

    def enter(self, folder: str, relative: str) -> None:
        """Read the ignore file of a folder, if there is one.

        :param relative: the folder's path below the root, "" for the root itself, else with "/" at its end.
        :raises InvalidRequest: if a line of it is no pattern.
        """
        path = Path(folder, IGNORE_FILE)
        try:
            with path.open("rb") as file:
                lines = file.read(_MAX_BYTES).decode("utf-8", errors="replace").splitlines()
        except OSError:
            return
        self._files[relative] = _compile(lines, str(path))

    def leaves_out(self, relative: str) -> bool:
        """Whether a path is left out.

        :param relative: below the root, posix; a folder with "/" at its end.
        """
        said = self._given.check_file(relative).include
        if said is not None:
            return said
        parts = relative.rstrip("/").split("/")
        for depth in range(len(parts) - 1, -1, -1):
            folder = "".join(f"{part}/" for part in parts[:depth])
            spec = self._files.get(folder)
            said = spec.check_file(relative.removeprefix(folder)).include if spec else None
            if said is not None:
                return said
        return False


def _compile(lines: Sequence[str], source: str) -> GitIgnoreSpec:
    try:
        return GitIgnoreSpec.from_lines(lines)
    except ValueError as error:
        raise InvalidRequest(
            f"{source}: {error}", hint='patterns are those of gitignore, such as "*.log" or "drafts/"'
        ) from error
