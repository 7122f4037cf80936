"""Pictures of every page: empty, busy, with what is seldom seen, and with Redis away.

`python -m tests.browser.shots FOLDER [WORD ...]`; words choose among looks and pages.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser
from pydantic import SecretStr

from relay.embedded import EmbeddedRedis
from tests.browser import chromium
from tests.browser.busy import Shop, make_busy
from tests.browser.odd import make_odd
from tests.support import House

LOOKS = {
    "light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light", "device_scale_factor": 2},
    "phone-dark": {
        "viewport": {"width": 390, "height": 844},
        "color_scheme": "dark",
        "device_scale_factor": 2,
    },
}
PAGES = {
    "overview": "/ops/",
    "issues": "/ops/issues",
    "relays": "/ops/relays",
    "replays": "/ops/replays",
    "sources": "/ops/sources",
    "destinations": "/ops/destinations",
    "activity": "/ops/activity",
}


async def shoot(
    browser: Browser, origin: str, pages: dict[str, str], folder: Path, looks: Sequence[str]
) -> None:
    for look in looks:
        context = await browser.new_context(base_url=origin, **LOOKS[look])  # type: ignore[arg-type]
        page = await context.new_page()
        for name, path in pages.items():
            await page.goto(path)
            wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth")
            if wide:
                sys.stdout.write(f"{name} scrolls sideways in {look}\n")
            await page.screenshot(path=folder / f"{name}.{look}.png", full_page=True)
        await context.close()


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[tuple[House, EmbeddedRedis]]:
    redis = EmbeddedRedis(folder)
    await redis.start()
    try:
        async with House.built(redis.url, folder) as built:
            yield built, redis
    finally:
        await redis.stop()


async def main(out: Path, words: Sequence[str]) -> None:
    looks = [word for word in words if word in LOOKS] or list(LOOKS)
    chosen = {name: path for name, path in PAGES.items() if name in words} or PAGES
    async with chromium.launched() as browser:
        with tempfile.TemporaryDirectory() as name:
            async with house(Path(name)) as (built, redis):
                origin = await built.serve()
                if "empty" in words or "busy" not in words:
                    empty = {f"empty-{n}": p for n, p in chosen.items()}
                    await shoot(browser, origin, empty, out, looks)
                more = await make_busy(built)
                origin = str(built.http.base_url)
                await shoot(browser, origin, {**chosen, **more}, out, looks)
                odd = {f"odd-{n}": p for n, p in chosen.items()} | await make_odd(built)
                origin = str(built.http.base_url)
                await shoot(browser, origin, odd, out, looks)
                await redis.stop()
                [spooled, *_] = await Shop(built).sell(3)
                away = {f"away-{n}": p for n, p in chosen.items()}
                away["away-relay"] = f"/ops/relays/{spooled}"
                await shoot(browser, origin, away, out, looks)
                await built.stop()
                built.env = built.env.model_copy(update={"ops_password": SecretStr("correct horse")})
                await shoot(browser, await built.serve(), {"sign-in": "/ops/sign-in"}, out, looks)
                await redis.start()


if __name__ == "__main__":
    chosen_folder = Path(sys.argv[1])
    chosen_folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(chosen_folder, sys.argv[2:]))
