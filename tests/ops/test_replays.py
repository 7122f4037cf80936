"""Replays: all relays of a filter, in the background, at the budget, and counted exactly."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from relay.journal.acts import Acts
from relay.journal.filter import Filter
from relay.journal.forget import forget
from relay.journal.ids import Ids
from relay.journal.records import Recording, Status
from relay.journal.replays import ReplayBook, Wish
from relay.normalise import times
from tests.recordings import recording
from tests.support import House, cancelled, placed

BY = "ann"


async def dead(house: House, count: int, *, first: int = 0) -> list[str]:
    """Sales of as many customers, refused and dead."""
    house.standin.faults.status(400, times=count)
    answers = [
        await house.post(placed(f"A-{n}", email=f"{n}@example.com")) for n in range(first, first + count)
    ]
    for answer in answers:
        await house.until(answer.id, "dead")
    return [answer.id for answer in answers]


async def asked(house: House, **order: Any) -> dict[str, Any]:
    answer = await house.api("POST", "/replays", **order)
    assert answer.status_code in (200, 202), answer.text
    told: dict[str, Any] = answer.json()
    return told


async def ended(house: House, replay: str) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while True:
            told: dict[str, Any] = (await house.api("GET", f"/replays/{replay}")).json()
            if told["state"] in ("done", "cancelled"):
                return told
            await asyncio.sleep(0.05)


async def counts(house: House) -> dict[str, int]:
    stats = (await house.api("GET", "/stats")).json()
    assert stats["balanced"]
    return {status: count for status, count in stats["counts"].items() if count}


async def stepped(house: House, *, most: int = 50) -> None:
    """Takes steps as a worker does, until nothing moves."""
    replays = house.desk().replays
    for _ in range(most):
        if not await replays.step():
            return


async def test_all_dead_letters_of_a_filter_are_sent_again(house: House) -> None:
    await house.start()
    relays = await dead(house, 12)
    begun = await asked(house, filter={"status": "dead"})
    assert (begun["state"], begun["planned"], begun["act"], begun["by"]) == ("running", 12, "retry", "api")
    told = await ended(house, begun["id"])
    assert (told["retried"], told["searched"], told["refused"], told["skipped"]) == (12, 12, 0, {})
    for relay in relays:
        await house.until(relay, "delivered")
    assert await counts(house) == {"delivered": 12}
    detail = await house.until(relays[0], "delivered")
    acted = detail.history[-2]
    assert (acted["what"], acted["by"], acted["reason"]) == ("retried", "api", f"replay {begun['id']}")


async def test_a_plan_says_what_would_be_skipped_and_changes_nothing(house: House) -> None:
    house.raw["destinations"]["main"] |= {"rate_per_minute": 100, "rate_per_second": 20}
    await house.start()
    await dead(house, 3)
    house.standin.faults.status(400, times=1)
    sale = await house.post(placed("B-1", email="b@example.com"))
    await house.until(sale.id, "dead")
    ending = await house.post(cancelled("B-1", email="b@example.com"))
    await house.until(ending.id, "held")
    await house.api("POST", f"/relays/{sale.id}/discard")
    await house.until(ending.id, "delivered")
    await house.api("POST", f"/relays/{sale.id}/restore")
    before = await counts(house)
    plan = await asked(house, filter={"source": "shop"}, dry_run=True)
    assert plan == {
        "act": "retry",
        "match": 5,
        "looked_at": 5,
        "complete": True,
        "destinations": ["main"],
        "would": 3,
        "skipped": {"overtaken": 1, "delivered": 1},
        "older_than_72h": 0,
        "seconds": 2,
    }
    assert await counts(house) == before
    begun = await asked(house, filter={"source": "shop"})
    told = await ended(house, begun["id"])
    assert (told["retried"], told["skipped"]) == (3, {"overtaken": 1, "delivered": 1})


async def test_what_is_old_is_sent_again_only_with_a_second_word(house: House) -> None:
    await house.start()
    journal = house.journal()
    week_ago = times.now_ms() - 7 * 86_400_000
    blob = json.dumps({"postback": {}, "reading": {"events": [placed("O-1")]}}).encode()
    await journal.record(
        recording(at_ms=week_ago, status=Status.DEAD, blob=blob, stage="deliver", reason="refused")
    )
    plan = await asked(house, filter={"status": "dead"}, dry_run=True)
    assert (plan["would"], plan["skipped"], plan["older_than_72h"]) == (0, {"older than 72 h": 1}, 1)
    told = await ended(house, (await asked(house, filter={"status": "dead"}))["id"])
    assert (told["retried"], told["skipped"]) == (0, {"older than 72 h": 1})
    stale = await ended(house, (await asked(house, filter={"status": "dead"}, stale=True))["id"])
    assert stale["retried"] == 1


async def test_a_replay_keeps_to_the_budget_and_lets_what_is_new_go_first(house: House) -> None:
    house.raw["destinations"]["main"] |= {"rate_per_minute": 60, "rate_per_second": 20}
    await house.serve()
    desk = house.desk()
    journal = house.journal()
    for n in range(100):
        relay = Ids().new()
        await journal.record(dead_letter(relay, f"A-{n}"))
    begun = await asked(house, filter={"status": "dead"})
    for _ in range(5):
        await desk.replays.step()
    assert await counts(house) == {"dead": 40, "queued": 60}
    told = (await house.api("GET", f"/replays/{begun['id']}")).json()
    assert (told["state"], told["retried"]) == ("running", 60)
    fields = await journal.redis.hgetall(journal.keys.relay(await oldest(house, "queued")))  # type: ignore[misc]
    assert fields[b"backfill"] == b"1"


def dead_letter(relay: str, order: str, *, source: str = "shop") -> Recording:
    blob = json.dumps({"postback": {}, "reading": {"events": [placed(order)]}}).encode()
    return recording(
        id=relay,
        source=source,
        at_ms=times.now_ms(),
        status=Status.DEAD,
        blob=blob,
        stage="deliver",
        reason="refused",
        kinds="order.placed",
        email=f"{order}@example.com",
    )


async def oldest(house: House, status: str) -> str:
    found = await house.queries().walk(Filter(status=Status(status)), count=1)
    return found.relays[0].id


async def test_a_replay_is_paused_resumed_and_cancelled(house: House) -> None:
    house.raw["destinations"]["main"] |= {"rate_per_minute": 10, "rate_per_second": 0}
    await house.serve()
    for n in range(30):
        await house.journal().record(dead_letter(Ids().new(), f"A-{n}"))
    replay = (await asked(house, filter={"status": "dead"}))["id"]
    await stepped(house)
    assert (await house.api("POST", f"/replays/{replay}/pause")).json()["status"] == "paused"
    assert not await house.desk().replays.step()
    assert (await house.api("POST", f"/replays/{replay}/pause")).status_code == 409
    assert (await house.api("POST", f"/replays/{replay}/resume")).json()["status"] == "running"
    assert (await house.api("POST", f"/replays/{replay}/cancel")).json()["status"] == "cancelled"
    assert (await house.api("POST", f"/replays/{replay}/resume")).status_code == 409
    await stepped(house)
    told = (await house.api("GET", f"/replays/{replay}")).json()
    assert (told["state"], told["retried"], told["ended_at"] is not None) == ("cancelled", 10, True)
    assert await counts(house) == {"dead": 20, "queued": 10}
    assert (await house.api("POST", "/replays/none/cancel")).status_code == 404


@pytest.mark.parametrize("died", ["before acting", "while acting", "after acting"])
async def test_a_worker_that_dies_on_the_way_loses_and_repeats_nothing(house: House, died: str) -> None:
    await house.serve()
    journal = house.journal()
    relays = sorted([Ids().new() for _ in range(5)])
    for n, relay in enumerate(relays):
        await journal.record(dead_letter(relay, f"A-{n}"))
    replay = (await asked(house, filter={"status": "dead"}))["id"]
    await die(house, replay, relays, died)
    await journal.redis.hdel(journal.keys.replay(replay), "busy")  # type: ignore[misc]  # its hold runs out
    await stepped(house)
    told = (await house.api("GET", f"/replays/{replay}")).json()
    assert (told["state"], told["retried"], told["searched"], told["skipped"]) == ("done", 5, 5, {})
    assert await counts(house) == {"queued": 5}
    for relay in relays:
        detail = await house.queries().detail(relay)
        assert detail is not None
        assert [entry["what"] for entry in detail.history] == ["retried"]


async def die(house: House, replay: str, relays: Sequence[str], where: str) -> None:
    """What a worker leaves behind that is killed in its turn."""
    book, acts = ReplayBook(house.journal()), Acts(house.journal())
    turn = await book.take(replay)
    assert turn is not None
    intent = await house.desk().replays.next(turn)
    assert intent is not None
    assert await book.intend(turn, intent)
    acted = {"before acting": 0, "while acting": 2, "after acting": 5}[where]
    if acted:
        await acts.retry_all(relays[:acted], by=BY, replay=replay)


async def test_one_worker_at_a_time_goes_on_with_a_replay(house: House) -> None:
    await house.serve()
    await house.journal().record(dead_letter(Ids().new(), "A-1"))
    book = ReplayBook(house.journal())
    replay = await book.start(Wish(Filter(status=Status.DEAD), "retry", BY, "status:dead"), 1)
    turn = await book.take(replay)
    assert turn is not None
    assert await book.take(replay) is None
    await book.give_back(turn)
    assert await book.take(replay) is not None


async def test_all_of_a_filter_is_discarded_and_the_balance_holds(house: House) -> None:
    await house.start()
    await dead(house, 5)
    held = await house.post(placed("B-1"))
    await house.until(held.id, "delivered")
    plan = await asked(house, filter={"source": "shop"}, act="discard", dry_run=True)
    assert (plan["would"], plan["skipped"]) == (5, {"delivered": 1})
    told = await ended(house, (await asked(house, filter={"source": "shop"}, act="discard"))["id"])
    assert (told["discarded"], told["retried"], told["skipped"]) == (5, 0, {"delivered": 1})
    assert await counts(house) == {"discarded": 5, "delivered": 1}


async def test_what_nobody_could_map_is_mapped_again(house: House) -> None:
    await house.serve()
    for n in range(3):
        await house.post(error="unmappable", field="email", number=n)
    mended = await house.post(error="unmappable", field="email", number=9)
    journal = house.journal()
    key = journal.keys.blob(mended.id)
    body = json.dumps({"events": [placed()]})
    postback = {"method": "POST", "query": "", "headers": {}, "received_at": times.now_ms(), "body": body}
    await journal.redis.set(key, json.dumps({"postback": postback}))  # as if its adapter read it now
    replay = (await asked(house, filter={"status": "dead"}))["id"]
    await stepped(house)
    told = (await house.api("GET", f"/replays/{replay}")).json()
    assert (told["state"], told["retried"], told["refused"]) == ("done", 1, 3)
    assert await counts(house) == {"dead": 3, "queued": 1}


async def test_an_issue_is_retried_as_a_whole(house: House) -> None:
    await house.start()
    await dead(house, 3)
    house.standin.faults.status(422, times=1)
    other = await house.post(placed("B-1", email="b@example.com"))
    await house.until(other.id, "dead")
    issues = (await house.api("GET", "/issues")).json()["issues"]
    many = next(issue["id"] for issue in issues if issue["count"] == 3)
    told = await ended(house, (await asked(house, filter={"issue": many}))["id"])
    assert (told["planned"], told["retried"]) == (3, 3)
    assert (await house.api("GET", f"/issues/{many}")).json()["count"] == 0
    assert (await counts(house))["dead"] == 1


async def test_an_empty_filter_is_refused(house: House) -> None:
    await house.serve()
    refused = await house.api("POST", "/replays", filter={}, dry_run=True)
    assert (refused.status_code, "empty filter" in refused.json()["detail"]) == (422, True)


async def test_a_replay_keeps_no_address_and_is_forgotten_with_the_person(house: House) -> None:
    await house.serve()
    await house.journal().record(dead_letter(Ids().new(), "A-1"))
    email = "A-1@example.com"
    begun = await asked(house, filter={"email": email, "status": "dead"})
    assert begun["planned"] is None
    journal = house.journal()
    kept = await journal.redis.hgetall(journal.keys.replay(begun["id"]))  # type: ignore[misc]
    told = (await house.api("GET", "/activity")).text + str(kept)
    assert email.lower() not in told.lower()
    assert "started a replay" in told
    await forget(journal, email, by="a test")
    assert (await house.api("GET", f"/replays/{begun['id']}")).status_code == 404
