"""A temporary folder of our own: a parser unpacks a library there and loads it, so nobody else may write."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path


def private_folder() -> str:
    """The user's own folder under the system's temporary one, made when missing.

    :return: a folder that belongs to this user and that nobody else can enter; a new one when the
        usual one is somebody else's.
    """
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"ragsvc-parsers-{user}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    except OSError:
        return tempfile.mkdtemp(prefix="ragsvc-parsers-")
    mine = stat.S_ISDIR(status.st_mode) and status.st_uid == user and not stat.S_IMODE(status.st_mode) & 0o077
    return str(folder) if mine else tempfile.mkdtemp(prefix="ragsvc-parsers-")
