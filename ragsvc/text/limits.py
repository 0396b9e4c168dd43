"""What one file may cost, and how it is read where the file does not say."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

MIB = 1 << 20
_LEAST_S = 30.0
# Half an hour of speech takes minutes where a page takes seconds.
SPEECH_FOLD = 30


SPEECH_HINT = "install ragsvc[audio] and set RAGSVC_SPEECH_MODEL"


class Pace(IntEnum):
    """The slowest that honest bytes are worked through, in bytes a second, on a starved machine.

    What may hold pictures of text is read by OCR: seconds for a page that packs into 20 kB.
    Speech packs into 2 kB a second, and is written down at a fourth of the speed at which it is said.
    """

    TEXT = 50_000
    PICTURES = 2_000
    SPEECH = 500


@dataclass(frozen=True, slots=True)
class ParseLimits:
    """Bounds on reading one file; a file over one of them is a listed failure.

    timeout_s: longest wall time of one parse; a small file gets less, a recording many times that.
    memory_bytes: address space that a parser may take on top of what its process needs when idle.
    max_expanded_bytes: sum of the unpacked sizes inside a document that is a ZIP file.
    max_ratio: unpacked over packed size, looked at from 64 MiB unpacked upwards.
    encoding: of text files that are not UTF-8 and say nothing; "": it is guessed.
    reads_pictures: whether text is looked for in pictures and scans.
    speech_model: folder of the model that writes recordings down; "": they are left unread.
    speech_reading: what distinguishes the texts that it gives from those of others.
    """

    timeout_s: float = 120.0
    memory_bytes: int = 2048 * MIB
    max_file_bytes: int = 512 * MIB
    max_text_chars: int = 50_000_000
    max_expanded_bytes: int = 1024 * MIB
    max_ratio: float = 200.0
    encoding: str = ""
    reads_pictures: bool = True
    speech_model: str = ""
    speech_reading: str = ""

    @property
    def reading(self) -> str:
        """What distinguishes this way of reading from the usual one; "" for the usual one."""
        pictures = "" if self.reads_pictures else ";no pictures"
        return (f";{self.encoding}" if self.encoding else "") + pictures

    def seconds_for(self, size_bytes: int, pace: Pace) -> float:
        """Wall time for so many bytes: at least 30 s and a quarter of the longest, and at most that."""
        longest = self.longest_s(pace)
        return min(longest, max(_LEAST_S, longest / 4) + size_bytes / pace.value)

    def longest_s(self, pace: Pace) -> float:
        """The most wall time of one file of this kind."""
        return self.timeout_s * (SPEECH_FOLD if pace is Pace.SPEECH else 1)
