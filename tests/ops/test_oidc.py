"""Signing in with a provider, at a real one over HTTP: who gets in, who does not, and what each is told."""

from __future__ import annotations

import html
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from starlette.responses import PlainTextResponse

from relay.ops.access.access import COOKIE
from relay.ops.access.oidc.provider import BACK
from relay.ops.access.sessions import BEGUN, Signer
from tests.ops.browsing import PASSWORD, SECRET, opened, sign_in, token_in
from tests.ops.provider import CLIENT_SECRET, Idp, said_of, unsigned
from tests.servers import free_port
from tests.support import House

WAY = "/ops/sign-in/oidc"


@pytest.fixture
async def idp() -> AsyncIterator[Idp]:
    async with Idp.serving() as idp:
        yield idp


@pytest.fixture
async def without(house: House, browser: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """Another browser, which follows nothing by itself."""
    async with httpx.AsyncClient(timeout=10) as other:
        yield other


async def at(house: House, browser: httpx.AsyncClient, idp: Idp, *, env: Any = None, **oidc: Any) -> None:
    """A relay whose people sign in there."""
    house.raw["ops"] = {"oidc": said_of(idp, **oidc)}
    port = free_port()
    await opened(house, browser, port=port, public_url=f"http://127.0.0.1:{port}", **(env or {}))


async def go(browser: httpx.AsyncClient, wanted: str = "") -> httpx.Response:
    """Through the provider, who asks nothing, and to wherever that leads."""
    return await browser.get(WAY, params={"next": wanted} if wanted else {})


async def is_in(browser: httpx.AsyncClient) -> bool:
    return (await browser.get("/ops/")).url.path == "/ops/"


async def back_url(browser: httpx.AsyncClient) -> str:
    """Where the provider would lead back to: the browser has set out, and stopped before coming back."""
    away = await browser.get(WAY, follow_redirects=False)
    back = await browser.get(away.headers["location"], follow_redirects=False)
    return str(back.headers["location"])


async def acts(house: House) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await house.api("GET", "/activity")).json()["acts"]
    return found


def said(page: httpx.Response) -> str:
    return html.unescape(page.text)


# Who gets in --------------------------------------------------------------------------------------------


async def test_a_stranger_is_led_to_the_provider_and_back_to_the_page_they_wanted(
    house: House, browser: httpx.AsyncClient, idp: Idp
) -> None:
    await at(house, browser, idp)
    asked = await browser.get("/ops/relays?filter=status:dead")
    assert asked.url.path == "/ops/sign-in"
    assert "Sign in with Acme" in asked.text
    assert 'type="password"' not in asked.text, "nobody has one"
    link = html.unescape(asked.text.split('class="button main" href="')[1].split('"')[0])
    page = await browser.get(link)
    assert (page.status_code, page.url.path, page.url.query) == (200, "/ops/relays", b"filter=status:dead")
    assert "anna of Acme" in page.text
    assert "(operator)" in page.text
    sent = idp.sent_to[0]
    assert sent["redirect_uri"] == f"{str(browser.base_url).rstrip('/')}{BACK}"
    assert sent["scope"] == "openid profile email"
    assert sent["realm"] == "1", "a query of the endpoint's own stays"
    assert len({sent["state"], sent["nonce"], sent["code_challenge"]}) == 3
    entry = (await acts(house))[0]
    assert (entry["by"], entry["what"]) == ("anna of Acme", "signed in")
    assert entry["detail"] == "as operator; subject 248289761001"


async def test_who_signed_in_so_acts_under_that_name(
    house: House, browser: httpx.AsyncClient, idp: Idp
) -> None:
    await at(house, browser, idp)
    await go(browser)
    relay = (await house.post(error="unmappable", field="orderId")).id
    token = token_in(await browser.get(f"/ops/relays/{relay}"))
    await browser.post(f"/ops/relays/{relay}/discard", data={"token": token})
    await house.until(relay, "discarded")
    assert [(act["by"], act["on"]) for act in await acts(house) if act["what"] == "discarded"] == [
        ("anna of Acme", relay)
    ]


# Who does not -------------------------------------------------------------------------------------------


