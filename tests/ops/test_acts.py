"""What people do to relays, issues and destinations, and what is written down of it."""

from __future__ import annotations

from typing import Any

import pytest

from relay.journal.forget import forget
from tests.support import House, cancelled, fulfilled, placed, thin


@pytest.fixture
async def relay(house: House) -> str:
    """A sale that was refused."""
    await house.start()
    house.standin.faults.status(400, times=1)
    answer = await house.post(placed())
    await house.until(answer.id, "dead")
    return answer.id


async def balanced(house: House) -> bool:
    return (await house.api("GET", "/stats")).json()["balanced"] is True


async def activity(house: House) -> list[tuple[str, str, str]]:
    acts = (await house.api("GET", "/activity")).json()["acts"]
    return [(act["by"], act["what"], act["on"]) for act in acts]


async def test_every_act_is_written_down_newest_first(house: House, relay: str) -> None:
    for act in ("discard", "restore", "retry"):
        assert (await house.api("POST", f"/relays/{relay}/{act}")).status_code == 200
    await house.until(relay, "delivered")
    await house.api("POST", "/destinations/main/pause", reason="moving house")
    await house.api("POST", "/destinations/main/resume")
    assert await activity(house) == [
        ("api", "resumed", "main"),
        ("api", "paused", "main"),
        ("api", "retried", relay),
        ("api", "restored", relay),
        ("api", "discarded", relay),
    ]
    assert await balanced(house)


async def test_an_act_that_does_not_fit_is_refused_and_not_written_down(house: House, relay: str) -> None:
    refused = await house.api("POST", f"/relays/{relay}/restore")
    advice = "it is dead; only what was discarded can be restored"
    assert (refused.status_code, refused.json()["detail"]) == (409, advice)
    missing = await house.api("POST", "/relays/none/discard")
    assert missing.status_code == 404
    assert await activity(house) == []


async def test_a_retry_of_what_is_on_its_way_says_what_it_waits_for(house: House) -> None:
    await house.serve()
    sale = await house.post(placed())
    refused = await house.api("POST", f"/relays/{sale.id}/retry")
    assert refused.json()["detail"] == "it is queued already, and leaves by itself when its turn comes"
    await house.api("POST", "/destinations/main/pause", reason="moving house")
    refused = await house.api("POST", f"/relays/{sale.id}/retry")
    assert refused.status_code == 409
    assert "it waits for main, and leaves by itself once that takes calls: moving house" in refused.text


async def test_what_is_for_a_destination_that_was_taken_out_of_the_settings_can_be_acted_on(
    house: House, relay: str
) -> None:
    await house.stop()
    journal, settings = house.journal(), house.raw["destinations"]
    settings["other"] = settings.pop("main")
    house.raw["sources"]["shop"]["destination"] = "other"
    await journal.redis.delete(journal.keys.drain("main"))  # it runs out with the last drain
    await house.serve()
    for act in ("discard", "restore", "retry"):
        assert (await house.api("POST", f"/relays/{relay}/{act}")).status_code == 200
    assert [what for _, what, _ in await activity(house)] == ["retried", "restored", "discarded"]
    assert await balanced(house)


async def test_what_was_overtaken_asks_for_a_second_word(house: House) -> None:
    await house.start()
    sale, end = placed(), cancelled()
    house.standin.faults.status(400, times=1)
    dead = await house.post(sale)
    await house.until(dead.id, "dead")
    ended = await house.post(end)
    await house.until(ended.id, "held")
    await house.api("POST", f"/relays/{dead.id}/discard")
    await house.until(ended.id, "delivered")
    await house.api("POST", f"/relays/{dead.id}/restore")
    refused = await house.api("POST", f"/relays/{dead.id}/retry")
    assert refused.status_code == 409
    assert refused.json()["say"] == "force"
    assert "cancelled" in refused.json()["detail"]


