"""Files inside files: each a document of its own, each lost one named."""

from __future__ import annotations

import io
import os
import warnings
import zipfile
from email.message import EmailMessage
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from doubles import CORPUS, ME, HashEmbedder, ingest, search
from hypothesis import given
from hypothesis import strategies as st

from ragsvc.domain import Caveat, DocumentCounts, Failure, Mode, Prune, SourceFile
from ragsvc.service.service import Service
from ragsvc.text.limits import ParseLimits
from ragsvc.text.members import unpack


def packed(parts: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as container:
        for name, data in parts.items():
            container.writestr(name, data)
    return buffer.getvalue()


def mail(subject: str, body: str, sender: str = "Ann <ann@example.org>") -> EmailMessage:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = subject, sender, "bob@example.org"
    message["Date"] = "Fri, 02 Jan 2032 23:30:00 -0500"
    message.set_content(body)
    return message


def documents(service: Service) -> dict[str, str]:
    found, _ = service.documents(ME, CORPUS, cursor=None, limit=1000)
    return {d.document_id: service.text(ME, CORPUS, d.document_id, None, None, None).text for d in found}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "docs"
    made.mkdir()
    return made


def test_what_is_attached_to_a_mail_is_a_document_linked_to_it(service: Service, folder: Path) -> None:
    message = mail("Roof", "The roofer comes on Monday.")
    message.add_attachment(b"Slates cost 9 crowns.", maintype="text", subtype="plain", filename="a/../b.txt")
    message.add_attachment(b"Lead costs 4 crowns.", maintype="text", subtype="plain", filename="b.txt")
    inner = mail("Scaffold", "It stands for six weeks.", "Carl <carl@example.org>")
    inner.add_attachment(b"x;y\n1;2\n3;4\n", maintype="text", subtype="csv", filename="t.csv")
    message.add_attachment(inner)
    bundle = packed({"in/terms.md": b"# Terms\n\nPay within 30 days.", "in/noise.bin": b"\0\1\2" * 99})
    message.add_attachment(bundle, maintype="application", subtype="zip", filename="terms.zip")
    message.add_attachment(b"\0\1" * 50, maintype="application", subtype="octet-stream", filename="x.dat")
    (folder / "roof.eml").write_bytes(message.as_bytes())
    report = ingest(service, folder)
    assert report.documents == DocumentCounts(added=6)
    found = documents(service)
    assert list(found) == [
        "docs/roof.eml", "docs/roof.eml#Scaffold.eml", "docs/roof.eml#Scaffold.eml#t.csv",
        "docs/roof.eml#b (2).txt", "docs/roof.eml#b.txt", "docs/roof.eml#terms.zip/in/terms.md",
    ]  # fmt: skip
    assert "six weeks" in found["docs/roof.eml#Scaffold.eml"] and "six weeks" not in found["docs/roof.eml"]
    parents = {
        d.document_id: d.metadata.get("parent")
        for d in service.documents(ME, CORPUS, cursor=None, limit=9)[0]
    }
    assert parents["docs/roof.eml"] is None
    assert parents["docs/roof.eml#Scaffold.eml#t.csv"] == "docs/roof.eml#Scaffold.eml"
    assert parents["docs/roof.eml#terms.zip/in/terms.md"] == "docs/roof.eml"
    scaffold = service.document(ME, CORPUS, "docs/roof.eml#Scaffold.eml")
    assert (scaffold.title, scaffold.metadata["from_email"]) == ("Scaffold", "Carl <carl@example.org>")
    assert scaffold.metadata["created_at"] == "2032-01-03T04:30:00Z"
    (warning,) = report.warnings
    assert (warning.source, warning.code) == (str(folder / "roof.eml"), "attachments_unread")
    assert "x.dat" in warning.message and "terms.zip/in/noise.bin" in warning.message
    whole = service.document(ME, CORPUS, "docs/roof.eml")
    assert whole.warnings == (Caveat(warning.code, warning.message),)
    found = search(service, "weeks crowns days", Mode.LEXICAL, where={"_id": "docs/roof.eml"}).hits
    assert {"docs/roof.eml#b.txt", "docs/roof.eml#terms.zip/in/terms.md"} < {
        h.passage.document_id for h in found
    }
    assert search(service, "weeks", Mode.LEXICAL, where={"_id": {"$ne": "docs/roof.eml"}}).hits == ()
    assert search(service, "weeks", Mode.LEXICAL, where={"_id": "docs/roof.eml#b.txt"}).hits == ()
    warned, _ = service.documents(ME, CORPUS, cursor=None, limit=9, warned=True)
    assert [d.document_id for d in warned] == ["docs/roof.eml"]


def test_parts_are_known_again_pruned_and_rolled_back_like_lines(
    service: Service, folder: Path, embedder: HashEmbedder
) -> None:
    def write(*attached: str) -> None:
        message = mail("Roof", "The roofer comes on Monday.")
        for name in attached:
            message.add_attachment(f"about {name}".encode(), maintype="text", subtype="plain", filename=name)
        (folder / "roof.eml").write_bytes(message.as_bytes())

    write("one.txt", "two.txt")
    ingest(service, folder)
    embedder.texts.clear()
    again = ingest(service, folder)
    assert again.documents == DocumentCounts(unchanged=3) and embedder.texts == []
    write("two.txt", "three.txt")
    assert ingest(service, folder, prune=Prune.KEEP).documents == DocumentCounts(
        added=1, changed=1, unchanged=1
    )
    assert ingest(service, folder).documents == DocumentCounts(unchanged=3, removed=1)
    assert list(documents(service)) == ["docs/roof.eml", "docs/roof.eml#three.txt", "docs/roof.eml#two.txt"]
    service.maintenance.rollback(ME, CORPUS, "1")
    assert "docs/roof.eml#one.txt" in documents(service)
    assert service.maintenance.verify(ME, CORPUS).problems == ()


def test_an_archive_is_read_as_a_folder_in_its_place(
    service: Service, folder: Path, embedder: HashEmbedder
) -> None:
    def write(**parts: bytes) -> None:
        inner = packed({"deep.txt": b"A heron stands still."})
        fixed = {"a/readme": b"Cranes fly in spring.", "a/x.jsonl": b'{"id": "line", "text": "storks"}\n'}
        odd = {"in.zip": inner, "__MACOSX/._a": b"x", "a/.hidden": b"x", "../out.txt": b"x", "a/e.exe": b"MZ"}
        (folder / "birds.zip").write_bytes(packed({**fixed, **odd, **parts}))

    write(**{"a/gulls.md": b"# Gulls\n\nThey eat chips.", "torn.pdf": b"%PDF-1.4 torn"})
    report = ingest(service, folder)
    assert report.documents == DocumentCounts(added=4, skipped=4, failed=1)
    place = str(folder / "birds.zip")
    assert {(s.source, s.code) for s in report.skipped} == {
        (f"{place}/__MACOSX/._a", "ignored"), (f"{place}/a/.hidden", "hidden"),
        (f"{place}/../out.txt", "outside_root"), (f"{place}/a/e.exe", "unsupported_type"),
    }  # fmt: skip
    assert [(f.source, f.code) for f in report.failures] == [(f"{place}/torn.pdf", "broken")]
    assert sorted(documents(service)) == [
        "docs/birds.zip/a/gulls.md", "docs/birds.zip/a/readme", "docs/birds.zip/in.zip/deep.txt", "line",
    ]  # fmt: skip
    assert service.document(ME, CORPUS, "docs/birds.zip/a/readme").source == f"{place}/a/readme"
    embedder.texts.clear()
    write(**{"a/terns.md": b"# Terns\n\nThey dive."})
    changed = ingest(service, folder)
    assert changed.documents == DocumentCounts(added=1, unchanged=3, removed=1, skipped=4)
    assert len(embedder.texts) == 1
    (folder / "birds.zip").write_bytes(b"PK\x03\x04 torn")
    torn = ingest(service, folder)
    assert torn.documents == DocumentCounts(failed=1)
    assert search(service, "terns", Mode.LEXICAL).hits


def test_a_bomb_and_a_locked_archive_cost_only_themselves(service: Service, folder: Path) -> None:
    (folder / "good.txt").write_text("Larks rise early.")
    (folder / "bomb.zip").write_bytes(packed({"zeros.txt": b"0" * (80 << 20)}))
    locked = bytearray(packed({"a.txt": b"secret words"}))
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):
        at = locked.find(mark) + (6 if mark.endswith(b"\x04") else 8)
        locked[at] |= 1
    (folder / "locked.zip").write_bytes(locked)
    (folder / "empty.zip").write_bytes(packed({}))
    report = ingest(service, folder)
    assert report.documents.added == 1
    codes = {os.path.relpath(f.source, folder).partition("/")[0]: f.code for f in report.failures}
    assert codes == {
        "bomb.zip": "document_too_large", "locked.zip": "encrypted", "empty.zip": "no_text",
    }  # fmt: skip


