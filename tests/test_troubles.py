"""What a destination's trouble does to relays: promises 4, 6 and 7."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import cast

import pytest
from redis.asyncio import Redis

from relay import wiring
from relay.deliver.failing import RATE_LIMIT, SLOW_MOST
from relay.deliver.sweep import Sweep
from relay.journal.journal import Journal, Wakeup
from relay.testing.standin.faults import Fault
from tests.support import KEY, STEPPED_CLOCK, House, checkout, eventually, placed, step_clock


async def test_a_server_error_is_tried_again_by_the_schedule(house: House) -> None:
    await house.start()
    house.standin.faults.status(500, times=2)
    answer = await house.post(placed())
    detail = await house.until(answer.id, "delivered")
    assert (detail.relay.attempts, detail.relay.tries) == (3, 2)
    assert [entry["outcome"] for entry in detail.history] == ["failed", "failed", "accepted"]


async def test_a_destination_that_is_down_gets_everything_once_it_is_back(house: House) -> None:
    house.raw["destinations"]["main"]["retry_schedule"] = ["200ms"] * 50
    await house.start()
    await house.standin.stop()
    answer = await house.post(placed())
    detail = await house.until(answer.id, "retrying")
    assert "no answer" in detail.relay.reason
    await house.standin.start()
    await house.until(answer.id, "delivered")


async def test_when_the_schedule_is_spent_the_relay_is_dead_with_the_last_reason(house: House) -> None:
    house.raw["destinations"]["main"]["retry_schedule"] = ["10ms", "10ms"]
    await house.start()
    house.standin.faults.status(503, times=None)
    answer = await house.post(placed())
    detail = await house.until(answer.id, "dead")
    assert detail.relay.reason.startswith("gave up after 3 tries")
    assert detail.relay.attempts == 3


async def test_a_refusal_is_dead_at_once_in_the_api_s_words(house: House) -> None:
    await house.start()
    house.standin.faults.status(400, times=1)
    answer = await house.post(placed())
    detail = await house.until(answer.id, "dead")
    assert detail.relay.attempts == 1
    assert detail.relay.reason.startswith("400: ")
    assert detail.relay.code == 400


async def test_success_false_under_a_200_is_a_refusal(house: House) -> None:
    await house.start()
    house.standin.faults.success_false(times=1)
    answer = await house.post(placed())
    detail = await house.until(answer.id, "dead")
    assert "success is false" in detail.relay.reason


async def test_a_429_costs_no_attempt_and_makes_the_whole_destination_wait(house: House) -> None:
    await house.start()
    house.standin.faults.status(429, times=1, headers={"Retry-After": "1"})
    first = await house.post(placed("A-1", email="a@example.com"))
    detail = await house.until(first.id, "delivered")
    second = await house.post(placed("A-2", email="b@example.com"))
    await house.until(second.id, "delivered")
    assert detail.relay.tries == 0
    assert [entry["outcome"] for entry in detail.history] == ["slowed down", "accepted"]
    slowed, accepted = (entry["at"] for entry in detail.history)
    assert accepted - slowed >= 1000


async def test_a_destination_that_answers_nothing_but_429_is_known_to_accept_nothing(house: House) -> None:
    """Each is due anew after it, so that what has been due for long tells nobody."""
    await house.start()
    house.standin.faults.status(429, times=None, headers={"Retry-After": "0"})
    answers = [await house.post(placed(f"A-{n}", email=f"{n}@example.com")) for n in range(5)]

    async def failing() -> bool:
        (main,) = (await house.api("GET", "/destinations")).json()["destinations"]
        traffic = main["traffic"]
        return traffic["failures"] >= 5 and traffic["failing_since"] is not None

    await eventually(failing)
    house.standin.faults.clear()
    for answer in answers:
        assert (await house.until(answer.id, "delivered")).relay.tries == 0
    assert not await failing()


async def test_a_refused_key_pauses_the_destination_and_no_order_is_to_blame(house: House) -> None:
    await house.start()
    house.standin.keys = set()
    answers = [await house.post(placed(f"A-{n}", email=f"{n}@example.com")) for n in range(5)]
    for answer in answers:
        detail = await house.until(answer.id, "held")
        assert "key was refused" in detail.relay.reason
    stats = (await house.api("GET", "/stats")).json()
    assert (stats["counts"]["held"], stats["counts"]["dead"], stats["balanced"]) == (5, 0, True)
    house.standin.keys = {KEY}
    await house.journal().resume("main", "all")
    for answer in answers:
        detail = await house.until(answer.id, "delivered")
        assert detail.relay.tries == 0


@pytest.mark.parametrize("fault", ["html", "redirect", "forbidden"])
async def test_an_endpoint_that_cannot_be_used_is_paused_and_others_go_on(house: House, fault: str) -> None:
    await house.start()
    match fault:
        case "html":
            house.standin.faults.html(path="/orders", times=None)
        case "redirect":
            house.standin.faults.redirect(path="/orders", times=None)
        case "forbidden":
            house.standin.faults.status(403, path="/orders", times=None)
    order = await house.post(placed("A-1", email="a@example.com"))
    await house.until(order.id, "held")
    cart = await house.post(checkout("C-1", email="b@example.com"))
    await house.until(cart.id, "delivered")
    house.standin.faults.clear()
    await house.journal().resume("main", "orders", trial=True)
    await house.until(order.id, "delivered")


async def test_a_lost_answer_is_sent_again_and_counts_one_order(house: House) -> None:
    await house.start()
    house.standin.faults.lose(times=1)
    answer = await house.post(placed())
    detail = await house.until(answer.id, "delivered")
    assert [entry["outcome"] for entry in detail.history] == ["failed", "accepted"]
    assert len(house.standin.accepted) == 2


async def test_a_failing_checkout_lets_the_order_behind_it_pass(house: House) -> None:
    house.raw["destinations"]["main"]["retry_schedule"] = ["24h"]
    await house.start()
    house.standin.faults.status(500, path="/checkouts", times=None)
    cart = await house.post(checkout("C-1"))
    await house.until(cart.id, "retrying")
    order = await house.post(placed("A-2"))
    await house.until(order.id, "delivered")


async def test_orders_pass_checkouts_whose_endpoint_is_paused(house: House) -> None:
    await house.start()
    house.standin.faults.status(403, path="/checkouts", times=None)
    cart = await house.post(checkout("C-1"))
    await house.until(cart.id, "held")
    behind = await house.post(placed("C-1"))
    await house.until(behind.id, "delivered")
    later = await house.post(checkout("C-2", email="kim@example.com"))
    other = await house.post(placed("B-2", email="kim@example.com"))
    await house.until(other.id, "delivered")
    assert (await house.until(later.id, "held", "ignored")).relay.attempts == 0


async def test_a_delivered_relay_is_sent_again_only_by_force(house: House) -> None:
    await house.start()
    answer = await house.post(placed())
    await house.until(answer.id, "delivered")
    refused = await house.api("POST", f"/relays/{answer.id}/retry")
    assert refused.status_code == 409
    for number, stage in enumerate(("deliver", "normalise"), 2):
        forced = await house.api("POST", f"/relays/{answer.id}/retry", force=True, stage=stage)
        assert forced.status_code == 200
        await house.standin.wait_for(number)
        await house.until(answer.id, "delivered")


async def test_one_refusal_from_many_customers_trips_the_breaker_instead_of_filling_the_dead_letters(
    house: House,
) -> None:
    await house.start()
    house.standin.faults.status(400, times=None, message="customer.email is required")
    answers = [await house.post(placed(f"A-{n}", email=f"{n}@example.com")) for n in range(30)]
    for answer in answers:
        await house.until(answer.id, "dead", "held")
    counts = (await house.api("GET", "/stats")).json()["counts"]
    assert counts["dead"] == 19
    assert counts["held"] == 11
    house.standin.faults.clear()
    await house.journal().resume("main", "orders", trial=True)
    for answer in answers:
        await house.until(answer.id, "delivered", "dead")
    assert house.standin.accepted_total == 11


async def test_a_trial_that_is_refused_again_pauses_again_and_kills_nothing(house: House) -> None:
    await house.start()
    house.standin.faults.status(400, times=None)
    answers = [await house.post(placed(f"A-{n}", email=f"{n}@example.com")) for n in range(25)]
    for answer in answers:
        await house.until(answer.id, "dead", "held")
    journal = house.journal()
    await journal.resume("main", "orders", trial=True)
    async with asyncio.timeout(10):
        while await _probes(journal) != 2:  # noqa: ASYNC110 - Redis sets no event
            await asyncio.sleep(0.02)
    assert house.standin.received_total <= len(answers) + 1
    assert (await house.api("GET", "/stats")).json()["counts"]["dead"] == 19


async def test_a_broken_connection_is_not_called_a_slow_answer(house: House) -> None:
    await house.start()
    house.standin.faults.drop()
    answer = await house.post(placed())
    detail = await house.until(answer.id, "delivered")
    assert detail.history[0]["error"].startswith("no answer: ServerDisconnectedError")


async def test_an_answer_that_does_not_come_in_time_is_tried_again(house: House) -> None:
    house.raw["destinations"]["main"] |= {"timeout": "200ms", "lease": "5s"}
    await house.start()
    house.standin.faults.delay(30)
    answer = await house.post(placed())
    detail = await house.until(answer.id, "delivered")
    assert detail.history[0]["error"] == "no answer in time; the call may have been taken"


async def _probes(journal: Journal, endpoint: str = "orders") -> int:
    fields: dict[bytes, bytes] = await cast(
        "Awaitable[dict[bytes, bytes]]", journal.redis.hgetall(journal.keys.destination("main"))
    )
    return int(fields.get(f"probes:{endpoint}".encode(), 0))


async def test_a_429_that_asks_for_longer_than_15_minutes_pauses_until_a_probe_and_then_one_goes_first(
    house: House,
) -> None:
    await house.start()
    fault = house.standin.faults.status(429, path="/orders", times=None, headers={"Retry-After": "3600"})
    answers = [await house.post(placed(f"A-{n}", email=f"{n}@example.com")) for n in range(20)]
    for answer in answers:
        detail = await house.until(answer.id, "held")
        assert "asks to wait 1:00:00" in detail.relay.reason
        assert (detail.relay.attempts, detail.relay.tries) == (0, 0)

    await nothing_under_way(house)
    before = fault.fired
    await probe(house)  # the account call is answered, orders are not yet
    await paused_again(house, before, fault)
    assert fault.fired == before + 1

    house.standin.faults.clear()
    await probe(house)
    for answer in answers:
        assert (await house.until(answer.id, "delivered")).relay.attempts == 1


async def test_a_probe_ends_the_pause_that_it_was_made_for_and_no_later_one(house: House) -> None:
    """Each worker sweeps, so two may probe the same; the trial of one must not be followed by the other's."""
    journal, queries = house.journal(), house.queries()
    await journal.pause("main", "all", "a reason", by="a test")
    probed = (await queries.pauses())["main", "all"]
    await journal.resume("main", "all", trial=True, probed=probed)
    assert not await queries.pauses()
    await journal.pause("main", "all", "the trial's", by="a test", probe=timedelta(minutes=1))
    await journal.resume("main", "all", trial=True, probed=probed)
    assert (await queries.pauses())["main", "all"].reason == "the trial's"


