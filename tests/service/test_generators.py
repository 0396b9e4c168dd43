"""Which generators there can be: a server with another one ends at its start."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from doubles import CORPUS, ME, WordTokeniser, new_home, open_service, upload

from ragsvc.api import server
from ragsvc.domain import AnswerRequest, FinishReason, Role, Turn
from ragsvc.errors import InvalidSetting
from ragsvc.service.generators import advice_on, check_generator
from ragsvc.settings.settings import Settings

BAD = (
    "",
    "gpt",
    "Extractive",
    "extractive:x",
    "bundled:x",
    "openai:",
    "openai:localhost:11434/v1",
    "openai:http://[::1",
    "openai:ftp://localhost/v1",
    "openai:http://me:secret@localhost/v1",
    "transformers:",
    "transformers: ",
    "transformers:qwen",
    "transformers:/no/such/folder",
    "transformers:./no/such",
    "transformers:a/b/c",
)
GOOD = (
    "extractive",
    "openai:https://example.org/v1",
    "openai:http://127.0.0.1:11434/v1/",
    "transformers:Qwen/Qwen2.5-0.5B-Instruct",
)


def never(host: str, port: int) -> socket.socket:
    raise AssertionError("it must end before")


@pytest.mark.parametrize("generator", BAD)
@pytest.mark.parametrize("workers", [1, 3])
def test_a_server_without_a_generator_ends_at_its_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, generator: str, workers: int
) -> None:
    monkeypatch.setattr(server, "bind", never)
    settings = Settings(home=tmp_path / "none", generator=generator, workers=workers)
    with pytest.raises(InvalidSetting, match="RAGSVC_GENERATOR") as caught:
        server.serve(settings, port=0)
    assert caught.value.hint and "secret" not in caught.value.message
    assert not settings.home.exists()


@pytest.mark.parametrize("generator", GOOD)
def test_what_can_be_a_generator_starts(generator: str) -> None:
    check_generator(Settings(generator=generator))


def test_a_folder_is_a_model_whatever_its_name(tmp_path: Path) -> None:
    check_generator(Settings(generator=f"transformers:{tmp_path}"))


def test_a_wrong_generator_gives_exit_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from ragsvc.cli.main import main

    monkeypatch.setenv("RAGSVC_GENERATOR", "openai:")
    monkeypatch.setenv("RAGSVC_HOME", str(tmp_path / "none"))
    assert main(["serve", "--port", "0"]) == 2
    assert "RAGSVC_GENERATOR" in capsys.readouterr().err


def test_who_starts_a_local_model_is_told_what_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def settings(generator: str, workers: int = 1, threads: int | None = 2) -> Settings:
        return Settings(home=tmp_path, generator=generator, workers=workers, threads=threads)

    assert advice_on(settings("extractive", 4, None)) == advice_on(settings(GOOD[1], 4, None)) == []
    assert advice_on(settings(GOOD[-1])) == []
    (one,) = advice_on(settings(GOOD[-1], 3))
    assert "each of the 3" in one and "RAGSVC_WORKERS=1" in one
    (two,) = advice_on(settings(GOOD[-1], 1, None))
    assert "RAGSVC_THREADS" in two

    class Silent:
        def __init__(self, *_: object) -> None:
            self.run = lambda: None

    monkeypatch.setattr(server, "Supervisor", Silent)
    server.serve(settings(GOOD[-1], 3, None), port=0)
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [one, two]


def test_the_built_in_generator_shows_what_it_may_say(tmp_path: Path) -> None:
    with open_service(new_home(tmp_path), max_false_refusals=0.0001) as service:
        upload(service, {"pear": "The pear grows on a tree. Its bark is grey."})
        question = "The pear grows on a tree, does it?"
        one = service.answer(ME, AnswerRequest(corpora=(CORPUS,), question=question, max_tokens=1))
        assert (one.answered, one.answer, one.finish) == (True, "The", FinishReason.LENGTH)
        assert not one.citations
        some = service.answer(ME, AnswerRequest(corpora=(CORPUS,), question=question, stop=("grows",)))
        assert (some.answered, some.answer) == (True, "The pear")
        assert not some.citations
        none = service.answer(ME, AnswerRequest(corpora=(CORPUS,), question=question, stop=("The",)))
        assert (none.answered, none.answer, none.finish) == (True, "", FinishReason.STOP)


def test_tokens_are_counted_where_no_model_counts_them(tmp_path: Path) -> None:
    with open_service(new_home(tmp_path), max_false_refusals=0.0001) as service:
        upload(service, {"pear": "The pear grows on a tree. Its bark is grey."})
        count = WordTokeniser().count
        question = "The pear grows on a tree, does it?"
        said = (Turn(Role.USER, "What is a pear?"), Turn(Role.ASSISTANT, "A fruit. " * 1000))
        for asked in (question, "Who sings?"):
            alone = service.answer(
                ME, AnswerRequest(corpora=(CORPUS,), question=asked, instructions="Be brief. " * 99)
            )
            assert alone.answered is (asked == question)
            assert (alone.prompt_tokens, alone.completion_tokens) == (count(asked), count(alone.answer))
            later = service.answer(ME, AnswerRequest(corpora=(CORPUS,), question=asked, history=said))
            assert later.prompt_tokens == count(asked) + count("What is a pear?")
            assert alone.completion_tokens > 5
        long = tuple(Turn(Role.USER, f"pear {number} " * 1000) for number in range(20))
        read = service.answer(ME, AnswerRequest(corpora=(CORPUS,), question=question, history=long))
        assert read.prompt_tokens == count(question) + sum(count(turn.content[:2000]) for turn in long[-8:])
