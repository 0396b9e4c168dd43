"""The one settings object. Only `service`, `api` and `cli` see it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from ragsvc.domain import Fusion, RecordPolicy, TraceTarget, UnsupportedSentence


class Settings(BaseSettings):
    """Every field can be set by the environment variable `RAGSVC_<FIELD>`.

    What decides how a corpus is indexed (`embedder`, `chunk_*`) is a default for new corpora only;
    an existing corpus keeps the profile it was made with.
    """

    model_config = SettingsConfigDict(env_prefix="RAGSVC_", env_ignore_empty=True, extra="ignore")

    home: Path = Field(Path("indexes"), description="Folder of the catalog and the indexes.")
    api_key: SecretStr | None = Field(
        None, description="When set, all but /healthz and the bare page needs it."
    )
    allowed_origins: str | None = Field(
        None,
        description="Web pages that may call from a browser: origins, separated by commas; `*` for any.",
    )
    embedder: str = Field(
        "bundled:all-MiniLM-L6-v2",
        description="Embedding model of new corpora: bundled, a folder, or a sentence-transformers name. "
        "Unset: by their language.",
    )
    chunk_tokens: int | None = Field(
        None, ge=16, le=8192, description="Chunk size of new corpora, in tokens."
    )
    chunk_overlap_tokens: int | None = Field(
        None, ge=0, le=4096, description="Overlap of new corpora's chunks."
    )
    fusion: Fusion = Field(Fusion.CONVEX, description="How the two legs become one ranking.")
    dense_weight: float = Field(
        0.55,
        ge=0.0,
        le=1.0,
        description="Weight of the dense leg, convex fusion; at most .3 for a name or a quote.",
    )
    reranker: str = Field(
        "built-in",
        min_length=1,
        description="Second look at the best passages: built-in, none, or a cross-encoder's folder or name.",
    )
    reader: Literal["bundled", "none"] = Field(
        "bundled",
        description="What reads questions with passages: bundled, where its weights are installed, or none.",
    )
    generator: str = Field(
        "extractive",
        description="What writes answers: extractive, bundled, transformers:NAME_OR_PATH, or openai:URL.",
    )
    generator_model: str | None = Field(None, description="Model to ask for at an openai:URL.")
    generator_api_key: SecretStr | None = Field(None, description="Key for an openai:URL.")
    generator_timeout_s: float = Field(
        60.0, gt=0, description="Longest wait for the next piece of an openai:URL."
    )
    generator_waiting: int = Field(8, ge=0, description="Answers that may wait for a local model.")
    prompt_tokens: int = Field(
        3072, ge=256, description="Most tokens of a prompt; passages are left out whole."
    )
    max_answer_tokens: int = Field(512, ge=1, description="Most tokens of a generated answer.")
    temperature: float = Field(0.0, ge=0.0, le=2.0, description="Of a generator, where a request names none.")
    unsupported: UnsupportedSentence = Field(
        UnsupportedSentence.FLAG, description="Sentences that no passage bears out: flag, or remove."
    )
    sources_footer: bool = Field(False, description="End chat completions with a list of sources.")
    max_false_refusals: float = Field(
        0.05, gt=0.0, lt=1.0, description="Share of answerable questions that may be refused."
    )
    threads: int | None = Field(
        None,
        ge=1,
        description="Threads of the model; if unset, one a question in servers and all cores elsewhere.",
    )
    workers: int = Field(1, ge=1, le=64, description="Server processes; each loads the model.")
    parse_workers: int = Field(2, ge=1, le=64, description="Processes that read files.")
    parse_timeout_s: float = Field(120.0, gt=0, description="Longest time one file may take to read.")
    parse_memory_bytes: int = Field(
        2 << 30, ge=256 << 20, description="Memory that reading one file may take."
    )
    job_attempts: int = Field(
        3, ge=1, le=10, description="How often a job is begun whose process dies; the last time file by file."
    )
    job_stall_s: float = Field(
        180.0, gt=0, description="Longest time a job may make no progress, besides what one file may take."
    )
    job_turn_s: float = Field(
        600.0, gt=0, description="After so long a job makes room for a waiting job of another corpus."
    )
    keep_jobs: int = Field(10_000, ge=0, description="Finished jobs that are kept at most.")
    keep_jobs_days: float = Field(30.0, gt=0, description="How long finished jobs are kept.")
    records: RecordPolicy = Field(
        RecordPolicy.FULL,
        description="What is kept of questions and answers: full, anonymous (figures and ids), or off.",
    )
    keep_records_days: float = Field(
        365.0, gt=0, description="How long records are kept, and sessions that have none."
    )
    traces: TraceTarget = Field(
        TraceTarget.NONE,
        description="Where spans of OpenTelemetry go: none, otlp or console (needs ragsvc[otel]).",
    )
    ocr: bool = Field(
        True,
        description="Read scans and pictures where ragsvc[ocr] or Tesseract is installed; seconds a page.",
    )
    speech_model: str | None = Field(
        None,
        description="Whisper model in CTranslate2 format that writes recordings down: a folder or hub name "
        "(needs ragsvc[audio]). Unset: they are left unread.",
    )
    max_file_bytes: int = Field(512 << 20, ge=1, description="Largest file that is read.")
    max_request_bytes: int = Field(64 << 20, ge=1024, description="Largest HTTP request body.")
    max_query_bytes: int = Field(
        1 << 20, ge=1024, description="Largest HTTP request body of all that is no upload of documents."
    )
    max_body_memory_bytes: int = Field(
        512 << 20, ge=1 << 20, description="Memory of all JSON bodies in work at once; more get 503."
    )
    max_question_chars: int = Field(20_000, ge=16, description="Longest question or query.")
    max_concurrent_queries: int = Field(
        32, ge=1, description="Queries in work or waiting; more get 503, or 429 under the OpenAI routes."
    )
    lock_timeout_s: float = Field(60.0, ge=0, description="How long a writer waits for another writer.")
    keep_commits: int = Field(
        10, ge=1, description="Newest commits of each corpus that `gc` keeps; tagged ones stay as well."
    )
    poll_s: float = Field(0.2, gt=0, description="How often a server looks for new commits.")