async def test_an_edited_event_is_delivered_in_place_of_the_one_that_was_read(
    house: House, relay: str
) -> None:
    event: dict[str, Any] = placed(total=2500, email="kim@example.com")
    done = await house.api("PUT", f"/relays/{relay}/event", index=0, event=event)
    assert done.json() == {"id": relay, "status": "queued"}
    await house.until(relay, "delivered")
    body = house.standin.accepted[-1].body
    assert (body["totalCents"], body["customer"]) == (2500, {"email": "kim@example.com"})
    shown = (await house.api("GET", f"/relays/{relay}")).json()
    assert shown["events"][0]["total_minor"] == 2500
    assert shown["original_events"][0]["total_minor"] == 4990
    assert shown["edited"]
    assert await balanced(house)
    assert (await activity(house))[0] == ("api", "edited", relay)


async def test_an_edit_replaces_that_relay_s_part_of_the_book_and_is_never_added_to_it(
    house: House, relay: str
) -> None:
    for total in (2500, 3000):
        edit = placed(total=total)
        await house.api("PUT", f"/relays/{relay}/event", index=0, event=edit, force=True)
        await house.until(relay, "delivered")
    shipped = await house.post(thin("order.fulfilled"))
    await house.until(shipped.id, "delivered")
    assert house.standin.accepted[-1].body["totalCents"] == 3000
    book = await house.journal().book("shop", ["id:A-1"])
    assert [field for field in book if field == f"f:{relay}"] == [f"f:{relay}"]


async def test_what_waits_behind_a_dead_sale_leaves_once_an_edit_makes_that_another_order_s(
    house: House, relay: str
) -> None:
    shipped = await house.post(fulfilled())
    assert "placed is dead" in (await house.until(shipped.id, "held")).relay.reason
    await house.api("PUT", f"/relays/{relay}/event", index=0, event=placed("A-2"))
    await house.until(relay, "delivered")
    await house.until(shipped.id, "delivered")
    assert await balanced(house)


async def test_what_is_no_event_is_refused_with_all_its_faults(house: House, relay: str) -> None:
    event = placed(total=-5, currency="XXQ", surprise=1)
    refused = await house.api("PUT", f"/relays/{relay}/event", index=0, event=event)
    assert refused.status_code == 422
    assert {fault["field"] for fault in refused.json()["faults"]} == {"total_minor", "currency", "surprise"}
    nameless = await house.api("PUT", f"/relays/{relay}/event", index=0, event={"kind": "order.sold"})
    assert nameless.json()["faults"][0]["field"] == "kind"
    nowhere = await house.api("PUT", f"/relays/{relay}/event", index=3, event=placed())
    assert nowhere.json()["faults"] == [{"field": "index", "message": "it has 1 events, counted from 0"}]
    assert not (await house.until(relay, "dead")).relay.edited


async def test_mapping_again_drops_an_edit_only_after_asking(house: House, relay: str) -> None:
    house.standin.faults.status(400, times=1)
    await house.api("PUT", f"/relays/{relay}/event", index=0, event=placed(total=2500))
    await house.until(relay, "dead")
    refused = await house.api("POST", f"/relays/{relay}/retry", stage="normalise")
    assert (refused.status_code, refused.json()["say"]) == (409, "drop_edit")
    await house.api("POST", f"/relays/{relay}/retry", stage="normalise", drop_edit=True)
    detail = await house.until(relay, "delivered")
    assert (detail.relay.edited, detail.original) == (False, None)
    assert house.standin.accepted[-1].body["totalCents"] == 4990


async def test_a_copy_of_a_dead_relay_leaves_an_edit_as_it_stands(house: House, relay: str) -> None:
    house.standin.faults.status(400, times=1)
    await house.api("PUT", f"/relays/{relay}/event", index=0, event=placed(total=2500))
    await house.until(relay, "dead")
    copy = await house.post(placed())
    assert (copy.id, copy.duplicate, copy.status) == (relay, True, "dead")
    assert (await house.until(relay, "dead")).relay.edited


