"""The examples run from data to API, with settings that take seconds."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples" / "generative"
MOST_LINES = 60
SAID = {
    "autoencoder": ["mean square error of the autoencoder", "code of a digit: 64 numbers", "AUROC"],
    "vae": ["elbo", "features, unseen", "steps between two digits: 5"],
    "gan": ["gan-wasserstein", "gan-minimax", "coverage"],
    "transformer": ["A transformer is", "unseen text: perplexity"],
}


def test_every_example_is_run() -> None:
    assert sorted(path.stem for path in EXAMPLES.glob("*.py")) == sorted(SAID)


@pytest.mark.parametrize("name", sorted(SAID))
def test_examples_run(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = EXAMPLES / f"{name}.py"
    assert len(script.read_text("utf-8").splitlines()) <= MOST_LINES
    arguments = ["--epochs", "1", "--home", str(tmp_path / "home")]
    if name == "transformer":
        texts = tmp_path / "texts"
        texts.mkdir()
        for number in range(6):
            (texts / f"{number}.txt").write_text(f"Text {number} says that a transformer reads. " * 20)
        arguments += ["--data", str(texts)]
    runpy.run_path(str(script))["main"](arguments)
    printed = capsys.readouterr().out
    assert [words for words in SAID[name] if words not in printed] == []
