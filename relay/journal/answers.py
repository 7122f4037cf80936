"""Redis's answers, and its errors as JournalAway."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from redis.exceptions import RedisError

from relay.errors import JournalAway


@contextmanager
def away() -> Iterator[None]:
    """Redis's errors as JournalAway."""
    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        raise JournalAway(f"Redis: {error}") from error


async def ask(answer: Any) -> Any:
    """What Redis answers."""
    with away():
        return await cast("asyncio.Future[Any]", answer)


def text(fields: Mapping[bytes, bytes]) -> dict[str, str]:
    """A hash."""
    return {key.decode(): value.decode() for key, value in fields.items()}