async def test_a_probe_that_is_not_answered_is_one_however_often_and_by_however_many_is_swept(
    house: House,
) -> None:
    house.raw["destinations"]["main"]["timeout"] = "500ms"
    journal = house.journal()
    await journal.pause("main", "all", "a reason", by="its answer", probe=timedelta(0))
    fault = house.standin.faults.delay(5, path="/account", times=None)
    client = wiring.client(house.config.destinations["main"])
    async with client:
        sweep = Sweep(journal, [wiring.destination("main", house.config, client)])
        await asyncio.gather(*(sweep.run() for _ in range(4)))
    assert fault.fired == 1
    assert await _probes(journal, "all") == 2  # the next comes twice as late, not sixteen times


@pytest.mark.parametrize("code", [404, 302, 200, 400])
async def test_where_the_account_call_cannot_tell_whether_the_key_works_one_relay_goes_first(
    house: House, code: int
) -> None:
    await house.start()
    fault = house.standin.faults.status(401, path="/orders", times=None)
    house.standin.faults.status(code, path="/account", times=None, body="<h1>Welcome</h1>")
    answers = [await house.post(placed(f"A-{n}", email=f"{n}@example.com")) for n in range(5)]
    for answer in answers:
        await house.until(answer.id, "held")

    await nothing_under_way(house)
    before = fault.fired
    await probe(house)
    await paused_again(house, before, fault)
    assert fault.fired == before + 1

    fault.times = fault.fired + 1
    await probe(house)
    await paused_again(house, before + 1, fault)
    await probe(house)
    for answer in answers:
        await house.until(answer.id, "delivered")


