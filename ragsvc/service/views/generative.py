"""Views of trained models and of what they make."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from ragsvc.domain import NearPassage, RowScore, Sample, TrainedModel
from ragsvc.service.json_values import View

_KIND = "autoencoder, vae, gan or transformer."


class TrainedModelView(View):
    """A generative model that was trained here."""

    name: str = Field(examples=["vae-digits"], description="Its name.")
    version: int = Field(examples=[1], description="1, 2 ... of the name; the highest is used.")
    kind: str = Field(examples=["vae"], description=_KIND)
    data: str = Field(
        examples=["digits"], description="What it was trained on: digits, a corpus or a folder."
    )
    commit: int | None = Field(examples=[None], description="Commit of the corpus; null: it is none.")
    weights_sha256: str = Field(examples=["9f2c51"], description="sha256 of its weights' file, in hex.")
    size_bytes: int = Field(examples=[1048576], description="Size of its weights' file.")
    metrics: dict[str, float | None] = Field(
        examples=[{"elbo": 41.2}],
        description="Measures of the validation rows; the report says what they mean.",
    )
    hyperparameters: dict[str, Any] = Field(
        examples=[{"code": 16, "seed": 0}], description="With which it can be trained again."
    )
    created_at: str = Field(examples=["2026-01-31T09:00:00.000Z"], description="ISO 8601, UTC.")

    @classmethod
    def of(cls, model: TrainedModel) -> TrainedModelView:
        """View a model."""
        return cls.model_construct(
            name=model.name,
            version=model.version,
            kind=model.kind,
            data=model.data,
            commit=model.commit,
            weights_sha256=model.weights_sha256,
            size_bytes=model.size_bytes,
            metrics=dict(model.metrics),
            hyperparameters=dict(model.hyperparameters),
            created_at=model.created_at,
        )


class TrainedModelsView(View):
    """All trained models."""

    models: list[TrainedModelView] = Field(description="By name, newest versions first.")

    @classmethod
    def of(cls, models: Sequence[TrainedModel]) -> TrainedModelsView:
        """View all."""
        return cls.model_construct(models=[TrainedModelView.of(model) for model in models])


class NearPassageView(View):
    """A passage whose vector lies near to one that was made."""

    similarity: float = Field(examples=[0.71], description="Cosine of the two vectors.")
    document_id: str = Field(examples=["handbook/backups.md"], description="Document.")
    version: str = Field(examples=["9f2c51"], description="Immutable version of the document, in hex.")
    title: str = Field(examples=["Backups"], description="Its title.")
    start: int = Field(examples=[120], description="First code point in the stored text.")
    end: int = Field(examples=[480], description="Code point after the last one.")
    text: str = Field(examples=["Backups are made nightly."], description="Stored text [start, end).")

    @classmethod
    def of(cls, near: NearPassage) -> NearPassageView:
        """View a passage."""
        passage = near.passage
        return cls.model_construct(
            similarity=near.similarity,
            document_id=passage.document_id,
            version=passage.version,
            title=passage.title,
            start=passage.start,
            end=passage.end,
            text=passage.text,
        )


class SampleView(View):
    """One thing that was made."""

    text: str | None = Field(examples=[None], description="A text; null: a row was made.")
    row: list[float | None] | None = Field(
        examples=[[0.0, 0.4]], description="Numbers; null: a text was made."
    )
    label: int | None = Field(examples=[3], description="Of which class; null: the model knows none.")
    nearest: list[NearPassageView] = Field(description="Of a vector: the nearest passages, best first.")

    @classmethod
    def of(cls, sample: Sample) -> SampleView:
        """View a sample."""
        return cls.model_construct(
            text=sample.text,
            row=None if sample.row is None else list(sample.row),
            label=sample.label,
            nearest=[NearPassageView.of(near) for near in sample.nearest],
        )


class SamplesView(View):
    """What a model made."""

    model: str = Field(examples=["vae-digits"], description="The model.")
    version: int = Field(examples=[1], description="Its version.")
    kind: str = Field(examples=["vae"], description=_KIND)
    samples: list[SampleView] = Field(description="What it made, in order.")

    @classmethod
    def of(cls, model: TrainedModel, samples: Sequence[Sample]) -> SamplesView:
        """View all."""
        made = [SampleView.of(sample) for sample in samples]
        return cls.model_construct(model=model.name, version=model.version, kind=model.kind, samples=made)


class CodesView(View):
    """Codes of rows."""

    model: str = Field(examples=["vae-digits"], description="The model.")
    version: int = Field(examples=[1], description="Its version.")
    kind: str = Field(examples=["vae"], description=_KIND)
    codes: list[list[float | None]] = Field(examples=[[[0.3, -1.1]]], description="A code a row.")

    @classmethod
    def of(cls, model: TrainedModel, codes: Sequence[Sequence[float]]) -> CodesView:
        """View codes."""
        return cls.model_construct(
            model=model.name, version=model.version, kind=model.kind, codes=[list(code) for code in codes]
        )


class ScoreView(View):
    """How well a row or a text fits."""

    score: float | None = Field(examples=[-31.8], description="Higher is better; see `unit`.")
    tokens: int = Field(examples=[12], description="Tokens of a text that were expected; 0 of a row.")
    perplexity: float | None = Field(
        examples=[14.2], description="Of a text: among how many equally likely tokens it chooses."
    )


class ScoresView(View):
    """How well rows or texts fit what a model learned."""

    model: str = Field(examples=["vae-digits"], description="The model.")
    version: int = Field(examples=[1], description="Its version.")
    kind: str = Field(examples=["vae"], description=_KIND)
    unit: str = Field(
        examples=["nats"],
        description="nats: log likelihood; squared error: of the reconstruction, with its sign turned; "
        "verdict: of the critic, comparable within one model only.",
    )
    scores: list[ScoreView] = Field(description="A score a row or text.")

    @classmethod
    def of(cls, model: TrainedModel, scores: Sequence[RowScore]) -> ScoresView:
        """View scores."""
        return cls.model_construct(
            model=model.name,
            version=model.version,
            kind=model.kind,
            unit=_UNITS.get(model.kind, "nats"),
            scores=[
                ScoreView.model_construct(
                    score=each.score, tokens=each.tokens, perplexity=each.perplexity if each.tokens else None
                )
                for each in scores
            ],
        )


_UNITS = {"autoencoder": "squared error", "gan": "verdict"}
