"""A browser for the whole session, and a relay for each test, in one event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from redis.asyncio import Redis

from tests.browser import chromium
from tests.support import House, RedisProcess

WITHOUT = "no Chromium here, so no page was tried in a browser; `make browser` installs it"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
            if chromium.path() is None:
                item.add_marker(pytest.mark.skip(reason=WITHOUT))


@pytest.fixture(scope="session", autouse=True)
def patience() -> Iterator[None]:
    expect.set_options(timeout=15_000)
    yield
    expect.set_options(timeout=5_000)


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium.launched() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="session")
async def house(redis_process: RedisProcess, tmp_path: Path) -> AsyncIterator[House]:
    client = Redis.from_url(redis_process.url)
    await client.flushall()
    async with House.built(redis_process.url, tmp_path) as house:
        yield house
    await client.aclose()


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser, house: House) -> AsyncIterator[Page]:
    """A page at the running relay. What breaks in its script, or is refused by its policy, fails the test."""
    origin = await house.serve()
    context = await browser.new_context(base_url=origin, viewport={"width": 1280, "height": 900})
    page = await context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if "Security Policy" in line.text else None)
    yield page
    await context.close()
    assert complaints == []
