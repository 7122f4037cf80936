"""Two versions side by side, as during an update: each sends what the other recorded, or leaves it to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from relay.journal import codec, wire
from relay.journal.ids import Ids
from relay.journal.records import BookEntry, Recording
from relay.normalise import times
from relay.receive.spool import Spool
from tests.recordings import recording
from tests.support import House, eventually, fulfilled, placed, thin

IDS = Ids()


def written(*events: dict[str, Any], order: str = "A-1") -> Recording:
    """What some version recorded of a postback."""
    return recording(
        id=IDS.new(),
        at_ms=times.now_ms(),
        blob=codec.pack({"reading": {"events": events, "confidence": "high"}, "signed_by": "an edge"}),
        kinds=str(events[0]["kind"]),
        email=events[0]["customer"]["email"],
        order=order,
        orders=(BookEntry((f"id:{order}",), json.dumps(events)),),
        places=events[0]["kind"] == "order.placed",
        is_order=True,
    )


def newer(event: dict[str, Any]) -> dict[str, Any]:
    """The event with what a later version may say of it."""
    customer = {**event["customer"], "loyalty": {"tier": "gold"}}
    return {**event, "customer": customer, "channel": "kiosk"}


async def test_what_a_newer_one_recorded_is_sent_without_what_only_that_one_knows(house: House) -> None:
    await house.start()
    first, second = written(newer(placed())), written(newer(fulfilled()))
    for each in (first, second):
        await house.journal().record(each)
        await house.until(each.id, "delivered")
    assert [record.body["status"] for record in house.standin.accepted] == ["placed", "fulfilled"]
    assert "kiosk" not in str(house.standin.accepted)


async def test_what_an_older_one_recorded_is_sent(house: House) -> None:
    await house.start()
    bare = {key: value for key, value in placed().items() if value is not None}
    recording = written(bare)
    journal = house.journal()
    await journal.record(recording)
    await journal.redis.hdel(journal.keys.relay(recording.id), "v")  # type: ignore[misc]
    await house.until(recording.id, "delivered")


async def test_an_order_book_of_an_older_one_is_read(house: House) -> None:
    journal, event = house.journal(), placed()
    older = written(event)
    await journal.record(older)
    (book,) = [key async for key in journal.redis.scan_iter("*:o:shop:*")]
    await journal.redis.hset(book, f"f:{older.id}", json.dumps([event]))  # type: ignore[misc]
    await house.start()
    await house.until(older.id, "delivered")
    shipped = await house.post(thin("order.fulfilled"))
    await house.until(shipped.id, "delivered")


async def test_what_this_one_would_send_wrongly_is_left_to_a_newer_one_with_all_of_its_order(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = house.journal()
    with monkeypatch.context() as future:
        future.setattr(wire, "VERSION", 2)
        new = written({**placed(), "kind": "order.leased"})
        await journal.record(new)
    after = written(fulfilled())
    other = written(placed("B-1", email="kim@example.com"), order="B-1")
    await journal.record(after)
    await journal.record(other)
    await house.start()
    await house.until(other.id, "delivered")
    await eventually(lambda: _put_off(house, new.id))
    assert (await house.until(new.id, "queued")).relay.attempts == 0
    assert (await house.until(after.id, "queued")).relay.attempts == 0
    assert [record.body["orderId"] for record in house.standin.accepted] == ["B-1"]


async def _put_off(house: House, relay: str) -> bool:
    journal = house.journal()
    due = await journal.redis.hget(journal.keys.relay(relay), "due")  # type: ignore[misc]
    return int(float(due)) > times.now_ms() + 30_000


async def test_what_a_newer_one_spooled_is_drained(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    await spool.put(written(placed()))

    def say_more(db: Any) -> None:
        (text,) = db.execute("SELECT recording FROM spooled").fetchone()
        db.execute("UPDATE spooled SET recording = ?", (json.dumps(json.loads(text) | {"region": "eu"}),))

    await spool._run(say_more)
    (waiting,) = await spool.first(10)
    assert waiting.recording.order == "A-1"
    await spool.close()
