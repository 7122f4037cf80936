"""Who may look and act at /ops/: over HTTP, as browsers, strangers and proxies ask."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from ipaddress import ip_network
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.responses import Response

from relay import settings
from relay.errors import SettingsError
from relay.ops.access import Access, People, Role, Visitor
from relay.ops.access.access import LOCAL
from relay.ops.access.people import Person
from relay.ops.access.sessions import Signer
from relay.ops.pages.doors import Guard, act, look
from relay.ops.pages.shell import Shell, Visit
from tests.ops.browsing import PASSWORD, SECRET, opened, sign_in, token_in
from tests.support import House, placed


async def test_without_a_password_only_this_machine_may_look(
    house: House, browser: httpx.AsyncClient
) -> None:
    await opened(house, browser)
    assert (await browser.get("/ops/")).status_code == 200
    for headers in ({"host": "relay.example"}, {"x-forwarded-for": "203.0.113.7"}, {"via": "1.1 proxy"}):
        answer = await browser.get("/ops/", headers=headers)
        assert answer.status_code == 403
        assert "RELAY_OPS_PASSWORD" in answer.text


async def test_with_a_password_a_stranger_is_led_to_the_sign_in_and_back(
    house: House, browser: httpx.AsyncClient
) -> None:
    await opened(house, browser, ops_password=SecretStr(PASSWORD))
    asked = await browser.get("/ops/relays?filter=status:dead")
    assert asked.url.path == "/ops/sign-in"
    assert 'name="next" value="/ops/relays?filter=status:dead"' in asked.text
    form = {"password": PASSWORD, "token": token_in(asked), "next": "/ops/relays?filter=status:dead"}
    signed = await browser.post("/ops/sign-in", data=form)
    assert (signed.status_code, str(signed.url.path), signed.url.query) == (
        200,
        "/ops/relays",
        b"filter=status:dead",
    )


async def test_a_wrong_password_opens_nothing(house: House, browser: httpx.AsyncClient) -> None:
    await opened(house, browser, ops_password=SecretStr(PASSWORD))
    answer = await sign_in(browser, password="wrong")
    assert answer.status_code == 401
    assert "The password is wrong." in answer.text
    assert (await browser.get("/ops/")).url.path == "/ops/sign-in"


async def test_the_session_cookie_is_for_these_pages_alone(house: House, browser: httpx.AsyncClient) -> None:
    await opened(house, browser, ops_password=SecretStr(PASSWORD), public_url="https://relay.example")
    form = token_in(await browser.get("/ops/sign-in"))
    answer = await browser.post(
        "/ops/sign-in", data={"password": PASSWORD, "token": form}, follow_redirects=False
    )
    cookie = answer.headers["set-cookie"].lower()
    for word in ("relay_session=", "httponly", "samesite=lax", "secure", "path=/ops"):
        assert word in cookie


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example", "/in/shop/x", "/ops/../in", "/ops/\\x"]
)
async def test_the_sign_in_leads_to_no_other_place(
    house: House, browser: httpx.AsyncClient, wanted: str
) -> None:
    await opened(house, browser, ops_password=SecretStr(PASSWORD))
    form = {"password": PASSWORD, "token": token_in(await browser.get("/ops/sign-in")), "next": wanted}
    answer = await browser.post("/ops/sign-in", data=form, follow_redirects=False)
    assert answer.headers["location"] == "/ops/"


async def test_every_page_forbids_inline_script_and_strangers_frames(
    house: House, browser: httpx.AsyncClient
) -> None:
    await opened(house, browser, ops_password=SecretStr(PASSWORD))
    for path in ("/ops/sign-in", "/ops/", "/ops/relays", "/ops/relays/none"):
        policy = (await browser.get(path)).headers["content-security-policy"]
        assert "unsafe-inline" not in policy
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        await sign_in(browser)


async def test_a_form_from_another_origin_does_nothing(house: House, browser: httpx.AsyncClient) -> None:
    await opened(house, browser)
    relay, token = await dead(house, browser)
    for said in (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ):
        answer = await browser.post(f"/ops/relays/{relay}/discard", data={"token": token}, headers=said)
        assert answer.status_code == 403
        assert "nothing was done" in answer.text
    await house.until(relay, "dead")


@pytest.mark.parametrize("token", ["", "0" * 64, "é"])
async def test_a_form_without_its_token_does_nothing(
    house: House, browser: httpx.AsyncClient, token: str
) -> None:
    await opened(house, browser)
    relay, _ = await dead(house, browser)
    answer = await browser.post(f"/ops/relays/{relay}/discard", data={"token": token})
    assert answer.status_code == 403
    await house.until(relay, "dead")


async def test_a_viewer_looks_and_does_not_act(house: House, browser: httpx.AsyncClient, users: Path) -> None:
    await opened(house, browser, users_file=users)
    await sign_in(browser, "viewer")
    relay, token = await dead(house, browser)
    page = await browser.get(f"/ops/relays/{relay}")
    assert "Discard" not in page.text
    answer = await browser.post(f"/ops/relays/{relay}/discard", data={"token": token})
    assert answer.status_code == 403
    assert "Your role is viewer; this takes operator." in answer.text
    await house.until(relay, "dead")


async def test_an_operator_acts(house: House, browser: httpx.AsyncClient, users: Path) -> None:
    await opened(house, browser, users_file=users)
    await sign_in(browser, "operator")
    relay, token = await dead(house, browser)
    answer = await browser.post(f"/ops/relays/{relay}/discard", data={"token": token})
    assert (answer.status_code, answer.url.path) == (200, f"/ops/relays/{relay}")
    await house.until(relay, "discarded")


async def test_a_proxy_of_ours_may_name_the_visitor_and_nobody_else(
    house: House, browser: httpx.AsyncClient, users: Path
) -> None:
    named = {"x-user": "operator"}
    trusted = (ip_network("127.0.0.0/8"),)
    await opened(house, browser, users_file=users, proxy_user_header="X-User", trusted_proxies=trusted)
    page = await browser.get("/ops/", headers=named)
    assert page.url.path == "/ops/"
    assert "(operator)" not in page.text  # the name is the role's, and said once
    assert "operator" in page.text
    stranger = await browser.get("/ops/", headers={"x-user": "someone"})
    assert "someone" in stranger.text
    assert "(viewer)" in stranger.text
    await house.stop()
    elsewhere = (ip_network("10.0.0.0/8"),)
    await opened(house, browser, users_file=users, proxy_user_header="X-User", trusted_proxies=elsewhere)
    assert (await browser.get("/ops/", headers=named)).url.path == "/ops/sign-in"


async def test_a_script_in_a_name_is_shown_as_text(house: House, browser: httpx.AsyncClient) -> None:
    await opened(house, browser)
    nasty = "<script>alert(1)</script>"
    answer = await house.post(ignored=f"a note of {nasty}", order=nasty)
    sale = await house.post(placed(nasty, customer={"email": "jo@example.com", "first_name": nasty}))
    for path in (
        "/ops/relays",
        f"/ops/relays/{answer.id}",
        f"/ops/relays/{sale.id}",
        f"/ops/relays?filter={nasty}",
    ):
        page = await browser.get(path)
        assert "&lt;script&gt;" in page.text
        assert "<script>" not in page.text


async def dead(house: House, browser: httpx.AsyncClient) -> tuple[str, str]:
    """A relay that is dead, and the token of a form of ours."""
    relay = (await house.post(error="unmappable", field="orderId")).id
    page = await browser.get("/ops/")
    found = re.search(r'name="token" value="(\w+)"', page.text)
    return relay, found[1] if found else token_in(await browser.get(f"/ops/relays/{relay}"))


async def test_while_redis_hangs_one_can_sign_in_and_is_told_of_it(
    house: House, browser: httpx.AsyncClient
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hanging = SecretStr(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        await opened(house, browser, ops_password=SecretStr(PASSWORD), redis_url=hanging)
        browser.follow_redirects = False
        assert (await sign_in(browser)).headers["location"] == "/ops/"
        await house.stop()


async def test_a_page_that_nobody_answers_is_told_as_away_and_an_act_as_not_known() -> None:
    async def hang(visit: Visit) -> Response:
        return await asyncio.Future()

    access = Access(SECRET)
    guard = Guard(access, Shell(access), patience=0.05)
    app = Starlette(routes=[guard.route(look("/ops/looked", hang)), guard.route(act("/ops/done", hang))])
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
    headers = {"sec-fetch-site": "same-origin"}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        seen = await client.get("/ops/looked")
        token = access.form_token(Visitor(LOCAL, Role.ADMIN, "local"))
        done = await client.post("/ops/done", data={"token": token})
    assert (seen.status_code, done.status_code) == (503, 503)
    assert "Redis cannot answer now" in seen.text
    assert "Whether this was done is not known." in done.text


# The parts by themselves --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"RELAY_PROXY_USER_HEADER": "X-User"}, "needs RELAY_TRUSTED_PROXIES"),
        ({"RELAY_TRUSTED_PROXIES": "the office"}, "expected addresses or networks"),
        ({"RELAY_SECRET_KEY": "too short"}, "expected 32 characters or more"),
    ],
)
def test_a_setting_that_would_open_the_pages_by_mistake_stops_the_start(
    variables: dict[str, str], said: str
) -> None:
    with pytest.raises(SettingsError, match=said) as error:
        settings.environment(variables)
    assert "too short" not in str(error.value)


def test_a_wrong_line_in_the_users_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "users"
    for text, said in (
        ("anna:operator", "expected NAME:ROLE:HASH"),
        ("anna:boss:$argon2id$x", "the role is 'boss'"),
        ("anna:admin:hunter2", "expected an argon2 hash"),
        ("anna:admin:-\nanna:viewer:-", "line 2: anna is listed twice"),
        ("# nobody", "lists nobody"),
    ):
        file.write_text(text)
        with pytest.raises(SettingsError, match=re.escape(said)) as error:
            People(file)
        assert "hunter2" not in str(error.value)


def test_a_users_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "users"
    file.write_text("\ufeffanna:admin:-\n", "utf-8")
    assert People(file).find("anna") is not None


def test_a_users_file_that_breaks_later_keeps_who_was_listed(users: Path) -> None:
    people = People(users)
    users.write_text("nonsense")
    os.utime(users, ns=(1, 1))
    assert people.find("viewer") is not None


def test_a_person_without_a_password_cannot_sign_in(tmp_path: Path) -> None:
    file = tmp_path / "users"
    file.write_text("anna:operator:-")
    people = People(file)
    assert people.find("anna") is not None
    assert people.verified("anna", "-") is None
    assert people.verified("anna", "") is None


def test_a_cookie_is_good_for_its_own_key_and_use_only() -> None:
    signer, other = Signer(SECRET), Signer(SECRET.upper())
    person = Person("anna", Role.OPERATOR, "x")
    cookie = signer.session(person)
    assert signer.read_session(cookie) is not None
    assert other.read_session(cookie) is None
    assert signer.read_session(signer.note(["anna", signer.stamp(person), "mark"])) is None
    assert signer.read_note(cookie) is None


@pytest.mark.parametrize(
    "path", ["/ops/isues", "/ops/issues/none/try", "/ops/relays/none/retry", "/ops/a/b/c"]
)
async def test_an_address_without_a_page_leads_back_to_the_pages(
    house: House, browser: httpx.AsyncClient, path: str
) -> None:
    await opened(house, browser)
    answer = await browser.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert 'href="/ops/"' in answer.text
    assert (await browser.get("/ops/issues/")).url.path == "/ops/issues"


async def test_who_comes_back_to_what_was_revealed_finds_it_masked(
    house: House, browser: httpx.AsyncClient
) -> None:
    await opened(house, browser)
    answer = await house.post(placed())
    relay = f"/ops/relays/{answer.id}"
    masked = await browser.get(relay)
    assert "data-refresh" in masked.text
    revealed = await browser.post(f"{relay}/reveal", data={"token": token_in(masked)})
    assert "jo@example.com" in revealed.text
    assert "data-refresh" not in revealed.text, "it would be asked for again, and so masked"
    again = await browser.get(str(revealed.url))
    assert (again.url.path, "jo@example.com" in again.text) == (relay, False)
    source = await browser.get("/ops/sources/shop/reveal")
    assert (source.status_code, source.url.path) == (200, "/ops/sources")
