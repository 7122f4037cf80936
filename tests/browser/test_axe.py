"""Every page, in both themes and on a phone: nothing for axe to find, and nothing to scroll sideways for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page
from pydantic import SecretStr

from tests.browser.busy import make_busy
from tests.browser.shots import LOOKS, PAGES
from tests.support import House

Rules = dict[str, Any]

AXE = Axe()
EVERYTHING: Rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
COLOURS: Rules = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
FINGERS: Rules = {"runOnly": {"type": "rule", "values": ["target-size"]}}
LOOKED_FOR = {"light": EVERYTHING, "dark": COLOURS, "phone": FINGERS}
OPEN_ALL = "document.querySelectorAll('details').forEach((closed) => { closed.open = true; })"


async def faults(page: Page, path: str, rules: Rules) -> list[str]:
    await page.goto(path)
    await page.evaluate(OPEN_ALL)
    found: dict[str, Any] = (await AXE.run(page, options=rules)).response
    wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth")
    said = [f"{path}: {v['id']}: {[node['target'] for node in v['nodes']]}" for v in found["violations"]]
    return said + ([f"{path} scrolls sideways"] if wide else [])


async def in_every_look(browser: Browser, origin: str, paths: list[str]) -> str:
    found: list[str] = []
    for look, rules in LOOKED_FOR.items():
        context = await browser.new_context(base_url=origin, **LOOKS[look])  # type: ignore[arg-type]
        page = await context.new_page()
        for path in paths:
            found += await faults(page, path, rules)
        await context.close()
    return "\n".join(found)


async def test_empty_pages(house: House, browser: Browser) -> None:
    assert await in_every_look(browser, await house.serve(), list(PAGES.values())) == ""


async def test_busy_pages(house: House, browser: Browser) -> None:
    more = await make_busy(house, delivered=3, held=5)
    paths = [*PAGES.values(), *more.values()]
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
