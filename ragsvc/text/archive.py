"""Looks into a document's container before a parser does: unpacked size, and encryption."""

from __future__ import annotations

import io
import zipfile

from ragsvc.errors import DocumentTooLarge, EncryptedDocument
from ragsvc.text.file_types import OLE_MAGIC, ZIP_MAGIC
from ragsvc.text.limits import MIB, ParseLimits

_MAX_ENTRIES = 50_000
_RATIO_FROM_BYTES = 64 * MIB
_ODF_MANIFEST = "META-INF/manifest.xml"


def check_container(data: bytes, name: str, limits: ParseLimits) -> None:
    """Refuse what would not open or would not fit, without unpacking it.

    :raises EncryptedDocument: if it needs a password.
    :raises DocumentTooLarge: if it unpacks to more than the limits allow (a ZIP bomb).
    """
    if data.startswith(OLE_MAGIC):
        _check_ole(data, name)
    elif data.startswith(ZIP_MAGIC):
        try:
            _check_zip(data, name, limits)
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, EOFError, KeyError):
            return  # damaged: the parser's own words say it better


def _check_ole(data: bytes, name: str) -> None:
    # The stream in which Office stores an encrypted OOXML file; directory names are UTF-16.
    if "EncryptedPackage".encode("utf-16-le") in data:
        raise EncryptedDocument(f"{name} is protected by a password", hint="Save a copy without one.")


def _check_zip(data: bytes, name: str, limits: ParseLimits) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as container:
        entries = container.infolist()
        unpacked = sum(entry.file_size for entry in entries)
        ratio = unpacked / max(len(data), 1)
        if (
            unpacked > limits.max_expanded_bytes
            or len(entries) > _MAX_ENTRIES
            or (unpacked > _RATIO_FROM_BYTES and ratio > limits.max_ratio)
        ):
            raise DocumentTooLarge(
                f"{name} unpacks to {unpacked // MIB} MiB in {len(entries)} parts",
                hint="If it is genuine, split it.",
            )
        if any(entry.flag_bits & 1 for entry in entries) or _is_encrypted_odf(container):
            raise EncryptedDocument(f"{name} is protected by a password", hint="Save a copy without one.")


def _is_encrypted_odf(container: zipfile.ZipFile) -> bool:
    if "mimetype" not in container.namelist() or _ODF_MANIFEST not in container.namelist():
        return False
    with container.open(_ODF_MANIFEST) as manifest:
        return b"encryption-data" in manifest.read(MIB)