def test_archives_inside_share_one_budget_and_a_depth(tmp_path: Path) -> None:
    def unpacked(data: bytes, **limits: int) -> list[object]:
        (tmp_path / "x.zip").write_bytes(data)
        with TemporaryDirectory() as inside:
            file = SourceFile(
                document_id="x.zip", path=str(tmp_path / "x.zip"), root="", size_bytes=len(data)
            )
            return list(unpack(file, Path(inside), ParseLimits(**limits)))

    letters = packed({f"{name}.zip": packed({"x.txt": os.urandom(1000)}) for name in "abcdefgh"})
    assert len(unpacked(letters, max_expanded_bytes=20_000)) == 8
    codes = [getattr(found, "code", "read") for found in unpacked(letters, max_expanded_bytes=13_000)]
    assert codes.count("document_too_large") in (4, 5)
    deep = packed({"x.txt": b"words"})
    for name in "abcd":
        deep = packed({f"{name}.zip": deep})
    (found,) = unpacked(deep)
    assert isinstance(found, Failure) and found.code == "document_too_large"


def test_a_mailbox_is_a_folder_of_mails(service: Service, folder: Path) -> None:
    mails = [mail("One", "Wrens are small.\n\n>From here on they sing."), mail("Two", "Owls hoot.")]
    box = b"".join(b"From x Fri Jan  2 23:30:00 2032\n" + made.as_bytes() + b"\n" for made in mails)
    (folder / "old.mbox").write_bytes(box)
    assert ingest(service, folder).documents == DocumentCounts(added=2)
    found = documents(service)
    assert list(found) == ["docs/old.mbox/00001.eml", "docs/old.mbox/00002.eml"]
    assert "\nFrom here on they sing." in found["docs/old.mbox/00001.eml"]