async def test_a_token_that_cannot_be_taken_opens_nothing_and_the_page_says_why(
    house: House, browser: httpx.AsyncClient, idp: Idp
) -> None:
    await at(house, browser, idp)
    idp.token = unsigned
    page = await go(browser)
    assert (page.status_code, page.url.path) == (502, BACK)
    assert "its ID token is not signed in a way that is taken" in said(page)
    assert "Whoever runs this relay has to look at it" in said(page)
    assert not await is_in(browser)


async def test_a_code_with_another_state_opens_nothing(
    house: House, browser: httpx.AsyncClient, idp: Idp
) -> None:
    await at(house, browser, idp)
    url = httpx.URL(await back_url(browser))
    for state in ("", "0" * 64, "é"):
        page = await browser.get(url.copy_set_param("state", state))
        assert page.status_code == 400
        assert "Begin again" in said(page)
        await back_url(browser)
    assert "/token" not in idp.asked, "the provider is not even asked"
    assert not await is_in(browser)


async def test_a_code_that_somebody_elses_browser_was_given_opens_nothing(
    house: House, browser: httpx.AsyncClient, without: httpx.AsyncClient, idp: Idp
) -> None:
    await at(house, browser, idp)
    url = await back_url(browser)
    page = await without.get(url)
    assert page.status_code == 400
    assert COOKIE not in without.cookies
    without.base_url = browser.base_url
    await back_url(without)
    assert (await without.get(url)).status_code == 400, "nor with a cookie of its own"


async def test_the_way_back_is_gone_once_even_by_a_copy_at_another_web_process(
    house: House, browser: httpx.AsyncClient, without: httpx.AsyncClient, idp: Idp
) -> None:
    await at(house, browser, idp)
    url = httpx.URL(await back_url(browser))
    beside = httpx.URL(await house.serve())
    held = {"cookie": f"relay_begun={browser.cookies['relay_begun']}"}
    assert (await browser.get(url)).url.path == "/ops/"
    for place in (url, url.copy_with(port=beside.port)):
        idp.asked.clear()
        page = await without.get(place, headers=held)
        assert (page.status_code, idp.asked) == (400, [])
        assert "is over already" in said(page)


async def test_who_takes_too_long_begins_again(house: House, browser: httpx.AsyncClient, idp: Idp) -> None:
    await at(house, browser, idp)
    for age, status in ((BEGUN - timedelta(seconds=30), 502), (BEGUN + timedelta(seconds=30), 400)):
        signer = Signer(SECRET, lambda age=age: time.time() - age.total_seconds())  # type: ignore[misc]
        cookie, begun = signer.begin("/ops/")
        query = {"code": "none", "state": begun.state, "iss": idp.url}
        page = await browser.get(BACK, params=query, headers={"cookie": f"relay_begun={cookie}"})
        assert page.status_code == status


async def test_who_declines_at_the_provider_is_told_so_in_its_word_and_in_no_other(
    house: House, browser: httpx.AsyncClient, idp: Idp
) -> None:
    await at(house, browser, idp)
    for word, told in (("access_denied", "access_denied"), ("<b>pay me</b>", "no reason given")):
        state = httpx.URL(await back_url(browser)).params["state"]
        page = await browser.get(BACK, params={"error": word, "state": state, "error_description": "pay me"})
        assert page.status_code == 403
        assert f"Acme did not let you in: {told}." in said(page)
        assert "pay me" not in page.text


async def test_who_has_no_role_is_told_what_to_ask_for_and_can_be_somebody_else(
    house: House, browser: httpx.AsyncClient, idp: Idp
) -> None:
    await at(house, browser, idp)
    idp.person |= {"groups": ["guests", "<script>"], "email": "anna@example.com"}
    for _ in range(2):
        page = await go(browser)
        assert page.status_code == 403
    for words in ("You have no role here yet", "anna of Acme", "[ops.oidc]", "guests", "email_verified"):
        assert words in page.text
    assert "<script>" not in page.text
    assert not await is_in(browser)
    refused = [act for act in await acts(house) if act["what"] == "was refused"]
    assert [act["by"] for act in refused] == ["a stranger"], "once, and without a name"
    await browser.get(WAY, params={"another": 1})
    assert [asked.get("prompt") for asked in idp.sent_to] == [None, None, "select_account"]


