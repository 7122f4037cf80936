"""A key is revoked while hundreds of relays are queued: no order is to blame, and people are told once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from relay.journal.filter import Filter
from tests.ops.receivers import Hook, Mailbox
from tests.support import KEY, House, eventually, placed

RELAYS = 500


async def test_of_a_revoked_key_there_is_one_alert_no_dead_letter_and_everything_arrives_when_it_works_again(
    hook: Hook, box: Mailbox, house: House
) -> None:
    house.raw["alerts"] = {
        "webhooks": [hook.url],
        "smtp": box.settings,
        "every": "50ms",
        "calm": "300ms",
    }
    await house.serve()
    for first in range(0, RELAYS, 50):
        some = range(first, first + 50)
        await asyncio.gather(*(house.post(placed(f"A-{n}", email=f"{n}@example.com")) for n in some))
    house.standin.keys = set()
    for _ in "12":
        await house.work()

    alert = await hook.until("raised", "paused")
    await box.until("main: paused, the key is refused (401)")
    assert (alert["destination"], alert["endpoint"]) == ("main", "all")
    counts = (await house.api("GET", "/stats")).json()["counts"]
    assert (counts["held"], counts["dead"], counts["delivered"]) == (RELAYS, 0, 0)
    assert await attempts(house) == {0}

    house.standin.keys = {KEY}
    await probe_soon(house)
    over = await hook.until("over", "paused")
    await box.until("main: sends again")
    await delivered(house)
    assert await attempts(house) == {1}
    assert len([call for call in house.standin.accepted if call.path.endswith("/orders")]) == RELAYS
    assert [alert["state"] for alert in hook.alerts] == ["raised", "over"]
    assert over["id"] == alert["id"]
    assert len(box.mails) == 2


async def delivered(house: House) -> None:
    async def all_of_them() -> bool:
        counts: dict[str, int] = (await house.api("GET", "/stats")).json()["counts"]
        return counts["delivered"] == RELAYS

    await eventually(all_of_them)
    stats = (await house.api("GET", "/stats")).json()
    assert stats["balanced"]
    assert stats["counts"]["dead"] == 0


async def attempts(house: House) -> set[int]:
    page = await house.queries().find(Filter(source="shop"), limit=RELAYS)
    assert len(page.relays) == RELAYS
    return {relay.attempts for relay in page.relays}


async def probe_soon(house: House) -> None:
    """The first probe comes after 30 s; its moment is brought forward, the probe is the sweep's own."""
    pauses = await house.queries().pauses()
    pause = pauses["main", "all"]
    soon = timedelta(milliseconds=1)
    await house.journal().pause(
        "main", "all", pause.reason, by=pause.by, code=pause.code, probe=soon, again=True
    )
