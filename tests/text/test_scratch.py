"""The folder that parsers unpack their library into."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from ragsvc.text import scratch


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(scratch.tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_it_is_private_and_used_again(temporary: Path):
    first, second = scratch.private_folder(), scratch.private_folder()
    assert first == second
    assert stat.S_IMODE(Path(first).stat().st_mode) == 0o700


@pytest.mark.parametrize("trap", ["open folder", "link", "file"])
def test_what_somebody_else_prepared_is_not_used(temporary: Path, trap: str):
    place = Path(scratch.private_folder())
    place.rmdir()
    if trap == "open folder":
        place.mkdir()
        place.chmod(0o777)
    elif trap == "link":
        (temporary / "elsewhere").mkdir()
        place.symlink_to(temporary / "elsewhere")
    else:
        place.write_text("x")
    used = Path(scratch.private_folder())
    assert used != place
    assert stat.S_IMODE(used.stat().st_mode) == 0o700