async def test_a_wrong_client_secret_is_told_as_such_and_not_shown(
    house: House, browser: httpx.AsyncClient, idp: Idp, capsys: pytest.CaptureFixture[str]
) -> None:
    await at(house, browser, idp, client_secret="a wrong secret")
    page = await go(browser)
    assert "are `client_id` and `client_secret` right?" in said(page)
    assert "a wrong secret" not in page.text + "".join(capsys.readouterr())


# The provider in trouble --------------------------------------------------------------------------------


async def test_while_the_provider_is_away_a_password_opens_all_the_same(
    house: House, browser: httpx.AsyncClient, idp: Idp, users: Path
) -> None:
    await at(house, browser, idp, env={"users_file": users})
    idp.answers["/.well-known/openid-configuration"] = lambda: PlainTextResponse("busy", 503)
    page = await go(browser, "/ops/issues")
    assert page.status_code == 503
    assert "Acme cannot be reached now" in page.text
    assert 'value="/ops/issues"' in page.text
    assert (await sign_in(browser, "admin")).url.path == "/ops/"
    browser.cookies.clear()
    idp.answers.clear()
    assert (await go(browser)).url.path == "/ops/", "and it is asked again"


async def test_no_token_code_or_address_is_in_the_log(
    house: House, browser: httpx.AsyncClient, idp: Idp, capsys: pytest.CaptureFixture[str]
) -> None:
    await at(house, browser, idp, emails={"anna@example.com": "operator"}, name_claim="email")
    idp.person |= {"email": "anna@example.com", "email_verified": True}
    secrets: list[str] = []
    idp.token = lambda token: secrets.append(token) or token  # type: ignore[func-returns-value]
    url = httpx.URL(await back_url(browser))
    assert "anna@example.com of Acme" in (await browser.get(url)).text
    idp.token = lambda token: secrets.append(token) or token[:-9]  # type: ignore[func-returns-value]
    browser.cookies.clear()
    await go(browser)
    logged = "".join(capsys.readouterr())
    assert "pages.sign_in" in logged
    assert "oidc.refused" in logged
    for secret in (*secrets, url.params["code"], url.params["state"], CLIENT_SECRET, "anna@example.com"):
        assert secret not in logged


# Where it leads, and how it ends ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "//evil.example",
        "/in/shop/x",
        "/ops/../in",
        "/ops/%2e%2e/in",
        "/ops/\\x",
        "/ops/sign-in/oidc?another=1",
    ],
)
async def test_the_way_back_leads_to_no_other_place(
    house: House, browser: httpx.AsyncClient, idp: Idp, wanted: str
) -> None:
    await at(house, browser, idp)
    page = await go(browser, wanted)
    assert str(page.url) == f"{str(browser.base_url).rstrip('/')}/ops/"
    again = await browser.get(WAY, params={"next": wanted}, follow_redirects=False)
    assert again.headers["location"] == "/ops/", "and not for one who is in already"


async def test_the_cookies_are_for_these_pages_alone(
    house: House, browser: httpx.AsyncClient, idp: Idp
) -> None:
    await at(house, browser, idp, env={"trusted_proxies": (ip_network("127.0.0.1"),)})
    browser.headers["x-forwarded-proto"] = "https"
    away = await browser.get(WAY, follow_redirects=False)
    begun = away.headers["set-cookie"].lower()
    for word in ("relay_begun=", "httponly", "samesite=lax", "secure", f"path={WAY}", "max-age=600"):
        assert word in begun
    back = await browser.get(away.headers["location"], follow_redirects=False)
    value = away.headers["set-cookie"].split(";")[0]
    landed = await browser.get(back.headers["location"], headers={"cookie": value}, follow_redirects=False)
    given, gone = sorted(cookie.lower() for cookie in landed.headers.get_list("set-cookie"))[::-1]
    for word in ("relay_session=", "httponly", "samesite=lax", "secure", "path=/ops"):
        assert word in given
    assert gone.startswith('relay_begun=""')
    assert landed.headers["cache-control"] == "no-store"


