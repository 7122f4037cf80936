"""A postback's whole way: received, recorded, composed, delivered."""

from __future__ import annotations

from tests.support import House, fulfilled, placed, thin


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
