"""Mails: their own words as one document, each attachment and each mail inside as another."""

from __future__ import annotations

import codecs
import datetime as dt
import email
import email.policy
from collections.abc import Callable, Iterator
from email.errors import MessageError
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from typing import Any, cast

from ragsvc.domain import ParsedDocument
from ragsvc.errors import BrokenDocument, EncryptedDocument, NoText
from ragsvc.text.encodings import decode_text
from ragsvc.text.normalisation import clean, normalise
from ragsvc.text.readers.attachments import Attachments, ReadInner

ReadHtml = Callable[[bytes], str]
"""The text of an HTML body."""

_SHOWN_HEADERS = (("subject", "Subject"), ("from", "From"), ("to", "To"), ("cc", "Cc"), ("date", "Date"))
_SIGNATURES = frozenset(
    {"application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature"}
)
# Smaller ones are logos and the dots that count readers.
_INLINE_PICTURE_BYTES = 10_240
_MAX_HEADER_CHARS = 2000
# A plain text of fewer words than a third of the page's is a stub such as "view this in a browser".
_STUB_SHARE = 3


def read_mail(data: bytes, name: str, read: ReadInner, read_html: ReadHtml) -> ParsedDocument:
    """Read one mail with all that is attached to it.

    :param read: how an attachment, or a mail inside, is read; it bounds the depth.
    :raises EncryptedDocument, BrokenDocument: when its own text cannot be read.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\x00" in data[:64]:
        # Saved by an editor as a text file: its bytes were 7 bits once.
        data = decode_text(data, name).encode("utf-8", errors="replace")
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        message = email.message_from_bytes(data, policy=email.policy.default)
        return _read(message, name, read, read_html)
    except (
        MessageError,
        ValueError,
        LookupError,
        AttributeError,
        IndexError,
        TypeError,
        RecursionError,
    ) as error:
        # The library's own header parsers raise all of these for headers that nobody should send.
        raise BrokenDocument(f"{name} is damaged: {error}", hint="Save it again.") from error


def iso_date(value: str) -> str:
    """A date of a mail header as ISO 8601 in UTC; "" for what is none."""
    try:
        moment = parsedate_to_datetime(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=dt.UTC)
        return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, TypeError, OverflowError, IndexError):
        return ""


def _read(message: EmailMessage, name: str, read: ReadInner, read_html: ReadHtml) -> ParsedDocument:
    if not message.keys() and not str(message.get_payload()).strip():
        raise NoText(f"{name} is blank")
    headers = {
        key: _header(message, key)
        for key in ("subject", "from", "to", "cc", "date", "message-id", "in-reply-to")
    }
    if not any(headers.values()) and not message.keys():
        raise BrokenDocument(f"{name} is no mail: it has no headers", hint="Is its extension right?")
    if message.get_content_type() == "multipart/encrypted":
        raise EncryptedDocument(f"{name} is an encrypted message", hint="Save a decrypted copy.")
    attachments = Attachments(read)
    bodies: list[str] = []
    names: list[str] = []
    for part in _leaves(message):
        if part.get_content_type() in _SIGNATURES:
            continue
        if _is_body(part):
            bodies.append(_body(part, read_html))
            continue
        content = _content(part)
        inline = part.get("content-id") and part.get_content_maintype() == "image"
        if inline and len(content) < _INLINE_PICTURE_BYTES:
            continue
        called = _file_name(part)
        names.append(called)
        attachments.add(called, content)
    lines = [f"{shown}: {headers[key]}" for key, shown in _SHOWN_HEADERS if headers[key]]
    text = "\n".join(lines) + "\n\n" + "\n\n".join(body for body in bodies if body.strip())
    return ParsedDocument(
        title=" ".join(headers["subject"].split())[:300],
        text=normalise(text)[0].rstrip() + "\n",
        media_type="text/plain",
        metadata=_metadata(message, headers, names),
        warnings=attachments.caveats(),
        parts=tuple(attachments.parts),
    )


def _leaves(message: EmailMessage) -> Iterator[EmailMessage]:
    """Parts that are no containers; of alternatives only the best one, a mail inside as one part."""
    stack = [message]
    while stack:
        part = stack.pop()
        if part.get_content_type() == "message/rfc822" or not part.is_multipart():
            yield part
        elif part.get_content_type() == "multipart/alternative":
            stack.extend(reversed(_chosen(part)))
        else:
            stack.extend(reversed(_children(part)))


def _children(part: EmailMessage) -> list[EmailMessage]:
    return [child for child in cast(list[Any], part.get_payload()) if isinstance(child, EmailMessage)]


def _chosen(part: EmailMessage) -> list[EmailMessage]:
    """The plain version of a text, unless it is a stub; and whatever is no version of it."""
    children = _children(part)
    plain = next((child for child in children if child.get_content_type() == "text/plain"), None)
    rich = next((child for child in children if child is not plain and _holds_html(child)), None)
    others = [child for child in children if child.get_content_maintype() not in ("text", "multipart")]
    if plain is not None and rich is not None:
        root = next((leaf for leaf in rich.walk() if leaf.get_content_type() == "text/html"), rich)
        stub = len(_content(plain).split()) * _STUB_SHARE < len(_content(root).split()) // 4
        beside = [child for child in _children(rich) if child is not root] if rich.is_multipart() else []
        return [rich, *others] if stub else [plain, *beside, *others]
    return [child for child in (plain or rich,) if child is not None] + others or children


def _holds_html(part: EmailMessage) -> bool:
    return any(leaf.get_content_type() == "text/html" for leaf in part.walk())


def _is_body(part: EmailMessage) -> bool:
    if part.get_content_type() not in ("text/plain", "text/html", "text/enriched"):
        return False
    return part.get_content_disposition() != "attachment" and not part.get_filename()


def _body(part: EmailMessage, read_html: ReadHtml) -> str:
    data = _content(part)
    charset = part.get_content_charset("")
    try:
        text = data.decode(charset) if charset else decode_text(data, "body") if data.strip() else ""
    except (LookupError, UnicodeDecodeError, BrokenDocument):
        text = data.decode("utf-8", errors="replace")
    if part.get_content_type() == "text/html" and text.strip():
        return read_html(text.encode("utf-8", errors="replace"))
    return text


def _content(part: EmailMessage) -> bytes:
    if part.get_content_type() == "message/rfc822":
        inner = _children(part)
        return inner[0].as_bytes(policy=email.policy.default.clone(max_line_length=None)) if inner else b""
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _file_name(part: EmailMessage) -> str:
    name = part.get_filename()
    if part.get_content_type() == "message/rfc822":
        inner = _children(part)
        name = name or (_header(inner[0], "subject") if inner else "") or "message"
        return name if name.lower().endswith(".eml") else f"{name.replace('/', '-')}.eml"
    kinds = {
        "text/plain": "text.txt",
        "text/calendar": "calendar.ics",
        "text/html": "page.html",
        "application/pdf": "document.pdf",
    }
    return name or kinds.get(part.get_content_type(), part.get_content_type().replace("/", "."))


def _header(message: EmailMessage, key: str) -> str:
    try:
        value = message.get(key)
    except (MessageError, ValueError, LookupError, AttributeError, IndexError, TypeError):
        value = dict(message.raw_items()).get(key)
    return " ".join(clean(str(value or "")).split())[:_MAX_HEADER_CHARS]


def _metadata(message: EmailMessage, headers: dict[str, str], names: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "subject": headers["subject"],
        "created_at": iso_date(headers["date"]),
        "from_email": headers["from"],
        "to_emails": _addresses(message, "to"),
        "cc_emails": _addresses(message, "cc"),
        "message_id": headers["message-id"].strip("<>"),
        "in_reply_to": headers["in-reply-to"].strip("<>"),
        "attachments": names,
    }
    return {key: value for key, value in found.items() if value}


def _addresses(message: EmailMessage, key: str) -> list[str]:
    try:
        header = message.get(key)
        return [clean(str(address)) for address in header.addresses] if header is not None else []
    except (MessageError, ValueError, LookupError, AttributeError, IndexError, TypeError):
        return [_header(message, key)]
