"""Attachments of Outlook messages (.msg): streams of an OLE file, named by property numbers."""

from __future__ import annotations

import io
from typing import Any

import olefile

from ragsvc.domain import ParsedDocument
from ragsvc.text.normalisation import normalise
from ragsvc.text.readers.attachments import Attachments

_STORAGE = "__attach_version1.0_"
_MAX_BYTES = 256 << 20
# Property numbers of [MS-OXPROPS]; 001F: UTF-16, 001E: bytes of an old code page.
_LONG_NAME, _SHORT_NAME, _DATA = "3707", "3704", "3701"
_SUBJECT, _BODY, _SENDER, _SENDER_ADDRESS, _SENDER_SMTP, _TO = "0037", "1000", "0C1A", "0C1F", "5D01", "0E04"


def add_attachments(data: bytes, attachments: Attachments) -> None:
    """Read what is attached to an Outlook message.

    :raises OSError: if it is no OLE file.
    """
    with olefile.OleFileIO(io.BytesIO(data)) as ole:
        storages = {entry[0] for entry in ole.listdir(streams=True, storages=True) if entry}
        for storage in sorted(name for name in storages if name.startswith(_STORAGE)):
            name = _text(ole, [storage], _LONG_NAME) or _text(ole, [storage], _SHORT_NAME)
            inner = [storage, f"__substg1.0_{_DATA}000D"]
            stream = f"{storage}/__substg1.0_{_DATA}0102"
            if ole.exists(stream):
                if ole.get_size(stream) <= _MAX_BYTES:
                    attachments.add(name or "attachment", ole.openstream(stream).read())
                else:
                    attachments.unread.append(f"{name} (too large)")
            elif ole.exists("/".join(inner)):
                document = _message(ole, inner)
                attachments.add_read(f"{document.title or name or 'message'}.msg", document)
            else:
                attachments.unread.append(name or "attachment")


def _message(ole: Any, folder: list[str]) -> ParsedDocument:
    """A message inside a message: its own subject, sender and words."""
    subject, body = _text(ole, folder, _SUBJECT), _text(ole, folder, _BODY)
    address = _text(ole, folder, _SENDER_SMTP) or _text(ole, folder, _SENDER_ADDRESS)
    named = _text(ole, folder, _SENDER)
    sender = f"{named} <{address}>" if named and address and named != address else named or address
    to = _text(ole, folder, _TO)
    headers = (("Subject", subject), ("From", sender), ("To", to))
    lines = [f"{label}: {value}" for label, value in headers if value]
    metadata = {"subject": subject, "from_email": sender, "to_emails": [to] if to else []}
    return ParsedDocument(
        title=subject[:300],
        text=normalise("\n".join(lines) + "\n\n" + body)[0],
        media_type="text/plain",
        metadata={key: value for key, value in metadata.items() if value},
    )


def _text(ole: Any, folder: list[str], number: str) -> str:
    for kind, encoding in (("001F", "utf-16-le"), ("001E", "cp1252")):
        path = "/".join([*folder, f"__substg1.0_{number}{kind}"])
        if ole.exists(path):
            text = ole.openstream(path).read().decode(encoding, errors="replace").rstrip("\x00")
            return text if number == _BODY else " ".join(text.split())
    return ""
