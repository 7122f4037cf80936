"""Leases, fencing, waking and the sweep: what keeps a relay from being lost or sent by two."""

from __future__ import annotations

from datetime import timedelta

import pytest
from redis.asyncio import Redis

from relay.errors import JournalAway
from relay.journal.ids import Ids
from relay.journal.journal import Journal, Wakeup
from relay.journal.records import Claim, Limits, Recording, Reservation, Settlement, Status
from tests.recordings import of_order
from tests.support import STEPPED_CLOCK, step_clock

LIMITS = Limits("key")
IDS = Ids()
LONG = timedelta(seconds=30)
OVER = timedelta(milliseconds=1)


@pytest.fixture
def journal(redis: Redis) -> Journal:
    return Journal(redis, Wakeup("jobs", "job:", {"main": "drain"}))


def recording(
    order: str = "A-1",
    *,
    email: str = "jo@example.com",
    ids: Ids = IDS,
    status: Status = Status.QUEUED,
) -> Recording:
    return of_order(order, id=ids.new(), email=email, status=status, places=True, is_order=True)


async def claim(journal: Journal, want: int = 10, *, lease: timedelta = LONG, token: str = "t") -> Claim:
    await journal.sign_on("main", token)
    return await journal.claim("main", token, want, LIMITS, lease=lease)


def stepped(redis: Redis) -> Journal:
    """A journal whose clock `step_clock` sets."""
    return Journal(redis, Wakeup("jobs", "job:", {"main": "drain"}), clock=STEPPED_CLOCK)


async def expired(journal: Journal, redis: Redis) -> None:
    """Waits until Redis's clock has passed the leases of OVER."""
    before = await redis.time()
    while await redis.time() < (before[0], before[1] + 3000):
        pass


def settled(claimed: Claim, status: Status = Status.DELIVERED) -> Settlement:
    leased = claimed.relays[0]
    return Settlement(leased.id, leased.token, leased.lane, "shop", status=status)


async def test_only_the_head_of_a_lane_is_leased_and_the_next_follows_when_it_is_settled(
    journal: Journal,
) -> None:
    first, second = recording("A-1"), recording("A-2")
    other = recording("B-1", email="kim@example.com")
    for each in (first, second, other):
        await journal.record(each)
    claimed = await claim(journal)
    assert {leased.id for leased in claimed.relays} == {first.id, other.id}
    assert (await claim(journal)).relays == ()
    await journal.settle("main", LIMITS, settled(claimed))
    assert [leased.id for leased in (await claim(journal)).relays] == [second.id]


async def test_a_lease_that_ended_is_given_to_another_and_the_sleeper_cannot_complete(
    journal: Journal, redis: Redis
) -> None:
    await journal.record(recording())
    sleeper = await claim(journal, lease=OVER)
    await expired(journal, redis)
    taker = await claim(journal)
    assert taker.relays[0].id == sleeper.relays[0].id
    assert await journal.settle("main", LIMITS, settled(sleeper)) == "taken over"
    assert await journal.settle("main", LIMITS, settled(taker)) == "done"


async def test_a_sleeper_may_not_even_begin_to_send(journal: Journal, redis: Redis) -> None:
    await journal.record(recording())
    sleeper = (await claim(journal, lease=OVER)).relays[0]
    await expired(journal, redis)
    await claim(journal)
    reservation = Reservation(
        sleeper.id, sleeper.token, sleeper.lane, "shop", "orders", "id:A-1", "placed@100"
    )
    assert (await journal.reserve("main", LIMITS, reservation, lease=LONG)).word == "fenced"


async def test_the_fifth_lease_without_a_result_is_dead_because_it_kills_workers(
    journal: Journal, redis: Redis
) -> None:
    first = recording()
    await journal.record(first)
    for _ in range(5):
        await claim(journal, lease=OVER)
        await expired(journal, redis)
    assert (await claim(journal)).relays == ()
    fields = await redis.hgetall(journal.keys.relay(first.id))  # type: ignore[misc]
    assert fields[b"status"] == b"dead"
    assert b"kills workers" in fields[b"reason"]
    assert b"attempts" not in fields