async def test_what_is_discarded_is_restored_before_it_is_mapped_again(house: House, relay: str) -> None:
    await house.api("POST", f"/relays/{relay}/discard")
    for stage in ("normalise", "deliver"):
        refused = await house.api("POST", f"/relays/{relay}/retry", stage=stage)
        assert (refused.status_code, "restore it first" in refused.json()["detail"]) == (409, True)
    assert await balanced(house)


async def test_one_of_an_issue_is_tried_before_the_rest(house: House) -> None:
    await house.start()
    house.standin.faults.status(400, times=3)
    answers = [await house.post(placed(f"A-{n}", email=f"{n}@example.com")) for n in range(3)]
    for answer in answers:
        await house.until(answer.id, "dead")
    (issue,) = (await house.api("GET", "/issues")).json()["issues"]
    assert issue["count"] == 3
    tried = (await house.api("POST", f"/issues/{issue['id']}/try")).json()
    assert tried["id"] == issue["newest"]
    await house.until(tried["id"], "delivered")
    after = (await house.api("GET", f"/issues/{issue['id']}")).json()
    assert (after["count"], after["trial"]) == (2, tried["id"])


async def test_a_muted_issue_says_by_whom_and_its_dead_letters_are_told_apart(
    house: House, relay: str
) -> None:
    (issue,) = (await house.api("GET", "/issues")).json()["issues"]
    await house.api("POST", f"/issues/{issue['id']}/mute")
    shown = (await house.api("GET", f"/issues/{issue['id']}")).json()
    assert shown["muted_by"] == "api"
    assert await house.queries().issues.muted_dead() == 1
    await house.api("POST", f"/issues/{issue['id']}/unmute")
    assert (await house.api("GET", f"/issues/{issue['id']}")).json()["muted_by"] is None
    assert await house.queries().issues.muted_dead() == 0
    assert (await house.api("POST", "/issues/none/mute")).status_code == 404


async def test_a_pause_by_a_person_ends_by_a_person_and_stands_over_the_relay_s_own(house: House) -> None:
    await house.start()
    journal = house.journal()
    await journal.pause("main", "all", "key refused", by="its answer")
    assert (await house.api("POST", "/destinations/main/pause", reason="moving")).status_code == 200
    await journal.pause("main", "all", "key refused", by="its answer")
    (pause,) = (await house.api("GET", "/destinations")).json()["destinations"][0]["pauses"]
    assert (pause["reason"], pause["by"], pause["manual"], pause["next_probe"]) == (
        "moving",
        "api",
        True,
        None,
    )
    again = await house.api("POST", "/destinations/main/pause")
    assert again.status_code == 409
    answer = await house.post(placed())
    await house.until(answer.id, "held")
    stats = (await house.api("GET", "/stats")).json()
    shop = stats["sources"]["shop"]
    assert (stats["counts"]["held"], shop["held"], shop["queued"]) == (1, 1, 0)
    assert (await house.api("POST", "/destinations/main/resume")).json()["status"] == "running"
    await house.until(answer.id, "delivered")
    assert (await house.api("POST", "/destinations/main/resume")).status_code == 409
    assert (await house.api("POST", "/destinations/elsewhere/pause")).status_code == 404


async def test_forgetting_a_person_takes_edits_and_leaves_no_address_in_the_activity(
    house: House, relay: str
) -> None:
    await house.api("PUT", f"/relays/{relay}/event", index=0, event=placed(email="new@example.com"))
    await house.until(relay, "delivered")
    desk = house.desk()
    await desk.acts.reveal(relay, by="new@example.com")
    await desk.activity.note("ann", "searched", detail="email:new@example.com")
    done = await forget(house.journal(), "new@example.com", by="a test")
    assert done.relays == 1
    detail = await house.queries().detail(relay)
    assert detail is not None
    assert (detail.postback, detail.reading, detail.original) == (None, None, None)
    told = (await house.api("GET", "/activity")).text
    assert "new@example.com" not in told
    assert "revealed" in told
