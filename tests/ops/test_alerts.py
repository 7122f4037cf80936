"""Promise 10: what goes wrong is told to people once, again in measure, and once more when it is over."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis

from relay import wiring
from relay.journal.journal import Journal, Wakeup
from relay.journal.queries import Queries
from relay.journal.records import Recording, Status
from relay.journal.turn import Turns
from relay.journal.vitals import Signs
from relay.ops.alerts.book import Manners
from relay.ops.alerts.channels import Webhook
from relay.ops.alerts.habit import HOUR_MS
from relay.ops.alerts.watch import Plan, Watch
from tests.ops.receivers import Hook, Mailbox
from tests.recordings import recording
from tests.support import KEY, House, eventually, placed


@pytest.fixture
def alerted(hook: Hook, box: Mailbox, house: House) -> House:
    """A relay that looks often and waits for nothing before it says that something is over."""
    house.raw["alerts"] = {
        "webhooks": [hook.url],
        "every": "50ms",
        "calm": "1ms",
    }
    house.env = house.env.model_copy(update={"public_url": "https://relay.example"})
    return house


async def test_a_dead_letter_is_told_once_and_once_more_when_none_is_left(alerted: House, hook: Hook) -> None:
    await alerted.start()
    answer = await alerted.post(error="unmappable", field="emailAddress")
    alert = await hook.until("raised", "dead")
    assert (alert["says"], alert["count"]) == ("1 dead letter, spoken: emailAddress: is missing", 1)
    assert alert["link"] == f"https://relay.example/ops/issues/{alert['issue']}"
    assert (await alerted.http.get(urlsplit(alert["link"]).path)).status_code == 200
    await alerted.api("POST", f"/relays/{answer.id}/discard")
    await hook.until("over", "dead")
    assert len(hook.told("raised", "dead")) == 1


async def test_a_muted_issue_is_told_no_more_and_others_are(alerted: House, hook: Hook) -> None:
    await alerted.start()
    await alerted.post(error="unmappable", field="emailAddress")
    first = await hook.until("raised", "dead")
    await alerted.api("POST", f"/issues/{first['issue']}/mute")
    await hook.until("over", "dead")
    await alerted.post(error="unmappable", field="emailAddress", again=1)
    await alerted.post(error="unmappable", field="orderId")
    await hook.until_told(2, "raised", "dead")
    assert len({alert["issue"] for alert in hook.told("raised", "dead")}) == 2


async def test_slack_reads_the_same_as_text_and_nobody_s_data(alerted: House, hook: Hook) -> None:
    await alerted.start()
    alerted.standin.faults.status(400, times=1, message="jo@example.com is not a customer")
    await alerted.post(placed())
    await hook.until("raised", "dead")
    text = hook.bodies[0]["text"]
    assert text.startswith("1 dead letter, spoken: 400: … is not a customer. Nothing tries")
    assert "jo@example.com" not in str(hook.bodies)


async def test_a_refused_key_is_one_alert_and_ends_when_the_key_works(alerted: House, hook: Hook) -> None:
    await alerted.start()
    alerted.standin.keys = set()
    await alerted.post(placed())
    alert = await hook.until("raised", "paused")
    assert (alert["destination"], alert["endpoint"]) == ("main", "all")
    assert "the key is refused (401)" in alert["says"]
    assert alert["link"] == "https://relay.example/ops/destinations#main"
    assert KEY not in str(hook.bodies)
    alerted.standin.keys = {KEY}
    await alerted.journal().resume("main", "all")
    over = await hook.until("over", "paused")
    assert over["id"] == alert["id"]


async def test_a_pause_by_a_person_is_told_without_a_name(alerted: House, hook: Hook) -> None:
    await alerted.start()
    await alerted.journal().pause("main", "orders", "Kim looks into it", by="Kim")
    alert = await hook.until("raised", "paused")
    assert "by a person" in alert["says"]
    assert "Kim" not in str(hook.bodies)


async def test_a_destination_that_accepts_nothing_is_a_delay(alerted: House, hook: Hook) -> None:
    alerted.raw["destinations"]["main"]["retry_schedule"] = ["50ms"] * 1000
    alerted.raw["alerts"]["delay"] = "200ms"
    await alerted.start()
    await alerted.standin.stop()
    await alerted.post(placed())
    alert = await hook.until("raised", "delay")
    assert "nothing is accepted since" in alert["says"]
    await alerted.standin.start()
    await hook.until("over", "delay")


async def test_where_no_worker_runs_the_web_process_tells_of_the_delay(alerted: House, hook: Hook) -> None:
    alerted.raw["alerts"]["delay"] = "200ms"
    await alerted.serve()
    await alerted.post(placed())
    alert = await hook.until("raised", "delay")
    assert "Does a worker run" in hook.bodies[0]["text"]
    assert alert["destination"] == "main"
    await alerted.work()
    await hook.until("over", "delay")


async def test_a_webhook_that_was_down_gets_the_alert_once_when_it_is_up(alerted: House, hook: Hook) -> None:
    await hook.stop()
    await alerted.start()
    answer = await alerted.post(error="unmappable", field="emailAddress")
    await alerted.until(answer.id, "dead")
    hook.status = 503
    await hook.start()
    await hook.until_tried(2)
    assert hook.bodies == []
    hook.status = 200
    await hook.until("raised", "dead")
    await alerted.api("POST", f"/relays/{answer.id}/discard")
    await hook.until("over", "dead")
    assert [alert["state"] for alert in hook.alerts] == ["raised", "over"]


async def test_mail_says_the_same_by_smtp(alerted: House, hook: Hook, box: Mailbox) -> None:
    alerted.raw["alerts"]["smtp"] = box.settings
    await alerted.start()
    await alerted.post(error="unmappable", field="emailAddress")
    mail = await box.until("1 dead letter, spoken: emailAddress: is missing")
    await hook.until("raised", "dead")
    assert mail["to"] == "ops@shop.example"
    assert mail.get_content().strip() == hook.bodies[0]["text"]


async def test_channels_that_take_nothing_keep_no_relay_waiting(alerted: House, box: Mailbox) -> None:
    alerted.raw["alerts"]["smtp"] = box.settings | {"password": "wrong"}
    alerted.raw["alerts"]["webhooks"] = ["http://127.0.0.1:1/closed"]
    await alerted.start()
    await alerted.post(error="unmappable", field="emailAddress")
    answer = await alerted.post(placed())
    await alerted.until(answer.id, "delivered")
    assert box.mails == []


async def test_what_is_told_in_one_look_is_one_message(house: House, hook: Hook) -> None:
    await house.journal().record(arrived(Status.DEAD))
    await house.journal().pause("main", "orders", "", by="its answer", code=403)
    plan = Plan(channels=[Webhook(hook.url)])
    await watch(house, plan).look()
    (body,) = hook.bodies
    assert {alert["kind"] for alert in body["alerts"]} == {"dead", "paused"}
    assert len(body["text"].splitlines()) == 2


async def test_of_many_that_look_at_once_one_tells(house: House, hook: Hook) -> None:
    await house.journal().record(arrived(Status.DEAD))
    plan = Plan(channels=[Webhook(hook.url)])
    looked = await asyncio.gather(*(watch(house, plan).look() for _ in range(8)))
    assert sorted(looked) == [False] * 7 + [True]
    assert [alert["state"] for alert in hook.alerts] == ["raised"]


async def test_who_lost_the_turn_writes_nothing(redis: Redis, house: House) -> None:
    turns = Turns(house.journal())
    slow = await turns.take()
    assert slow is not None
    await redis.delete("{relay}:watch")
    quick = await turns.take()
    assert quick is not None
    assert await quick.keep(b"theirs")
    assert not await slow.keep(b"mine")
    assert await redis.get("{relay}:alerts") == b"theirs"


async def test_a_source_that_sent_every_hour_is_silent_after_two_without(house: House, hook: Hook) -> None:
    last_ms = await sent_every_hour(house)
    plan = Plan(channels=[Webhook(hook.url)], every=timedelta(milliseconds=1), manners=Manners(calm=AT_ONCE))
    for minutes, states in ((115, []), (125, ["raised"]), (180, ["raised"])):
        await looked(watch(house, plan, now_ms=last_ms + minutes * MINUTE_MS))
        assert [alert["state"] for alert in hook.told("raised", "quiet")] == states
    await house.journal().record(arrived(Status.IGNORED, last_ms + 181 * MINUTE_MS))
    await looked(watch(house, plan, now_ms=last_ms + 182 * MINUTE_MS))
    await looked(watch(house, plan, now_ms=last_ms + 183 * MINUTE_MS))
    assert [(alert["state"], alert["source"]) for alert in hook.alerts] == [
        ("raised", "shop"),
        ("over", "shop"),
    ]


AT_ONCE = timedelta(milliseconds=1)
MINUTE_MS = 60_000


def watch(house: House, plan: Plan, *, now_ms: int | None = None) -> Watch:
    """One more process's; `now_ms` is the time it believes in."""
    client = wiring.redis(house.env)
    house.stack.push_async_callback(client.aclose, close_connection_pool=True)
    clock = None if now_ms is None else f"local function now_ms() return {now_ms} end"
    journal = Journal(client, Wakeup(), clock=clock)
    names = list(house.raw["sources"]), list(house.raw["destinations"])
    return Watch(Signs(journal, Queries(journal, *names), *names), Turns(journal), plan)


async def looked(watch: Watch) -> None:
    """Once it is its turn."""
    await eventually(watch.look)


async def sent_every_hour(house: House) -> int:
    """Three weeks of it; gives when the last postback came."""
    first = 480_000
    hours = range(first, first + 3 * 168)
    every = [arrived(Status.IGNORED, hour * HOUR_MS) for hour in hours]
    await house.journal().record_spooled([(recording, 0) for recording in every])
    return hours[-1] * HOUR_MS


def arrived(status: Status, at_ms: int = 1) -> Recording:
    return recording(status=status, at_ms=at_ms)
