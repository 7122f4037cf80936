"""Real postbacks become fixtures without the people in them, and map as they did."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from relay.httpfile import parse
from relay.normalise.contract import Postback
from relay.testing import fixtures, subjects
from relay.testing.capture import Captured, capture
from relay.testing.disguise import Disguise
from relay.testing.fixtures import Fixture
from relay.testing.message import opened
from tests.shell import Shell
from tests.support import KEY, House, RedisProcess
from tests.testing import bad_adapters as plain

MOMENT = datetime(2026, 5, 4, 18, 30, tzinfo=UTC)
DISGUISE = Disguise("a key of the tests")
CHECKOUTCHAMP = subjects.subject("checkoutchamp")
ALL = [
    pytest.param(subject, fixture, id=f"{subject}-{fixture.name}")
    for subject in map(subjects.subject, subjects.names())
    for fixture in subject.fixtures
    if "encrypted" not in fixture.name  # a ciphertext with stand-ins in it is none
]
PERSON = {
    "firstName": "Annegret",
    "lastName": "Waldmüller",
    "emailAddress": "annegret.waldmueller@posteo.example",
    "phoneNumber": "+49 170 5551234",
    "shippingTel": "1705551234",  # digits alone, below a name that amounts have too
    "address1": "Birkenstraße 417b",
    "city": "Quedlinburg",
    "postalCode": "06484",
    "ipAddress": "198.51.100.77",
    "dateOfBirth": "1961-07-23",
    "deliveryNote": "Please ring twice at Waldmüller, second floor",
    "shop_field_9": "annegret w",  # what nobody can know to be a name
    "custom": json.dumps({"who": "Annegret Waldmüller", "tel": "01705551234"}),
    "landing": "https://shop.example.net/thanks?e=annegret.waldmueller%40posteo.example&n=Annegret",
}
ORDER = {
    "event": "sale",
    "clientOrderId": "3B7C11E0A4",
    "orderId": 279501,
    "orderStatus": "COMPLETE",
    "responseType": "SUCCESS",
    "dateCreated": "2026-05-04 09:30:08",
    "totalPrice": "287.95",
    "currencyCode": "USD",
}
TRACES = (
    *("annegret", "waldm", "posteo", "5551234", "birkenstra", "417b", "quedlinburg", "06484"),
    *("198.51.100.77", "1961", "07-23", "ring twice", "second floor", "shop.example.net"),
)


def posted(body: bytes | Mapping[str, Any], query: str = "", kind: str = "application/json") -> Postback:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Postback("POST", query, {"content-type": kind, "user-agent": "Annegret/1"}, content, MOMENT)


def captured(
    *postbacks: Postback, source: Mapping[str, Any] | None = None, taken: tuple[str, ...] = ()
) -> Captured:
    return capture(CHECKOUTCHAMP.kind, source or {}, postbacks, DISGUISE, taken)


def text(found: Captured) -> str:
    return "\n".join(
        f"{name}\n{content.decode('latin-1')}\n{content.decode(errors='replace')}"
        for name, content in found.files.items()
    )


def assert_nobody_in(found: Captured) -> None:
    said = text(found).casefold()
    assert [trace for trace in TRACES if trace in said] == []


@pytest.mark.parametrize(
    "postback",
    [
        posted({**ORDER, **PERSON}),
        posted(urlencode({**ORDER, **PERSON}).encode(), kind="application/x-www-form-urlencoded"),
        Postback("GET", urlencode({**ORDER, **PERSON}), {}, b"", MOMENT),
        posted(
            {"data": {"order": {**ORDER, "buyer": PERSON}}, "list": [PERSON["firstName"], PERSON["city"]]}
        ),
        posted({**ORDER, "event": "unheard", **PERSON}),
        posted({"Annegret Waldmüller": 1, "annegret.waldmueller@posteo.example": {"a": "Annegret"}}),
        posted(json.dumps({**ORDER, **PERSON}).encode()[:-40]),
        posted(json.dumps({**ORDER, **PERSON}, ensure_ascii=False).encode("latin-1")),
        posted(json.dumps({**ORDER, **PERSON}, ensure_ascii=False).encode("utf-16")),
        posted("Annegret Waldmüller, Quedlinburg".encode()),
        Postback("GET", "%ff%fe&" + urlencode(PERSON), {}, b"", MOMENT),
        Postback("POST", "", {"x-customer": "Annegret", "x-forwarded-for": "198.51.100.77"}, b"{}", MOMENT),
    ],
)
def test_no_trace_of_a_person_is_written(postback: Postback) -> None:
    assert_nobody_in(captured(postback))


def test_an_outcome_is_the_originals_but_for_the_stand_ins() -> None:
    found = captured(posted({**ORDER, **PERSON}))
    said = json.loads(found.files["order_placed__captured_1.json"])
    (call,) = said["calls"]
    body = call["body"]
    assert (body["status"], body["totalCents"], body["currency"]) == ("placed", 28795, "USD")
    assert body["orderedAt"] == "2026-05-04T13:30:08.000Z"
    first, last = DISGUISE.text("Annegret"), DISGUISE.text("Waldmüller")
    assert (body["customer"]["firstName"], body["customer"]["lastName"]) == (first, last)
    assert body["customer"]["email"].endswith("@example.com")
    assert body["orderId"] == DISGUISE.text("3B7C11E0A4") != "3B7C11E0A4"
    assert found.notes == ()


@pytest.mark.parametrize(("subject", "fixture"), ALL)
def test_every_fixture_captured_maps_as_before(
    subject: subjects.Subject, fixture: Fixture, tmp_path: Path
) -> None:
    postbacks = [step.postback(number) for number, step in enumerate(fixture.steps, 1)]
    found = capture(subject.kind, fixture.source, postbacks, DISGUISE)
    for name, content in found.files.items():
        (tmp_path / name).write_bytes(content)
    (read,) = fixtures.load(tmp_path)
    before, after = (fixtures.outcomes(subject.kind, one) for one in (fixture, read))
    for step, expected, outcome in zip(read.steps, before, after, strict=True):
        assert not fixtures.differences(step.expected, outcome)
        assert outcome.keys() == expected.keys()
        assert [e["kind"] for e in outcome.get("events", ())] == [
            e["kind"] for e in expected.get("events", ())
        ]
        assert [_amounts(c) for c in outcome.get("calls", ())] == [
            _amounts(c) for c in expected.get("calls", ())
        ]
    assert not any("otherwise" in note for note in found.notes)


def _amounts(call: Mapping[str, Any]) -> Any:
    body = call["body"]
    return [
        body.get(key)
        for key in ("status", "totalCents", "currency", "refundAmountCents", "orderedAt", "event")
    ]


@pytest.mark.parametrize(("subject", "fixture"), ALL)
def test_no_address_of_any_fixture_is_in_its_capture(subject: subjects.Subject, fixture: Fixture) -> None:
    postbacks = [step.postback(number) for number, step in enumerate(fixture.steps, 1)]
    said = text(capture(subject.kind, fixture.source, postbacks, DISGUISE)).casefold()
    people = {
        value.strip().casefold()
        for step in fixture.steps
        for _, value in opened(step.request).values()
        if isinstance(value, str) and "@" in value
    }
    assert [who for who in people if who in said] == []


def test_what_the_adapter_decides_by_is_kept_and_told() -> None:
    found = captured(posted({**ORDER, "event": "", "customerType": "REACTIVATE", **PERSON}))
    assert list(found.files) == [
        "ignored__subscription_reactivated_1.http",
        "ignored__subscription_reactivated_1.json",
    ]
    assert found.notes == ("kept, since the adapter decides by it: body customerType = REACTIVATE",)


def test_a_person_is_replaced_even_where_the_adapter_decides_by_them() -> None:
    kind = plain.subject(plain.KnowsAPerson).kind
    found = capture(kind, {}, [posted({**plain.PAID, "email": "test@mine.example"})], DISGUISE)
    assert "test@mine.example" not in text(found)
    assert any("otherwise" in note for note in found.notes)


def test_an_adapter_that_breaks_is_captured_too() -> None:
    kind = plain.subject(plain.RaisesKeyError).kind
    found = capture(kind, {}, [posted({"event": "paid", "email": "lena@mine.example"})], DISGUISE)
    assert found.notes[0] == "the adapter fails on it: KeyError"
    assert "lena@mine.example" not in text(found)


def test_one_value_has_one_stand_in_everywhere_so_that_a_story_holds() -> None:
    placed = posted({**ORDER, **PERSON})
    thin = posted({"event": "shipped", "clientOrderId": "3B7C11E0A4"})
    found = captured(placed, thin)
    second = json.loads(found.files["story__captured_1.step2.json"])
    (call,) = second["calls"]
    assert call["body"]["status"] == "fulfilled"
    assert call["body"]["customer"]["firstName"] == DISGUISE.text("Annegret")


def test_stand_ins_are_the_same_for_one_key_and_others_for_another() -> None:
    assert Disguise("a").text("Annegret") == Disguise("a").text("Annegret")
    assert Disguise("a").text("Annegret") != Disguise("b").text("Annegret")


def test_no_two_ids_get_one_stand_in_and_none_keeps_its_own() -> None:
    ids = [f"{number:05d}" for number in range(20_000)]
    disguised = [DISGUISE.text(one) for one in ids]
    assert len(set(disguised)) == len(ids)
    assert not any(a == b for a, b in zip(ids, disguised, strict=True))


def test_a_stand_in_has_the_shape_of_what_it_stands_for() -> None:
    for value in (
        "Annegret",
        "WALDMÜLLER",
        "3B7C11E0A4",
        "+49 (170) 555-1234",
        "O'Brien-Smith",
        "Иван",
        "山田 太郎",
    ):
        other = DISGUISE.text(value)
        assert other != value
        assert [(c.isalpha(), c.isdigit(), c.isupper()) for c in other] == [
            (c.isalpha(), c.isdigit(), c.isupper()) for c in value
        ]
    assert DISGUISE.text("ANNEGRET WALDMÜLLER") == DISGUISE.text("annegret waldmüller").upper()


def test_a_name_that_is_there_already_is_not_taken() -> None:
    assert (
        "order_placed__captured_2.http"
        in captured(posted({**ORDER, **PERSON}), taken=("order_placed__captured_1",)).files
    )


@pytest.fixture
def shell(tmp_path: Path, redis_process: RedisProcess, house: House) -> Shell:
    shell = Shell(tmp_path, {"RELAY_REDIS_URL": redis_process.url, "THE_KEY": KEY})
    shell.configure(house.standin.url)
    return shell


async def test_the_command_writes_what_was_recorded(shell: Shell, house: House) -> None:
    house.raw["sources"]["shop"]["adapter"] = "checkoutchamp"
    await house.serve()
    for body in ({**ORDER, **PERSON}, {**ORDER, "event": "unheard", **PERSON}):
        await house.post_bytes(json.dumps(body).encode())
    ran = await shell.relay("capture", "shop", "--last", "5", "--to", "taken")
    assert ran.code == 0, ran.err
    written = {path.name: path.read_bytes() for path in (shell.folder / "taken").iterdir()}
    assert {name for name in written if name.endswith(".http")} == {
        "order_placed__captured_1.http",
        "error__unsupported_event_1.http",
    }
    assert_nobody_in(Captured(written, ()))
    assert parse(written["order_placed__captured_1.http"]).method == "POST"
    dead = await shell.relay("capture", "shop", "status:dead", "--to", "dead")
    assert dead.out.count(".http") == 1
    story = await shell.relay("capture", "shop", "--order", "3B7C11E0A4", "--to", "story")
    assert "order_placed__captured_1.http" in story.out
    nothing = await shell.relay("capture", "shop", "order:none-such")
    assert (nothing.code, len(nothing.err.strip().splitlines())) == (1, 1)
    assert "otherwise" not in ran.out
