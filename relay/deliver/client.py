"""The Commerce API over HTTP, and what each of its answers means (sections 1 to 3 of its contract).

The one module that knows the HTTP library. httpx 0.28's own pool slows down beyond ten requests at once
(encode/httpx#3215), so it rides on aiohttp's.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from relay.deliver.departure import Connector, Departure, departing
from relay.errors import (
    CallRefused,
    EndpointRefused,
    KeyRefused,
    SlowDown,
    TryAgain,
)

_KEPT_ALIVE: Final = 30.0
_MOST_READ: Final = 64 * 1024
_MOST_KEPT: Final = 2_000
_NUMBER: Final = re.compile(r"[0-9]+(\.[0-9]*)?")
_LONGEST: Final = 1e9
"""More is the same as never, and no timedelta."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `text` is judged by all that was read, then cut to what is worth keeping."""

    code: int
    text: str
    took: timedelta


class CommerceClient:
    """One destination. `timeout` is for the whole of one try; who sends takes one of `slots` first."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        company_id: str | None = None,
        timeout: timedelta = timedelta(seconds=15),
        connections: int = 100,
    ) -> None:
        self._headers = {
            "authorization": f"Bearer {key}",
            "content-type": "application/json",
            "accept": "application/json",
            "accept-encoding": "gzip, deflate",
            "user-agent": "commerce-relay",
        }
        if company_id:
            self._headers["x-company-id"] = company_id
        self.timeout = timeout
        self.slots = asyncio.Semaphore(connections)
        self._base = url.rstrip("/")
        self._urls: dict[str, httpx.URL] = {}
        self._transport = AiohttpTransport(client=lambda: _session(connections))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.aclose()

    async def post(self, path: str, content: bytes, departure: Departure | None = None) -> Answer:
        """Sends one call. Returns the answer that accepted it, else raises the AttemptError that fits.

        Raises TooLate, with nothing sent, where it cannot leave as `departure` says.
        """
        with departing(departure):
            answer, headers = await self._ask("POST", path, content)
        _judge(answer, headers)
        return replace(answer, text=answer.text[:_MOST_KEPT])

    async def account(self, departure: Departure | None = None) -> None:
        """Asks whether the key works (section 1.2).

        Raises AttemptError where it does not. A 403 proves only that this key may not look itself up.
        Raises TooLate, with nothing asked, where it cannot leave as `departure` says.
        """
        with departing(departure):
            answer, headers = await self._ask("GET", "/account", None)
        if answer.code != HTTPStatus.FORBIDDEN:
            _judge(answer, headers)

    async def _ask(self, method: str, path: str, content: bytes | None) -> tuple[Answer, httpx.Headers]:
        started = time.monotonic()
        request = httpx.Request(method, self._url(path), headers=self._headers, content=content)
        try:
            async with asyncio.timeout(self.timeout.total_seconds()):
                # The bare transport: no cookies, redirects or proxies, at half the cost of a whole client.
                response = await self._transport.handle_async_request(request)
                try:
                    body = await _start_of(response)
                finally:
                    await response.aclose()
        # TimeoutError is an OSError. What aiohttp says of an answer that is not HTTP comes as it is.
        except (httpx.HTTPError, aiohttp.ClientError, OSError) as error:
            raise TryAgain(_network(error)) from error
        took = timedelta(seconds=time.monotonic() - started)
        return Answer(response.status_code, body.decode("utf-8-sig", "replace"), took), response.headers

    def _url(self, path: str) -> httpx.URL:
        """There are six; each is parsed once."""
        if path not in self._urls:
            self._urls[path] = httpx.URL(self._base + path)
        return self._urls[path]


def _session(connections: int) -> aiohttp.ClientSession:
    connector = Connector(
        limit=connections, keepalive_timeout=_KEPT_ALIVE, ssl=httpx.create_ssl_context(trust_env=False)
    )
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


async def _start_of(response: httpx.Response) -> bytes:
    body = b""
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) >= _MOST_READ:
            break
    return body


def _network(error: Exception) -> str:
    """In words. The transport calls any broken connection a time-out, so its cause is looked at."""
    cause = error.__cause__ or error
    if isinstance(error, TimeoutError) or isinstance(cause, TimeoutError):
        return "no answer in time; the call may have been taken"
    if isinstance(error, aiohttp.ClientResponseError):
        why = error.message.partition(":")[0].strip()
        return f"its answer is not HTTP ({why}); the call may have been taken"
    # aiohttp's messages name host and port, never the key or the body.
    return f"no answer: {type(cause).__name__} {cause}".strip()[:300]


def _judge(answer: Answer, headers: httpx.Headers) -> None:
    code = answer.code
    if HTTPStatus.OK <= code < HTTPStatus.MULTIPLE_CHOICES:
        _judge_success(answer, headers)
        return
    words = f"{code}: {said(answer.text)}"
    if code == HTTPStatus.TOO_MANY_REQUESTS:
        raise SlowDown(words, code=code, after=retry_after(headers))
    if code == HTTPStatus.REQUEST_TIMEOUT or code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise TryAgain(words, code=code)
    if code == HTTPStatus.UNAUTHORIZED:
        raise KeyRefused(f"the API key was refused ({words}); look at api_key", code=code)
    if code == HTTPStatus.FORBIDDEN:
        raise EndpointRefused(f"the API key may not do this ({words}); widen its scopes", code=code)
    if code in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
        raise EndpointRefused(
            f"there is no such endpoint ({words}); look at the destination's url", code=code
        )
    if code < HTTPStatus.BAD_REQUEST:
        raise EndpointRefused(f"{code}: a redirect; look at the destination's url", code=code)
    raise CallRefused(words, code=code)


def _judge_success(answer: Answer, headers: httpx.Headers) -> None:
    if "html" in headers.get("content-type", "") or answer.text.lstrip()[:1] == "<":
        raise EndpointRefused(
            f"{answer.code} with an HTML page: this is not the API; look at the destination's url",
            code=answer.code,
        )
    body = _json(answer.text)
    if isinstance(body, dict) and body.get("success") is False:
        raise CallRefused(f"{answer.code}, but success is false: {said(answer.text)}", code=answer.code)


def said(text: str) -> str:
    """The API's words in any of its error shapes (section 3.2), else the start of what it sent.

    Half a surrogate pair, as where a text was cut within an emoji, could not be written down.
    """
    return _words(text).encode(errors="replace").decode()


def _words(text: str) -> str:
    body = _json(text)
    if isinstance(body, str):
        return body[:500]
    if isinstance(body, dict):
        error = body.get("error")
        message = error.get("message") if isinstance(error, dict) else error
        advice = body.get("resolution") or body.get("howToFix")
        words = [
            w for w in (message or body.get("message"), body.get("description"), advice) if isinstance(w, str)
        ]
        if words:
            return " ".join(words)[:500]
    return " ".join(text.split())[:200] or "no words"


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def retry_after(headers: httpx.Headers) -> timedelta | None:
    """`Retry-After` in seconds or as an HTTP date, or `Retry-After-Ms`; None where there is neither."""
    milliseconds, value = headers.get("retry-after-ms", ""), headers.get("retry-after", "").strip()
    if _NUMBER.fullmatch(milliseconds):
        return timedelta(milliseconds=min(float(milliseconds), _LONGEST))
    if _NUMBER.fullmatch(value):
        return timedelta(seconds=min(float(value), _LONGEST))
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(aware - datetime.now(UTC), timedelta(0))
