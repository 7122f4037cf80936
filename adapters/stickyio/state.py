"""What the values of a postback say about its order, whatever the words say."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from adapters.stickyio.words import NO, STATUSES, YES
from relay.errors import Unmappable
from relay.normalise.amounts import number
from relay.normalise.beside import count
from relay.normalise.payload import Payload

_A_CENT: Final = Decimal("0.01")


class State:
    """Read where a rule asks for it, so that a value nobody needs stops nothing."""

    def __init__(self, payload: Payload) -> None:
        self._payload = payload

    @property
    def order(self) -> str:
        """One of approved, declined, pending, ended and unknown; "" where nothing is said."""
        status = self._payload.text("order_status")
        return "" if status is None else STATUSES.get(status, "unknown")

    @property
    def may_be_declined(self) -> bool:
        """The reason is filled on declines, so that beside no status at all it is a contradiction."""
        return self.order == "" and self._payload.text("decline_reason") is not None

    @property
    def charged_back(self) -> bool:
        return flag(self._payload, "ischargeback")

    @property
    def given_back(self) -> Decimal | None:
        """The sum of voids and refunds so far; None where it is not said. Raises Unmappable."""
        text = self._payload.text("void_refund_amount")
        found = number(text)
        if text is not None and (found is None or found < 0):
            trouble = "is not an amount such as 24.00" if found is None else "is negative"
            raise Unmappable("void_refund_amount", trouble)
        return found

    @property
    def given_back_some(self) -> bool:
        return bool(self.given_back)

    @property
    def given_back_in_part(self) -> bool:
        """Less than the order's total; False where the total is not said."""
        total = number(self._payload.text("order_total"))
        return self.given_back_some and total is not None and (self.given_back or 0) < total - _A_CENT

    @property
    def is_kept(self) -> bool:
        """Whether something was paid, and nothing of it given back; False where either is not said."""
        return self.given_back == 0 and bool(number(self._payload.text("order_total")))

    @property
    def rebill(self) -> bool:
        return bool(count(self._payload.text("rebill_depth")))

    @property
    def is_tracked(self) -> bool:
        return self._payload.text("trackingnumber") is not None

    @property
    def has_order(self) -> bool:
        return has_id(self._payload, "order_id")

    @property
    def is_prospect(self) -> bool:
        return has_id(self._payload, "prospect_id") and not self.has_order


def has_id(payload: Payload, field: str) -> bool:
    return payload.text(field) not in (None, "0")


def flag(payload: Payload, field: str) -> bool:
    """Raises Unmappable for anything but a yes or a no: both would be a guess about somebody's order."""
    text = payload.text(field)
    if text is None or text.lower() in NO:
        return False
    if text.lower() in YES:
        return True
    raise Unmappable(field, "is neither 0 nor 1: look at the token behind it, or untick it")
