"""Every path under a root is listed exactly once, in an order that does not depend on the machine."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragsvc.domain import Failure, SkippedSource, SourceFile
from ragsvc.errors import InvalidName, SourceNotFound
from ragsvc.text.sources import Root, discover, resolve_root


def listing(root: Root) -> dict[str, str]:
    """Path relative to the root -> "read", or the code."""
    found = {}
    for item in discover(root):
        path = item.path if isinstance(item, SourceFile) else item.source
        key = os.fsencode(path).decode("utf-8", "replace")[len(root.path) + 1 :]
        assert key not in found
        found[key] = "read" if isinstance(item, SourceFile) else item.code
    return found


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "docs"
    (root / "sub/.hidden").mkdir(parents=True)
    (root / "node_modules").mkdir()
    for name in ("a.md", "sub/b.txt", "sub/.hidden/x.md", "node_modules/x.md", ".env", "sub.md", "x.jsonl"):
        (root / name).write_text("text")
    (root / "notes").write_text("no extension, but text\n")
    (root / "blob").write_bytes(b"\x00\x01\x02")
    (root / "paper.unknown").write_bytes(b"%PDF-1.4 ...")
    (root / "archive.zip").write_bytes(b"PK\x03\x04")
    (root / "~$lock.docx").write_text("x")
    (root / "empty.md").touch()
    os.mkfifo(root / "pipe.md")
    (tmp_path / "outside.md").write_text("secret")
    (root / "out.md").symlink_to(tmp_path / "outside.md")
    (root / "outdir").symlink_to(tmp_path)
    (root / "twin.md").symlink_to(root / "a.md")
    (root / "sub/loop").symlink_to(root)
    (root / "dangling.md").symlink_to(root / "gone.md")
    (root / "self.md").symlink_to(root / "self.md")
    return root


def test_every_path_is_listed_once_with_its_fate(tree: Path) -> None:
    expected = {
        "a.md": "read", "sub/b.txt": "read", "sub.md": "read", "x.jsonl": "read", "notes": "read",
        "paper.unknown": "read", "blob": "unsupported_type", "archive.zip": "read",
        "sub/.hidden": "hidden", ".env": "hidden", "node_modules": "ignored", "~$lock.docx": "ignored",
        "empty.md": "empty", "pipe.md": "not_a_file", "out.md": "outside_root", "outdir": "outside_root",
        "twin.md": "duplicate_link", "sub/loop": "duplicate_link", "dangling.md": "not_a_file",
        "self.md": "not_a_file",
    }  # fmt: skip
    assert listing(resolve_root(str(tree))) == expected


def test_ids_are_sorted_and_the_same_for_every_spelling(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tree.parent / "alias").symlink_to(tree)
    monkeypatch.chdir(tree / "sub")
    spellings = [str(tree), str(tree) + "/", "..", "../../docs/./sub/..", str(tree.parent / "alias")]
    ids = [[f.document_id for f in discover(resolve_root(s)) if isinstance(f, SourceFile)] for s in spellings]
    assert all(other == ids[0] for other in ids)
    assert ids[0] == sorted(ids[0]) and ids[0][0] == "docs/a.md" and "docs/sub/b.txt" in ids[0]
    named = discover(resolve_root(str(tree), "manual"))
    assert next(f.document_id for f in named if isinstance(f, SourceFile)) == "manual/a.md"


def test_a_lone_file_is_called_by_its_name_even_when_hidden(tree: Path) -> None:
    root = resolve_root(str(tree / "sub/b.txt"))
    assert root.is_file
    assert list(discover(root)) == [
        SourceFile(document_id="b.txt", path=str(tree / "sub/b.txt"), root="b.txt", size_bytes=4)
    ]
    assert [type(item) for item in discover(resolve_root(str(tree / ".env")))] == [SourceFile]
    assert list(discover(resolve_root("/dev/zero"))) == [SkippedSource("/dev/zero", "not_a_file")]


def test_names_that_are_not_utf8_are_read_and_never_clash(tmp_path: Path) -> None:
    for name in (b"a\xff.md", b"a\xfe.md"):
        (tmp_path / os.fsdecode(name)).write_text("x")
    first, second = discover(resolve_root(str(tmp_path), "r"))
    assert isinstance(first, SourceFile) and first.document_id == "r/a\ufffd.md"
    assert Path(first.path).read_text() == "x"
    assert isinstance(second, Failure) and second.code == "id_conflict"
    second.source.encode("utf-8")


def test_sockets_are_not_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s.md")
        assert listing(resolve_root(".")) == {"s.md": "not_a_file"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_cannot_be_opened_is_a_failure(tree: Path) -> None:
    (tree / "sub").chmod(0)
    (tree / "a.md").chmod(0)
    found = listing(resolve_root(str(tree)))
    (tree / "sub").chmod(0o755)
    assert found["sub"] == "unreadable" and found["a.md"] == "unreadable"


def test_a_folder_that_vanishes_is_a_failure(tmp_path: Path) -> None:
    [only] = discover(Root("gone", str(tmp_path / "gone"), is_file=False))
    assert isinstance(only, Failure) and only.code == "unreadable"


def test_deep_trees_are_walked(tmp_path: Path) -> None:
    folder = tmp_path
    for _ in range(600):
        folder = folder / "d"
    folder.mkdir(parents=True)
    (folder / "deep.md").write_text("x")
    [found] = discover(resolve_root(str(tmp_path)))
    assert isinstance(found, SourceFile) and found.document_id.endswith("d/deep.md")


@pytest.mark.parametrize("path", ["/no/such/place", "bad\x00path", ""])
def test_a_missing_path_is_named(path: str) -> None:
    with pytest.raises(SourceNotFound):
        resolve_root(path)


@pytest.mark.parametrize("name", ["", " ", ".", "..", "a/b", "a\nb", "a\x00", "\ud800", "x" * 201])
def test_bad_root_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidName) as caught:
        resolve_root(str(tmp_path), name)
    assert "--as" in caught.value.hint


@given(st.lists(st.text(alphabet="ab.-/é", min_size=1, max_size=8), max_size=8))
def test_the_walk_is_sorted_whatever_the_names(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("walk")
    for name in names:
        path = folder / ("x" + name.replace("/.", "/x").replace("//", "/x")).rstrip("/")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_name(path.name + ".md").write_text("x")
        except OSError:
            continue
    ids = [f.document_id for f in discover(resolve_root(str(folder), "r")) if isinstance(f, SourceFile)]
    assert ids == sorted(ids)
    assert set(ids) == {f"r/{p.relative_to(folder)}" for p in folder.rglob("*.md") if p.is_file()}
