"""Trained models of a home: commands, files, tampering, what gc and verify know, and what is made."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from doubles import CORPUS, ME, HashEmbedder, open_service, upload
from safetensors.torch import save_file

from ragsvc.cli.main import main
from ragsvc.cli.train import KindChoice
from ragsvc.domain import NetworkKind, SampleRequest, TrainedModel, TrainingRequest
from ragsvc.errors import (
    Cancelled,
    InvalidName,
    InvalidRequest,
    ModelDamaged,
    SourceNotFound,
    TrainedModelNotFound,
    TrainingUnfinished,
    UnsupportedOperation,
    WriterBusy,
)
from ragsvc.generative.training_folder import TrainingFolder
from ragsvc.service.service import Service

QUICK = {"epochs": 1, "batch_size": 512, "hidden": 8}
SMALL = {
    NetworkKind.AUTOENCODER: {"hidden": 8, "code": 3},
    NetworkKind.VAE: {"hidden": 8, "code": 3},
    NetworkKind.GAN: {"hidden": 8},
    NetworkKind.TRANSFORMER: {"width": 8, "heads": 2, "layers": 1, "context": 16},
}
SENTENCES = {f"d{number}": f"apple word{number} and fig{number % 5} are here" for number in range(30)}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with open_service(tmp_path / "home") as opened:
        yield opened


def trained(
    service: Service, kind: NetworkKind, data: str = "digits", name: str = "m", **values: object
) -> TrainedModel:
    given = {**SMALL[kind], "epochs": 1, "batch_size": 512, **values}
    return service.models.train(ME, TrainingRequest(kind=kind, data=data, name=name, values=given))


def folder_of(service: Service, model: TrainedModel) -> Path:
    return service._catalog.home.model(model.name, model.version)


def test_a_model_is_kept_with_its_files(service: Service) -> None:
    model = trained(service, NetworkKind.VAE)
    again = trained(service, NetworkKind.VAE, seed=3)
    assert (model.version, again.version) == (1, 2)
    assert service.models.all(ME) == [again, model] and service.models.get(ME, "m") == again
    assert service.models.get(ME, "m", 1) == model and model.commit is None
    folder = folder_of(service, model)
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.json", "model.safetensors", "report.html",
    ]  # fmt: skip
    assert not service._catalog.home.training("m").exists()
    config = json.loads((folder / "config.json").read_text())
    assert config["weights_sha256"] == model.weights_sha256 and config["data"] == "digits"
    page = (folder / "report.html").read_text()
    assert "<script" not in page and "http" not in page.replace("http-equiv", "")
    assert model.weights_sha256 in page and "data:image/png;base64," in page
    assert {"elbo", "log_likelihood", "explained"} <= set(model.metrics)


def test_what_reports_show_of_texts_is_no_markup(tmp_path: Path, service: Service) -> None:
    texts = tmp_path / "texts"
    texts.mkdir()
    for number in range(6):
        (texts / f"{number}.txt").write_text("<script>alert(1)</script>\x00\u202e & more " * 5)
    model = trained(service, NetworkKind.TRANSFORMER, str(texts), tokens="subword", vocabulary=300)
    page = (folder_of(service, model) / "report.html").read_text()
    assert "<script" not in page and "\u202e" not in page and "perplexity" in page
    made, samples = service.models.generate(ME, "m", SampleRequest(count=2, max_tokens=9, prompt="<scr"))
    assert made == model and all(isinstance(sample.text, str) for sample in samples)
    scores = service.models.score(ME, "m", None, texts=["<script>", "something else"])[1]
    assert all(each.score < 0 < each.tokens for each in scores)


def test_a_trained_model_makes_encodes_and_scores(service: Service) -> None:
    trained(service, NetworkKind.VAE)
    model, samples = service.models.generate(ME, "m", SampleRequest(count=4, label=7))
    assert model.name == "m" and [sample.label for sample in samples] == [7] * 4
    rows = [list(sample.row or ()) for sample in samples]
    assert all(len(row) == 64 for row in rows)
    assert len(service.models.encode(ME, "m", rows, [7] * 4)[1][0]) == 3
    scores = service.models.score(ME, "m", rows)[1]
    assert len(scores) == 4 and all(np.isfinite(each.score) for each in scores)
    ends = (tuple(rows[0]), tuple(rows[1]))
    between = service.models.generate(ME, "m", SampleRequest(between=ends, steps=5, label=7))[1]
    assert len(between) == 5 and all(len(sample.row or ()) == 64 for sample in between)
    with pytest.raises(InvalidRequest, match="with classes"):
        service.models.encode(ME, "m", rows)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda models: models.encode(ME, "m", [[0.0] * 63]), "row 0 has 63 numbers"),
        (lambda models: models.encode(ME, "m", []), "from 1 to 1000"),
        (lambda models: models.encode(ME, "m", [[1e39] * 64]), "finite"),
        (lambda models: models.encode(ME, "m", [[0.0] * 64], [10]), "one of 0 to 9"),
        (lambda models: models.encode(ME, "m", [[0.0] * 64], [1, 2]), "one of 0 to 9"),
        (lambda models: models.generate(ME, "m", SampleRequest(count=1001)), "from 1 to 1000"),
        (lambda models: models.generate(ME, "m", SampleRequest(label=10)), "0 to 9"),
        (lambda models: models.generate(ME, "m", SampleRequest(prompt="x")), "takes no prompt"),
        (lambda models: models.generate(ME, "m", SampleRequest(between=("a", "b"))), "has no documents"),
        (lambda models: models.score(ME, "m", [[0.0] * 64], ["x"]), "either rows or texts"),
        (lambda models: models.score(ME, "m", None, ["x"]), "cannot score texts"),
    ],
)  # fmt: skip
def test_wrong_requests_are_refused(ask: Callable[..., object], words: str, service: Service) -> None:
    trained(service, NetworkKind.VAE)
    with pytest.raises(InvalidRequest, match=words):
        ask(service.models)


def test_kinds_say_what_they_cannot(service: Service) -> None:
    trained(service, NetworkKind.GAN)
    with pytest.raises(UnsupportedOperation, match="never back"):
        service.models.encode(ME, "m", [[0.0] * 64])
    trained(service, NetworkKind.TRANSFORMER, name="t", levels=3)
    made = service.models.generate(ME, "t", SampleRequest(count=2))[1]
    assert {value for sample in made for value in sample.row or ()} <= {0.0, 0.5, 1.0}
    with pytest.raises(InvalidRequest, match="from 1 to 1000"):
        service.models.generate(ME, "t", SampleRequest(count=2000))


def test_a_corpus_is_walked_between_documents(service: Service) -> None:
    upload(service, SENTENCES)
    model = trained(service, NetworkKind.AUTOENCODER, CORPUS)
    assert model.commit == 1 and model.data == CORPUS
    assert "Made vectors" in (folder_of(service, model) / "report.html").read_text()
    request = SampleRequest(between=("d1", "d2"), steps=4, nearest=2)
    samples = service.models.generate(ME, "m", request)[1]
    assert [len(sample.nearest) for sample in samples] == [2] * 4
    assert all("apple" in near.passage.text for sample in samples for near in sample.nearest)
    service.delete_corpus(ME, CORPUS)
    assert service.models.trained_on(ME, CORPUS) == [model], "nobody forgets what it holds"
    assert service.models.generate(ME, "m", SampleRequest())[1][0].nearest == ()


def test_vectors_of_another_embedder_are_near_nothing(tmp_path: Path) -> None:
    with open_service(tmp_path / "home", lambda name: HashEmbedder(name, seed=name)) as service:
        upload(service, SENTENCES)
        trained(service, NetworkKind.AUTOENCODER, CORPUS)
        between = SampleRequest(between=("d1", "d2"))
        assert service.models.generate(ME, "m", between)[1][0].nearest
        service.maintenance.reindex(ME, CORPUS, embedder="other")
        assert service.models.generate(ME, "m", SampleRequest())[1][0].nearest == ()
        with pytest.raises(InvalidRequest, match="another embedder now") as raised:
            service.models.generate(ME, "m", between)
        assert f"ragsvc train autoencoder --data {CORPUS} --name m" in (raised.value.hint or "")
        trained(service, NetworkKind.AUTOENCODER, CORPUS)
        assert service.models.generate(ME, "m", between)[1][0].nearest


class Hostile:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("hostile-was-here"),)  # type: ignore[return-value]


@pytest.mark.parametrize("damage", ["pickle", "checkpoint", "flip", "other", "gone", "folder"])
def test_other_weights_are_refused_and_never_run(
    damage: str, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = trained(service, NetworkKind.AUTOENCODER)
    weights = folder_of(service, model) / "model.safetensors"
    if damage == "pickle":
        weights.write_bytes(pickle.dumps(Hostile()))
    elif damage == "checkpoint":
        torch.save({"weights": torch.zeros(3), "more": Hostile()}, weights)
    elif damage == "flip":
        data = bytearray(weights.read_bytes())
        data[-1] ^= 1
        weights.write_bytes(data)
    elif damage == "other":
        save_file({"inner.weight": torch.zeros(8, 64)}, weights)
    else:
        weights.unlink()
        if damage == "folder":
            weights.mkdir()
    with pytest.raises(ModelDamaged) as caught:
        service.models.generate(ME, "m", SampleRequest())
    assert caught.value.code == "model_damaged" and caught.value.hint
    assert not (tmp_path / "hostile-was-here").exists()
    report = service.maintenance.verify(ME, None)
    assert [(each.code, each.repair) for each in report.problems] == [
        ("model_damaged", "ragsvc models delete m --version 1")
    ]
    assert report.checked["models"] == 1
    service.models.delete(ME, "m", 1)
    assert service.maintenance.verify(ME, None).problems == ()


def test_a_hostile_pickle_beside_the_weights_is_nobody_s(service: Service, tmp_path: Path) -> None:
    model = trained(service, NetworkKind.AUTOENCODER)
    for name in ("pytorch_model.bin", "model.pt", "checkpoint.pkl"):
        (folder_of(service, model) / name).write_bytes(pickle.dumps(Hostile()))
    assert service.models.generate(ME, "m", SampleRequest())[1]
    assert not Path("hostile-was-here").exists()


def test_no_code_of_ours_unpickles() -> None:
    package = Path(__file__).parents[2] / "ragsvc" / "generative"
    for path in package.rglob("*.py"):
        text = path.read_text()
        assert "torch.load" not in text and "import pickle" not in text, path


def interrupted(service: Service, name: str = "m") -> None:
    steps: list[int] = []
    request = TrainingRequest(
        kind=NetworkKind.VAE, data="digits", name=name, values={**SMALL[NetworkKind.VAE], "epochs": 2}
    )
    with pytest.raises(Cancelled) as caught:
        service.models.train(
            ME,
            request,
            listener=lambda progress: steps.append(progress.step),
            cancelled=lambda: len(steps) > 2,
        )
    assert caught.value.hint == f"go on with it: ragsvc train --name {name} --resume"


def test_an_interrupted_training_waits_to_go_on(service: Service) -> None:
    interrupted(service)
    home = service._catalog.home
    kept = sorted(path.name for path in home.training("m").iterdir())
    assert kept == ["checkpoint.safetensors", "lock", "order.json"]
    with pytest.raises(TrainingUnfinished) as caught:
        trained(service, NetworkKind.VAE)
    assert "--resume" in caught.value.hint and "models delete m --training" in caught.value.hint
    service.maintenance.collect(ME, None)
    assert home.training("m").exists(), "gc keeps what can go on"
    resume = TrainingRequest(kind=None, data="", name="m", values={}, resume=True)
    model = service.models.train(ME, resume)
    whole = service.models.train(
        ME,
        TrainingRequest(
            kind=NetworkKind.VAE, data="digits", name="whole", values={**SMALL[NetworkKind.VAE], "epochs": 2}
        ),
    )
    assert model.metrics == pytest.approx(whole.metrics, abs=1e-4)
    assert not home.training("m").exists()
    with pytest.raises(TrainingUnfinished, match="no interrupted training"):
        service.models.train(ME, resume)
    interrupted(service)
    service.models.delete_training(ME, "m")
    assert not home.training("m").exists() and service.models.get(ME, "m") == model


def test_gc_takes_what_nobody_knows(service: Service) -> None:
    model = trained(service, NetworkKind.AUTOENCODER)
    home = service._catalog.home
    orphan, begun, mine = home.model("m", 7), home.training("begun"), home.models / "m" / "notes"
    for folder in (orphan, begun, mine, home.models / "gone" / "1"):
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(b"12345")
    with TrainingFolder.held(home, "busy") as busy:
        assert service.maintenance.collect(ME, None, dry_run=True).freed_bytes >= 15
        assert orphan.exists()
        service.maintenance.collect(ME, None)
        assert busy.path.exists(), "somebody works there"
        with pytest.raises(WriterBusy):
            trained(service, NetworkKind.AUTOENCODER, name="busy")
    assert not orphan.exists() and not begun.exists() and not (home.models / "gone").exists()
    assert mine.exists() and service.models.generate(ME, "m", SampleRequest())[0] == model
    service.models.delete(ME, "m")
    assert not folder_of(service, model).exists()
    with pytest.raises(TrainedModelNotFound):
        service.models.get(ME, "m")


@pytest.mark.parametrize("name", ["ragsvc", "../m", "M", "", "a/b", ".m", "m" * 65])
def test_names_that_no_model_can_have(name: str, service: Service) -> None:
    with pytest.raises(InvalidName if name else InvalidRequest):
        trained(service, NetworkKind.VAE, data="digits" if name else "", name=name)
    assert not service._catalog.home.models.exists()


def test_what_is_wrong_leaves_nothing_behind(service: Service) -> None:
    with pytest.raises(SourceNotFound):
        trained(service, NetworkKind.VAE, data="/nowhere/at/all")
    with pytest.raises(InvalidRequest, match="has no hyperparameter 'hiden'") as caught:
        trained(service, NetworkKind.VAE, hiden=3)
    assert "hidden" in caught.value.hint and "epochs" in caught.value.hint
    assert list(service._catalog.home.models.rglob("*")) == []


def ran(words: list[str], home: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    code = main([*words, "--home", str(home)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_command_line_trains_lists_shows_makes_and_deletes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home, config = tmp_path / "home", tmp_path / "small.toml"
    config.write_text("hidden = 8\ncode = 3\nbatch_size = 512\nepochs = 9\n")
    words = ["train", "vae", "--data", "digits", "--config", str(config), "--set", "code=2", "--epochs", "1"]
    code, out, err = ran([*words, "--json"], home, capsys)
    assert code == 0, out + err
    made = json.loads(out)
    assert (made["name"], made["version"], made["data"]) == ("vae-digits", 1, "digits")
    assert (made["hyperparameters"]["code"], made["hyperparameters"]["epochs"]) == (2, 1)
    assert Path(made["report"]).is_file()
    code, out, _ = ran(["models", "list"], home, capsys)
    assert code == 0 and "vae-digits" in out and "digits" in out
    assert json.loads(ran(["models", "show", "vae-digits", "--json"], home, capsys)[1]) == made
    assert ran(["models", "show", "vae-digits"], home, capsys)[0] == 0
    code, out, _ = ran(["generate", "vae-digits", "-n", "2", "--label", "3"], home, capsys)
    assert code == 0 and len(out.splitlines()) == 17
    code, out, _ = ran(["generate", "vae-digits", "--json"], home, capsys)
    assert len(json.loads(out)["samples"][0]["row"]) == 64
    code, _, err = ran(["models", "delete", "vae-digits"], home, capsys)
    assert code == 2 and "--yes" in err
    assert "[default: all]" in ran(["models", "delete", "--help"], home, capsys)[1]
    assert json.loads(ran(["models", "delete", "vae-digits", "--yes", "--json"], home, capsys)[1]) == {
        "model": "vae-digits", "deleted": [1], "training": False,
    }  # fmt: skip
    assert "no model" in ran(["models", "list"], home, capsys)[2]


def test_the_command_line_knows_every_kind() -> None:
    assert [str(kind) for kind in KindChoice] == [str(kind) for kind in NetworkKind]


def test_ctrl_c_keeps_what_was_learned(tmp_path: Path) -> None:
    home = tmp_path / "home"
    command = [sys.executable, "-m", "ragsvc", "train", "vae", "--data", "digits", "--name", "v"]
    command += [
        "--set",
        "checkpoint_steps=1",
        "--set",
        "patience=0",
        "--epochs",
        "100000",
        "--home",
        str(home),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        checkpoint = home / "models" / "v" / "training" / "checkpoint.safetensors"
        while not checkpoint.exists() and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=200)
    assert process.returncode == 130, said
    assert f"ragsvc train --name v --resume (with --home {home})" in said
    assert checkpoint.exists()


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        (["train"], "invalid_request", "ragsvc train vae --data digits"),
        (["train", "vae", "--data", "digits", "--set", "code"], "invalid_request", "--set code=16"),
        (["train", "vae", "--data", "digits", "--set", "code=0"], "invalid_request", "numbers in a code"),
        (["train", "vae", "--data", "digits", "--config", "none.toml"], "source_not_found", "TOML"),
        (["train", "vae", "--data", "nowhere"], "source_not_found", "digits28"),
        (["train", "--name", "x", "--resume"], "training_unfinished", "--resume"),
        (["train", "vae", "--resume"], "invalid_request", "--name NAME --resume"),
        (["train", "vae", "--data", "digits", "--set", "device=cuda"], "invalid_setting", "device=cpu"),
        (["generate", "x"], "trained_model_not_found", "ragsvc train"),
    ],
)  # fmt: skip
def test_errors_of_the_command_line_say_what_to_type(
    words: list[str], code: str, hint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if "device=cuda" in words and torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with open_service(tmp_path / "home"):
        pass
    status, out, _ = ran([*words, "--json"], tmp_path / "home", capsys)
    error = json.loads(out)["error"]
    assert status in (1, 2) and error["code"] == code and hint in error["hint"]


def test_deleting_a_corpus_names_the_models_that_hold_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_service(tmp_path / "home") as service:
        upload(service, SENTENCES)
        trained(service, NetworkKind.AUTOENCODER, CORPUS)
    code, out, err = ran(["corpora", "delete", CORPUS, "--yes", "--json"], tmp_path / "home", capsys)
    assert code == 0 and json.loads(out)["models_trained_on_it"] == ["m"]
    assert "ragsvc models delete m --yes" in err
