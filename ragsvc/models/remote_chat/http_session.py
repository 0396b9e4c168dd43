"""Calls to a server of the OpenAI kind: tried again while nothing was said, refusals put into words."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from ragsvc.errors import ModelError, ModelRefused, Overloaded
from ragsvc.models.remote_chat.reply import ReplyLines
from ragsvc.models.remote_chat.server_words import ServerName

log = logging.getLogger(__name__)

MAX_RETRIES = 2
BACKOFF_S = 0.5
MAX_RETRY_AFTER_S = 10.0
PASSING = (429, 500, 502, 503, 504)
# Refusals that may be over soon: too slow, too early.
PASSING_REFUSALS = (408, 409, 425)
TOO_LONG = re.compile(
    r"(?:maximum|available|exceed\w{0,10})(?: \w{1,30}){0,3} context"
    r"|context[ _](?:length|size|window|limit)|n_ctx|too long|too many (?:\w+ )?tokens|token limit",
    re.IGNORECASE,
)
TOO_LONG_HINT = (
    "lower RAGSVC_PROMPT_TOKENS or RAGSVC_MAX_ANSWER_TOKENS, or give the server's model a longer context"
)
# Enough of a refusal to say why; a server that refuses may not send without end.
MAX_REFUSAL_BYTES = 64 << 10
REFUSAL_S = 5.0


class ServerRefusal(Exception):
    """The server does not like the request; perhaps it takes it in another form."""

    def __init__(self, problem: ModelError | Overloaded, said: str) -> None:
        """said: the server's own words, short."""
        super().__init__(problem.message)
        self.problem = problem
        self.said = said


