"""What a user keeps out stays out; several folders of one name keep apart."""

from __future__ import annotations

from pathlib import Path

import pytest
from doubles import CORPUS, ME, ingest

from ragsvc.domain import DocumentCounts, Prune
from ragsvc.errors import InvalidRequest, RootConflict
from ragsvc.service.service import Service


def ids(service: Service) -> list[str]:
    found, _ = service.documents(ME, CORPUS, cursor=None, limit=1000)
    return [document.document_id for document in found]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("a.md", "b.log", "drafts/c.md", "drafts/keep.md", "sub/d.md", "sub/e.txt", "sub/deep/f.txt"):
        path = tmp_path / "docs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"words of {name}")
    return tmp_path / "docs"


def test_ignore_files_are_those_of_git(service: Service, tree: Path) -> None:
    (tree / ".ragsvcignore").write_text("# notes\n*.log\ndrafts/*\n!drafts/keep.md\n")
    (tree / "sub" / ".ragsvcignore").write_text("*.txt\n!/deep/*.txt\n")
    report = ingest(service, tree)
    assert ids(service) == ["docs/a.md", "docs/drafts/keep.md", "docs/sub/d.md", "docs/sub/deep/f.txt"]
    excluded = {skip.source.removeprefix(f"{tree}/") for skip in report.skipped if skip.code == "excluded"}
    assert excluded == {"b.log", "drafts/c.md", "sub/e.txt"}


def test_what_was_deleted_does_not_come_back_when_it_is_kept_out(service: Service, tree: Path) -> None:
    ingest(service, tree)
    service.delete_document(ME, CORPUS, "docs/a.md")
    assert ingest(service, tree, prune=Prune.KEEP, exclude=("/a.md",)).documents.added == 0
    report = ingest(service, tree, exclude=("a.md", "sub/"))
    assert report.documents == DocumentCounts(unchanged=3, removed=3, skipped=2)
    assert ids(service) == ["docs/b.log", "docs/drafts/c.md", "docs/drafts/keep.md"]
    assert ingest(service, tree, dry_run=True).documents.added == 4
    with pytest.raises(InvalidRequest, match="--exclude"):
        ingest(service, tree, exclude=("a/**b\\",))


def test_the_command_line_counts_before_the_file(service: Service, tree: Path) -> None:
    (tree / ".ragsvcignore").write_text("*.log\n")
    ingest(service, tree, exclude=("!b.log", "*.txt", "*.md"))
    assert ids(service) == ["docs/b.log"]
    assert ingest(service, tree / "a.md", exclude=("*.md",)).documents == DocumentCounts(skipped=1)


def test_folders_of_one_name_get_their_parents_name(service: Service, tmp_path: Path) -> None:
    folders = []
    for parent in ("one", "two", "three/two"):
        folder = tmp_path / parent / "docs"
        folder.mkdir(parents=True)
        (folder / "x.md").write_text(f"about {parent}")
        folders.append(folder)
    ingest(service, *folders)
    named = ["docs/x.md", "three-two-docs/x.md", "two-docs/x.md"]
    assert ids(service) == named
    # Whatever the order, and by itself, a folder keeps the name that it got.
    assert ingest(service, *reversed(folders)).documents == DocumentCounts(unchanged=3)
    assert ingest(service, folders[2]).documents == DocumentCounts(unchanged=1)
    assert ids(service) == named
    other = tmp_path / "four" / "docs"
    other.mkdir(parents=True)
    (other / "x.md").write_text("about four")
    with pytest.raises(RootConflict):
        ingest(service, other)


def test_the_named_encoding_is_taken_and_remembered_apart(service: Service, tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes("naïve".encode("latin-1"))
    guessed = ingest(service, path)
    assert [w.code for w in guessed.warnings] == ["encoding_guessed"]
    assert ingest(service, path, encoding="cp1250").documents.changed == 1
    assert service.text(ME, CORPUS, "x.txt", None, None, None).text == "naďve"
    assert ingest(service, path, encoding="latin1").warnings == ()
    with pytest.raises(InvalidRequest, match="encoding"):
        ingest(service, path, encoding="none-such")
