"""Asks a platform what its adapter wants to know: paced, and patient with what passes. Nothing is logged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from relay.errors import PullError, PullLater, PullRefused
from relay.normalise.pulling import Answer, Ask, Found, Pull, Puller

TIMEOUT: Final = timedelta(seconds=60)
"""Without a byte."""

LONGEST: Final = timedelta(minutes=5)
"""For one answer, however steadily it trickles."""

PAUSES: Final = tuple(timedelta(seconds=seconds) for seconds in (2, 5, 15, 30, 60))
"""Between tries of one request that failed in passing."""

_MOST: Final = 64 * 1024 * 1024


class Fetcher:
    """One platform's API for the length of a command."""

    def __init__(
        self, puller: Puller, *, pauses: tuple[timedelta, ...] = PAUSES, longest: timedelta = LONGEST
    ) -> None:
        self._puller = puller
        self._pauses = pauses
        self._longest = longest.total_seconds()
        self._between = 60 / puller.per_minute
        self._next = 0.0
        self._http = httpx.AsyncClient(
            timeout=TIMEOUT.total_seconds(), transport=AiohttpTransport(), trust_env=False
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def run(self, pull: Pull) -> AsyncIterator[Found]:
        """All that `pull` finds. Raises PullError once its requests stay without a usable answer."""
        answer: Answer | None = None
        while True:
            try:
                step = pull.send(answer)
            except StopIteration:
                return
            answer = None
            if isinstance(step, Found):
                yield step
            else:
                answer = await self._ask(step)

    async def _ask(self, ask: Ask) -> Answer:
        for pause in self._pauses:
            try:
                return await self._once(ask)
            except PullLater:
                await asyncio.sleep(pause.total_seconds())
        return await self._once(ask)

    async def _once(self, ask: Ask) -> Answer:
        await self._pace()
        try:
            async with asyncio.timeout(self._longest):
                response = await self._http.request(
                    ask.method,
                    ask.url,
                    data=dict(ask.form) if ask.form is not None else None,
                    json=ask.json,
                    auth=ask.basic,
                )
        except (httpx.HTTPError, aiohttp.ClientError, OSError) as error:  # aiohttp's: no HTTP came back
            raise PullLater(f"no answer from {_host(ask)}: {type(error).__name__}") from None
        trouble = _trouble(response.status_code, _host(ask))
        if trouble:
            raise trouble
        if len(response.content) > _MOST:
            raise PullRefused(f"{_host(ask)} answered with more than {_MOST} bytes; ask for less at a time")
        answer = Answer(response.status_code, response.content.decode(errors="replace"))
        trouble = self._puller.trouble(answer)
        if trouble:
            raise trouble
        return answer

    async def _pace(self) -> None:
        now = asyncio.get_running_loop().time()
        self._next = max(self._next, now) + self._between
        await asyncio.sleep(self._next - self._between - now)


def _trouble(status: int, host: str) -> PullError | None:
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return PullLater(f"{host} answered {status} again and again; try later, or lower the pace")
    if status >= HTTPStatus.MULTIPLE_CHOICES:
        return PullRefused(f"{host} answered {status}; look at the address and the credentials in api")
    return None


def _host(ask: Ask) -> str:
    return httpx.URL(ask.url).host
