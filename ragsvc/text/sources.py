"""Which files a root holds, what they are called, and which are left out and why."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatch
from pathlib import Path
from typing import TypeAlias

from ragsvc.domain import Failure, SkippedSource, SourceFile
from ragsvc.errors import IdConflict, InvalidName, SourceNotFound, UnreadableFile
from ragsvc.text.file_parser import display_name
from ragsvc.text.file_types import HEAD_BYTES, is_archive, is_refused, kind_by_name, kind_of
from ragsvc.text.ignores import Ignores
from ragsvc.text.jsonl import is_jsonl

_MAX_NAME_CHARS = 200
_IGNORED_NAMES = frozenset(
    {
        *("__pycache__", "node_modules", "__MACOSX", "Thumbs.db", "desktop.ini", "lost+found"),
        *("$RECYCLE.BIN", "System Volume Information", ".git", ".svn", ".hg", ".DS_Store"),
    }
)
_IGNORED_PATTERNS = ("~$*", "*.swp", "*.swo", "*~", "#*#", "*.tmp", "*.part", "*.crdownload", "*.egg-info")

FoundSource: TypeAlias = SourceFile | SkippedSource | Failure


class SkipCode(StrEnum):
    """Why a path was not read, on purpose."""

    HIDDEN = "hidden"
    IGNORED = "ignored"
    UNSUPPORTED_TYPE = "unsupported_type"
    EMPTY = "empty"
    NOT_A_FILE = "not_a_file"
    OUTSIDE_ROOT = "outside_root"
    DUPLICATE_LINK = "duplicate_link"
    EXCLUDED = "excluded"
    RECORDING_UNREAD = "recording_unread"


@dataclass(frozen=True, slots=True)
class Root:
    """A path given to ingest. path: resolved and absolute, without symbolic links."""

    name: str
    path: str
    is_file: bool


def resolve_root(path: str, name: str | None = None) -> Root:
    """Find the root that a path means, whatever its spelling.

    :param name: from `--as`; without it, the base name of the resolved path.
    :raises SourceNotFound: if the path does not exist or cannot be looked at.
    :raises InvalidName: if the name holds "/" or characters that do not print, is "." or "..",
        or is empty or too long.
    """
    if not path:
        raise SourceNotFound("an empty path was given", hint="Name a file or folder.")
    shown = display_name(path) if path and "\x00" not in path else repr(path)
    try:
        # realpath takes "" for the working folder, but "" is a shell variable that nobody set.
        resolved = os.path.realpath(path or "\x00", strict=True)
        is_folder = stat.S_ISDIR(Path(resolved).stat().st_mode)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SourceNotFound(f"{shown}: {reason}", hint="Check the path.") from error
    chosen = name if name is not None else display_name(Path(resolved).name)
    if (
        not chosen.strip()
        or chosen in (".", "..")
        or "/" in chosen
        or not chosen.isprintable()
        or len(chosen) > _MAX_NAME_CHARS
    ):
        raise InvalidName(
            f"{chosen!r} cannot be the name of a root",
            hint='Give one with --as: printable, without "/", at most 200 characters.',
        )
    return Root(name=chosen, path=resolved, is_file=not is_folder)


def discover(root: Root, leave_out: str = "", exclude: Sequence[str] = ()) -> Iterator[FoundSource]:
    """List everything under a root once: what to read, what is left out, what cannot be looked at.

    A hidden or ignored folder is listed itself, its content is not. Links are never followed.

    :param leave_out: a resolved folder that is ignored: the home, which would otherwise ingest itself.
    :param exclude: patterns of gitignore, besides those of the folder's own `.ragsvcignore` files.
    :raises InvalidRequest: if a pattern is none.
    :return: sorted by document id (code points), the same order on every machine.
    """
    ignores = Ignores(exclude)
    if root.is_file:
        if ignores.leaves_out(root.name):
            yield SkippedSource(display_name(root.path), SkipCode.EXCLUDED)
        else:
            yield classify(root.path, root.name, root.name)
        return
    claimed: set[str] = set()
    for found in _walk(root, leave_out, ignores):
        # Two names that are not UTF-8 can look alike; every other id is a path, so unique.
        if isinstance(found, SourceFile) and "\ufffd" in found.document_id:
            if found.document_id in claimed:
                words = f"the id {found.document_id!r} belongs to another file of the folder"
                yield Failure(display_name(found.path), IdConflict.code, words)
                continue
            claimed.add(found.document_id)
        yield found


def _walk(root: Root, leave_out: str, ignores: Ignores) -> Iterator[FoundSource]:
    # A stack of sorted listings, not recursion: trees may be deeper than Python's stack.
    listing = _list_folder(root.path)
    if isinstance(listing, Failure):
        yield listing
        return
    ignores.enter(root.path, "")
    stack = [(root.name, iter(listing))]
    while stack:
        prefix, entries = stack[-1]
        entry = next(entries, None)
        if entry is None:
            stack.pop()
            continue
        document_id = f"{prefix}/{display_name(entry.name)}"
        skip = skip_by_name(entry.name) or (_skip_link(entry.path, root) if entry.is_symlink() else None)
        if skip is None and entry.path == leave_out:
            skip = SkipCode.IGNORED
        relative = document_id.removeprefix(f"{root.name}/") + "/" * _is_folder(entry)
        if skip is None and ignores.leaves_out(relative):
            skip = SkipCode.EXCLUDED
        if skip is not None:
            yield SkippedSource(display_name(entry.path), skip)
        elif _is_folder(entry):
            inner = _list_folder(entry.path)
            if isinstance(inner, Failure):
                yield inner
            else:
                ignores.enter(entry.path, relative)
                stack.append((document_id, iter(inner)))
        else:
            yield classify(entry.path, document_id, root.name)


def _list_folder(path: str) -> list[os.DirEntry[str]] | Failure:
    try:
        with os.scandir(path) as entries:
            # A folder sorts as its content does, so that the whole walk is in order of ids.
            return sorted(entries, key=lambda e: (display_name(e.name) + "/" * _is_folder(e), e.name))
    except OSError as error:
        return _fail(path, error)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def skip_by_name(name: str) -> SkipCode | None:
    """Why a file or folder of this name is left out; None: it is not."""
    if name in _IGNORED_NAMES or any(fnmatch(name, pattern) for pattern in _IGNORED_PATTERNS):
        return SkipCode.IGNORED
    return SkipCode.HIDDEN if name.startswith(".") else None


def _skip_link(path: str, root: Root) -> SkipCode:
    try:
        target = os.path.realpath(path, strict=True)
    except (OSError, ValueError):
        return SkipCode.NOT_A_FILE  # leads nowhere, or to itself
    inside = target == root.path or target.startswith(root.path.rstrip("/") + "/")
    return SkipCode.DUPLICATE_LINK if inside else SkipCode.OUTSIDE_ROOT


def classify(path: str, document_id: str, root: str) -> FoundSource:
    """Say of one path whether it is a file to read, and if not, why.

    :param root: name of the root that it belongs to; "" for an upload.
    """
    shown = display_name(path)
    try:
        status = Path(path).stat(follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode):
            return SkippedSource(shown, SkipCode.NOT_A_FILE)
        if is_refused(path):
            return SkippedSource(shown, SkipCode.UNSUPPORTED_TYPE)
        if status.st_size == 0:
            return SkippedSource(shown, SkipCode.EMPTY)
        if not is_jsonl(path) and not is_archive(path) and kind_by_name(path) is None and not _can_read(path):
            return SkippedSource(shown, SkipCode.UNSUPPORTED_TYPE)
        if not os.access(path, os.R_OK):
            return Failure(shown, UnreadableFile.code, "cannot be opened: Permission denied")
    except OSError as error:
        return _fail(path, error)
    return SourceFile(document_id=document_id, path=path, root=root, size_bytes=status.st_size)


def _can_read(path: str) -> bool:
    """Look into a file whose name says nothing."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    with os.fdopen(handle, "rb") as file:
        return kind_of(path, file.read(HEAD_BYTES)) is not None


def _fail(path: str, error: OSError) -> Failure:
    return Failure(display_name(path), UnreadableFile.code, f"cannot be opened: {error.strerror or error}")
