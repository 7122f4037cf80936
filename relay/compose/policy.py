"""The rules that keep wrong mails from real people, as one source has chosen them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

WAIT_FOR_DEAD_PLACED: Final = timedelta(hours=72)
"""How long an order's later relays wait for a person to mend its dead `placed`."""

OLD: Final = timedelta(hours=72)
"""Sending again what is older than this mails people about old orders, so it asks first."""


@dataclass(frozen=True, slots=True)
class Policy:
    """`since`: a `placed` is never made up for an order dated before it, received or not.
    `began`: the source's first postback. Without `since`, that is for orders whose own was not received
    (None: for none of these).

    `upsell`: what a later, higher total of a placed order becomes. With "hold", `placed` itself waits
    `upsell_hold` after its receipt, so that one call carries the final total.
    `refund_amount`: whether `refundAmountCents` is what was given back since the last call, or in all.
    """

    since: datetime | None = None
    began: datetime | None = None
    upsell: Literal["push_again", "hold", "event"] = "push_again"
    upsell_hold: timedelta = timedelta(minutes=15)
    refund_amount: Literal["step", "cumulative"] = "step"
    chargeback: Literal["refunded", "event", "ignore"] = "refunded"
    checkout_max_age: timedelta = timedelta(hours=24)
    thin_wait: timedelta = timedelta(minutes=15)
    revive: bool = False
    deliver: bool = True
