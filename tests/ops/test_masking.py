"""What the pages show of people before anybody reveals it."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

import httpx
import pytest

from relay.journal import codec
from relay.journal.records import Relay, RelayDetail, Status
from relay.normalise.contract import Postback
from relay.ops.pages.diff import compared
from relay.ops.pages.masking import DOTS, Veil, half_masked, mask, unmasked
from relay.ops.pages.seen import Seen, seen
from tests.ops.browsing import opened
from tests.support import House

EVENT = {
    "kind": "order.placed",
    "order_id": "A-1",
    "currency": "USD",
    "total_minor": 4990,
    "customer": {
        "email": "jo.miller@shop.example",
        "first_name": "Josephine",
        "attributes": {"plan": "gold", "vip": True},
    },
    "items": [{"product_id": "601", "title": "Glow Serum for Josephine", "name": "Serum"}],
    "properties": {"billing_city": "Springfield", "shop_name": "Glow", "note": "ring twice"},
    "url": "https://shop.example/cart/secret",
}


def test_names_and_addresses_are_masked_and_things_are_not() -> None:
    shown = Veil.of(EVENT).value(EVENT)
    assert shown["customer"] == {
        "email": "j•••@s•••",
        "first_name": "J•••",
        "attributes": {"plan": "g•••", "vip": True},
    }
    assert shown["items"] == [{"product_id": "601", "title": "Glow Serum for J•••", "name": "Serum"}]
    assert shown["properties"] == {"billing_city": "S•••", "shop_name": "Glow", "note": "r•••"}
    assert shown["url"] == "•••"
    assert (shown["order_id"], shown["total_minor"]) == ("A-1", 4990)


def test_other_peoples_words_are_searched_for_what_the_event_says() -> None:
    veil = Veil.of(EVENT)
    assert (
        veil.text("400: no subscriber josephine <jo.miller@shop.example>")
        == "400: no subscriber j••• <j•••@s•••>"
    )
    assert Veil().text("ask help@api.example") == "ask h•••@a•••"


@pytest.mark.parametrize("value", [None, "", True, False])
def test_of_nothing_there_is_nothing_to_mask(value: object) -> None:
    assert mask(value) is value


def test_what_was_not_touched_in_an_edit_is_not_lost_to_its_mask() -> None:
    veil = Veil.of(EVENT)
    edited = veil.value(EVENT) | {"currency": "EUR"}
    edited["customer"] = edited["customer"] | {"first_name": "Jo"}
    assert unmasked(edited, veil.value(EVENT), EVENT) == EVENT | {
        "currency": "EUR",
        "customer": EVENT["customer"] | {"first_name": "Jo"},  # type: ignore[operator]
    }
    assert not [*half_masked(unmasked(edited, veil.value(EVENT), EVENT), EVENT)]


def test_what_was_written_into_a_mask_is_neither_dropped_nor_sent() -> None:
    shown = Veil.of(EVENT).value(EVENT)
    title = shown["items"][0]["title"].replace("Serum", "Oil")
    edited = shown | {
        "customer": shown["customer"] | {"email": "dana@s•••"},
        "items": [{**shown["items"][0], "title": title}, {"title": "for J•••"}],
    }
    meant = unmasked(edited, shown, EVENT)
    assert {".".join(path) for path in half_masked(meant, EVENT)} == {
        "customer.email",
        "items.0.title",
        "items.1.title",
    }
    spaced = {"note": " ring\ntwice "}
    assert unmasked({"note": "•••"}, Veil.of(spaced).value(spaced), spaced) == spaced
    legible = {"kind": "order.placed", "title": "•••"}
    assert not [*half_masked(legible, legible)]


def shown(body: str, kind: str = "application/json", *, query: str = "", revealed: bool = False) -> Seen:
    headers = {"content-type": kind}
    postback = Postback("POST", query, headers, body.encode(), datetime(2026, 11, 1, tzinfo=UTC))
    relay = Relay(
        id="01m8h0000000000000aa",
        source="shop",
        adapter="spoken",
        destination="main",
        endpoint="orders",
        status=Status.DEAD,
        reason="it says nothing",
        received_at="2026-11-01T00:00:00.000Z",
        kinds=(),
        order=None,
        attempts=0,
        tries=0,
        copies=0,
        code=None,
        stage="normalise",
        issue=None,
        replay=None,
        edited=False,
        next_try=None,
        changed_at=None,
    )
    detail = RelayDetail(relay, codec.postback_to_plain(postback), None, history=())
    return seen(detail, "https://api.example", revealed=revealed)


async def test_why_somebody_paused_is_masked_like_all_that_people_write(
    house: House, browser: httpx.AsyncClient
) -> None:
    await opened(house, browser)
    await house.desk().acts.pause("main", by="ann", reason="jo@example.com asked for it")
    for path in ("/ops/", "/ops/destinations"):
        shown = (await browser.get(path)).text
        assert "j•••@e••• asked for it." in shown
        assert "jo@example.com" not in shown


PERSON = '{"first_name": "Josephine", "email": "jo.miller@shop.example", "link": "https://x.example/?a=b"}'
FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("body", "kind"), [(f"\ufeff{PERSON}", "application/json"), (f"[{PERSON}]", FORM), (f"x&{PERSON}", FORM)]
)
def test_a_postback_is_masked_however_it_begins(body: str, kind: str) -> None:
    received = shown(body, kind, query=f"order=7&{PERSON}").received
    assert received
    for told in (received.body, received.query, received.curl):
        assert "Josephine" not in told
        assert "miller" not in told
        assert DOTS in told
    assert received.query.startswith("order=7&")


def test_what_is_too_deep_to_be_read_is_shown_once_it_is_revealed() -> None:
    deep = "[" * 100_000
    received = shown(deep, revealed=True).received
    assert received
    assert received.body == deep


def ends(code: str) -> bool:
    """Whether it comes to its end at all: what costs the square of a postback's length does not for hours."""
    run = subprocess.run([sys.executable, "-c", code], timeout=60, check=False)
    return run.returncode == 0


