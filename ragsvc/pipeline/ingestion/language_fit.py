"""Whether a corpus is indexed for the languages that its documents are in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ragsvc.domain import Corpus, VersionId
from ragsvc.pipeline.ingestion.listeners import IngestTools
from ragsvc.store.catalog import Catalog
from ragsvc.text.languages import ENGLISH, likely_language

# Enough to tell a tenth from none.
SAMPLED = 400
_NAMED = 3


def fitted(
    tools: IngestTools, corpus: Corpus, versions: Sequence[VersionId]
) -> tuple[Corpus, tuple[str, ...]]:
    """Index a new corpus for the languages of its first documents; say when later ones are in others.

    :param versions: what is new in the corpus, at least one.
    :return: the corpus with the profile that it has now, and what is to be said.
    """
    shares = language_shares(tools.catalog, versions)
    foreign = foreign_share(shares)
    found = tools.fitted(corpus, foreign) if not corpus.commit else corpus
    if found.profile.fingerprint != corpus.profile.fingerprint:
        return found, (_chosen_notice(shares, found.profile.spec.embedder.name),)
    if not tools.fits(corpus, foreign):
        return found, (_misfit_notice(shares, corpus.name, tools.multilingual),)
    return found, ()


def language_shares(catalog: Catalog, versions: Sequence[VersionId]) -> Mapping[str, float]:
    """The share of each language among the characters of versions, largest first; of many, a sample tells.

    Texts that may be English count as such, and so do those in no language, as tables are.
    """
    step = max(1, len(versions) // SAMPLED)
    counted: dict[str, int] = {}
    for version in catalog.versions.texts(sorted(versions)[::step]):
        code = likely_language(version.text) or ENGLISH
        counted[code] = counted.get(code, 0) + len(version.text)
    total = sum(counted.values())
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return {code: number / total for code, number in ordered} if total else {}


def foreign_share(shares: Mapping[str, float]) -> float:
    """What is not English: [0, 1]."""
    return sum(share for code, share in shares.items() if code != ENGLISH)


def _described(shares: Mapping[str, float]) -> str:
    """The largest shares in words, such as "de 60 %, en 40 %"."""
    return ", ".join(_percent(code, share) for code, share in list(shares.items())[:_NAMED])


def _percent(code: str, share: float) -> str:
    return f"{code} {100 * share:.0f} %"


def _chosen_notice(shares: Mapping[str, float], embedder: str) -> str:
    """That another embedder than the usual one was taken, and how to take another."""
    return (
        f"the documents are not in English alone ({_described(shares)}): indexed with {embedder}; "
        "RAGSVC_EMBEDDER names another for new corpora, ragsvc reindex for this one"
    )


def _misfit_notice(shares: Mapping[str, float], corpus: str, embedder: str) -> str:
    """That what was added is hardly found by the corpus's embedder, and what to type."""
    return (
        f"what was added is not in English alone ({_described(shares)}), and {corpus} is indexed for "
        f"English: ragsvc reindex {corpus} --embedder {embedder} makes it found better"
    )
