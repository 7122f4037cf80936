"""A started stand-in and a client of it."""

from collections.abc import AsyncIterator

import httpx
import pytest

from relay.testing.standin import Standin
from tests.testing.standin.support import client_of


@pytest.fixture
async def standin() -> AsyncIterator[Standin]:
    async with Standin.serve() as standin:
        yield standin


@pytest.fixture
async def client(standin: Standin) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(standin) as client:
        yield client