class HttpSession:
    """A way to one server, open for one answer."""

    def __init__(self, client: httpx.AsyncClient, server: ServerName) -> None:
        """server: who answers, for messages."""
        self._client = client
        self._server = server
        self.status: int | None = None  # of the last answer

    @asynccontextmanager
    async def opened(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> AsyncIterator[httpx.Response]:
        """Ask, at most three times, and give the response with its body unread; leaving closes it.

        :raises Refused: on status 400 or 422, where another form of the request may help.
        :raises ModelRefused: on another status of the kind that repeating does not change.
        :raises Overloaded: if it still has no room for more after the last try.
        :raises ModelError: if it cannot be reached, or answers with another status than 200.
        """
        response = await self._asked(method, path, body)
        try:
            with self.translated():
                yield response
        finally:
            await response.aclose()

    async def read(self, response: httpx.Response) -> str:
        """A whole body.

        :raises ModelError: if it is longer than a reply may be, or is not UTF-8.
        """
        lines = ReplyLines(self._server)
        found = [line async for data in response.aiter_raw() for line in lines.feed(data)]
        return "\n".join((*found, lines.end()))

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn what goes wrong on the way into our errors."""
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            hint = f"is the server running? try: curl {self._client.base_url}models"
            if "CERTIFICATE" in str(error):
                hint = "set SSL_CERT_FILE to the certificates of the authority that signed the server's own"
            reason = self._server.quoted(str(error)) or "no answer"
            raise ModelError(f"{self._server} cannot be reached: {reason}", hint=hint) from error
        except (httpx.TimeoutException, TimeoutError) as error:
            raise ModelError(
                f"{self._server} was silent for too long",
                hint="wait until it has less to do, or raise RAGSVC_GENERATOR_TIMEOUT_S",
            ) from error
        except httpx.HTTPError as error:
            reason = self._server.quoted(str(error)) or type(error).__name__
            raise ModelError(
                f"the connection to {self._server} broke: {reason}",
                hint="look into its log, then ask again",
            ) from error

    async def _asked(self, method: str, path: str, body: dict[str, Any] | None) -> httpx.Response:
        retries = 0
        while True:
            try:
                return await self._once(method, path, body)
            except _TransientFailure as passing:
                if retries == MAX_RETRIES or passing.wait_s > MAX_RETRY_AFTER_S:
                    raise passing.problem from passing.problem.__cause__
                await asyncio.sleep(passing.wait_s or BACKOFF_S * 2**retries)
                retries += 1

    async def _once(self, method: str, path: str, body: dict[str, Any] | None) -> httpx.Response:
        content = None if body is None else json.dumps(body).encode()
        request = self._client.build_request(method, path, content=content)
        try:
            with self.translated():
                response = await self._client.send(request, stream=True)
        except ModelError as error:
            if isinstance(error.__cause__, httpx.TimeoutException) and not isinstance(
                error.__cause__, httpx.ConnectTimeout
            ):
                raise  # it has the question already, and is at work on it
            raise _TransientFailure(error, 0.0) from error
        self.status = response.status_code
        encoding = response.headers.get("content-encoding", "identity").lower()
        if response.status_code == 200 and encoding == "identity":
            return response
        try:
            said = await self._refusal(response)
        finally:
            await response.aclose()
        if response.status_code == 200:
            raise ModelError(f"{self._server} sent its answer compressed, which it was not asked for")
        problem = self._problem(response, said)
        if response.status_code in PASSING:
            raise _TransientFailure(problem, _retry_after_s(response.headers.get("retry-after", "")))
        if response.status_code in (400, 422) and problem.hint != TOO_LONG_HINT:
            raise ServerRefusal(problem, said)
        raise problem

    async def _refusal(self, response: httpx.Response) -> str:
        """Why the server says no; "" when it does not say so soon."""
        data = bytearray()
        with suppress(TimeoutError, httpx.HTTPError):
            async with asyncio.timeout(REFUSAL_S):
                async for piece in response.aiter_raw():
                    data += piece
                    if len(data) > MAX_REFUSAL_BYTES:
                        break
        text = data[:MAX_REFUSAL_BYTES].decode("utf-8", "replace")
        try:
            return self._server.error_in(json.loads(text))
        except (ValueError, RecursionError):
            return self._server.quoted(text)

    def _problem(self, response: httpx.Response, said: str) -> ModelError | Overloaded:
        status = response.status_code
        answered = f"{self._server} answered {status}" + (f": {said}" if said else "")
        if response.is_redirect:
            target = self._server.quoted(response.headers.get("location", ""))
            log.warning("%s redirects to %s", self._server, target)
            return ModelRefused(
                f"{self._server} redirects to {target}, which is not followed",
                hint="set RAGSVC_GENERATOR=openai:URL to the server's final base URL",
            )
        match status:
            case 400 | 413 | 422 if TOO_LONG.search(said):
                return ModelRefused(answered, hint=TOO_LONG_HINT)
            case 400 | 422:
                return ModelRefused(
                    answered, hint="look into its log; RAGSVC_GENERATOR_MODEL names the model"
                )
            case 401 | 403:
                return ModelRefused(answered, hint="set RAGSVC_GENERATOR_API_KEY to a key of that server")
            case 404:
                return ModelRefused(
                    answered,
                    hint="set RAGSVC_GENERATOR_MODEL to one of its models: "
                    f"curl {self._client.base_url}models; the URL often ends in /v1",
                )
            case 429:
                return Overloaded(answered, hint="wait a little, then ask again")
            case _ if 400 <= status < 500 and status not in PASSING_REFUSALS:
                return ModelRefused(answered, hint="look into its log")
            case _:
                return ModelError(answered, hint="look into its log, then ask again")


class _TransientFailure(Exception):
    """A failure that may be over soon. wait_s: as the server asks; 0 when it does not say."""

    def __init__(self, problem: ModelError | Overloaded, wait_s: float) -> None:
        super().__init__(problem.message)
        self.problem = problem
        self.wait_s = wait_s


def _retry_after_s(value: str) -> float:
    """Seconds of a `Retry-After` header, which holds a number or a date; 0 without a readable one."""
    try:
        return max(0.0, float(value)) if value[:1].isdigit() else _until(parsedate_to_datetime(value))
    except (ValueError, TypeError):
        return 0.0


def _until(when: datetime) -> float:
    now = datetime.now(UTC)
    return max(0.0, ((when if when.tzinfo else when.replace(tzinfo=UTC)) - now).total_seconds())
