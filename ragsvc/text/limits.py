"""What one file may cost, and how it is read where the file does not say."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class ParseLimits:
    """Bounds on reading one file; a file over one of them is a listed failure.

    timeout_s: wall time of one parse. memory_bytes: address space that a parser may take on top of
        what its process needs when idle.
    max_expanded_bytes: sum of the unpacked sizes inside a document that is a ZIP file.
    max_ratio: unpacked over packed size, looked at from 64 MiB unpacked upwards.
    encoding: of text files that are not UTF-8 and say nothing; "": it is guessed.
    reads_pictures: whether text is looked for in pictures and scans.
    """

    timeout_s: float = 120.0
    memory_bytes: int = 2048 * MIB
    max_file_bytes: int = 512 * MIB
    max_text_chars: int = 50_000_000
    max_expanded_bytes: int = 1024 * MIB
    max_ratio: float = 200.0
    encoding: str = ""
    reads_pictures: bool = True

    @property
    def reading(self) -> str:
        """What distinguishes this way of reading from the usual one; "" for the usual one."""
        pictures = "" if self.reads_pictures else ";no pictures"
        return (f";{self.encoding}" if self.encoding else "") + pictures
