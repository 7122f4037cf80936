"""What the stand-in takes, over real HTTP."""

from datetime import UTC, datetime, timedelta

import httpx

from relay.testing.standin import Standin
from tests.testing.standin.support import CHECKOUT, EVENT, KEY, ORDER, PRODUCT, STOCK, changed


async def test_an_order_is_queued(client: httpx.AsyncClient) -> None:
    response = await client.post("/orders", json=ORDER)
    assert response.status_code == 202
    body = response.json()
    assert body.pop("jobId").startswith("commerce-order-")
    assert body == {"success": True, "queued": True, "orderId": "KN-77120", "status": "placed"}


async def test_an_order_needs_four_fields_only_and_is_placed_where_it_does_not_say(
    standin: Standin, client: httpx.AsyncClient
) -> None:
    least = {name: ORDER[name] for name in ("orderId", "totalCents", "currency")}
    response = await client.post("/orders", json=least | {"customer": {"email": "lena@example.org"}})
    assert (response.status_code, response.json()["status"]) == (202, "placed")
    assert standin.orders["KN-77120"].counts == {"placed": 1}


async def test_a_checkout_answers_with_subscriber_and_event(client: httpx.AsyncClient) -> None:
    response = await client.post("/checkouts", json=CHECKOUT)
    assert response.status_code == 200
    assert set(response.json()) == {"success", "checkoutId", "subscriberId", "eventId"}
    assert response.json()["checkoutId"] == "sess-90aa"


async def test_one_email_is_one_subscriber_in_any_case(client: httpx.AsyncClient) -> None:
    first = await client.post("/checkouts", json=CHECKOUT)
    second = await client.post("/checkouts", json=changed(CHECKOUT, "customer.email", "Lena@Example.org"))
    assert first.json()["subscriberId"] == second.json()["subscriberId"]


async def test_products_are_upserted_and_can_be_read_back(client: httpx.AsyncClient) -> None:
    named = PRODUCT | {"productId": "tea/250 g"}
    response = await client.post("/products", json={"products": [named, PRODUCT]})
    assert response.status_code == 200
    assert (response.json()["upserted"], response.json()["backInStockEventsTriggered"]) == (2, 0)
    read = await client.get("/products/tea%2F250%20g")
    assert read.json() == {"success": True, "product": response.json()["products"][0]}
    assert read.json()["product"] | named == read.json()["product"]


async def test_an_omitted_product_field_is_kept_and_a_null_one_cleared(client: httpx.AsyncClient) -> None:
    await client.post(
        "/products", json={"products": [PRODUCT | {"description": "Green", "priceCents": 1999}]}
    )
    again = {"productId": "tea-250", "title": "Tea", "inStock": True, "description": None}
    await client.post("/products", json={"products": [again]})
    product = (await client.get("/products/tea-250")).json()["product"]
    assert "description" not in product
    assert (product["title"], product["priceCents"], len(product["variants"])) == ("Tea", 1999, 1)


async def test_restocking_tells_those_who_wait_once(client: httpx.AsyncClient) -> None:
    out = changed(changed(PRODUCT, "variants.0.inventoryQuantity", 0), "variants.0.inStock", False)
    await client.post("/products", json={"products": [out]})
    waits = await client.post("/back-in-stock", json=STOCK)
    assert (waits.status_code, set(waits.json())) == (200, {"success", "subscriberId"})
    triggered = [
        (await client.post("/products", json={"products": [product]})).json()["backInStockEventsTriggered"]
        for product in (PRODUCT, PRODUCT, out, PRODUCT)
    ]
    assert triggered == [1, 0, 0, 0]


async def test_a_product_first_seen_in_stock_is_no_restock(client: httpx.AsyncClient) -> None:
    await client.post("/back-in-stock", json=STOCK)
    response = await client.post("/products", json={"products": [PRODUCT]})
    assert response.json()["backInStockEventsTriggered"] == 0


async def test_an_event_with_a_known_id_is_a_duplicate(client: httpx.AsyncClient) -> None:
    first = await client.post("/subscribers/events", json=EVENT | {"eventId": "e-1"})
    second = await client.post("/subscribers/events", json=EVENT | {"eventId": "e-1"})
    other = await client.post("/subscribers/events", json=EVENT | {"eventId": "e-2"})
    assert (first.status_code, second.status_code) == (200, 200)
    assert [r.json().get("duplicate", False) for r in (first, second, other)] == [False, True, False]
    assert first.json()["subscriber"]["created"]
    assert not second.json()["subscriber"]["created"]


async def test_an_event_more_than_an_hour_old_is_history(client: httpx.AsyncClient) -> None:
    now = datetime.now(UTC)
    ages = (timedelta(minutes=1), timedelta(hours=2), timedelta(days=6 * 366))
    sent = [
        await client.post("/subscribers/events", json=EVENT | {"occurredAt": (now - age).isoformat()})
        for age in ages
    ]
    assert [r.status_code for r in sent] == [200, 200, 400]
    assert ["historical" in r.json() for r in sent] == [False, True, False]


async def test_an_event_by_external_id_needs_a_known_subscriber(client: httpx.AsyncClient) -> None:
    event = {"event": "payment.declined", "externalId": "cust-5519"}
    assert (await client.post("/subscribers/events", json=event)).status_code == 404
    await client.post("/orders", json=ORDER)
    assert (await client.post("/subscribers/events", json=event)).status_code == 200


async def test_the_account_tells_whether_a_key_is_good(standin: Standin, client: httpx.AsyncClient) -> None:
    good = await client.get("/account")
    standin.keys = {"another-key"}
    bad = await client.get("/account")
    assert (good.status_code, bad.status_code) == (200, 401)
    assert KEY not in good.text
