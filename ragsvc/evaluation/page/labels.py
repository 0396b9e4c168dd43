"""What the figures of a report are called, and what they mean, in words."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ragsvc.evaluation.outcome import kind_of

OUTCOMES = "What became of the questions"
DOCUMENTS = "Finding and answering"
REFUSING = "Knowing when not to answer"
CITING = "Citations"
OTHER = "Other figures"


@dataclass(frozen=True, slots=True)
class Label:
    """words: short name. meaning: one sentence. section: of a page of answers; lower: less is better."""

    words: str
    meaning: str = ""
    section: str = OTHER
    lower: bool = False


_RETRIEVAL = {
    "ndcg": Label("nDCG", "Are the right documents at the top, the best first?"),
    "recall": Label("Recall", "Share of the right documents that were found."),
    "precision": Label("Precision", "Share of the places taken by right documents."),
    "mrr": Label("MRR", "One over the rank of the first right document."),
    "span_recall": Label("Span recall", "Share of the right passages' characters that were found."),
    "span_iou": Label("Span overlap", "Characters found and wanted, of those found or wanted."),
}
_ANSWERS = {
    "good": Label("Good", "The answer holds all that it must, and nothing that makes it wrong.", OUTCOMES),
    "partly": Label("Partly good", "Some of it is there, or it is too long.", OUTCOMES),
    "wrong": Label("Wrong", "Nothing of it is there, or something that must not be.", OUTCOMES, lower=True),
    "wrongly_refused": Label(
        "Wrongly refused, of those", "There is an answer, and none was given.", OUTCOMES, lower=True
    ),
    "rightly_refused": Label(
        "Rightly refused, of those", "There is no answer, and none was given.", OUTCOMES
    ),
    "answered_wrongly": Label(
        "Answered without one", "There is no answer, and one was given.", OUTCOMES, lower=True
    ),
    "auroc_good": Label("AUROC, good", "Is confidence higher where the answer is good?", OUTCOMES),
    "auroc_good_answered": Label(
        "AUROC, good where answered", "The same, of what was answered alone.", OUTCOMES
    ),
    "document": Label("Right document", "A right document is among the first passages.", DOCUMENTS),
    "answered": Label("Answered", "Questions with an answer that got one.", DOCUMENTS),
    "phrase": Label("Right phrase", "The answer holds a phrase that a right one holds.", DOCUMENTS),
    "exact_match": Label("Exact match", "The answer is a reference, word for word.", DOCUMENTS),
    "token_f1": Label("Token F1", "Words shared with the best reference.", DOCUMENTS),
    "rouge_l": Label("ROUGE-L", "Longest common run of words with a reference.", DOCUMENTS),
    "bleu": Label("BLEU, by answer", "Runs of words shared with the references.", DOCUMENTS),
    "corpus_bleu": Label("BLEU, all together", "BLEU of all answers as one text.", DOCUMENTS),
    "refused_unanswerable": Label("Rightly refused", "Questions without an answer, refused.", REFUSING),
    "refused_answerable": Label(
        "Wrongly refused", "Questions with an answer, refused.", REFUSING, lower=True
    ),
    "auroc": Label("AUROC", "Is confidence higher where there is an answer? 0.5 is a coin's toss.", REFUSING),
    "refusal_recall": Label(
        "Refusal recall", "Questions without an answer refused when few others are.", REFUSING
    ),
    "calibration_error": Label(
        "Calibration error", "How far confidence is from the truth, on average.", REFUSING, lower=True
    ),
    "citation_reads_back": Label("Quotes read back", "The stored text holds the quote there.", CITING),
    "citation_precision": Label("Citation precision", "Citations that touch a right place.", CITING),
    "citation_recall": Label("Citation recall", "Right places that a citation touches.", CITING),
    "cited_document": Label("Right document cited", "A right document is cited.", CITING),
    "supported": Label("Supported sentences", "Sentences that their citations hold.", CITING),
}
_SETTINGS = {
    "where": "filter",
    "left_out": "questions that were not scored",
    "unknown_documents": "named documents that the corpus lacks",
}
_CUT = re.compile(r"(?P<stem>[^@]*)(?P<cut>@.*)?", re.DOTALL)


def split_system(name: str) -> tuple[str, str]:
    """The system and the metric of a figure's name; no system where none is named."""
    system, dot, metric = name.partition(".")
    return (system, metric) if dot and _cut(metric)[0] in _RETRIEVAL else ("", name)


def label_of(name: str) -> Label:
    """What a figure or a metric is called; an unknown one by its own name."""
    _, metric = split_system(name)
    stem, cut = _cut(metric)
    known = _RETRIEVAL.get(stem) or _ANSWERS.get(stem)
    if known is not None:
        return Label(known.words + cut, known.meaning, known.section, known.lower)
    if (found := kind_of(name)) is not None:
        outcome, kind = found
        one = _ANSWERS[outcome]
        return Label(
            f"{kind}: {one.words.partition(',')[0].lower()}", one.meaning, f"Kind: {kind}", one.lower
        )
    if stem.startswith("refused_"):
        kind = stem.removeprefix("refused_")
        return Label(f"Refused: {kind}", f"Questions of the kind {kind} that were refused.", REFUSING)
    return Label(name)


def full_label(name: str) -> str:
    """The label with the system before it, such as "hybrid nDCG@10"."""
    system, _ = split_system(name)
    return f"{system} {label_of(name).words}".strip()


def setting_label(name: str) -> str:
    """What a setting of a report is called."""
    return _SETTINGS.get(name, name.replace("_", " "))


def _cut(metric: str) -> tuple[str, str]:
    match = _CUT.fullmatch(metric)
    return (match["stem"], match["cut"] or "") if match else (metric, "")
