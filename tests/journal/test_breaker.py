"""One refusal from many customers is the destination's trouble (promise 7)."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from relay.journal.journal import BREAKER_LANES, Journal, Wakeup
from relay.journal.queries import Queries
from relay.journal.records import Accepted, Leased, Refusal, Settlement, Status
from tests.journal.test_leases import LIMITS, claim
from tests.recordings import of_order, recording


@pytest.fixture
def journal(redis: Redis) -> Journal:
    return Journal(redis, Wakeup("jobs", "job:", {"main": "drain"}))


async def refused(journal: Journal, leased: Leased, endpoint: str = "orders") -> str:
    told = Settlement(
        leased.id, leased.token, leased.lane, "shop", status=Status.DEAD, refusal=Refusal(endpoint, "400: no")
    )
    return await journal.settle("main", LIMITS, told)


async def accepted(journal: Journal, endpoint: str) -> None:
    await journal.record(recording(endpoint=endpoint, email="li@example.com"))
    (leased,) = (await claim(journal)).relays
    told = Accepted("shop", endpoint, "", "stock", "digest", "")
    done = Settlement(leased.id, leased.token, leased.lane, "shop", status=Status.DELIVERED, accepted=told)
    await journal.settle("main", LIMITS, done)


async def outcomes(journal: Journal, between: str) -> list[str]:
    """Of the refusals of as many customers as it takes; after each but the last something is accepted."""
    found = []
    for n in range(BREAKER_LANES):
        await journal.record(of_order(f"A-{n}", email=f"{n}@example.com"))
        (leased,) = (await claim(journal)).relays
        found.append(await refused(journal, leased))
        if n < BREAKER_LANES - 1:
            await accepted(journal, between)
    return found


async def test_what_other_endpoints_accept_does_not_hide_that_one_refuses_everybody(journal: Journal) -> None:
    assert (await outcomes(journal, "stock"))[-1] == "tripped the breaker"


async def test_what_the_endpoint_itself_accepts_shows_that_the_refused_are_to_blame(journal: Journal) -> None:
    assert set(await outcomes(journal, "orders")) == {"done"}


async def test_the_pause_keeps_the_words_that_all_were_refused_in_and_nobody_s_address(
    journal: Journal,
) -> None:
    for n in range(BREAKER_LANES):
        await journal.record(of_order(f"A-{n}", email=f"{n}@example.com"))
        (leased,) = (await claim(journal)).relays
        told = Settlement(
            leased.id,
            leased.token,
            leased.lane,
            "shop",
            status=Status.DEAD,
            reason=f"422: {n}@example.com is blocked",
            refusal=Refusal("orders", "422: # is blocked"),
        )
        await journal.settle("main", LIMITS, told)
    pause = (await Queries(journal, ["shop"], ["main"]).pauses())["main", "orders"]
    assert pause.reason == f"the same refusal from {BREAKER_LANES} customers: 422: # is blocked"
