"""Signatures: who signed is let in, and what was changed on the way is answered like a wrong token."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from relay import settings, wiring
from relay.errors import SettingsError
from tests.support import SPOKEN, TOKEN, House, placed

OLD = "whsec_" + base64.b64encode(b"the old secret of the tests, long").decode()
NEW = "whsec_" + base64.b64encode(b"the new secret of the tests, long").decode()
TEXT = "a-secret-of-the-tests"
STANDARD = {"scheme": "standard-webhooks", "secrets": [OLD, NEW]}
STAMPED = {
    "scheme": "hmac",
    "header": "X-Shop-Seal",
    "timestamp_header": "X-Shop-Time",
    "id_header": "X-Shop-Delivery",
    "secrets": [TEXT],
}
BODY = json.dumps({"events": [placed()]}).encode()


def standard(
    body: bytes = BODY, *, secret: str = OLD, ago: timedelta = timedelta(0), name: str = "msg_1"
) -> dict[str, str]:
    """Signed by the scheme's own library."""
    moment = datetime.now(UTC) - ago
    return {
        "webhook-id": name,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(secret).sign(name, moment, body.decode()),
    }


def stamped(body: bytes = BODY, *, ago: timedelta = timedelta(0)) -> dict[str, str]:
    stamp = str(int((datetime.now(UTC) - ago).timestamp()))
    seal = hmac.new(TEXT.encode(), b"d-1." + stamp.encode() + b"." + body, hashlib.sha256)
    return {"x-shop-delivery": "d-1", "x-shop-time": stamp, "x-shop-seal": seal.hexdigest()}


async def send(
    house: House, headers: Mapping[str, str], body: bytes = BODY, token: str = TOKEN
) -> httpx.Response:
    """`headers` None asks for the standard ones."""
    return await house.http.post(
        f"/in/shop/{token}", content=body, headers={"content-type": "application/json", **headers}
    )


async def received(house: House) -> int:
    count: int = (await house.api("GET", "/stats")).json()["received"]
    return count


async def test_while_a_secret_is_rotated_both_sign(house: House) -> None:
    house.raw["sources"]["shop"]["signature"] = STANDARD
    await house.serve()
    for n, secret in enumerate((OLD, NEW)):
        body = json.dumps({"events": [placed(f"A-{n}")]}).encode()
        answer = await send(house, standard(body, secret=secret, name=f"msg_{n}"), body)
        assert (answer.status_code, answer.json()["status"]) == (200, "queued")
    assert await received(house) == 2


def changed(headers: Mapping[str, str], **values: str | None) -> dict[str, str]:
    merged = {**headers, **{name.replace("_", "-"): value for name, value in values.items()}}
    return {name: value for name, value in merged.items() if value is not None}


CHANGED: dict[str, tuple[dict[str, Any], Callable[[], Mapping[str, str]], bytes]] = {
    "the body": (STANDARD, standard, BODY.replace(b"4990", b"4991")),
    "the body, emptied": (STANDARD, lambda: standard(b""), b""),
    "the id": (STANDARD, lambda: changed(standard(), webhook_id="msg_2"), BODY),
    "the timestamp": (
        STANDARD,
        lambda: changed(standard(), webhook_timestamp=str(int(datetime.now(UTC).timestamp()) + 1)),
        BODY,
    ),
    "the signature": (STANDARD, lambda: changed(standard(), webhook_signature="v1," + "A" * 43 + "="), BODY),
    "the signature's version": (
        STANDARD,
        lambda: changed(standard(), webhook_signature=standard()["webhook-signature"].replace("v1,", "v2,")),
        BODY,
    ),
    "no signature": (STANDARD, lambda: changed(standard(), webhook_signature=None), BODY),
    "no id": (STANDARD, lambda: changed(standard(), webhook_id=None), BODY),
    "no timestamp": (STANDARD, lambda: changed(standard(), webhook_timestamp=None), BODY),
    "a timestamp that is none": (
        STANDARD,
        lambda: changed(standard(), webhook_timestamp="\u00b2" * 9),
        BODY,
    ),
    "signed long ago": (STANDARD, lambda: standard(ago=timedelta(hours=1)), BODY),
    "signed in an hour": (STANDARD, lambda: standard(ago=timedelta(hours=-1)), BODY),
    "another's secret": (
        STANDARD,
        lambda: standard(secret=base64.b64encode(b"somebody else's secret").decode()),
        BODY,
    ),
    "hmac: the body": (STAMPED, stamped, BODY + b" "),
    "hmac: the id": (STAMPED, lambda: changed(stamped(), x_shop_delivery="d-2"), BODY),
    "hmac: the timestamp": (STAMPED, lambda: changed(stamped(), x_shop_time="1"), BODY),
    "hmac: the signature": (STAMPED, lambda: changed(stamped(), x_shop_seal="00" * 32), BODY),
    "hmac: no hex": (STAMPED, lambda: changed(stamped(), x_shop_seal="\u00e9\u00e9"), BODY),
    "hmac: signed long ago": (STAMPED, lambda: stamped(ago=timedelta(minutes=6)), BODY),
}


@pytest.mark.parametrize("what", CHANGED)
async def test_what_was_changed_is_answered_like_a_wrong_token_and_not_stored(
    house: House, what: str
) -> None:
    signature, headers, body = CHANGED[what]
    house.raw["sources"]["shop"]["signature"] = signature
    await house.serve()
    wrong_token = await send(house, {}, token="nope")
    answer = await house.http.post(
        f"/in/shop/{TOKEN}",
        content=body,
        headers=[(name.encode(), value.encode("latin-1")) for name, value in headers().items()],
    )
    assert (answer.status_code, answer.content) == (404, wrong_token.content)
    assert answer.headers.raw == wrong_token.headers.raw
    assert await received(house) == 0


