"""What people do while something else happens: the destination's trouble, a probe, another person."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from relay.journal import codec
from relay.journal.acts import Acts
from relay.journal.eraser import Eraser
from relay.journal.journal import PROBE, Journal, Wakeup
from relay.journal.queries import Queries
from relay.journal.records import Accepted, Claim, Reservation, Settlement, Status
from relay.normalise import times
from tests.journal.test_leases import LIMITS, LONG, claim
from tests.recordings import of_order, recording

LATER = 600_000


@pytest.fixture
def journal(redis: Redis) -> Journal:
    return Journal(redis, Wakeup("jobs", "job:", {"main": "drain"}))


async def paused(journal: Journal, endpoint: str = "all") -> bool:
    return bool(await journal.redis.hexists(journal.keys.destination("main"), f"paused:{endpoint}"))  # type: ignore[misc]


async def fields(journal: Journal, relay: str) -> dict[bytes, bytes]:
    return await journal.redis.hgetall(journal.keys.relay(relay))  # type: ignore[misc,no-any-return]


async def settle(journal: Journal, claimed: Claim, status: Status, **more: object) -> None:
    leased = claimed.relays[0]
    result = Settlement(leased.id, leased.token, leased.lane, "shop", status=status, **more)  # type: ignore[arg-type]
    await journal.settle("main", LIMITS, result)


async def test_a_probe_under_way_ends_no_pause_of_a_person(journal: Journal) -> None:
    await journal.pause("main", "all", "the key", by="its answer")
    await Acts(journal).pause("main", "all", "stock-taking", by="ann")
    await journal.resume("main", "all")
    assert await paused(journal)
    await journal.pause("main", "all", "the key", by="its answer", again=True)
    await journal.resume("main", "all")
    assert await paused(journal)
    assert await Acts(journal).resume("main", "all", by="ann")
    assert not await paused(journal)


async def test_a_probe_that_failed_renews_no_pause_that_a_person_has_ended(journal: Journal) -> None:
    await journal.pause("main", "all", "the key", by="its answer")
    await Acts(journal).resume("main", "all", by="ann")
    assert not await journal.pause("main", "all", "the key", by="its answer", again=True)
    assert not await paused(journal)


async def test_after_an_accepted_call_a_pause_is_probed_as_soon_as_the_first(journal: Journal) -> None:
    for _ in range(4):
        await journal.pause("main", "all", "a 429", by="rate limit")
        await journal.resume("main", "all", trial=True)
    await journal.record(of_order())
    claimed = await claim(journal)
    told = Accepted("shop", "orders", "id:A-1", "placed@1", "digest", "A-1")
    await settle(journal, claimed, Status.DELIVERED, accepted=told)
    await journal.pause("main", "all", "the key", by="its answer")
    standing = await journal.redis.hget(journal.keys.destination("main"), "paused:all")  # type: ignore[misc]
    pause = codec.unpack(standing)
    assert pause["probe_at"] - pause["since"] == times.in_ms(PROBE)


async def test_force_holds_for_the_retry_it_was_said_for_and_no_other(journal: Journal) -> None:
    relay = (await journal.record(of_order())).id
    await settle(journal, await claim(journal), Status.DELIVERED)
    acts = Acts(journal)
    await acts.retry(relay, by="ann", force=True)
    due = times.now_ms() + LATER
    await settle(journal, await claim(journal), Status.RETRYING, due_ms=due)
    assert b"force" in await fields(journal, relay)
    await acts.discard(relay, by="ann")
    await acts.restore(relay, by="ben")
    await acts.retry(relay, by="ben")
    assert b"force" not in await fields(journal, relay)


async def test_what_was_forgotten_while_somebody_maps_it_again_stays_forgotten(journal: Journal) -> None:
    body = codec.pack({"postback": {"body": "jo@example.com"}})
    made = replace(of_order(), blob=body)
    relay = (await journal.record(made)).id
    await settle(journal, await claim(journal), Status.DELIVERED)
    await Eraser(journal).erase(relay, "forgotten by ann")
    receipt = await Acts(journal).map_again(relay, made, by="ben")
    assert receipt.status == "discarded"
    assert not await journal.redis.exists(journal.keys.blob(relay))
    assert (await fields(journal, relay))[b"status"] == b"delivered"


async def test_orders_behind_many_checkouts_pass_them_all_while_checkouts_are_paused(
    journal: Journal,
) -> None:
    """Sixty customers with two checkouts each are looked at first, whenever somebody looks."""
    for n in range(60):
        for _ in range(2):
            await journal.record(recording(endpoint="checkouts", email=f"{n}@example.com"))
    for _ in range(3):
        await journal.record(recording(endpoint="checkouts", email="jo@example.com"))
    order = await journal.record(of_order())
    await journal.pause("main", "checkouts", "no such endpoint", by="its answer")
    found = [leased.id for _ in range(3) for leased in (await claim(journal)).relays]
    assert found == [order.id]


async def test_a_call_to_a_paused_endpoint_lets_its_relay_rest_though_that_is_of_another(
    journal: Journal,
) -> None:
    """An upsell told as an event: without a rest it would be leased and put back, over and over."""
    await journal.record(of_order())
    claimed = await claim(journal)
    leased = claimed.relays[0]
    await journal.pause("main", "events", "the key's scope", by="its answer")
    asked = Reservation(leased.id, leased.token, leased.lane, "shop", "events", "", "event:order.upsold")
    verdict = await journal.reserve("main", LIMITS, asked, lease=LONG)
    assert verdict.word == "wait"
    assert verdict.when_ms >= claimed.now_ms + times.in_ms(timedelta(seconds=2))


async def test_what_was_discarded_has_no_next_try(journal: Journal) -> None:
    relay = (await journal.record(of_order())).id
    await settle(journal, await claim(journal), Status.RETRYING, due_ms=times.now_ms() + LATER)
    queries = Queries(journal, ["shop"], ["main"])
    waiting = await queries.detail(relay)
    assert waiting is not None
    assert waiting.relay.next_try
    await Acts(journal).discard(relay, by="ann")
    discarded = await queries.detail(relay)
    assert discarded is not None
    assert discarded.relay.next_try is None
