"""A relay on a bad morning: sales that went through, refused ones, and a key that was revoked since."""

from __future__ import annotations

from typing import Any

from relay import settings
from relay.dev import sale
from tests.support import TOKEN, House

PEOPLE = (
    "Dana Example", "Jo Miller", "Ana Souza", "Kim Lee", "Per Holm", "Iris Blum", "Noor Aziz", "Tom Reed",
    "Lea Roth", "Max Boon", "Uma Rao", "Zoe Hart",
)  # fmt: skip


async def make_busy(house: House) -> dict[str, str]:
    """Gives the paths of pages worth a look."""
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
    source = house.config.sources["my-store"]
    delivered = [await post(house, source, n) for n in range(24)]
    for answered in delivered:
        await house.until(answered, "delivered")
    house.standin.faults.status(422, times=None, message="currency EUR is not enabled for this company")
    refused = [await post(house, source, n, name="second-store", currencyCode="EUR") for n in range(24, 31)]
    for relay in refused:
        await house.until(relay, "dead")
    house.standin.faults.clear()
    broken = [await post(house, source, n, totalPrice="12,50") for n in range(31, 34)]
    house.standin.keys = {"another key"}
    held = [await post(house, source, n) for n in range(34, 75)]
    await house.until(held[0], "held")
    return {
        "relay-dead": f"/ops/relays/{refused[0]}",
        "relay-unmappable": f"/ops/relays/{broken[0]}",
        "relay-delivered": f"/ops/relays/{delivered[0]}",
        "relay-held": f"/ops/relays/{held[0]}",
    }


async def post(
    house: House, source: settings.Source, number: int, *, name: str = "my-store", **more: Any
) -> str:
    first, last = PEOPLE[number % len(PEOPLE)].split()
    order = {
        **sale(source),
        "orderId": 61_000 + number,
        "clientOrderId": f"3B7C11{number:04X}",
        "firstName": first,
        "lastName": last,
        "emailAddress": f"{first}.{last}{number}@example.com".lower(),
        **more,
    }
    answer = await house.http.post(f"/in/{name}/{TOKEN}", json=order)
    answer.raise_for_status()
    relay: str = answer.json()["id"]
    return relay
