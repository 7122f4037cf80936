"""Signing in with a provider, in a browser: a link may lead to another site, and no script is needed."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect
from pydantic import SecretStr

from relay.ops.access.oidc.provider import BACK
from tests.browser.test_axe import in_every_look
from tests.ops.provider import Idp, said_of
from tests.servers import free_port
from tests.support import House


@pytest_asyncio.fixture(loop_scope="session")
async def idp() -> AsyncIterator[Idp]:
    async with Idp.serving() as idp:
        yield idp


async def serving(house: House, idp: Idp, password: str | None = None) -> str:
    port = free_port()
    house.raw["ops"] = {"oidc": said_of(idp)}
    house.env = house.env.model_copy(
        update={
            "public_url": f"http://127.0.0.1:{port}",
            "ops_password": SecretStr(password) if password else None,
        }
    )
    return await house.serve(port)


async def test_signing_in_and_out_needs_no_script(house: House, browser: Browser, idp: Idp) -> None:
    origin = await serving(house, idp)
    context = await browser.new_context(base_url=origin, java_script_enabled=False)
    page = await context.new_page()
    await page.goto("/ops/issues")
    await page.get_by_role("link", name="Sign in with Acme").click()
    await expect(page).to_have_url(f"{origin}/ops/issues")
    await expect(page.get_by_text("anna of Acme")).to_be_attached()
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_text("You are signed out here.")).to_be_visible()
    leave = page.get_by_role("link", name="sign out of Acme")
    assert str(await leave.get_attribute("href")).startswith(f"{idp.url}/logout?")
    await page.goto("/ops/")
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    await context.close()


@pytest.mark.parametrize("password", [None, "correct horse"])
async def test_what_people_see_on_the_way_is_for_everyone(
    house: House, browser: Browser, idp: Idp, password: str | None
) -> None:
    idp.person["groups"] = ["guests", "a-very-long-name-of-a-group-" * 6]
    origin = await serving(house, idp, password)
    paths = ["/ops/sign-in", "/ops/sign-in?left=1", "/ops/sign-in/oidc", BACK]
    assert await in_every_look(browser, origin, paths) == ""