async def test_a_signature_does_not_stand_in_for_the_token(house: House) -> None:
    house.raw["sources"]["shop"]["signature"] = STANDARD
    await house.serve()
    assert (await send(house, standard(), token="nope")).status_code == 404


FORMS: list[dict[str, Any]] = [
    {"algorithm": "sha256", "encoding": "hex", "prefix": "sha256="},
    {"algorithm": "sha1", "encoding": "hex", "prefix": "sha1="},
    {"algorithm": "sha512", "encoding": "base64"},
    {"algorithm": "sha384", "encoding": "base64", "prefix": "v1,"},
    {
        "encoding": "hex",
        "prefix": "v0=",
        "signed": "v0:{timestamp}:{body}",
        "timestamp_header": "X-Shop-Time",
    },
]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: "-".join(form.values()))
@pytest.mark.parametrize("beside", ["", "another, 00ff "])
async def test_any_usual_form_of_hmac_is_understood_beside_others_in_the_header(
    house: House, form: dict[str, Any], beside: str
) -> None:
    house.raw["sources"]["shop"]["signature"] = {
        "scheme": "hmac",
        "header": "X-Seal",
        "secrets": ["another-secret-of-the-tests", TEXT],
        **form,
    }
    await house.serve()
    stamp = str(int(datetime.now(UTC).timestamp() * 1000))
    signed = b"v0:" + stamp.encode() + b":" + BODY if "signed" in form else BODY
    digest = hmac.new(TEXT.encode(), signed, form.get("algorithm", "sha256")).digest()
    seal = digest.hex().upper() if form["encoding"] == "hex" else base64.b64encode(digest).decode()
    headers = {"x-seal": beside + form.get("prefix", "") + seal, "x-shop-time": stamp}
    assert (await send(house, headers)).json()["status"] == "queued"


async def test_the_signed_id_tells_a_copy_whatever_its_bytes_and_time(house: House) -> None:
    house.raw["sources"]["shop"]["signature"] = STANDARD
    await house.serve()
    first = (await send(house, standard())).json()
    other = json.dumps({"events": [placed()], "note": "another try"}).encode()
    second = (await send(house, standard(other, ago=timedelta(seconds=2)), other)).json()
    assert (second["id"], second["duplicate"]) == (first["id"], True)


async def test_a_signature_is_not_stored_whatever_its_header_is_called(house: House) -> None:
    house.raw["sources"]["shop"]["signature"] = STAMPED
    await house.serve()
    headers = stamped()
    answer = (await send(house, headers)).json()
    detail = (await house.api("GET", f"/relays/{answer['id']}")).json()
    assert detail["postback"]["headers"]["x-shop-seal"] == "[dropped]"
    assert detail["postback"]["headers"]["x-shop-delivery"] == "d-1"
    assert headers["x-shop-seal"] not in json.dumps(detail)


async def test_why_a_signature_was_wrong_is_told_to_the_operator_alone(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    house.raw["sources"]["shop"]["signature"] = STANDARD
    await house.serve()
    await send(house, standard(ago=timedelta(hours=1)))
    logged = "".join(capsys.readouterr())
    assert "signature_wrong" in logged
    assert "`tolerance`" in logged
    metrics = (await house.http.get("/metrics")).text
    assert 'relay_intake_requests_total{outcome="signature_wrong"} 1.0' in metrics


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no secrets": ({"scheme": "hmac", "header": "X-S", "secrets": []}, "signature.secrets"),
    "an empty secret": ({"scheme": "hmac", "header": "X-S", "secrets": [""]}, "signature.secrets.0"),
    "no header": ({"scheme": "hmac", "secrets": [TEXT]}, "header is missing"),
    "a header of another scheme": ({**STANDARD, "header": "X-S"}, "header belongs to scheme = 'hmac'"),
    "a secret that is no base64": (
        {**STANDARD, "secrets": [OLD, "no-base-64"]},
        "secrets.1: it is not base64",
    ),
    "an unknown scheme": ({**STANDARD, "scheme": "standard"}, "signature.scheme is 'standard'"),
    "an unknown setting": ({**STANDARD, "tolerence": "5m"}, "did you mean 'tolerance'?"),
    "an unsigned time": ({**STAMPED, "signed": "{id}.{body}"}, "timestamp_header belong together"),
    "an unsigned id": ({**STAMPED, "signed": "{timestamp}.{body}"}, "id_header belong together"),
    "a signature of nothing": ({**STAMPED, "signed": "{id}.{timestamp}"}, "holds {body} once"),
    "no scheme, and none of the adapter's": ({"secrets": [TEXT]}, "sources.shop.signature.scheme is missing"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_signature_setting_stops_the_start_and_shows_no_secret(name: str) -> None:
    signature, says = WRONG[name]
    raw = {
        "destinations": {"main": {"api_key": "k"}},
        "sources": {
            "shop": {"adapter": "spoken", "destination": "main", "tokens": [TOKEN], "signature": signature}
        },
    }
    with pytest.raises(SettingsError, match="signature") as stopped:
        wiring.sources(settings.parse(raw, {}), SPOKEN)
    assert says in str(stopped.value)
    assert not any(secret and secret in str(stopped.value) for secret in (*signature["secrets"], TOKEN))


def test_an_empty_token_is_no_token() -> None:
    raw = {
        "destinations": {"main": {"api_key": "k"}},
        "sources": {"shop": {"adapter": "spoken", "destination": "main", "tokens": [""]}},
    }
    with pytest.raises(SettingsError, match=r"sources\.shop\.tokens\.0"):
        settings.parse(raw, {})
