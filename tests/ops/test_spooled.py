"""An id is good from the moment it is given (promise 2): also where the journal does not know it yet."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from relay.ops.finder import IN_SPOOL
from relay.receive.spool import Spool
from tests.ops.browsing import opened
from tests.recordings import recording
from tests.shell import Shell
from tests.support import House, placed

NOWHERE = "redis://127.0.0.1:1/0"
EMAIL = "jo@example.com"
UNKNOWN = "00000000000000000000"


@pytest.fixture
def away(house: House) -> House:
    """Its Redis is not there."""
    house.env = house.env.model_copy(update={"redis_url": SecretStr(NOWHERE)})
    return house


async def test_with_redis_away_a_relay_in_the_spool_is_shown_and_says_where_it_is(
    away: House, browser: httpx.AsyncClient
) -> None:
    await opened(away, browser)
    relay = (await away.post(placed())).id
    answer = await away.api("GET", f"/relays/{relay}")
    found = answer.json()
    assert (answer.status_code, found["status"], found["reason"]) == (200, "queued", IN_SPOOL)
    assert found["events"][0]["order_id"] == "A-1"
    page = await browser.get(f"/ops/relays/{relay}")
    assert page.status_code == 200
    assert IN_SPOOL in page.text.lower()
    assert EMAIL not in page.text
    assert (await browser.get(f"/ops/relays/{relay}/edit")).status_code == 200


async def test_with_redis_away_nobody_can_say_that_an_id_is_unknown(away: House) -> None:
    await away.serve()
    await away.post(placed())
    assert (await away.api("GET", f"/relays/{UNKNOWN}")).status_code == 503


async def test_what_will_be_dead_or_ignored_counts_as_queued_in_the_spool_and_says_what_it_becomes(
    away: House,
) -> None:
    await away.serve()
    relay = (await away.post(ignored="a test")).id
    found = (await away.api("GET", f"/relays/{relay}")).json()
    assert (found["status"], found["reason"]) == ("queued", f"{IN_SPOOL}; then ignored: a test")


async def test_what_is_not_drained_yet_is_found_and_cannot_be_acted_on_before_it_is_recorded(
    house: House, tmp_path: Path
) -> None:
    spool = Spool(tmp_path)
    with spool.sole() as ours:  # so that the web process cannot drain it yet
        assert ours
        await spool.put(recording())
        await house.serve()
        relay = (await house.post(placed())).id
        assert (await house.api("GET", f"/relays/{relay}")).json()["reason"] == IN_SPOOL
        for act in ("retry", "discard", "restore"):
            refused = await house.api("POST", f"/relays/{relay}/{act}")
            assert (refused.status_code, IN_SPOOL in refused.json()["detail"]) == (409, True)
        assert (await house.api("GET", f"/relays/{UNKNOWN}")).status_code == 404
    detail = await house.until(relay, "queued")
    assert detail.relay.reason == ""
    found = (await house.api("GET", f"/relays/{relay}")).json()
    assert (found["status"], found["reason"]) == ("queued", None)
    await spool.close()


async def test_the_command_says_where_it_is_and_shows_nobody_s_data_unless_that_can_be_written_down(
    away: House, tmp_path: Path
) -> None:
    await away.serve()
    relay = (await away.post(placed())).id
    shell = Shell(tmp_path, {"RELAY_REDIS_URL": NOWHERE, "RELAY_DATA_DIR": str(tmp_path), "THE_KEY": "k"})
    shell.configure(away.standin.url)
    told = await shell.relay("show", relay)
    assert (told.code, IN_SPOOL in told.out, EMAIL in told.out) == (0, True, False)
    plain = (await shell.relay("show", relay, "--json")).json
    assert (plain["id"], plain["status"], plain["reason"]) == (relay, "queued", IN_SPOOL)
