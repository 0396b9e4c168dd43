"""A model behind any server of the OpenAI kind: vLLM, Ollama, TGI, llama.cpp and the like."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import httpx

from ragsvc.domain import Delta, FinishReason, Message
from ragsvc.errors import ModelRefused, RagsvcError
from ragsvc.models.display_name import shown_name
from ragsvc.models.remote_chat.address import checked_key, checked_url
from ragsvc.models.remote_chat.http_session import HttpSession, ServerRefusal
from ragsvc.models.remote_chat.relay import Emit, relayed
from ragsvc.models.remote_chat.reply import Reply, ReplyLines, read_json, whole
from ragsvc.models.remote_chat.server_words import ServerName
from ragsvc.models.token_decoder import StopTexts

log = logging.getLogger(__name__)
# One line a request, of which a service has many; a failure has a line of ours.
logging.getLogger("httpx").setLevel(logging.WARNING)

CONNECT_S = 5.0
BYTES_A_TOKEN = 3


# In twelfths of a token, so that a usual text is never counted higher than its model counts it:
# ASCII has four characters a token, other alphabets three, and Chinese, Japanese and Korean one and a half.
WHOLE = 12
ASCII, ALPHABET, IDEOGRAPH = 3, 4, 8
FIRST_IDEOGRAPH = "\u2e80"
# One and a half times as much as asked for; the more, because a few tokens may be long words.
SLACK = 1.5
MORE_TOKENS = 8


class TokenLimit:
    """Ends a text that is clearly longer than so many tokens."""

    def __init__(self, max_tokens: int) -> None:
        """:param max_tokens: that the server was asked for."""
        self._left = int((max_tokens * SLACK + MORE_TOKENS) * WHOLE)
        self.reached = False

    def feed(self, text: str) -> str:
        """Take the next piece; gives what of it may come out, "" once the limit was `reached`."""
        if self.reached:
            return ""
        for at, char in enumerate(text):
            self._left -= ASCII if char.isascii() else ALPHABET if char < FIRST_IDEOGRAPH else IDEOGRAPH
            if self._left < 0:
                self.reached = True
                return text[:at]
        return text


@dataclass(frozen=True, slots=True)
class _ChatCall:
    """One call of `stream`."""

    messages: tuple[Message, ...]
    max_tokens: int
    temperature: float
    stop: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Dialect:
    """How a server wants to be asked.

    limit: its name for `max_tokens`. usage: whether to ask for the counts of a stream.
    """

    limit: str = "max_tokens"
    usage: bool = True

    def after(self, refusal: str) -> _Dialect | None:
        """What to try next; None when the refusal names nothing that could be asked differently."""
        if self.limit == "max_tokens" and "max_completion_tokens" in refusal:
            return replace(self, limit="max_completion_tokens")
        if self.usage and ("stream_options" in refusal or "include_usage" in refusal):
            return replace(self, usage=False)
        return None


class RemoteChat:
    """Asks one server; safe to share between threads.

    Nothing goes anywhere but to the URL: proxies of the environment are not used, redirects are not
    followed. Certificates are checked against those of the system, or of `SSL_CERT_FILE`.
    """

    def __init__(self, url: str, model: str | None, key: str | None, timeout_s: float) -> None:
        """Remember where to ask; nothing is sent yet.

        :param url: base of the API, such as "http://127.0.0.1:11434/v1".
        :param model: to ask for; None: the first that the server lists.
        :param key: sent as bearer token to this server alone; None: none is sent.
        :param timeout_s: longest wait for the next piece.
        :raises InvalidRequest: if the URL or the key cannot be used.
        """
        self._url = checked_url(url)
        self._key = checked_key(key)
        self._server = ServerName(f"openai:{self._url}", self._key)
        self._model = model
        self._timeout_s = timeout_s
        self._found: str | None = None
        self._dialect = _Dialect()

    @property
    def name(self) -> str:
        """See Chat; the model's, and not where it is."""
        model = shown_name(self._model or self._found or "")
        return f"openai:{model}" if model else "openai"

    def count(self, text: str) -> int:
        """Guess on the safe side: three bytes of UTF-8 a token, where English has four and more."""
        return -(-len(text.encode("utf-8", "replace")) // BYTES_A_TOKEN)

    def stream(
        self, messages: Sequence[Message], max_tokens: int, temperature: float, stop: Sequence[str]
    ) -> Iterator[Delta]:
        """See Chat; a piece is empty when nothing came for a moment, so that a reader may close in time.

        :raises ModelRefused: if it refuses in a way that repeating does not change, or has no such model.
        :raises ModelError: if it cannot be reached, fails, breaks off, or is silent for too long.
        :raises Overloaded: if it has no room for more.
        """
        asked = _ChatCall(tuple(messages), max_tokens, temperature, tuple(stop))
        return relayed(lambda emit: self._answer(emit, asked))

    async def _answer(self, emit: Emit, asked: _ChatCall) -> None:
        async with self._client() as client:
            line = HttpSession(client, self._server)
            with self._noted(line):
                await self._answered(line, emit, asked)

    @contextmanager
    def _noted(self, line: HttpSession) -> Iterator[None]:
        """Tell the log of a failure; not in the server's words, which may repeat the question."""
        try:
            yield
        except RagsvcError as error:
            status = f" after status {line.status}" if line.status else ""
            log.warning("%s failed%s: %s; %s", self._server, status, error.code, error.hint or "no hint")
            raise

    async def _answered(self, line: HttpSession, emit: Emit, asked: _ChatCall) -> None:
        model = self._model or self._found or await self._first(line)
        dialect = self._dialect
        while True:
            try:
                async with line.opened("POST", "chat/completions", _body(asked, model, dialect)) as response:
                    self._found, self._dialect = model, dialect
                    await self._read(line, response, asked, emit)
                return
            except ServerRefusal as error:
                following = dialect.after(error.said)
                if following is None:
                    raise error.problem from None
                dialect = following
            except ModelRefused:
                self._found = None  # the server may have another model by now
                raise

    async def _read(self, line: HttpSession, response: httpx.Response, asked: _ChatCall, emit: Emit) -> None:
        reply, stops, limit = Reply(self._server), StopTexts(asked.stop), TokenLimit(asked.max_tokens)

        def take(pieces: Iterable[Delta]) -> bool:
            texts = [stops.feed(limit.feed(piece.text)) for piece in pieces]
            for text in texts:
                emit(Delta(text))
            return bool(texts)

        if response.headers.get("content-type", "").split(";")[0].strip().lower() == "application/json":
            take(reply.body(await line.read(response)))
        else:
            lines = ReplyLines(self._server)
            loop = asyncio.get_running_loop()
            # Comments keep a connection alive, but a server that sends nothing else is silent.
            async with asyncio.timeout(self._timeout_s) as patience:
                async for data in response.aiter_raw():
                    for text in lines.feed(data):
                        if take(reply.line(text)):
                            patience.reschedule(loop.time() + self._timeout_s)
                    if reply.done or stops.reached or limit.reached:
                        break
        # A server that takes no stop texts, or no limit, would write on.
        if stops.reached or limit.reached:
            last = Delta("", FinishReason.STOP if stops.reached else FinishReason.LENGTH)
        else:
            last = reply.last()
        emit(replace(last, text=stops.feed(last.text) + stops.end()))

    async def _first(self, line: HttpSession) -> str:
        """The first model that the server lists."""
        try:
            async with line.opened("GET", "models") as response:
                listed = read_json(await line.read(response), self._server).get("data")
        except ServerRefusal as error:
            raise error.problem from None
        for item in listed if isinstance(listed, list) else ():
            if isinstance(item, dict) and isinstance(item.get("id"), str) and item["id"]:
                return str(item["id"])
        raise ModelRefused(
            f"{self._server} lists no model",
            hint="set RAGSVC_GENERATOR_MODEL, or load a model into the server",
        )

    def _client(self) -> httpx.AsyncClient:
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        return httpx.AsyncClient(
            base_url=self._url,
            headers=headers,
            timeout=httpx.Timeout(self._timeout_s, connect=CONNECT_S),
            verify=self._certificates,
            trust_env=False,
            follow_redirects=False,
        )

    @cached_property
    def _certificates(self) -> ssl.SSLContext:
        # Read once: it takes longer than many an answer of a small model.
        return ssl.create_default_context()


def _body(asked: _ChatCall, model: str, dialect: _Dialect) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": str(m.role), "content": whole(m.content)} for m in asked.messages],
        dialect.limit: asked.max_tokens,
        "temperature": asked.temperature,
        "stream": True,
    }
    if asked.stop:
        body["stop"] = list(asked.stop)
    if dialect.usage:
        body["stream_options"] = {"include_usage": True}
    return body