async def test_what_was_lost_twice_beside_others_is_tried_alone(redis: Redis) -> None:
    journal = stepped(redis)
    suspects = [recording(f"A-{n}", email=f"{n}@example.com") for n in range(3)]
    for each in suspects:
        await journal.record(each)
    for moment in (0, 2_000):  # twice a worker that had all of them is killed
        await step_clock(redis, moment)
        assert len((await claim(journal, lease=OVER)).relays) == 3
    await step_clock(redis, 4_000)
    fresh = recording("B-1", email="kim@example.com")
    await journal.record(fresh)
    alone = await claim(journal)
    assert len(alone.relays) == 2
    assert fresh.id in [leased.id for leased in alone.relays]
    await step_clock(redis, 5_000)
    assert (await claim(journal)).relays == ()
    await journal.settle("main", LIMITS, settled(alone))
    await step_clock(redis, 6_000)
    assert len((await claim(journal)).relays) == 1


async def test_an_older_relay_that_comes_late_takes_its_place_by_receipt(journal: Journal) -> None:
    ids = Ids()
    older, newer = recording("A-1", ids=ids), recording("A-2", ids=ids)
    await journal.record(newer)
    await journal.record(older)
    assert [leased.id for leased in (await claim(journal)).relays] == [older.id]


async def test_recording_wakes_a_drain_once_and_rings_one_that_runs(journal: Journal, redis: Redis) -> None:
    await journal.record(recording("A-1"))
    await journal.record(recording("A-2"))
    assert await redis.zcard("jobs") == 1
    await journal.sign_on("main", "t")
    await journal.record(recording("A-3"))
    assert await redis.zcard("jobs") == 1
    assert await redis.llen(journal.keys.wake("main")) == 1  # type: ignore[misc]


async def test_a_relay_recorded_while_its_drain_is_ending_keeps_it_or_wakes_another(
    journal: Journal, redis: Redis
) -> None:
    await journal.sign_on("main", "t")
    await journal.claim("main", "t", 10, LIMITS, lease=LONG)  # its last look: nothing
    await journal.record(recording("A-1"))
    assert not await journal.sign_off("main", "t", LIMITS)  # stays
    await claim(journal)
    assert await journal.sign_off("main", "t", LIMITS)
    await journal.record(recording("B-1", email="kim@example.com"))  # just after
    assert await redis.zcard("jobs") == 1


async def test_a_drain_that_leaves_with_work_due_wakes_the_next(journal: Journal, redis: Redis) -> None:
    await journal.sign_on("main", "t")
    await journal.record(recording())
    assert await redis.zcard("jobs") == 0
    assert await journal.sign_off("main", "t", LIMITS, leaving=True)
    assert await redis.zcard("jobs") == 1


async def test_what_is_due_later_is_a_job_for_then(journal: Journal, redis: Redis) -> None:
    await journal.record(recording())
    claimed = await claim(journal)
    leased = claimed.relays[0]
    due = claimed.now_ms + 3_600_000
    await journal.settle(
        "main",
        LIMITS,
        Settlement(leased.id, leased.token, leased.lane, "shop", status=Status.RETRYING, due_ms=due),
    )
    await redis.delete("jobs")
    assert await journal.sign_off("main", "t", LIMITS)
    assert [score for _, score in await redis.zrange("jobs", 0, -1, withscores=True)] == [due]


async def test_the_sweep_finds_due_work_whose_wake_up_was_lost(journal: Journal, redis: Redis) -> None:
    await journal.record(recording())
    await redis.delete("jobs", f"{journal.keys.prefix}drain:main")
    await journal.sweep("main", LIMITS)
    assert await redis.zcard("jobs") == 1


async def test_two_drains_never_run_for_one_destination(journal: Journal) -> None:
    assert await journal.sign_on("main", "one")
    assert not await journal.sign_on("main", "two")
    assert (await journal.claim("main", "two", 10, LIMITS, lease=LONG)).state == "lost"


async def test_the_ledger_lets_a_meaning_out_once_whoever_asks(journal: Journal) -> None:
    await journal.record(recording("A-1", email="jo@example.com"))
    await journal.record(
        recording("A-1", email="kim@example.com")
    )  # the same order under another address: another lane
    claimed = await claim(journal)
    first, second = (
        Reservation(
            leased.id,
            leased.token,
            leased.lane,
            "shop",
            "orders",
            "id:A-1",
            "placed@100",
            version=int(leased.books[0][1]["version"]),
        )
        for leased in claimed.relays
    )
    assert (await journal.reserve("main", LIMITS, first, lease=LONG))[0] == "ok"
    assert (await journal.reserve("main", LIMITS, second, lease=LONG))[0] == "busy"


