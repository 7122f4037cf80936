"""What a destination may answer, byte for byte: whatever it is, something becomes of the relay."""

from __future__ import annotations

from datetime import timedelta

import pytest

from relay.deliver.client import CommerceClient
from relay.errors import AttemptError, CallRefused, EndpointRefused, SlowDown, TryAgain
from tests.support import House, placed
from tests.wires import answering


async def said_of(answer: bytes) -> AttemptError | None:
    """What the client makes of it; None where the call was accepted."""
    async with answering(answer) as url, CommerceClient(url, "key", timeout=timedelta(seconds=5)) as client:
        try:
            await client.post("/orders", b"{}")
        except AttemptError as error:
            return error
    return None


def answer(status: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x15\x03\x01\x00\x02\x02\x16",  # an alert of TLS: the url says http where the port speaks https
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Cache: " + b"y" * 9000 + b"\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_tried_again(garbage: bytes) -> None:
    error = await said_of(garbage)
    assert isinstance(error, TryAgain)
    assert error.reason.startswith("its answer is not HTTP")


async def test_a_destination_that_does_not_speak_http_kills_no_worker(house: House) -> None:
    async with answering(b"SSH-2.0-OpenSSH_9.2\r\n") as url:
        house.raw["destinations"]["main"]["url"] = url
        await house.start()
        detail = await house.until((await house.post(placed())).id, "delivered")
        assert (detail.relay.attempts, detail.relay.tries) == (2, 1)
        await house.stop()


async def test_half_a_character_in_a_refusal_ends_in_the_words_of_the_dead_letter(house: House) -> None:
    """As of an API that cuts a text of the order's after so many UTF-16 units, within an emoji."""
    await house.start()
    house.standin.faults.status(400, body=r"""{"error": "no product 'Mug \ud83d'"}""")
    detail = await house.until((await house.post(placed())).id, "dead")
    assert detail.relay.reason == "400: no product 'Mug ?'"
    assert detail.relay.attempts == 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7), ("7.25", 7.25), ("  7 ", 7), ("99999999999999999999", 1e9), ("0", 0)],
)
async def test_a_429_is_told_how_long_to_wait(value: str, seconds: float) -> None:
    error = await said_of(answer("429 Too Many Requests", f"Retry-After: {value}"))
    assert isinstance(error, SlowDown)
    assert error.after == timedelta(seconds=seconds)


@pytest.mark.parametrize("value", ["-5", "soon", "", "\u00b2", "1e9", "nan", "Mon, 32 Jan 2026 99:99:99 GMT"])
async def test_a_429_with_an_unreadable_wait_is_one_without(value: str) -> None:
    error = await said_of(answer("429 Too Many Requests", f"Retry-After: {value}"))
    assert isinstance(error, SlowDown)
    assert error.after is None


async def test_a_byte_order_mark_hides_no_refusal_and_no_page() -> None:
    refusal = b'\xef\xbb\xbf{"success": false, "error": "no such order"}'
    assert isinstance(await said_of(answer("200 OK", body=refusal)), CallRefused)
    assert isinstance(await said_of(answer("200 OK", body=b"\xef\xbb\xbf<!doctype html>")), EndpointRefused)
