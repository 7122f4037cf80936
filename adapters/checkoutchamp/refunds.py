"""How much was given back, as far as a postback says.

No field for the refunded amount is known to exist in export profiles (CheckoutChamp wiki, mapping list); what
can be mapped is what remains refundable. A total is never taken for the amount of a partial refund.
"""

from __future__ import annotations

from typing import Final

from adapters.checkoutchamp import values
from adapters.checkoutchamp.mapping import Does
from relay.errors import Unmappable
from relay.normalise.amounts import Money, amount
from relay.normalise.events import Refund
from relay.normalise.payload import Payload

_ADVICE: Final = (
    "the postback does not say how much was refunded: map refundRemaining and totalPrice, or orderStatus; "
    "on a profile routed to full refunds alone, add event=refund_full to its URL"
)
FULL: Final = Refund(basis="full")


def refund(payload: Payload, does: Does, money: Money) -> Refund | None:
    """None where nothing was refunded. An amount that is not said a person can add, so that it is told so.

    Raises Unmappable where what is said is no amount.
    """
    if does == Does.CHARGEBACK:
        return _chargeback(payload, money)
    if does == Does.FULL_REFUND:
        return _full(payload, money)
    so_far = _so_far(payload, money)
    if so_far is None:
        payload.warnings.append(payload.explained(_ADVICE))
        return Refund(basis="cumulative")
    return so_far if so_far.amount_minor != 0 else None


def _full(payload: Payload, money: Money) -> Refund:
    """The whole total, unless the amounts show that some of it remains."""
    try:
        so_far = _so_far(payload, money)
    except Unmappable:
        return FULL
    return so_far if so_far is not None and so_far.amount_minor else FULL


def in_part(payload: Payload, money: Money) -> Refund | None:
    """What the amounts of an order that is still complete show as given back.

    Nothing remaining shows nothing: it is also written on orders that were never paid.
    """
    try:
        so_far = _so_far(payload, money)
    except Unmappable:
        return None
    return so_far if so_far is not None and so_far.basis == "cumulative" and so_far.amount_minor else None


def _so_far(payload: Payload, money: Money) -> Refund | None:
    """The sum of all refunds of the order; None where the fields for it are not there.

    orderTotal never rises with an upsell, while what remains refundable does: nothing is reckoned by it.
    """
    field = values.total_field(payload, checkout=False)
    total = None if field == "orderTotal" else amount(payload, field, money)
    so_far = amount(payload, "totalRefunded", money)
    if so_far is None:
        remaining = amount(payload, "refundRemaining", money)
        if total is None:
            return FULL if remaining == 0 else None
        if remaining is None:
            return None
        so_far = total - remaining
    if so_far < 0:
        raise Unmappable("refundRemaining", "is more than the total")
    if total is not None and 0 < total <= so_far:
        return FULL
    return Refund(basis="cumulative", amount_minor=so_far)


def _chargeback(payload: Payload, money: Money) -> Refund:
    if not payload.text("chargebackAmount") or values.is_zero(payload.text("chargebackAmount")):
        return Refund(basis="full", chargeback=True)
    taken = amount(payload, "chargebackAmount", money)
    # Taken back beside what was refunded before, and once however often it is told.
    return Refund(basis="step", id="chargeback", amount_minor=taken, chargeback=True)