async def test_a_destination_that_asks_for_a_long_wait_is_not_probed_sooner_once_a_probe_failed(
    house: House, redis: Redis
) -> None:
    journal, queries = Journal(redis, Wakeup(), clock=STEPPED_CLOCK), house.queries()
    await journal.pause("main", "all", "a reason", by=RATE_LIMIT, probe=SLOW_MOST)
    first = (await queries.pauses())["main", "all"]
    house.standin.faults.status(429, path="/account")
    await step_clock(redis, first.probe_at_ms - first.since_ms)
    async with wiring.client(house.config.destinations["main"]) as client:
        await Sweep(journal, [wiring.destination("main", house.config, client)]).run()
    again = (await queries.pauses())["main", "all"]
    assert again.probe_at_ms - first.probe_at_ms >= first.probe_at_ms - first.since_ms


async def probe(house: House) -> None:
    """Brings the moment of the next probe forward; the probe is the sweep's own."""
    pause = (await house.queries().pauses())["main", "all"]
    soon = timedelta(milliseconds=1)
    await house.journal().pause(
        "main", "all", pause.reason, by=pause.by, code=pause.code, probe=soon, again=True
    )


async def nothing_under_way(house: House) -> None:
    journal = house.journal()

    async def idle() -> bool:
        return not await journal.redis.zcard(f"{journal.keys.prefix}leased:main")

    await eventually(idle)


async def paused_again(house: House, before: int, fault: Fault) -> None:
    queries = house.queries()

    async def paused() -> bool:
        return fault.fired > before and ("main", "all") in await queries.pauses()

    await eventually(paused)


async def test_a_refusal_is_heard_however_much_is_said_after_it(house: House) -> None:
    await house.start()
    house.standin.faults.status(200, times=1, body={"success": False, "errors": ["no such order"] * 500})
    answer = await house.post(placed())
    assert "success is false" in (await house.until(answer.id, "dead")).relay.reason


async def test_a_worker_leaves_what_is_of_a_source_that_it_does_not_know(house: House) -> None:
    await house.work()
    house.raw["sources"]["rehearsal"] = {**house.raw["sources"]["shop"], "deliver": False}
    await house.serve()
    answer = await house.post(placed("A-1"), source="rehearsal")
    assert (await house.until_put_back(answer.id)).relay.status == "queued"
    assert house.standin.received_total == 0
