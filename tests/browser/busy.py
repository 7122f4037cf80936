"""A relay on a bad morning: sales that went through, refused ones, and a key that was revoked since."""

from __future__ import annotations

from itertools import count
from typing import Any

from relay import settings
from relay.dev import sale
from relay.journal.filter import Filter
from relay.journal.records import Status
from tests.support import TOKEN, House, eventually, placed

PEOPLE = (
    "Dana Example",
    "Jo Miller",
    "Ana Souza",
    "Kim Lee",
    "Per Holm",
    "Iris Blum",
    "Noor Aziz",
    "Tom Reed",
)


REFUSED = "currency EUR is not enabled for this company"


async def refused(house: House, *orders: str) -> list[str]:
    """Sales that the Commerce API refuses for their currency; it is mended afterwards."""
    house.standin.faults.status(422, times=None, message=REFUSED)
    answers = [
        await house.post(placed(order, email=f"{order}@example.com", currency="EUR")) for order in orders
    ]
    for answer in answers:
        await house.until(answer.id, "dead")
    house.standin.faults.clear()
    return [answer.id for answer in answers]


async def make_busy(house: House, *, delivered: int = 24, held: int = 41) -> dict[str, str]:
    """Starts it, and gives the paths of pages worth a look."""
    store: dict[str, Any] = {
        "adapter": "checkoutchamp",
        "destination": "main",
        "tokens": [TOKEN],
        "currency": "USD",
        "timezone": "America/New_York",
    }
    house.raw["sources"] = {
        "my-store": store,
        "second-store": {**store, "currency": "EUR"},
        "new-store": store,
    }
    house.raw["destinations"]["main"] |= {"rate_per_minute": 600, "rate_per_second": 20}
    await house.stop()
    await house.start()
    shop = Shop(house)
    went = await shop.sell(delivered)
    for relay in went:
        await house.until(relay, "delivered")
    house.standin.faults.status(422, times=None, message=REFUSED)
    refused = await shop.sell(7, at="second-store", currencyCode="EUR")
    for relay in refused:
        await house.until(relay, "dead")
    house.standin.faults.clear()
    broken = await shop.sell(3, totalPrice="12,50")
    house.standin.keys = {"another key"}
    waiting = await shop.sell(held)
    await house.until(waiting[0], "held")
    issues = await house.queries().issues.page()
    done, paused = await _replayed(house)
    return {
        "issue": f"/ops/issues/{issues.issues[-1].id}",
        "relay-dead": f"/ops/relays/{refused[0]}",
        "relay-unmappable": f"/ops/relays/{broken[0]}",
        "relay-delivered": f"/ops/relays/{went[0]}",
        "relay-held": f"/ops/relays/{waiting[0]}",
        "edit": f"/ops/relays/{refused[0]}/edit",
        "edit-json": f"/ops/relays/{refused[0]}/edit?as=json",
        "filtered": "/ops/relays?filter=status:dead",
        "hint": "/ops/relays?filter=stauts:dead",
        "plan": "/ops/replays/new?filter=status:dead",
        "plan-old": "/ops/replays/new?filter=status:dead&stale=on",
        "plan-discard": "/ops/replays/new?filter=status:dead&act=discard",
        "plan-none": "/ops/replays/new?filter=status:delivered",
        "plan-hint": "/ops/replays/new?filter=",
        "replay-done": f"/ops/replays/{done}",
        "replay-paused": f"/ops/replays/{paused}",
        "none-fits": "/ops/relays?filter=nonsense",
        "missing": "/ops/relays/none",
    }


async def _replayed(house: House) -> tuple[str, str]:
    """One that ended, with what still cannot be read, and one that was paused."""
    replays = house.desk().replays
    unread = Filter(status=Status.DEAD, source="my-store")
    done = (await replays.start(unread, by="ann", line="status:dead source:my-store")).id

    async def ended() -> bool:
        found = await replays.one(done)
        return found is not None and found.state == "done"

    await eventually(ended)
    other = Filter(status=Status.DEAD, source="second-store")
    paused = (await replays.start(other, by="ann", line="status:dead source:second-store")).id
    await replays.pause(paused, by="ann")
    return done, paused


class Shop:
    """Customers who buy, each a new order."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._source: settings.Source = next(iter(house.config.sources.values()))
        self._numbers = count()

    async def sell(self, times: int, *, at: str = "my-store", **more: Any) -> list[str]:
        return [await self._sell(at, more) for _ in range(times)]

    async def _sell(self, at: str, more: dict[str, Any]) -> str:
        number = next(self._numbers)
        first, last = PEOPLE[number % len(PEOPLE)].split()
        order = {
            **sale(self._source),
            "orderId": 61_000 + number,
            "clientOrderId": f"3B7C11{number:04X}",
            "firstName": first,
            "lastName": last,
            "emailAddress": f"{first}.{last}{number}@example.com".lower(),
            **more,
        }
        answer = await self._house.http.post(f"/in/{at}/{TOKEN}", json=order)
        answer.raise_for_status()
        relay: str = answer.json()["id"]
        return relay