@given(st.lists(st.text(alphabet="a./\\\x00\n:é", max_size=12), max_size=6, unique=True))
def test_no_name_of_an_archive_leads_out_of_it(names: list[str]) -> None:
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w") as container:
        warnings.simplefilter("ignore")  # of names that come twice
        for name in names:
            container.writestr(name.partition("\x00")[0] or "x", b"words")
    with TemporaryDirectory() as place:
        archive, inside = Path(place, "x.zip"), Path(place, "inside")
        archive.write_bytes(buffer.getvalue())
        inside.mkdir()
        file = SourceFile(document_id="x.zip", path=str(archive), root="", size_bytes=1)
        for found in unpack(file, inside, ParseLimits()):
            if isinstance(found, SourceFile):
                assert Path(found.path).resolve().is_relative_to(inside.resolve())
                assert found.document_id.startswith("x.zip/") and ".." not in found.document_id.split("/")
        assert sorted(path.name for path in Path(place).iterdir()) == ["inside", "x.zip"]


def test_a_broken_line_inside_an_archive_is_told_by_the_archive(service: Service, folder: Path) -> None:
    lines = b'{"id": "a", "text": "Slates cost 9 crowns."}\nno line\n'
    (folder / "old.zip").write_bytes(packed({"rows.jsonl": lines}))
    report = ingest(service, folder)
    assert list(documents(service)) == ["a"]
    assert [failure.source for failure in report.failures] == [f"{folder}/old.zip/rows.jsonl:2"]


def test_front_matter_that_stays_in_the_text_is_a_warning(service: Service, folder: Path) -> None:
    (folder / "broken.md").write_text("---\na: [1\n---\nSlates cost 9 crowns.\n")
    (folder / "deep.md").write_text("---\na: " + "[" * 40 + "]" * 40 + "\n---\nLead costs 4 crowns.\n")
    report = ingest(service, folder)
    assert report.documents == DocumentCounts(added=2)
    found = {Path(told.source).name: told.code for told in report.warnings}
    assert found == {"broken.md": "front_matter_invalid", "deep.md": "front_matter_too_complex"}
