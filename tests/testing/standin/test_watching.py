"""What was received, and the page and endpoints that show it."""

import asyncio
import json

import httpx
import pytest

from relay.testing.standin import Standin
from tests.testing.standin.support import KEY, ORDER, client_of, order


async def test_a_record_holds_the_request_without_its_secrets(
    standin: Standin, client: httpx.AsyncClient
) -> None:
    await client.post("/orders", json=ORDER, headers={"X-Company-Id": "com_1", "Cookie": "session=1"})
    [record] = standin.received
    assert (record.n, record.method, record.path, record.status) == (1, "POST", "/api/v1/orders", 202)
    assert (record.body, record.key, record.fault, record.accepted) == (ORDER, "…abcd", None, True)
    assert record.headers["x-company-id"] == "com_1"
    assert not {"authorization", "cookie"} & set(record.headers)


async def test_a_short_key_is_not_shown(standin: Standin, client: httpx.AsyncClient) -> None:
    await client.get("/account", headers={"Authorization": "Bearer short"})
    assert standin.received[0].key == "…"


async def test_a_body_that_is_no_json_is_shown_as_text(standin: Standin, client: httpx.AsyncClient) -> None:
    for content in (b"order=1\xff", b'{"total": NaN}', b""):
        await client.post("/orders", content=content)
    assert [r.body for r in standin.received] == ["order=1\ufffd", '{"total": NaN}', ""]


async def test_the_newest_are_kept_and_all_are_counted() -> None:
    async with Standin.serve(keep=2, keep_orders=2) as standin, client_of(standin) as client:
        for number in range(5):
            await client.post("/orders", json=order(orderId=f"A-{number}"))
        assert [r.n for r in standin.received] == [4, 5]
        assert (standin.received_total, standin.accepted_total) == (5, 5)
        assert list(standin.orders) == ["A-3", "A-4"]


async def test_waiting_ends_with_the_count_or_the_condition(
    standin: Standin, client: httpx.AsyncClient
) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(standin.wait_for(2))
        group.create_task(standin.wait_for(lambda s: "A-1" in s.orders))
        await client.get("/account")
        await client.post("/orders", json=order())
    await standin.wait_for(2)


async def test_waiting_in_vain_says_what_came(standin: Standin, client: httpx.AsyncClient) -> None:
    await client.get("/account")
    with pytest.raises(TimeoutError, match="1 requests received, 1 accepted"):
        await standin.wait_for(2, timeout=0.01)


async def test_reset_forgets_all_but_keys(standin: Standin, client: httpx.AsyncClient) -> None:
    standin.keys = {KEY}
    standin.limits.per_minute = 2
    await client.post("/orders", json=order())
    await client.post("/orders", json=order())
    standin.faults.status(500, times=None)
    standin.reset()
    assert (await client.post("/orders", json=order())).status_code == 202
    assert ([r.n for r in standin.received], standin.violations, standin.keys) == ([1], [], {KEY})


async def test_the_page_shows_the_newest_calls_escaped(standin: Standin, client: httpx.AsyncClient) -> None:
    assert "Nothing yet" in (await client.get(standin.origin + "/")).text
    for number in range(100):
        await client.post("/orders", json=order(orderId=f"A-{number}"))
    for order_id in ("A-0", "<b>", "<b>"):
        await client.post("/orders", json=order(orderId=order_id))
    hostile = json.dumps(order(orderId="<script>alert(1)</script>\ud800"))
    await client.post("/orders", content=hostile.encode(), headers={"Content-Type": "application/json"})
    page = await client.get(standin.origin + "/")
    assert "<title>Stand-in Commerce API</title>" in page.text
    assert "&lt;script&gt;alert(1)" in page.text
    assert "<script" not in page.text
    assert "<b>" not in page.text
    assert "placed twice with the same total (A-0)" in page.text
    assert page.text.count("<section>") == 100
    assert '"A-3"' not in page.text.replace("&quot;", '"')
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert (await client.get(standin.origin + "/_standin/")).text == page.text


async def test_scripts_see_what_was_received(standin: Standin, client: httpx.AsyncClient) -> None:
    await client.post("/orders", json=order())
    await client.post("/orders", json=order())
    received = f"{standin.origin}/_standin/received"
    async with httpx.AsyncClient(verify=False) as stranger:
        shown = (await stranger.get(received)).json()
        newest = (await stranger.get(received, params={"limit": 1})).json()
    assert (shown["received_total"], shown["accepted_total"]) == (2, 2)
    assert [r["body"]["orderId"] for r in shown["received"]] == ["A-1", "A-1"]
    assert shown["orders"]["A-1"]["statuses"] == {"placed": [5497, 5497]}
    assert shown["violations"] == [{"n": 2, "rule": "placed twice with the same total", "id": "A-1"}]
    assert [r["n"] for r in newest["received"]] == [2]
    assert len(standin.received) == 2


async def test_scripts_set_faults_and_keys_and_reset(standin: Standin, client: httpx.AsyncClient) -> None:
    control = standin.origin + "/_standin"
    fault = {"kind": "status", "code": 503, "times": 2, "headers": {"Retry-After": "2"}}
    assert (await client.post(f"{control}/faults", json=fault)).json()[0]["times"] == 2
    assert len((await client.post(f"{control}/faults", json=[{"kind": "html"}])).json()) == 2
    assert (await client.post("/orders", json=order())).headers["Retry-After"] == "2"
    assert (await client.get(f"{control}/faults")).json()[0]["fired"] == 1
    assert (await client.delete(f"{control}/faults")).json() == []
    assert (await client.put(f"{control}/keys", json={"keys": ["other"]})).status_code == 204
    assert (await client.post("/orders", json=order())).status_code == 401
    assert (await client.put(f"{control}/keys", json={"keys": None})).status_code == 204
    assert (await client.post(f"{control}/reset")).status_code == 204
    assert (standin.received, standin.keys) == ([], None)


@pytest.mark.parametrize(
    ("method", "path", "content"),
    [
        ("POST", "/faults", b'{"kind": "explode"}'),
        ("POST", "/faults", b'{"kind": "html", "path": "orders"}'),
        ("POST", "/faults", b'{"kind": "html", "headers": {"a": "b\\r\\nc: d"}}'),
        ("POST", "/faults", b"{"),
        ("PUT", "/keys", b"[]"),
        ("PUT", "/keys", b"{"),
    ],
)
async def test_a_wrong_order_to_the_stand_in_is_refused(
    standin: Standin, client: httpx.AsyncClient, method: str, path: str, content: bytes
) -> None:
    response = await client.request(method, f"{standin.origin}/_standin{path}", content=content)
    assert (response.status_code, "error" in response.json()) == (400, True)
    assert len(standin.faults) == 0


async def test_another_site_cannot_control_it(standin: Standin, client: httpx.AsyncClient) -> None:
    await client.post("/orders", json=order())
    reset = f"{standin.origin}/_standin/reset"
    assert (await client.post(reset, headers={"Sec-Fetch-Site": "cross-site"})).status_code == 403
    assert len(standin.received) == 1
