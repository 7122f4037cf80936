"""What the values of a postback say about its order, whatever the words say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from adapters.checkoutchamp import values, words
from adapters.checkoutchamp.options import CheckoutChampOptions
from adapters.checkoutchamp.payloads import shipments
from adapters.checkoutchamp.words import Means
from relay.normalise.payload import Payload, Said, first_said, text_of
from relay.normalise.words import plain

_LONGEST_CYCLE: Final = 5  # digits; no subscription lives so long


@dataclass(frozen=True, slots=True)
class State:
    """What the values say, in plain words; "" where they do not."""

    order: str
    response: str
    shipment: str
    subscription: str
    api: bool
    dated_refund: bool
    nothing_remains: bool
    charged_back: bool
    rebill: bool
    uncharged: bool
    pending_counts: bool

    @property
    def declined(self) -> bool:
        return self.order == "declined" or self.response in words.DECLINES

    @property
    def cancelled(self) -> bool:
        """CANCELLED, or the odd mix that "Cancel Order" leaves on a pending order."""
        if self.order == "declined" and self.response == "success":
            return self.shipment in words.CALLED_OFF
        return self.order == "cancelled"

    @property
    def shipped(self) -> bool:
        return self.shipment in words.ON_ITS_WAY

    @property
    def coming_back(self) -> bool:
        return self.shipment in words.COMING_BACK

    @property
    def stopped(self) -> bool:
        """Whether its subscription is: often long after the sale, which is then told of once more."""
        return self.subscription in words.CALLED_OFF

    @property
    def unpaid(self) -> bool:
        if self.order == "pending":
            return self.response != "success"
        return self.order == "" and self.response not in ("", "success")

    @property
    def waits(self) -> bool:
        return self.order == "pending" and not self.pending_counts


def read(payload: Payload, options: CheckoutChampOptions, chosen: Means | None) -> State:
    status = payload.text("orderStatus")
    order = words.STATUSES.get(plain(status), "unknown") if status else ""
    if chosen == Means.QA_PENDING and not order:
        order = "pending"
    charged_back = order == "chargeback" or _is_charged_back(payload)
    dated_refund = _is_date(payload.raw("dateRefunded"))
    later, other = _cycle(payload)
    return State(
        order=order,
        response=plain(payload.text("responseType")),
        shipment=shipment(payload),
        subscription=plain(payload.text("recurringStatus")),
        api=values.is_api_shaped(payload),
        dated_refund=dated_refund,
        nothing_remains=dated_refund and values.is_zero(payload.text("refundRemaining")),
        charged_back=charged_back,
        rebill=later and other is True,
        uncharged=later and other is False,
        pending_counts=options.pending == "placed",
    )


def _is_charged_back(payload: Payload) -> bool:
    return values.is_positive(payload.text("chargebackAmount")) or _is_date(payload.raw("chargebackDate"))


def _is_date(value: Said | None) -> bool:
    """Whether a date is set, in whatever form: neither 0000-00-00 nor words such as "none"."""
    text = text_of(value.get("date")) if isinstance(value, dict) else value
    return isinstance(text, str) and any(c in "123456789" for c in text)


def _cycle(payload: Payload) -> tuple[bool, bool | None]:
    """Whether this is a later billing cycle, and of another order than the first; None where unknown."""
    cycle = payload.text("billingCycleNumber")
    if cycle is None or not cycle.isdecimal() or len(cycle) > _LONGEST_CYCLE or int(cycle) <= 1:
        return False, None
    for first, own in (("originalOrderId", _crm_id(payload)), ("originalClientOrderId", _hex_id(payload))):
        original = payload.text(first)
        if original is not None and own is not None and original.isdecimal() == own.isdecimal():
            return True, original.upper() != own.upper()
    return True, None


def _crm_id(payload: Payload) -> str | None:
    return payload.text("actualOrderId") or payload.text("orderId")


def _hex_id(payload: Payload) -> str | None:
    return payload.text("clientOrderId") or payload.text("orderId")


def shipment(payload: Payload) -> str:
    """fulfillmentStatus, or that of the API's shipments: shipped once one of them is."""
    status = payload.text("fulfillmentStatus")
    if status is not None:
        return plain(status)
    found = [plain(first_said(one, ("status",))) for one in shipments(payload)]
    return next((word for word in found if word in words.ON_ITS_WAY), found[0] if found else "")
