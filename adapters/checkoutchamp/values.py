"""Totals, dates and ids out of a payload."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from relay.errors import Unmappable
from relay.normalise import amounts, building, times
from relay.normalise.amounts import Money, number
from relay.normalise.payload import LONGEST_ID, Payload, Said, text_of

TOTALS: Final = ("totalAmount", "totalPrice", "orderTotal")
"""Which total to take: the API's, else the running one with upsells, else that of the first sale."""

# The zones PHP date objects may name; read once at import, so that reading a postback opens no file.
_ZONES: Final = {
    name: ZoneInfo(name)
    for name in (
        "UTC",
        "America/New_York",
        "America/Chicago",
        "America/Denver",
        "America/Phoenix",
        "America/Los_Angeles",
        "America/Toronto",
        "Europe/London",
    )
}
_PLACEHOLDER: Final = re.compile(r"\[[A-Za-z][A-Za-z0-9_]{0,39}\]")
_OFFSET: Final = re.compile(r"[+-]\d\d:\d\d", re.ASCII)
_DAY: Final = len("2026-03-04")
_HEX: Final = frozenset("0123456789ABCDEFabcdef")
_HEX_LENGTH: Final = 10


# --- ids


class Ids(NamedTuple):
    """`best` is the canonical id; `names` are all, typed; `crm` the platform's integer beside a hex id."""

    best: str
    names: tuple[str, ...]
    crm: str | None


def is_client_id(text: str) -> bool:
    """Whether `text` has the form of a clientOrderId: ten hex digits, which may all be decimal ones."""
    return len(text) == _HEX_LENGTH and _HEX.issuperset(text)


def identifier(payload: Payload, field: str) -> str | None:
    """An id as text, never as a number: 1234567E89 is a possible clientOrderId.

    Raises Unmappable where it is too long to be one.
    """
    text = own(payload, field)
    if text is None or text.lower() in _NO_ID:
        return None
    if len(text) > LONGEST_ID:
        raise Unmappable(field, f"is {len(text)} characters long, which is no order id")
    return text.upper() if is_client_id(text) else text


def own(payload: Payload, field: str) -> str | None:
    """The text of an id, unless a placeholder in it was not replaced: KN-[orderId] is everybody's."""
    text = payload.text(field)
    placeholder = _PLACEHOLDER.search(text) if text is not None else None
    if placeholder is None:
        return text
    payload.warnings.append(f"{field} holds {placeholder[0]}, which was not replaced, and was left out")
    return None


_NO_ID: Final = frozenset({"0", "-", "null", "none", "undefined", "nan", "n/a", "na"})


def ids(payload: Payload) -> Ids | None:
    """The order's names. None where the postback holds none.

    The hex clientOrderId is what people see; the postback's orderId is the integer, the API's is the hex one.
    """
    client = identifier(payload, "clientOrderId")
    order = identifier(payload, "orderId")
    actual = identifier(payload, "actualOrderId")
    if not (client or order or actual):
        order = identifier(payload, "looseOrderId")
    best = client or order or actual
    if best is None:
        return None
    api = is_api_shaped(payload)
    found = (_name(client, client=True), _name(order, client=api), _name(actual, client=False))
    names = tuple(dict.fromkeys(name for name in found if name))
    crm = next((n.removeprefix("number:") for n in names if n.startswith("number:")), None)
    return Ids(best, names, None if crm == best else crm)


def _name(text: str | None, *, client: bool) -> str | None:
    if text is None:
        return None
    if is_client_id(text) and (client or not text.isdecimal()):
        return f"client:{text}"
    return f"number:{text}" if text.isdecimal() else f"other:{text}"


def is_api_shaped(payload: Payload) -> bool:
    """Whether this is an order as the query API gives it, forwarded by a proxy, pushed or fetched."""
    plain = payload.plain
    return "actualorderid" in plain or "totalamount" in plain or "items" in plain


# --- money


def currency(payload: Payload, default: str | None) -> Money:
    return amounts.currency(payload, "currencyCode", default, symbol="currencySymbol")


def total_field(payload: Payload, *, checkout: bool) -> str | None:
    """Which field holds the total. A checkout may have a totalPrice of zero beside a true orderTotal."""
    found = [field for field in TOTALS if payload.text(field) is not None]
    if checkout and len(found) > 1:
        found.sort(key=lambda field: not is_positive(payload.text(field)))
    return found[0] if found else None


def is_positive(text: str | None) -> bool:
    found = number(text)
    return found is not None and found > 0


def is_negative(text: str | None) -> bool:
    found = number(text)
    return found is not None and found < 0


def is_zero(text: str | None) -> bool:
    return number(text) == 0


# --- dates


def moment(payload: Payload, field: str, zone: ZoneInfo) -> datetime | None:
    """The time of `field` in UTC; None where it is unset, or with a warning where it is no date."""
    value = payload.raw(field)
    if value is None:
        return None
    text, zone = _stamp(value, zone)
    if text is None or times.is_unset(text):
        return None
    return building.moment(payload, field, text, zone, like="2026-03-04 09:30:08")


def _stamp(value: Said, zone: ZoneInfo) -> tuple[str | None, ZoneInfo]:
    """The text of a date and its zone. PHP writes date objects with a zone of their own, or an offset."""
    if not isinstance(value, dict):
        return (value if isinstance(value, str) else None), zone
    text, named = text_of(value.get("date")), text_of(value.get("timezone")) or ""
    if text is not None and _OFFSET.fullmatch(named):
        return text + named, zone
    return text, _ZONES.get(named, zone)


def created(payload: Payload, zone: ZoneInfo) -> datetime | None:
    """dateCreated, completed by timeCreated where it is a date alone."""
    text, time = payload.text("dateCreated"), payload.text("timeCreated")
    if text is None or time is None or len(text) != _DAY or times.is_unset(text):
        return moment(payload, "dateCreated", zone)
    try:
        return times.parse(f"{text} {time}", zone)
    except ValueError:
        return moment(payload, "dateCreated", zone)


def day(payload: Payload, field: str, zone: ZoneInfo) -> str | None:
    """A date as written, without moving it between zones: the day is all that is meant."""
    if moment(payload, field, zone) is None:
        return None
    value = payload.raw(field)
    text = None if value is None else _stamp(value, zone)[0]
    return text and text[:_DAY]
