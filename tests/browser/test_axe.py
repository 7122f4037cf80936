"""Every page, in both themes and on a phone: nothing for axe to find, and nothing to scroll sideways for."""

from __future__ import annotations

import asyncio
from itertools import chain
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, ViewportSize
from pydantic import SecretStr

from tests.browser.busy import make_busy
from tests.browser.odd import make_odd
from tests.browser.shots import PAGES
from tests.support import House

DESK: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
SCRIPTS = Axe().axe_script + Path(__file__).with_name("faults.js").read_text()
OPEN_ALL = "document.querySelectorAll('details').forEach((closed) => { closed.open = true; })"
TABS = 2
ODD = ("relay-long", "relay-edited", "relay-behind", "relay-discarded", "edit-long", "relays-odd")
"""Of what is seldom seen, that which looks unlike the rest."""


async def faults(page: Page, path: str) -> list[str]:
    """Of one page, loaded once: by day, by night, and on a phone."""
    await page.set_viewport_size(DESK)
    await page.emulate_media(color_scheme="light")
    await page.goto(path)
    await page.evaluate(OPEN_ALL)
    await page.evaluate(SCRIPTS)
    found = await page.evaluate(
        "faults.axe().then((found) => [...found, ...faults.pale(), ...faults.wide()])"
    )
    await page.emulate_media(color_scheme="dark")
    found += await page.evaluate("faults.pale()")
    await page.set_viewport_size(PHONE)
    found += await page.evaluate("[...faults.small(), ...faults.wide()]")
    return [f"{path} {fault}" for fault in found]


async def in_every_look(browser: Browser, origin: str, paths: list[str]) -> str:
    waiting = list(paths)

    async def tab() -> list[str]:
        found: list[str] = []
        async with await browser.new_context(base_url=origin) as context:
            page = await context.new_page()
            while waiting:
                found += await faults(page, waiting.pop())
        return found

    return "\n".join(chain.from_iterable(await asyncio.gather(*(tab() for _ in range(TABS)))))


async def test_empty_pages(house: House, browser: Browser) -> None:
    assert await in_every_look(browser, await house.serve(), list(PAGES.values())) == ""


async def test_busy_pages(house: House, browser: Browser) -> None:
    more, odd = await make_busy(house, delivered=3, held=5), await make_odd(house)
    paths = [*PAGES.values(), *more.values(), *(odd[name] for name in ODD)]
    assert await in_every_look(browser, str(house.http.base_url), paths) == ""


@pytest.mark.parametrize("signing_in", [True, False])
async def test_pages_while_redis_is_away(
    house: House, browser: Browser, tmp_path: Path, signing_in: bool
) -> None:
    house.env = house.env.model_copy(
        update={
            "redis_url": SecretStr(f"unix://{tmp_path}/nobody.sock"),
            "ops_password": SecretStr("correct horse") if signing_in else None,
        }
    )
    paths = ["/ops/sign-in"] if signing_in else list(PAGES.values())
    assert await in_every_look(browser, await house.serve(), paths) == ""
