"""What the stand-in does wrong when told to."""

import asyncio

import httpx
import pytest

from relay.testing.standin import Fault, Standin
from tests.testing.standin.support import CHECKOUT, EVENT, order


async def test_faults_are_met_in_the_order_of_the_script(standin: Standin, client: httpx.AsyncClient) -> None:
    standin.faults.status(500, times=2)
    standin.faults.status(429, headers={"Retry-After": "7"})
    statuses = [(await client.post("/orders", json=order())).status_code for _ in range(4)]
    assert statuses == [500, 500, 429, 202]
    assert [(r.status, r.fault, r.accepted) for r in standin.received] == [
        (500, "status", False),
        (500, "status", False),
        (429, "status", False),
        (202, None, True),
    ]
    assert standin.orders["A-1"].counts == {"placed": 1}


async def test_a_fault_without_times_stays_until_cleared(standin: Standin, client: httpx.AsyncClient) -> None:
    fault = standin.faults.status(503, times=None)
    assert {(await client.post("/orders", json=order())).status_code for _ in range(5)} == {503}
    assert fault.fired == 5
    standin.faults.clear()
    assert (await client.post("/orders", json=order())).status_code == 202


async def test_a_fault_can_be_for_one_path_one_order_or_one_email(
    standin: Standin, client: httpx.AsyncClient
) -> None:
    standin.faults.status(501, times=None, path="/api/v1/checkouts")
    standin.faults.status(502, times=None, order_id="B-2")
    standin.faults.status(503, times=None, email="Noor@example.org")
    noor = {"email": "noor@example.org"}
    sent = [
        await client.post("/checkouts", json=CHECKOUT),
        await client.post("/orders", json=order(orderId="B-2")),
        await client.post("/orders", json=order(customer=noor)),
        await client.post("/subscribers/events", json=EVENT | noor),
        await client.post("/orders", json=order()),
        await client.get("/account"),
    ]
    assert [r.status_code for r in sent] == [501, 502, 503, 503, 202, 200]


async def test_a_status_fault_has_an_error_body_of_any_shape(
    standin: Standin, client: httpx.AsyncClient
) -> None:
    standin.faults.status(403, message="API key is missing required scope(s): `x:y`", shape="B")
    standin.faults.status(500)
    standin.faults.status(502, body="upstream connect error")
    standin.faults.status(409, body={"message": "conflict"})
    standin.faults.status(503, body="<h1>Away</h1>", headers={"Content-Type": "text/html"})
    sent = [await client.post("/orders", json=order()) for _ in range(5)]
    assert sent[0].json()["error"]["message"] == "API key is missing required scope(s): `x:y`"
    assert sent[1].json() == {"success": False, "error": "Internal Server Error"}
    assert (sent[2].text, sent[2].headers["Content-Type"]) == (
        "upstream connect error",
        "text/plain; charset=utf-8",
    )
    assert sent[3].json() == {"message": "conflict"}
    assert (sent[4].status_code, sent[4].headers["Content-Type"]) == (503, "text/html")


async def test_a_2xx_fault_takes_the_order(standin: Standin, client: httpx.AsyncClient) -> None:
    standin.faults.status(201)
    standin.faults.status(204)
    standin.faults.status(201)
    created = await client.post("/orders", json=order())
    empty = await client.post("/orders", json=order("fulfilled"))
    refused = await client.post("/orders", json=order("nonsense"))
    assert (created.status_code, created.json()["queued"]) == (201, True)
    assert (empty.status_code, empty.content) == (204, b"")
    assert refused.status_code == 400
    assert standin.orders["A-1"].counts == {"placed": 1, "fulfilled": 1}


async def test_answers_that_are_no_answers_take_nothing(standin: Standin, client: httpx.AsyncClient) -> None:
    standin.faults.html()
    standin.faults.success_false(message="workspace is suspended")
    standin.faults.redirect("https://login.example/next")
    page, false, redirect = [await client.post("/orders", json=order()) for _ in range(3)]
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html")
    assert (false.status_code, false.json()) == (200, {"success": False, "error": "workspace is suspended"})
    assert (redirect.status_code, redirect.headers["Location"]) == (302, "https://login.example/next")
    assert (len(standin.received), standin.accepted, standin.orders) == (3, [], {})


async def test_an_empty_answer_takes_the_order(standin: Standin, client: httpx.AsyncClient) -> None:
    standin.faults.empty()
    response = await client.post("/orders", json=order())
    assert (response.status_code, response.content) == (202, b"")
    assert [r.fault for r in standin.accepted] == ["empty"]


async def test_a_cut_answer_takes_the_order(standin: Standin, client: httpx.AsyncClient) -> None:
    standin.faults.cut()
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        await client.post("/orders", json=order())
    assert [r.fault for r in standin.accepted] == ["cut"]


@pytest.mark.parametrize(("kind", "taken"), [("drop", 0), ("lose", 1)])
async def test_a_connection_can_close_without_a_byte_of_answer(
    standin: Standin, client: httpx.AsyncClient, kind: str, taken: int
) -> None:
    fault = standin.faults.add(Fault.model_validate({"kind": kind}))
    request = client.build_request("POST", "/orders", json=order())
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    reader, writer = await asyncio.open_connection("127.0.0.1", standin.port)
    writer.write(f"POST /api/v1/orders HTTP/1.1\r\n{head}\r\n".encode() + request.content)
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    assert fault.fired == 1
    assert (len(standin.received), len(standin.accepted), len(standin.orders)) == (taken, taken, taken)


async def test_a_delayed_request_is_answered_as_it_should_be(
    standin: Standin, client: httpx.AsyncClient
) -> None:
    standin.faults.delay(0.01)
    standin.faults.status(503, delay=0.01)
    sent = [await client.post("/orders", json=order()) for _ in range(2)]
    assert [r.status_code for r in sent] == [202, 503]


async def test_other_requests_overtake_a_delayed_one(standin: Standin, client: httpx.AsyncClient) -> None:
    slow = standin.faults.delay(3600, order_id="B-2")
    waiting = asyncio.create_task(client.post("/orders", json=order(orderId="B-2")))
    await standin.wait_for(lambda _: slow.fired == 1)
    assert (await client.post("/orders", json=order())).status_code == 202
    await standin.stop()
    assert isinstance((await asyncio.gather(waiting, return_exceptions=True))[0], httpx.TransportError)
    assert list(standin.orders) == ["A-1"]