async def test_the_budget_is_counted_at_the_reservation_and_never_exceeded(journal: Journal) -> None:
    limits = Limits("key", minute=3, second=2)
    for n in range(5):
        await journal.record(recording(f"A-{n}", email=f"p{n}@example.com"))
    await journal.sign_on("main", "t")
    claimed = await journal.claim("main", "t", 10, limits, lease=LONG)
    assert len(claimed.relays) == 2
    verdicts = []
    for leased in claimed.relays:
        reservation = Reservation(leased.id, leased.token, leased.lane, "shop", "orders", "", "m")
        verdicts.append((await journal.reserve("main", limits, reservation, lease=LONG))[0])
    again = await journal.claim("main", "t", 10, limits, lease=LONG)
    assert verdicts == ["ok", "ok"]
    assert again.relays == ()
    assert again.next_ms is not None
    assert again.now_ms < again.next_ms <= again.now_ms + 1050


async def test_a_full_redis_refuses_to_record_and_can_still_be_told_what_was_delivered(
    journal: Journal, redis: Redis
) -> None:
    await journal.record(recording("A-1"))
    claimed = await claim(journal)
    used = (await redis.info("memory"))["used_memory"]
    await redis.config_set("maxmemory", used // 2)
    try:
        with pytest.raises(JournalAway):
            await journal.record(recording("A-2"))
        assert await journal.settle("main", LIMITS, settled(claimed)) == "done"
    finally:
        await redis.config_set("maxmemory", 0)


async def test_a_call_composed_from_an_older_book_is_composed_anew(journal: Journal) -> None:
    await journal.record(recording("A-1"))
    leased = (await claim(journal)).relays[0]
    await journal.record(recording("A-1"))
    version = int(leased.books[0][1]["version"])
    reservation = Reservation(
        leased.id, leased.token, leased.lane, "shop", "orders", "id:A-1", "placed@100", version=version
    )
    assert (await journal.reserve("main", LIMITS, reservation, lease=LONG))[0] == "stale"


async def test_what_was_recorded_before_the_customer_was_known_joins_the_customer_s_lane(
    journal: Journal,
) -> None:
    thin = recording("A-1", email="")
    await journal.record(thin)
    await journal.record(recording("A-1"))
    assert [leased.id for leased in (await claim(journal)).relays] == [thin.id]


async def test_a_result_shows_that_a_relay_kills_no_worker(journal: Journal, redis: Redis) -> None:
    first = recording()
    await journal.record(first)
    for _ in range(7):
        await claim(journal, lease=OVER)
        await expired(journal, redis)
        claimed = await claim(journal)
        await journal.settle("main", LIMITS, settled(claimed, Status.QUEUED))
    assert (await claim(journal)).relays[0].id == first.id


async def test_a_settled_relay_wakes_a_drain_for_what_stood_behind_it(journal: Journal, redis: Redis) -> None:
    await journal.record(recording("A-1"))
    await journal.record(recording("A-2"))
    claimed = await claim(journal)
    await journal.sign_off("main", "t", LIMITS, leaving=True)
    await redis.delete("jobs")
    await journal.settle("main", LIMITS, settled(claimed))
    assert await redis.zcard("jobs") == 1


async def test_after_redis_was_away_a_lease_is_left_a_moment_for_its_result(redis: Redis) -> None:
    journal = stepped(redis)
    await journal.record(recording())
    held = await claim(journal)
    await step_clock(redis, 60_000)
    assert (await claim(journal)).relays == ()
    assert await journal.settle("main", LIMITS, settled(held)) == "done"
    await step_clock(redis, 64_000)
    assert (await claim(journal)).relays == ()


async def test_a_lease_whose_worker_is_gone_ends_after_that_moment(redis: Redis) -> None:
    journal = stepped(redis)
    await journal.record(recording())
    held = await claim(journal)
    await step_clock(redis, 60_000)
    await journal.sweep("main", LIMITS)
    await step_clock(redis, 62_000)
    await journal.sweep("main", LIMITS)
    await step_clock(redis, 63_500)
    (again,) = (await claim(journal)).relays
    assert again.id == held.relays[0].id
    assert await journal.settle("main", LIMITS, settled(held)) == "taken over"
