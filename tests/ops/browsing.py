"""What a person does at /ops/, by a browser without a script."""

from __future__ import annotations

import re

import httpx
from pydantic import SecretStr

from tests.support import House

PASSWORD = "correct horse battery"
SECRET = "a secret of the tests, long enough"


async def opened(house: House, browser: httpx.AsyncClient, *, port: int = 0, **settings: object) -> None:
    house.env = house.env.model_copy(update={"secret_key": SecretStr(SECRET), **settings})
    browser.base_url = httpx.URL(await house.serve(port))
    browser.headers["origin"] = str(browser.base_url).rstrip("/")


async def sign_in(
    browser: httpx.AsyncClient, name: str = "admin", password: str = PASSWORD
) -> httpx.Response:
    form = token_in(await browser.get("/ops/sign-in"))
    return await browser.post("/ops/sign-in", data={"name": name, "password": password, "token": form})


def token_in(page: httpx.Response) -> str:
    found = re.search(r'name="token" value="(\w+)"', page.text)
    assert found, page.text
    return found[1]
