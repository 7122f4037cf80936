"""How sessions end: by the visitor, by the operator, by themselves; and a cookie that was copied."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from relay.ops.access import People
from relay.ops.access.access import COOKIE
from relay.ops.access.people import line
from relay.ops.access.sessions import LONGEST, RENEWED, SESSION, Signer
from tests.ops.browsing import PASSWORD, SECRET, opened, sign_in, token_in
from tests.servers import Server
from tests.support import House


async def is_in(browser: httpx.AsyncClient) -> bool:
    return (await browser.get("/ops/")).url.path == "/ops/"


async def sign_out(browser: httpx.AsyncClient) -> httpx.Response:
    page = await browser.get("/ops/activity")
    return await browser.post("/ops/sign-out", data={"token": token_in(page)}, follow_redirects=False)


def copied(browser: httpx.AsyncClient, origin: str) -> httpx.AsyncClient:
    """Another browser with the same cookie."""
    return httpx.AsyncClient(
        base_url=origin, cookies={COOKIE: browser.cookies[COOKIE]}, follow_redirects=True, timeout=10
    )


def with_cookie_of(browser: httpx.AsyncClient, users: Path, name: str, *, age: timedelta) -> None:
    """As if signed in, and looked at last, that long ago."""
    person = People(users).find(name)
    assert person is not None
    signer = Signer(SECRET, lambda: time.time() - age.total_seconds())
    browser.cookies.set(COOKIE, signer.session(person), domain=browser.base_url.host, path="/ops")


async def test_signing_out_ends_the_session_at_every_web_process_for_every_copy_of_its_cookie(
    house: House, browser: httpx.AsyncClient, users: Path
) -> None:
    await opened(house, browser, users_file=users)
    beside = await house.serve()
    await sign_in(browser, "operator")
    async with copied(browser, str(browser.base_url)) as copy, copied(browser, beside) as elsewhere:
        assert await is_in(copy)
        assert await is_in(elsewhere)
        await sign_out(browser)
        assert not await is_in(browser)
        assert not await is_in(copy)
        assert not await is_in(elsewhere)


async def test_signing_out_ends_one_session_and_no_other_of_the_same_person(
    house: House, browser: httpx.AsyncClient, users: Path
) -> None:
    await opened(house, browser, users_file=users)
    await sign_in(browser, "operator")
    async with copied(browser, str(browser.base_url)) as other:
        other.headers["origin"] = browser.headers["origin"]
        other.cookies.clear()
        await sign_in(other, "operator")
        await sign_out(other)
        assert await is_in(browser)


async def test_a_session_that_would_be_renewed_is_signed_out_too(
    house: House, browser: httpx.AsyncClient, users: Path
) -> None:
    await opened(house, browser, users_file=users)
    with_cookie_of(browser, users, "operator", age=RENEWED + timedelta(minutes=5))
    async with copied(browser, str(browser.base_url)) as other:
        page = await other.get("/ops/activity")
        assert COOKIE in page.headers["set-cookie"], "looking at it renews it"
    form = {"token": token_in(page)}
    answer = await browser.post("/ops/sign-out", data=form, follow_redirects=False)
    assert [said.split("=")[1].split(";")[0] for said in answer.headers.get_list("set-cookie")] == ['""']
    assert not await is_in(browser)


async def test_signing_out_while_redis_is_away_ends_the_session_here(
    house: House, browser: httpx.AsyncClient, users: Path, tmp_path: Path
) -> None:
    async with Server(tmp_path / "redis") as redis:
        await opened(house, browser, users_file=users, redis_url=SecretStr(redis.url))
        await sign_in(browser, "operator")
        async with copied(browser, str(browser.base_url)) as copy:
            token = token_in(await browser.get("/ops/activity"))
            await redis.kill()
            answer = await browser.post("/ops/sign-out", data={"token": token}, follow_redirects=False)
            assert answer.headers["location"].startswith("/ops/sign-in")
            assert not await is_in(copy)
        await house.stop()


async def test_a_changed_role_a_changed_password_and_a_removal_end_the_sessions_of_that_person_alone(
    house: House, browser: httpx.AsyncClient, users: Path, lines: str
) -> None:
    await opened(house, browser, users_file=users)
    changes = (
        lines.replace("operator:operator:", "operator:viewer:"),
        lines.replace(lines.splitlines()[2], line("operator", "operator", "another one of hers")),  # type: ignore[arg-type]
        "\n".join(said for said in lines.splitlines() if not said.startswith("operator:")),
        "# nobody is left\n",
    )
    async with httpx.AsyncClient(base_url=browser.base_url, follow_redirects=True, timeout=10) as admin:
        admin.headers["origin"] = browser.headers["origin"]
        await sign_in(admin, "admin")
        for changed in changes:
            assert (await sign_in(browser, "operator")).url.path == "/ops/"
            users.write_text(changed)  # noqa: ASYNC240 - a short file
            assert not await is_in(browser), changed
            assert await is_in(admin) is ("admin:" in changed)
            browser.cookies.clear()
            users.write_text(lines)  # noqa: ASYNC240


async def test_an_act_of_somebody_whose_role_was_taken_is_not_done(
    house: House, browser: httpx.AsyncClient, users: Path, lines: str
) -> None:
    await opened(house, browser, users_file=users)
    await sign_in(browser, "operator")
    relay = (await house.post(error="unmappable", field="orderId")).id
    token = token_in(await browser.get(f"/ops/relays/{relay}"))
    users.write_text(lines.replace("operator:operator:", "operator:viewer:"))  # noqa: ASYNC240
    answer = await browser.post(f"/ops/relays/{relay}/discard", data={"token": token})
    assert answer.url.path == "/ops/sign-in"
    await house.until(relay, "dead")


async def test_another_password_ends_the_admins_sessions(house: House, browser: httpx.AsyncClient) -> None:
    await opened(house, browser, ops_password=SecretStr(PASSWORD))
    await sign_in(browser)
    assert await is_in(browser)
    await house.stop()
    await opened(house, browser, ops_password=SecretStr("another one"))
    assert not await is_in(browser)


async def test_a_rotated_secret_ends_every_session(
    house: House, browser: httpx.AsyncClient, users: Path
) -> None:
    await opened(house, browser, users_file=users)
    await sign_in(browser, "operator")
    assert await is_in(browser)
    await house.stop()
    await opened(house, browser, users_file=users, secret_key=SecretStr(SECRET[::-1]))
    assert not await is_in(browser)


async def test_a_restart_with_the_same_secret_ends_no_session(
    house: House, browser: httpx.AsyncClient, users: Path
) -> None:
    await opened(house, browser, users_file=users)
    await sign_in(browser, "operator")
    cookie = browser.cookies[COOKIE]
    await house.stop()
    await opened(house, browser, users_file=users)
    browser.cookies.set(COOKIE, cookie, domain=browser.base_url.host, path="/ops")
    assert await is_in(browser)


@pytest.mark.parametrize(
    ("age", "lasts"),
    [(SESSION - timedelta(minutes=1), True), (SESSION + timedelta(minutes=1), False)],
)
async def test_a_session_that_nobody_looks_at_ends_by_itself(
    house: House, browser: httpx.AsyncClient, users: Path, age: timedelta, lasts: bool
) -> None:
    await opened(house, browser, users_file=users)
    with_cookie_of(browser, users, "viewer", age=age)
    assert await is_in(browser) is lasts


def test_a_session_ends_one_day_however_often_it_is_looked_at(users: Path) -> None:
    now = time.time()
    signer = Signer(SECRET, lambda: now)
    person = People(users).find("viewer")
    assert person is not None
    cookie, looks = signer.session(person), 0
    while (session := signer.read_session(cookie)) and signer.lasts(session, LONGEST):
        now += SESSION.total_seconds() - 1
        cookie, looks = signer.renewed(session), looks + 1
        assert signer.read_session(cookie) is not None
    assert looks == LONGEST // SESSION + 1
