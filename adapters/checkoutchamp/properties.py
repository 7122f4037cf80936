"""What is sent beside an order or merged into a profile: the fields the options list, if they are there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from adapters.checkoutchamp import values
from adapters.checkoutchamp.names import Keys
from adapters.checkoutchamp.payloads import Payload, cut, first_said, shipments
from adapters.checkoutchamp.words import ON_ITS_WAY, plain
from relay.normalise import times
from relay.normalise.events import Scalar
from relay.normalise.fields import plain_key

_LONGEST_NUMBER: Final = 9


class Subject(NamedTuple):
    payload: Payload
    zone: ZoneInfo
    crm: str | None


Reader: TypeAlias = Callable[[Subject], Scalar | None]
Plan: TypeAlias = Mapping[str, tuple[tuple[str, Reader], ...]]
"""Plain key -> the names to send where it is present, each with how to read it."""


def plan(names: tuple[str, ...], keys: Keys) -> Plan:
    fields: dict[str, tuple[tuple[str, Reader], ...]] = {}
    for name in names:
        probes, read = _field(plain_key(name), keys)
        for probe in probes:
            fields[probe] = (*fields.get(probe, ()), (name, read))
    return fields


def collect(fields: Plan, subject: Subject) -> dict[str, Scalar]:
    plain = subject.payload.plain
    few, many = (fields, plain) if len(fields) < len(plain) else (plain, fields)
    return {
        name: value
        for key in few
        if key in many
        for name, read in fields[key]
        if (value := read(subject)) is not None
    }


def _field(key: str, keys: Keys) -> tuple[tuple[str, ...], Reader]:
    """The plain keys a name may be under, and how to read it."""
    canonical = {plain_key(field): field for field in keys}.get(_OTHER_NAMES.get(key, key))
    probes = keys[canonical] if canonical else (key,)
    extra, read = _SPECIAL.get(key, ((), _text(probes)))
    return probes + extra, read


def _text(names: tuple[str, ...]) -> Reader:
    return lambda subject: cut(first_said(subject.payload.plain, names))


def _day(field: str) -> Reader:
    return lambda subject: values.day(subject.payload, field, subject.zone)


def _shipping(field: str) -> Reader:
    return lambda subject: cut(subject.payload.text(field) or _of_shipment(subject.payload, field))


def _of_shipment(payload: Payload, field: str) -> str | None:
    """From the API's first shipment that is on its way."""
    for one in shipments(payload):
        if plain(first_said(one, ("status",))) in ON_ITS_WAY:
            return first_said(one, payload.keys[field])
    return None


def _carrier(subject: Subject) -> Scalar | None:
    carrier = _shipping("shipCarrier")(subject)
    return None if carrier == "Default" else carrier  # what the platform writes where there is none


def _cycle(subject: Subject) -> Scalar | None:
    """A whole number; ONE_TIME, of orders without a subscription, says nothing."""
    text = subject.payload.text("billingCycleNumber")
    is_number = text is not None and text.isdecimal() and len(text) <= _LONGEST_NUMBER
    return int(text) if is_number and text is not None else None


def _original(subject: Subject) -> Scalar | None:
    """The first order of a rebill; on a first order it only repeats its own id."""
    own = {subject.payload.text("orderId"), subject.payload.text("actualOrderId")}
    text = subject.payload.text("originalOrderId")
    return None if text in own else cut(text)


def _refunded_at(subject: Subject) -> Scalar | None:
    moment = values.moment(subject.payload, "dateRefunded", subject.zone)
    return None if moment is None else times.z(moment)


def _discount(subject: Subject) -> Scalar | None:
    text = subject.payload.text("totalDiscount")
    return None if values.is_zero(text) else cut(text)


_OTHER_NAMES: Final = {"carrier": "shipcarrier"}
_SPECIAL: Final[dict[str, tuple[tuple[str, ...], Reader]]] = {
    "crmorderid": (("orderid", "actualorderid"), lambda subject: subject.crm),
    "billingcyclenumber": ((), _cycle),
    "originalorderid": ((), _original),
    "nextbilldate": ((), _day("nextBillDate")),
    "chargebackdate": ((), _day("chargebackDate")),
    "daterefunded": ((), _refunded_at),
    "totaldiscount": ((), _discount),
    "carrier": (("fulfillments",), _carrier),
    "shipcarrier": (("fulfillments",), _carrier),
    "shipmethod": (("fulfillments",), _shipping("shipMethod")),
    "trackingnumber": (("fulfillments",), _shipping("trackingNumber")),
}
