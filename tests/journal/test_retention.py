"""How long bodies and records are kept (promise 9), and what must outlast them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from relay.journal import codec
from relay.journal.acts import Acts
from relay.journal.ids import Ids
from relay.journal.journal import Journal, Wakeup
from relay.journal.records import Recording, Settlement, Status
from relay.journal.retention import Retention, retain
from relay.normalise import times
from tests.journal.test_leases import LIMITS, claim
from tests.recordings import of_order, recording

DAY_MS = 86_400_000


@pytest.fixture
def journal(redis: Redis) -> Journal:
    return Journal(redis, Wakeup("jobs", "job:", {"main": "drain"}))


def aged(days: int, status: Status = Status.DEAD, **said: object) -> Recording:
    """Received so many days ago."""
    at = times.now_ms() - days * DAY_MS
    body = codec.pack({"postback": {"received_at": at}})
    return replace(of_order(f"A-{days}"), id=Ids().new(at), at_ms=at, status=status, blob=body, **said)  # type: ignore[arg-type]


async def has_body(journal: Journal, relay: str) -> bool:
    return bool(await journal.redis.exists(journal.keys.blob(relay)))


async def test_an_old_dead_letter_that_goes_takes_nothing_of_its_customer_along(journal: Journal) -> None:
    dead = await journal.record(aged(181))
    fresh = await journal.record(replace(of_order("A-1"), at_ms=times.now_ms(), is_order=True))
    person = await journal.person("jo@example.com")
    await retain(journal, Retention())
    assert not await has_body(journal, dead.id)
    assert await journal.redis.zrange(journal.keys.person(person), 0, -1) == [fresh.id.encode()]
    assert await journal.redis.exists(journal.keys.customer("shop", person))


async def test_an_older_order_that_comes_late_does_not_hide_the_customer_s_newest(journal: Journal) -> None:
    newest = times.now_ms()
    for at in (newest, newest - 3 * DAY_MS):
        await journal.record(replace(of_order(f"A-{at}"), at_ms=at, is_order=True))
    person = await journal.person("jo@example.com")
    assert int(await journal.redis.get(journal.keys.customer("shop", person)) or 0) == newest


async def test_what_is_delivered_long_after_its_receipt_loses_its_body_too(journal: Journal) -> None:
    late, usual = await journal.record(aged(60)), await journal.record(aged(31, Status.DELIVERED))
    await retain(journal, Retention())
    assert not await has_body(journal, usual.id)
    await Acts(journal).retry(late.id, by="a test")
    leased = (await claim(journal)).relays[0]
    done = Settlement(leased.id, leased.token, leased.lane, "shop", status=Status.DELIVERED)
    await journal.settle("main", LIMITS, done)
    await retain(journal, Retention())
    assert await has_body(journal, late.id), "it was delivered only now"
    await retain(journal, Retention(settled=timedelta(0)))
    assert not await has_body(journal, late.id)


async def test_a_source_that_was_taken_out_of_the_settings_is_not_kept_for_ever(journal: Journal) -> None:
    old = await journal.record(aged(31, Status.DELIVERED, source="an-old-shop"))
    await retain(journal, Retention())
    assert not await has_body(journal, old.id)


async def test_one_run_of_retention_goes_on_until_nothing_is_too_old(journal: Journal) -> None:
    """A destination takes a hundred a minute; what a day brings must not outgrow what a day drops."""
    start = times.now_ms() - 31 * DAY_MS
    ids = Ids()
    index = journal.keys.index("shop", Status.DELIVERED)
    await journal.record(recording(at_ms=start, status=Status.DELIVERED))
    await journal.redis.zadd(index, {ids.new(start + n): 0 for n in range(1, 6_000)})
    assert await retain(journal, Retention()) == 6_000