async def test_without_a_password_this_machine_is_no_exception(
    house: House, browser: httpx.AsyncClient, idp: Idp
) -> None:
    await at(house, browser, idp)
    assert not await is_in(browser)
    form = {"password": "", "token": Signer(SECRET).form_token("nobody yet")}
    answer = await browser.post("/ops/sign-in", data=form)
    assert answer.url.path == "/ops/sign-in"


async def test_people_who_have_no_password_are_shown_no_field_for_one(
    house: House, browser: httpx.AsyncClient, idp: Idp, tmp_path: Path
) -> None:
    file = tmp_path / "users"
    file.write_text("ben:viewer:-")
    await at(house, browser, idp, env={"users_file": file})
    page = await browser.get("/ops/sign-in")
    assert "Sign in with Acme" in page.text
    assert 'type="password"' not in page.text


async def test_signing_out_leads_to_where_one_signs_out_of_the_provider(
    house: House, browser: httpx.AsyncClient, without: httpx.AsyncClient, idp: Idp
) -> None:
    await at(house, browser, idp)
    page = await go(browser)
    without.cookies = httpx.Cookies(browser.cookies)
    without.base_url = browser.base_url
    assert (await without.get("/ops/")).status_code == 200
    left = await browser.post("/ops/sign-out", data={"token": token_in(page)})
    assert "You are signed out here." in left.text
    link = html.unescape(left.text.split('still know you: <a href="')[1].split('"')[0])
    asked = httpx.URL(link)
    assert str(asked).startswith(f"{idp.url}/logout?")
    assert asked.params["post_logout_redirect_uri"] == f"{str(browser.base_url).rstrip('/')}/ops/sign-in"
    assert not await is_in(browser)
    assert (await without.get("/ops/")).status_code == 303


async def test_after_a_while_the_provider_is_asked_again_however_much_was_looked_at(
    house: House, browser: httpx.AsyncClient, idp: Idp
) -> None:
    await at(house, browser, idp, session="1h")
    await go(browser)
    found = Signer(SECRET).read_session(browser.cookies[COOKIE])
    assert found is not None
    for minutes, lasts in ((50, True), (70, False)):
        began = int(time.time()) - minutes * 60
        aged = type(found)(found.name, found.stamp, found.mark, began, found.role)
        cookie = Signer(SECRET).renewed(aged)
        page = await browser.get("/ops/", headers={"cookie": f"{COOKIE}={cookie}"}, follow_redirects=False)
        assert (page.status_code == 200) is lasts


@pytest.mark.parametrize(
    "changed",
    [{"roles": {"staff": "viewer"}}, {"roles": {}}, {"client_id": "another"}, None],
    ids=["another role", "no role", "another client", "no provider"],
)
async def test_changed_settings_end_the_sessions_that_the_former_opened(
    house: House, browser: httpx.AsyncClient, idp: Idp, changed: dict[str, Any] | None
) -> None:
    await at(house, browser, idp)
    await go(browser)
    cookie = browser.cookies[COOKIE]
    await house.stop()
    await at(house, browser, idp)
    browser.cookies.clear()
    held = {"cookie": f"{COOKIE}={cookie}"}
    assert (await browser.get("/ops/", headers=held, follow_redirects=False)).status_code == 200
    await house.stop()
    await at(house, browser, idp, env={"ops_password": SecretStr(PASSWORD)}, **(changed or {}))
    if changed is None:
        await house.stop()
        del house.raw["ops"]
        await opened(house, browser, ops_password=SecretStr(PASSWORD))
    assert (await browser.get("/ops/", headers=held, follow_redirects=False)).status_code == 303


async def test_a_name_at_the_provider_is_nobodys_of_the_users_file(
    house: House, browser: httpx.AsyncClient, idp: Idp, users: Path
) -> None:
    await at(house, browser, idp, env={"users_file": users}, roles={"staff": "viewer"})
    idp.person["preferred_username"] = "admin"
    page = await go(browser)
    assert "admin of Acme" in page.text
    assert "(viewer)" in page.text
