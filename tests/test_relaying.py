"""A postback's whole way: received, recorded, composed, delivered."""

from __future__ import annotations

from tests.support import House, fulfilled, placed, refunded, thin


async def test_a_sale_arrives_at_the_commerce_api_once(house: House) -> None:
    await house.start()
    answer = await house.post(placed())
    assert (answer.status_code, answer.status, answer.duplicate) == (200, "queued", False)
    await house.until(answer.id, "delivered")
    assert [record.body for record in house.standin.accepted] == [
        {
            "orderId": "A-1",
            "status": "placed",
            "totalCents": 4990,
            "currency": "USD",
            "customer": {"email": "jo@example.com"},
            "orderedAt": house.standin.accepted[0].body["orderedAt"],
        }
    ]


async def test_a_copy_is_counted_on_the_first_and_sends_nothing(house: House) -> None:
    await house.start()
    first = await house.post(placed())
    await house.until(first.id, "delivered")
    again = await house.post(placed())
    assert (again.id, again.duplicate, again.status) == (first.id, True, "delivered")
    stats = (await house.api("GET", "/stats")).json()
    assert (stats["received"], stats["duplicates"], stats["balanced"]) == (1, 1, True)
    assert house.standin.received_total == 1


async def test_a_thin_shipment_is_completed_from_the_order_book(house: House) -> None:
    await house.start()
    await house.post(placed())
    shipped = await house.post(thin("order.fulfilled"))
    await house.until(shipped.id, "delivered")
    assert house.standin.accepted[-1].body["totalCents"] == 4990
    assert house.standin.orders["A-1"].statuses == {"placed": [4990], "fulfilled": [4990]}


async def test_a_thin_shipment_that_comes_first_waits_for_its_order(house: House) -> None:
    await house.start()
    shipped = await house.post(thin("order.fulfilled"))
    held = await house.until(shipped.id, "held")
    assert "not known yet" in held.relay.reason
    sale = await house.post(placed())
    await house.until(shipped.id, "delivered")
    await house.until(sale.id, "ignored", "delivered")
    statuses = [record.body["status"] for record in house.standin.accepted]
    assert statuses == ["placed", "fulfilled"]
    assert house.standin.violations == []


async def test_one_customers_relays_leave_in_order(house: House) -> None:
    await house.serve()
    answers = [await house.post(placed(f"A-{n}")) for n in range(20)]
    answers.append(await house.post(fulfilled("A-3")))
    await house.work()
    await house.until(answers[-1].id, "delivered")
    sent = [(record.body["orderId"], record.body["status"]) for record in house.standin.accepted]
    assert sent == [*((f"A-{n}", "placed") for n in range(20)), ("A-3", "fulfilled")]


async def test_a_name_that_two_orders_share_leads_to_neither(house: House) -> None:
    await house.start()
    one = placed("A", email="jo@example.com", total=1000) | {"names": ["client:A", "number:44"]}
    two = placed("B", email="kim@example.com", total=2000) | {"names": ["client:B", "number:44"]}
    for order in (one, two):
        answer = await house.post(order)
        await house.until(answer.id, "delivered")
    shipped = await house.post(thin("order.fulfilled", "44") | {"names": ["number:44"]})
    held = await house.until(shipped.id, "held")
    assert "not known yet" in held.relay.reason
    sent = [
        (r.body["orderId"], r.body["customer"]["email"], r.body["totalCents"]) for r in house.standin.accepted
    ]
    assert sent == [("A", "jo@example.com", 1000), ("B", "kim@example.com", 2000)]
    whole = await house.post(fulfilled("B", email="kim@example.com", total=2000) | {"names": ["client:B"]})
    await house.until(whole.id, "delivered")
    assert house.standin.orders["B"].statuses == {"placed": [2000], "fulfilled": [2000]}


async def test_two_books_of_one_order_become_one_when_a_postback_names_both(house: House) -> None:
    await house.start()
    by_number = await house.post(thin("order.fulfilled", "44") | {"names": ["number:44"]})
    await house.until(by_number.id, "held")
    by_client = await house.post(placed("A") | {"names": ["client:A"]})
    await house.until(by_client.id, "delivered")
    both = await house.post(placed("A", total=6990) | {"names": ["client:A", "number:44"]})
    await house.until(both.id, "delivered")
    await house.until(by_number.id, "delivered")
    assert house.standin.orders["A"].statuses == {"placed": [4990, 6990], "fulfilled": [6990]}


async def test_a_chargeback_wanted_as_an_event_is_told_once_and_adds_to_no_refund(house: House) -> None:
    house.raw["sources"]["shop"]["chargeback"] = "event"
    await house.start()
    back = {"basis": "step", "id": "chargeback", "amount_minor": 4000, "chargeback": True}
    alone = await house.post(thin("order.refunded", refund=back))
    await house.until(alone.id, "held")
    await house.post(placed())
    await house.until(alone.id, "delivered")
    again = await house.post(refunded() | {"refund": back})
    assert (await house.until(again.id, "ignored")).relay.reason == "chargeback already told"
    given = await house.post(refunded(1000))
    await house.until(given.id, "delivered")
    told = [(r.body.get("event"), r.body.get("refundAmountCents")) for r in house.standin.accepted]
    assert sorted(told, key=str) == [("chargeback", None), (None, 1000), (None, None)]
    assert house.standin.violations == []


async def test_a_refund_of_an_unknown_amount_is_dead_until_a_person_adds_it(house: House) -> None:
    await house.start()
    sale = await house.post(placed())
    await house.until(sale.id, "delivered")
    told = refunded() | {"refund": {"basis": "cumulative"}}
    answer = await house.post(told)
    dead = await house.until(answer.id, "dead")
    assert "does not say how much was refunded" in dead.relay.reason
    known = told | {"refund": {"basis": "cumulative", "amount_minor": 1000}}
    await house.api("PUT", f"/relays/{answer.id}/event", index=0, event=known)
    await house.until(answer.id, "delivered")
    assert house.standin.orders["A-1"].statuses == {"placed": [4990], "refunded": [1000]}
