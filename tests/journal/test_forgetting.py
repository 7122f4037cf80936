"""Forgetting a person, and how long bodies are kept (promise 9)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from relay.embedded import EmbeddedRedis
from relay.journal import codec
from relay.journal.forget import forget
from relay.journal.ids import Ids
from relay.journal.records import Status
from relay.journal.retention import Retention, retain
from relay.normalise import times
from relay.receive.spool import Spool
from tests.recordings import recording
from tests.support import House, checkout, fulfilled, placed, thin

EMAIL = "Jo.Doe@example.com"


@pytest.fixture
async def shop(own_redis: EmbeddedRedis, tmp_path: Path) -> AsyncIterator[House]:
    async with House.built(own_redis.url, tmp_path / "web") as house:
        yield house


async def rewritten(house: House) -> None:
    """Waits until Redis has rewritten its file."""
    redis = house.journal().redis
    async with asyncio.timeout(20):
        while True:
            info = await redis.info("persistence")
            if not info["aof_rewrite_in_progress"] and not info["aof_rewrite_scheduled"]:
                return
            await asyncio.sleep(0.05)


def traces(folder: Path) -> list[str]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return [file.name for file in files if b"jo.doe" in file.read_bytes().lower()]


async def test_forgetting_leaves_no_trace_of_a_person_in_redis_s_files(shop: House, tmp_path: Path) -> None:
    await shop.start()
    answers = [
        await shop.post(checkout("C-1", email=EMAIL)),
        await shop.post(placed("A-1", email=EMAIL)),
        await shop.post(thin("order.fulfilled", "A-1")),
        await shop.post(ignored=f"nothing for {EMAIL}"),
        await shop.post_bytes(b'{"cut": "' + EMAIL.encode()),
    ]
    other = await shop.post(placed("B-1", email="kim@example.com"))
    for answer in [*answers[:4], other]:
        await shop.until(answer.id, "delivered", "ignored")
    before = (await shop.api("GET", "/stats")).json()
    done = await forget(shop.journal(), EMAIL.upper(), by="a test")
    await rewritten(shop)
    assert (done.relays, done.busy) == (5, ())
    assert traces(tmp_path / "redis") == []
    assert (await shop.until(other.id, "delivered")).postback is not None
    after = (await shop.api("GET", "/stats")).json()
    assert after["balanced"]
    assert after["received"] == before["received"]
    assert after["counts"]["delivered"] == before["counts"]["delivered"]


async def test_what_waits_to_be_sent_is_discarded_and_says_why(shop: House) -> None:
    await shop.serve()
    answer = await shop.post(placed(email=EMAIL))
    await forget(shop.journal(), EMAIL, by="a test")
    detail = await shop.until(answer.id, "discarded")
    assert detail.relay.reason == "forgotten by a test"
    await shop.work()
    fresh = await shop.post(fulfilled("B-1", email="kim@example.com"))
    await shop.until(fresh.id, "delivered")
    assert [record.body["orderId"] for record in shop.standin.accepted] == ["B-1"]


UNREADABLE = {
    "in a body with a byte of another encoding": b"email=jo.doe+a@example.com&name=M\xfcller",
    "in UTF-16": '{"email": "Jo.Doe+a@example.com"}'.encode("utf-16"),
    "in a URL": b"cut=1&to=https%3A%2F%2Fx.example%2F%3Fe%3Djo.doe%252Ba%2540example.com",
    "in a form that escapes half of it": b"email=Jo.Doe%2Ba@example.com",
    "in a form that escapes the other half": b"email=Jo.Doe+a%40example.com",
    "in escapes of JSON": b'{"cut": "\\u004ao.doe\\u002ba\\u0040example.com", ',
    "behind an escape of JSON": b'{"cut": "write to\\njo.doe+a@example.com", ',
}


@pytest.mark.parametrize("way", UNREADABLE)
async def test_an_address_is_found_however_it_is_written(shop: House, way: str) -> None:
    await shop.serve()
    answer = await shop.post_bytes(UNREADABLE[way])
    assert (await forget(shop.journal(), "Jo.Doe+a@example.com", by="a test")).relays == 1
    assert (await shop.until(answer.id, "discarded")).postback is None


async def test_people_whose_address_holds_the_one_that_is_forgotten_stay(shop: House) -> None:
    await shop.serve()
    others = (
        "banjo@example.com",
        "my-jo@example.com",
        "j.jo@example.com",
        "jo@example.com.au",
        "jo@example.community",
    )
    answers = [await shop.post(placed(f"A-{n}", email=email)) for n, email in enumerate(others)]
    await shop.post(placed("B-1", email="jo@example.com"))
    done = await forget(shop.journal(), "jo@example.com", by="a test")
    assert (done.relays, done.orders) == (1, 1)
    for answer in answers:
        assert (await shop.until(answer.id, "queued")).postback is not None


@pytest.mark.parametrize("nobody", ["", " ", "com", "@", "jo@"])
async def test_what_is_no_address_erases_nothing(shop: House, tmp_path: Path, nobody: str) -> None:
    await shop.serve()
    answer = await shop.post(placed(email=EMAIL))
    with pytest.raises(ValueError, match="is no e-mail address"):
        await forget(shop.journal(), nobody, by="a test")
    spool = Spool(tmp_path)
    await spool.put(recording())
    with pytest.raises(ValueError, match="is no e-mail address"):
        await spool.forget(nobody, by="a test")
    assert await spool.count() == 1
    await spool.close()
    assert (await shop.until(answer.id, "queued")).postback is not None


async def test_the_spool_forgets_too_and_what_was_answered_for_still_counts(
    shop: House, tmp_path: Path
) -> None:
    spool, journal = Spool(tmp_path / "spool"), shop.journal()
    for n, email in enumerate((EMAIL, "", "kim@example.com")):
        body = json.dumps({"postback": {"body": EMAIL.replace("@", "%40") if n == 1 else ""}})
        await spool.put(recording(id=f"{n:020}", blob=codec.pack(json.loads(body)), email=email))
    assert await spool.forget(EMAIL, by="a test") == 2
    assert traces(tmp_path / "spool") == []
    assert await spool.forget(EMAIL, by="a test") == 0
    await journal.record_spooled([(spooled.recording, 0) for spooled in await spool.first(10)])
    details = [await shop.queries().detail(f"{n:020}") for n in range(3)]
    assert [(d.relay.status, d.relay.reason) for d in details if d] == [
        (Status.DISCARDED, "forgotten by a test"),
        (Status.DISCARDED, "forgotten by a test"),
        (Status.QUEUED, ""),
    ]
    stats = await shop.queries().stats()
    assert (stats.received, stats.balanced) == (3, True)
    await spool.close()


async def test_bodies_go_by_age_a_step_at_a_time_and_no_count_is_lowered(shop: House) -> None:
    journal = shop.journal()
    ids = Ids()
    day = 86_400_000
    ages = {Status.DELIVERED: 31, Status.IGNORED: 29, Status.DEAD: 181}
    relays = {}
    for status, days in ages.items():
        at = times.now_ms() - days * day
        relays[status] = ids.new(at) if status is not Status.DEAD else Ids().new(at)
        await journal.record(
            recording(
                id=relays[status],
                at_ms=at,
                status=status,
                blob=codec.pack({"postback": {"received_at": at}}),
            )
        )
    dropped = await retain(journal, Retention())
    assert dropped == 2
    details = {status: await shop.queries().detail(relay) for status, relay in relays.items()}
    shown = {status: (d.relay.status, d.postback is not None) for status, d in details.items() if d}
    assert shown == {
        Status.DELIVERED: (Status.DELIVERED, False),
        Status.IGNORED: (Status.IGNORED, True),
        Status.DEAD: (Status.DISCARDED, False),
    }
    stats = await shop.queries().stats()
    assert (stats.received, stats.balanced) == (3, True)
    await retain(journal, Retention(records=timedelta(days=30)))
    stats = await shop.queries().stats()
    assert (stats.received, stats.balanced) == (3, True)
    assert await shop.queries().detail(relays[Status.DELIVERED]) is None