def test_a_long_word_keeps_no_page_from_being_shown() -> None:
    assert ends("from relay.ops.pages.saying import veiled; assert veiled('a' * 2**20) == 'a' * 2**20")


def test_a_long_word_keeps_no_act_from_being_written_down() -> None:
    assert ends(
        "from relay.journal.activity import without_addresses\n"
        "assert without_addresses('a' * 2**20) == 'a' * 300\n"
        "assert without_addresses('jo@example.com or jo%40example.com') == '(an address) or (an address)'"
    )


def test_an_edit_of_a_long_order_keeps_no_page_from_being_shown() -> None:
    assert ends(
        "from relay.ops.pages.diff import compared\n"
        "before = [line for n in range(800) for line in ('{', f'\"id\": {n}', '\"quantity\": 1', '},')]\n"
        "after = [line.replace('1', '2') if 'quantity' in line else line for line in before]\n"
        "lines = compared('\\n'.join(before), '\\n'.join(after))\n"
        "assert [line.text for line in lines if line.how != 'new'] == before\n"
        "assert [line.text for line in lines if line.how != 'old'] == after\n"
    )


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("a b c", "a x c", " a -b +x  c"),
        ("a b c", "a b c", " a  b  c"),
        ("a a a", "a a", " a  a -a"),
        ("a", "a b", " a +b"),
        ("a b c d e", "a x c y e", " a -b +x  c -d +y  e"),
        ("", "a", "+a"),
    ],
)
def test_a_comparison_tells_what_was_taken_out_and_what_put_in(before: str, after: str, told: str) -> None:
    signs = {"same": " ", "old": "-", "new": "+"}
    lines = compared(before.replace(" ", "\n"), after.replace(" ", "\n"))
    assert " ".join(f"{signs[line.how]}{line.text}" for line in lines) == told
