"""Order books that meet: one order under two names, and two orders under one."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from relay.journal import codec
from relay.journal.acts import Acts
from relay.journal.forget import forget
from relay.journal.journal import Journal, Wakeup
from relay.journal.records import Accepted, BookEntry, Claim, Leased, Limits, Reservation, Settlement, Status
from tests.journal.test_leases import LONG, claim, settled
from tests.recordings import of_order

LIMITS = Limits("key")


@pytest.fixture
def journal(redis: Redis) -> Journal:
    return Journal(redis, Wakeup("jobs", "job:", {"main": "drain"}))


async def record(journal: Journal, *names: str, email: str, part: str = "[]") -> str:
    made = replace(of_order(names[0], email=email), orders=(BookEntry(names, part),))
    return (await journal.record(made)).id


def reservation(leased: Leased, meaning: str) -> Reservation:
    name, book = leased.books[0]
    version = int(book["version"])
    return Reservation(leased.id, leased.token, leased.lane, "shop", "orders", name, meaning, version)


async def reserve(journal: Journal, asked: Reservation) -> str:
    return (await journal.reserve("main", LIMITS, asked, lease=LONG)).word


async def accepted(journal: Journal, leased: Leased, meaning: str, status: Status | None) -> None:
    told = Accepted("shop", "orders", leased.books[0][0], meaning, "digest", "1")
    settlement = Settlement(leased.id, leased.token, leased.lane, "shop", status=status, accepted=told)
    await journal.settle("main", LIMITS, settlement)


def leased(claimed: Claim, relay: str) -> Leased:
    return next(leased for leased in claimed.relays if leased.id == relay)


async def test_what_one_of_two_books_says_was_accepted_stays_so_when_the_other_is_still_sending_it(
    journal: Journal,
) -> None:
    sending = await record(journal, "id:1", email="jo@example.com")
    sent = await record(journal, "client:1", email="kim@example.com")
    claimed = await claim(journal)
    first, second = (leased(claimed, relay) for relay in (sending, sent))
    await accepted(journal, first, "placed@50", None)
    in_flight = replace(reservation(first, "placed@100"), version=2)
    assert await reserve(journal, in_flight) == "ok"
    await accepted(journal, second, "placed@100", Status.DELIVERED)
    await record(journal, "id:1", "client:1", email="li@example.com")
    failed = Settlement(
        first.id, first.token, first.lane, "shop", status=Status.RETRYING, due_ms=1, unreserve=in_flight
    )
    await journal.settle("main", LIMITS, failed)
    again = leased(await claim(journal), sending)
    assert await reserve(journal, reservation(again, "placed@100")) == "sent"


async def test_what_was_composed_before_two_books_met_is_composed_anew(journal: Journal) -> None:
    await record(journal, "id:1", email="jo@example.com")
    await record(journal, "client:1", email="kim@example.com")
    relay = await record(journal, "client:1", email="li@example.com")
    composed = reservation(leased(await claim(journal), relay), "fulfilled")
    await record(journal, "id:1", "client:1", email="mo@example.com")
    assert await reserve(journal, composed) == "stale"


def told(*names: str, email: str) -> str:
    event = {"kind": "order.placed", "order_id": names[0], "names": names, "customer": {"email": email}}
    return json.dumps([event])


async def test_forgetting_a_person_leaves_the_order_of_another_that_once_went_by_the_same_name(
    journal: Journal,
) -> None:
    """The name is nobody's any more, but it still names the other's book."""
    kept = {}
    for names, email in (
        (("client:7", "id:1"), "kim@example.com"),
        (("client:7", "id:2"), "jo@example.com"),
    ):
        kept[email] = await record(journal, *names, email=email, part=told(*names, email=email))
    assert (await forget(journal, "jo@example.com", by="a test")).orders == 1
    assert await journal.book("shop", ["id:2"]) == {}
    assert f"f:{kept['kim@example.com']}" in await journal.book("shop", ["id:1"])
    later = await record(journal, "client:7", email="mo@example.com")
    assert f"f:{later}" not in await journal.book("shop", ["id:1"]), "the name leads again"


async def test_forgetting_a_person_takes_what_names_the_order_alone(journal: Journal) -> None:
    """A postback without the address may hold a name, or where the parcel went."""
    first = await record(journal, "id:1", email="jo@example.com", part=told("id:1", email="jo@example.com"))
    body = codec.pack({"postback": {"body": "for Jo Doe, 1 Main Street"}})
    thin = replace(of_order("id:1", email=""), orders=(BookEntry(("id:1",), "[]"),), blob=body)
    await journal.record(thin)
    done = await forget(journal, "jo@example.com", by="a test")
    assert done.relays == 2
    statuses = [await journal.redis.hget(journal.keys.relay(r), "status") for r in (first, thin.id)]  # type: ignore[misc]
    assert statuses == [b"discarded"] * 2
    assert not await journal.redis.exists(journal.keys.blob(thin.id))


async def test_what_was_being_sent_as_its_order_was_forgotten_goes_the_next_time(journal: Journal) -> None:
    """It names no address, so only the order's book leads to it."""
    await record(journal, "id:1", email="jo@example.com", part=told("id:1", email="jo@example.com"))
    await journal.settle("main", LIMITS, settled(await claim(journal)))
    thin = replace(of_order("id:1", email=""), orders=(BookEntry(("id:1",), "[]"),))
    await journal.record(thin)
    claimed = await claim(journal)
    busy = await forget(journal, "jo@example.com", by="a test")
    assert (busy.relays, busy.busy) == (1, (thin.id,))
    await journal.settle("main", LIMITS, settled(claimed))
    done = await forget(journal, "jo@example.com", by="a test")
    assert (done.busy, done.orders) == ((), 1)
    assert not await journal.redis.exists(journal.keys.blob(thin.id), journal.keys.book("shop", "id:1"))


