"""Where an ingest looks, and what it finds there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from ragsvc.domain import Failure, IngestRequest, ParsedDocument, Prune, SkippedSource, SourceFile
from ragsvc.errors import InvalidRequest, RootConflict, RootEmpty, SourceNotFound
from ragsvc.text.file_parser import display_name
from ragsvc.text.sources import Root, discover, resolve_root


@dataclass(frozen=True, slots=True)
class Discovery:
    """Sources of one ingest and where they were looked for.

    unread: ids of files, and of folders of files, that could not be looked at.
    """

    items: tuple[SourceFile | SkippedSource | Failure, ...]
    roots: Mapping[str, str]
    prune: Prune = Prune.KEEP
    unread: frozenset[str] = frozenset()
    inline: tuple[tuple[str, ParsedDocument], ...] = ()
    upload: bool = False


def look_for(request: IngestRequest, home: Path, named: Mapping[str, str]) -> Discovery:
    """Walk the paths of a request, without the home folder itself.

    :param named: what the root names of the corpus stand for so far.
    :raises SourceNotFound: if a path does not exist.
    :raises RootConflict: if two paths would be one root.
    :raises RootEmpty: if a folder to prune is missing.
    """
    if request.root_name is not None and len(request.paths) > 1:
        raise InvalidRequest(
            "--as names one root, but several paths were given", hint="ingest them one by one, each with --as"
        )
    roots: dict[str, str] = {}
    items: list[SourceFile | SkippedSource | Failure] = []
    unread: set[str] = set()
    for path in request.paths:
        root = (
            _named(_resolve(path, request), roots, named)
            if request.root_name is None
            else _resolve(path, request)
        )
        known = roots.setdefault(root.name, root.path)
        if known != root.path:
            raise RootConflict(
                f"{root.path} and {known} would both be the root {root.name!r}",
                hint="ingest one of them by itself with --as NAME",
            )
        if Path(root.path).exists():
            found = list(discover(root, str(home), request.exclude))
            items.extend(found)
            unread.update(_id_of(item, root) for item in found if isinstance(item, Failure))
    unique = {_place(item): item for item in items}
    return Discovery(tuple(unique.values()), roots, request.prune, frozenset(unread))


def _named(root: Root, taken: Mapping[str, str], named: Mapping[str, str]) -> Root:
    """A root under the name it has, else the first that is free: "docs", "a-docs", "x-a-docs" for /x/a/docs.

    A longer name is taken only when another path of the same command has the shorter one.
    """
    names = [root.name]
    for parent in PurePath(root.path).parents:
        if parent.name:
            names.append(f"{display_name(parent.name)}-{names[-1]}")
    known = next((name for name in names if named.get(name) == root.path), None)
    if known is not None:
        return replace(root, name=known)
    if taken.get(root.name, root.path) == root.path:
        return root
    free = (name for name in names if taken.get(name, root.path) == root.path and name not in named)
    return replace(root, name=next(free, root.name))


def _id_of(failure: Failure, root: Root) -> str:
    """The id that a file or folder would have, could it be looked at."""
    return root.name + failure.source.removeprefix(display_name(root.path).rstrip("/"))


def _resolve(path: str, request: IngestRequest) -> Root:
    try:
        return resolve_root(path, request.root_name)
    except SourceNotFound as error:
        if request.prune is Prune.KEEP:
            raise
        if request.prune is Prune.REMOVE:
            raise RootEmpty(
                f"{error.message}: nothing is pruned for a folder that is missing",
                hint="check the path; if it is gone on purpose, add --allow-empty",
            ) from error
        gone = Path(path).absolute()
        return Root(request.root_name or gone.name, str(gone), is_file=False)


def _place(item: SourceFile | SkippedSource | Failure) -> tuple[str, str]:
    return ("file", item.document_id) if isinstance(item, SourceFile) else ("other", item.source)
