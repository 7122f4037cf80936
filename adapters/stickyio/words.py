"""Sticky.io's vocabulary: what each word of `event=`, post_back_action and order_status means here.

The platform has no word of its own that is documented, so `event=` is the merchant's: one profile for each
trigger, with the word fixed in its URL. A word that is in no row is never taken for a sale; `options.words`
teaches one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from itertools import pairwise
from typing import Final, Literal

from relay.normalise.events import Kind
from relay.normalise.words import Notice, vocabulary


class Means(StrEnum):
    """What a word selects. The values may lower it, never raise it."""

    SALE = "sale"
    CHECKOUT = "checkout"
    SHIPPED = "shipped"
    VOID = "void"
    CANCELLED = "cancelled"
    REFUND = "refund"
    CHARGEBACK = "chargeback"
    DECLINED = "declined"
    REBILL_DECLINED = "rebill_declined"
    SUBSCRIPTION_CANCELLED = "subscription_cancelled"
    SUBSCRIPTION_HELD = "subscription_held"


NOTICES: Final[dict[Means, Notice]] = {
    Means.DECLINED: Notice("declined", "payment.declined"),
    Means.REBILL_DECLINED: Notice("rebill declined", "rebill.declined"),
    Means.SUBSCRIPTION_CANCELLED: Notice("subscription cancelled", "subscription.cancelled"),
    Means.SUBSCRIPTION_HELD: Notice("subscription on hold", "subscription.held"),
}
Trigger = Literal["declined", "rebill_declined", "subscription_cancelled", "subscription_held"]

SPELLED: Final = (
    (Means.SALE, ("approved", "rebill", "sale", "placed", "order.placed")),
    (Means.CHECKOUT, ("prospect", "checkout", "started", "checkout.started")),
    (Means.SHIPPED, ("shipped", "fulfilled", "order.fulfilled")),
    # "Cancel" is what the platform calls the stop of a subscription; an order that is undone is voided.
    (Means.VOID, ("void", "voided")),
    (Means.CANCELLED, ("cancelled", "order.cancelled")),
    (Means.SUBSCRIPTION_CANCELLED, ("cancel", "subscription_cancelled")),
    (Means.SUBSCRIPTION_HELD, ("hold", "subscription_held")),
    (Means.REFUND, ("refund", "refunded", "order.refunded")),
    (Means.CHARGEBACK, ("chargeback",)),
    (Means.DECLINED, ("decline", "declined")),
)
EVENT_WORDS: Final = vocabulary(*SPELLED)
"""What the merchant's `event=` may say."""

KINDS: Final[Mapping[Means, tuple[Kind, str]]] = {
    Means.CHECKOUT: ("checkout.started", ""),
    Means.SALE: ("order.placed", "unless order_status says declined, or money was given back"),
    Means.SHIPPED: ("order.fulfilled", ""),
    Means.VOID: ("order.cancelled", ""),
    Means.CANCELLED: ("order.cancelled", "not by the platform's Cancel, which is the subscription's"),
    Means.REFUND: ("order.refunded", ""),
    Means.CHARGEBACK: ("order.refunded", "as a chargeback"),
}

# What post_back_action says is not documented: its words are known by their beginnings.
_STEMS: Final = (
    ("refund", Means.REFUND),
    ("void", Means.VOID),
    ("chargeback", Means.CHARGEBACK),
    ("cancel", Means.SUBSCRIPTION_CANCELLED),
    ("stop", Means.SUBSCRIPTION_CANCELLED),
    ("ship", Means.SHIPPED),
    ("hold", Means.SUBSCRIPTION_HELD),
    ("approv", Means.SALE),
    ("declin", Means.DECLINED),
)
_WORD: Final = re.compile(r"[a-z]+")


def hinted(text: str) -> Means | None:
    """What `text` of post_back_action means, None where it says nothing known, or two things."""
    words = _WORD.findall(text.lower())
    pairs = ["".join(pair) for pair in pairwise(words)]  # "charge back"
    found = {means for stem, means in _STEMS for word in (*words, *pairs) if word.startswith(stem)}
    if found == {Means.REFUND, Means.VOID}:
        return Means.REFUND  # one amount serves both, and which it was nobody says
    return found.pop() if len(found) == 1 else None


STATUSES: Final = {
    "1": "approved",
    "0": "declined",
    # The order API's codes, which postbacks are not known to carry.
    "2": "approved",
    "8": "approved",
    "7": "declined",
    "6": "ended",
    "10": "pending",
    "11": "pending",
}
YES: Final = frozenset({"1", "yes", "y", "true"})
NO: Final = frozenset({"0", "no", "n", "false"})