async def test_what_was_composed_from_what_an_edit_took_away_is_composed_anew(journal: Journal) -> None:
    mistaken = await record(journal, "id:1", email="jo@example.com")
    await journal.settle("main", LIMITS, settled(await claim(journal), Status.DEAD))
    relay = await record(journal, "id:1", email="jo@example.com")
    composed = reservation(leased(await claim(journal), relay), "fulfilled")
    edit = replace(of_order("id:2", email="kim@example.com"), orders=(BookEntry(("id:2",), "[]"),))
    await Acts(journal).edit(mistaken, edit, by="ann")
    assert await reserve(journal, composed) == "stale"


async def test_two_calls_of_one_order_are_not_under_way_at_once_though_its_customer_s_address_changed(
    journal: Journal,
) -> None:
    """The second says what was given back since the first, so it has to know what came of that."""
    one = await record(journal, "id:1", email="jo@example.com")
    other = await record(journal, "id:1", email="jo@example.org")
    claimed = await claim(journal)
    first, second = (leased(claimed, relay) for relay in (one, other))
    assert await reserve(journal, reservation(first, "refunded@300")) == "ok"
    assert await reserve(journal, reservation(second, "refunded@1000")) == "busy"
    assert await reserve(journal, reservation(first, "refunded@400")) == "ok", "a relay waits for itself"
    await accepted(journal, first, "refunded@300", Status.DELIVERED)
    assert await reserve(journal, reservation(second, "refunded@1000")) == "stale"


async def test_a_checkout_under_way_lets_its_order_go(journal: Journal) -> None:
    one = await record(journal, "id:1", email="jo@example.com")
    other = await record(journal, "id:1", email="jo@example.org")
    claimed = await claim(journal)
    first, second = (leased(claimed, relay) for relay in (one, other))
    assert await reserve(journal, replace(reservation(first, "checkout"), endpoint="checkouts")) == "ok"
    assert await reserve(journal, reservation(second, "placed@50")) == "ok"


async def test_a_name_still_leads_to_an_order_whose_other_name_was_mended(journal: Journal) -> None:
    mistaken = await record(journal, "client:7", "id:1", email="jo@example.com")
    await journal.settle("main", LIMITS, settled(await claim(journal), Status.DEAD))
    names = ("client:7", "id:2")
    mended = replace(of_order(names[0], email="jo@example.com"), orders=(BookEntry(names, "[]"),))
    await Acts(journal).edit(mistaken, mended, by="ann")
    later = await record(journal, "client:7", email="")
    assert {f"f:{mistaken}", f"f:{later}"} <= (await journal.book("shop", ["id:2"])).keys()
