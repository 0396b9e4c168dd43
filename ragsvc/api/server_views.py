"""Views of the server itself: whether it lives, whether it is ready, and what went wrong."""

from __future__ import annotations

from pydantic import Field

from ragsvc.service.json_values import View


class HealthView(View):
    """The process answers."""

    status: str = Field(examples=["ok"], description="Always `ok`.")


class ReadinessView(View):
    """Whether questions can be answered now."""

    ready: bool = Field(examples=[True], description="Whether questions can be answered now.")
    reason: str = Field(examples=["loading the model"], description="Why not; empty when ready.")
    embedder: str = Field(examples=["bundled:all-MiniLM-L6-v2"], description="Default embedding model.")
    commit: int = Field(examples=[42], description="Latest commit that this process knows.")


class ProblemView(View):
    """An error, as RFC 9457 has it."""

    type: str = Field(examples=["urn:ragsvc:error:corpus_not_found"], description="Names the kind of error.")
    title: str = Field(examples=["Corpus not found"], description="The kind of error in words.")
    status: int = Field(examples=[404], description="The HTTP status.")
    detail: str = Field(examples=["there is no corpus 'handbok'"], description="What went wrong.")
    code: str = Field(examples=["corpus_not_found"], description="Stable code, for programs.")
    hint: str = Field(examples=["GET /v1/corpora lists them"], description="What to do now; may be empty.")
    instance: str = Field(examples=["/v1/search"], description="Path of the request.")
