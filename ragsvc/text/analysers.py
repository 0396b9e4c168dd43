"""Which analysers there are, by the version that a profile names."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ragsvc.protocols import Analyser
from ragsvc.text.analyser import StandardAnalyser
from ragsvc.text.multilingual_analyser import MultilingualAnalyser

STANDARD = StandardAnalyser().version
MULTILINGUAL = MultilingualAnalyser().version
ANALYSERS: Mapping[str, Callable[[], Analyser]] = {
    STANDARD: StandardAnalyser,
    MULTILINGUAL: MultilingualAnalyser,
}
