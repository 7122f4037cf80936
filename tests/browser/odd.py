"""Relays that are seldom seen, beside the busy ones: each state once, and the longest of everything."""

from __future__ import annotations

from typing import Any

from relay.journal.filter import Filter
from relay.journal.records import Status
from tests.support import TOKEN, House, checkout, placed, thin

LONG_ORDER = "ORDER-2026-11-24-" + "0123456789ABCDEF" * 4
LONG_EMAIL = "a.person.with.a.very.long.name+newsletter@" + "a-department-of-the-shop." * 3 + "example.com"
LONG_REASON = "the items of this order could not be matched to the catalog of this company: " + ", ".join(
    f"sku-{n}-{'x' * 24}" for n in range(8)
)
EDITED = placed("E-1", email="ed@example.com", total=777)


async def make_odd(house: House) -> dict[str, str]:
    """Starts it anew, with more sources and destinations; gives the paths of pages worth a look."""
    main = house.raw["destinations"]["main"]
    house.raw["destinations"] |= {
        "spare": {**main, "api_key": "a-second-key", "retry_schedule": ["10m"]},
        "halted": {**main, "api_key": "a-third-key", "rate_per_minute": 0, "rate_per_second": 0},
    }
    house.raw["sources"] |= {
        "a-source-with-a-long-name-of-its-own": {
            "adapter": "spoken",
            "destination": "spare",
            "tokens": [TOKEN, f"{TOKEN}-new"],
        },
        "halted-shop": {"adapter": "spoken", "destination": "halted", "tokens": [TOKEN], "deliver": False},
    }
    house.standin.keys = {"a-second-key"}
    await house.stop()
    await house.start()
    desk = house.desk()
    await desk.acts.pause("spare", by="ann", endpoint="checkouts", reason="the catalog is being moved")
    await desk.acts.pause("halted", by="ann", reason="")
    relays = await _relays(house)
    await desk.acts.discard(relays["discarded"], by="ann")
    cancelled = await desk.replays.start(Filter(status=Status.IGNORED), by="ann", line="status:ignored")
    await desk.replays.cancel(cancelled.id, by="ann")
    return {
        **{f"relay-{name}": f"/ops/relays/{relay}" for name, relay in relays.items()},
        "edit-long": f"/ops/relays/{relays['long']}/edit",
        "replay-cancelled": f"/ops/replays/{cancelled.id}",
        "relays-odd": "/ops/relays?filter=source:a-source-with-a-long-name-of-its-own",
    }


async def _relays(house: House) -> dict[str, str]:
    async def post(*events: dict[str, Any], status: str, **body: Any) -> str:
        answer = await house.post(*events, source="a-source-with-a-long-name-of-its-own", **body)
        return (await house.until(answer.id, status)).relay.id

    long = placed(LONG_ORDER, email=LONG_EMAIL, properties={"utm": "x" * 600, "note": "gift " * 60})
    house.standin.faults.status(422, times=None, message=LONG_REASON)
    found = {"long": await post(long, status="dead", note="nobody's " * 40, link="y" * 900)}
    found["edited"] = await post(EDITED, status="dead")
    found["discarded"] = await post(placed("D-1", email="di@example.com"), status="dead")
    house.standin.faults.clear()
    mended = {**EDITED, "currency": "EUR", "total_minor": 100}
    await house.desk().acts.edit(found["edited"], by="ann", index=0, event=mended)
    await house.until(found["edited"], "delivered")
    house.standin.faults.status(503, times=None)
    found["retrying"] = await post(placed("R-1", email="ru@example.com"), status="retrying")
    house.standin.faults.clear()
    found["behind"] = await post(placed("R-2", email="ru@example.com"), status="queued")
    found["waiting"] = await post(thin("order.fulfilled", "W-1"), status="held")
    found["partly-held"] = await post(checkout("C-1", email="ci@example.com"), status="held")
    found["ignored"] = await post(status="ignored", ignored="a test order")
    return found
