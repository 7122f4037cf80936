"""What is said of a setting that is wrong: its key, what was found, what was expected, and never a secret."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from relay import settings, wiring
from relay.errors import SettingsError

SECRET = "hunter2-hunter2"
FILE = """
[destinations.main]
api_key = "env:KEY"
{destination}
[sources.shop]
adapter = "checkoutchamp"
destination = "main"
{source}
"""


def refused(text: str) -> str:
    """What is said of a `relay.toml`."""
    with pytest.raises(SettingsError) as caught:
        wiring.sources(settings.parse(tomllib.loads(text), {"KEY": SECRET}))
    said = str(caught.value)
    assert SECRET not in said
    assert len(said.splitlines()) == 1
    return said


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("timeout = 15", "destinations.main.timeout is 15; expected a duration with its unit"),
        ("timeout = 'soon'", "destinations.main.timeout is 'soon'; 'soon' is not a duration such as 10s"),
        ("timeout = '99999999999d'", "destinations.main.timeout is '99999999999d'; '99999999999d' is longer"),
        ("timeout = '0s'", "destinations.main.timeout is '0s'; expected a duration longer than 0"),
        ("rate_per_minute = -1", "destinations.main.rate_per_minute is -1; expected 0 or more"),
        ("rate_per_minute = 'many'", "destinations.main.rate_per_minute is 'many'; expected a whole number"),
        ("retry_schedule = '10s 30s'", "destinations.main.retry_schedule is '10s 30s'; expected a list"),
        ("url = 'api.example.com'", "destinations.main.url is 'api.example.com'; expected a URL such as"),
        ("company_id = 'a b'", "destinations.main.company_id is 'a b'; expected an id without spaces"),
        ("urls = 'x'", "destinations.main.urls is not a setting; did you mean 'url'?"),
        (
            "lease = '1s'",
            "destinations.main: lease is 1s and timeout 15s; expected a lease of one and a half",
        ),
    ],
)
def test_of_a_destination(setting: str, says: str) -> None:
    assert says in refused(FILE.format(destination=setting, source="tokens = ['t']"))


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("currency = 'Dollar'", "sources.shop.currency is 'Dollar'"),
        ("deliver = 'perhaps'", "sources.shop.deliver is 'perhaps'; expected true or false"),
        (
            "upsell = 'hold'",
            "sources.shop.upsell is 'hold'; expected push_again, event, or hold and how long",
        ),
        ("quiet = 'seldom'", "sources.shop.quiet is 'seldom'; expected 'habit', 'never', or a duration"),
        ("quiet = '0s'", "sources.shop.quiet is '0s'; expected 'habit', 'never', or a duration"),
        ("chargeback = 'no'", "sources.shop.chargeback is 'no'; expected 'refunded', 'event' or 'ignore'"),
        ("options = 'none'", "sources.shop.options is 'none'; expected a table"),
        ("api = { user = 'hunter2-hunter2' }", "sources.shop.api.user is not a setting; known are "),
        ("signature = ['hunter2-hunter2']", "sources.shop.signature is a list; expected a table"),
        ("options = { pending = 'later' }", "sources.shop.options.pending is 'later'; expected 'placed' or"),
        ("options = { pendng = 'wait' }", "sources.shop.options.pendng is not a setting; did you mean 'pend"),
    ],
)
def test_of_a_source(setting: str, says: str) -> None:
    assert says in refused(FILE.format(destination="", source=f"tokens = ['t']\n{setting}"))


@pytest.mark.parametrize(
    ("tokens", "says"),
    [
        ("token = ['hunter2-hunter2']", "sources.shop.token is not a setting; did you mean 'tokens'?"),
        ("tokens = 'hunter2-hunter2'", "sources.shop.tokens is text; expected a list"),
        ("tokens = []", "sources.shop.tokens is empty; expected one or more"),
        ("tokens = ['']", "sources.shop.tokens.0: found nothing; expected a secret"),
        ("tokens = [7]", "sources.shop.tokens.0 is a number; expected text in quotes"),
        ("", "sources.shop.tokens is missing"),
    ],
)
def test_of_tokens(tokens: str, says: str) -> None:
    assert says in refused(FILE.format(destination="", source=tokens))


def test_of_a_table_under_another_name() -> None:
    text = FILE.format(destination="", source="tokens = ['t']").replace("[sources.", "[source.")
    assert "source is not a setting; did you mean 'sources'?" in refused(text)


def test_of_a_file_that_is_empty() -> None:
    assert "destinations is missing; expected a table for each, such as [destinations.main]" in refused("")


def test_of_a_key_that_is_empty() -> None:
    text = FILE.format(destination="", source="tokens = ['t']").replace("env:KEY", "")
    assert "destinations.main.api_key: found nothing; expected a secret" in refused(text)


@pytest.mark.parametrize(
    "url",
    [
        "http://host:port/api",
        "http://host:99999",
        "http://[::1/api",
        "http:///api",
        "http://..",
        "http://a b",
    ],
)
def test_of_a_url_that_nobody_can_call(url: str) -> None:
    said = refused(FILE.format(destination=f"url = '{url}'", source="tokens = ['t']"))
    assert f"destinations.main.url is {url!r}; expected a URL such as https://" in said


def test_of_a_url_with_a_login() -> None:
    said = refused(FILE.format(destination=f"url = 'https://me:{SECRET}@host/api'", source="tokens = ['t']"))
    assert "destinations.main.url: expected a URL such as https://" in said


@pytest.mark.parametrize(
    "url", ["http://[::1]:8080/api/v1", "https://b\u00fccher.example", "http://localhost:1"]
)
def test_a_url_that_can_be_called_is_taken(url: str) -> None:
    text = FILE.format(destination=f"url = '{url}'", source="tokens = ['t']")
    assert settings.parse(tomllib.loads(text), {"KEY": SECRET}).destinations["main"].url == url


@pytest.mark.parametrize("key", [f"{SECRET}\n", f" {SECRET}", f"{SECRET}\u2019", "two words"])
def test_of_a_key_that_fits_in_no_header(key: str) -> None:
    text = FILE.format(destination="", source="tokens = ['t']")
    with pytest.raises(SettingsError) as caught:
        settings.parse(tomllib.loads(text), {"KEY": key})
    said = str(caught.value)
    assert "destinations.main.api_key: found a space, a line break or a character that is not ASCII" in said
    assert SECRET not in said


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"RELAY_PORT": "80800"}, "RELAY_PORT is '80800'; expected 65535 or less"),
        ({"RELAY_LOG_LEVEL": "loud"}, "RELAY_LOG_LEVEL is 'loud'; expected 'debug', 'info'"),
        ({"RELAY_PUBLIC_URL": "shop.example"}, "RELAY_PUBLIC_URL is 'shop.example'; expected https:// and"),
        ({"RELAY_SECRET_KEY": SECRET}, "RELAY_SECRET_KEY: expected 32 characters or more"),
    ],
)
def test_of_the_environment(said: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings.environment(said)
    assert says in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{SECRET}\n", "utf-8-sig")
    text = FILE.format(destination="", source=f"tokens = ['file:{tmp_path / 'token'}']")
    (tmp_path / "relay.toml").write_text(text.strip(), "utf-8-sig")
    (token,) = settings.load(tmp_path / "relay.toml", {"KEY": SECRET}).sources["shop"].tokens
    assert token.get_secret_value() == SECRET


def test_a_day_is_midnight_in_utc() -> None:
    text = FILE.format(destination="", source="tokens = ['t']\nsince = 2026-03-01")
    assert settings.parse(tomllib.loads(text), {"KEY": SECRET}).sources["shop"].since == datetime(
        2026, 3, 1, tzinfo=UTC
    )
