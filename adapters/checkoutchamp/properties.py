"""What is sent beside an order or merged into a profile: the fields the options list, if they are there."""

from __future__ import annotations

from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from adapters.checkoutchamp import values
from adapters.checkoutchamp.payloads import shipments
from adapters.checkoutchamp.words import ON_ITS_WAY
from relay.normalise import beside, times
from relay.normalise.beside import Plan, Reader, Special
from relay.normalise.events import Scalar
from relay.normalise.payload import Keys, Payload, cut, first_said
from relay.normalise.words import plain


class Subject(NamedTuple):
    payload: Payload
    zone: ZoneInfo
    crm: str | None


def plan(names: tuple[str, ...], keys: Keys) -> Plan[Subject]:
    return beside.plan(names, keys, _SPECIAL, {"carrier": "shipCarrier"})


def _day(field: str) -> Reader[Subject]:
    return lambda subject: values.day(subject.payload, field, subject.zone)


def _shipping(field: str) -> Reader[Subject]:
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
    return beside.count(subject.payload.text("billingCycleNumber"))


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


_SPECIAL: Final[Special[Subject]] = {
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
