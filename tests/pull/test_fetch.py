"""Asking a platform: what comes back is an answer, or an error that says what to do."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel

from relay.errors import PullError, PullLater
from relay.normalise.events import BookedEvent
from relay.normalise.pulling import Answer, Ask, Found, Pull
from relay.pull.fetch import LONGEST, Fetcher
from tests.wires import answering, trickling


class Asking:
    """Asks one address once."""

    Api: ClassVar[type[BaseModel]] = BaseModel
    per_minute = 6000

    def __init__(self, url: str, api: Any = None) -> None:
        self._url = url

    def products(self) -> Pull:
        answer = yield Ask("GET", self._url)
        assert answer is not None
        yield Found(answer.text.encode())

    def orders(self, since: date, until: date) -> Pull:
        return self.products()

    def order(self, event: BookedEvent) -> Pull | None:
        return self.products()

    def trouble(self, answer: Answer) -> PullError | None:
        return None


async def test_what_is_not_http_is_no_usable_answer() -> None:
    async with answering(b"SSH-2.0-OpenSSH_9.2\r\n") as url:
        with pytest.raises(PullLater, match=r"no answer from 127\.0\.0\.1: ClientResponseError"):
            await ask(Asking(url))


async def test_an_answer_that_only_trickles_is_none() -> None:
    async with trickling() as url:
        with pytest.raises(PullLater, match="TimeoutError"):
            await ask(Asking(url), longest=timedelta(milliseconds=200))


async def ask(asking: Asking, longest: timedelta = LONGEST) -> bytes:
    async with Fetcher(asking, pauses=(), longest=longest) as fetcher:
        found = [each.body async for each in fetcher.run(asking.products())]
    return found[0]
