"""CheckoutChamp's vocabulary: what each word of `event=`, customerType and the status fields means here.

Only four values of customerType are known for certain (PARTIAL, SALE, UPSELL, FULFILLMENT); the others are
the names of the documented triggers in the spellings they may come in. A word that is in no row is never
taken for a sale; `options.words` teaches one.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from relay.normalise.events import Kind
from relay.normalise.fields import names_of
from relay.normalise.words import Notice, vocabulary


class Means(StrEnum):
    """What a word selects. The state of the order may lower it, never raise it."""

    SALE = "sale"
    QA_PENDING = "qa_pending"
    CHECKOUT = "checkout"
    SHIPPED = "shipped"
    SHIPMENT = "shipment"  # a word for shipping that does not say how far it is
    CANCELLED = "cancelled"
    REFUND = "refund"
    FULL_REFUND = "full_refund"
    PARTIAL_REFUND = "partial_refund"
    CHARGEBACK = "chargeback"
    DECLINED = "declined"
    REBILL_DECLINED = "rebill_declined"
    RECYCLE_FAILED = "recycle_failed"
    SUBSCRIPTION_STARTED = "subscription_started"
    SUBSCRIPTION_PAUSED = "subscription_paused"
    SUBSCRIPTION_REACTIVATED = "subscription_reactivated"
    SUBSCRIPTION_CANCELLED = "subscription_cancelled"
    PRE_BILLING = "pre_billing"
    RETURN_AUTHORISED = "return_authorised"
    RETURN_RECEIVED = "return_received"
    COD_PENDING = "cod_pending"
    CUSTOMER_UPDATED = "customer_updated"


NOTICES: Final[dict[Means, Notice]] = {
    Means.DECLINED: Notice("declined", "payment.declined"),
    Means.REBILL_DECLINED: Notice("rebill declined", "rebill.declined"),
    Means.RECYCLE_FAILED: Notice("recycle failed", "rebill.failed"),
    Means.SUBSCRIPTION_STARTED: Notice("subscription started", "subscription.started"),
    Means.SUBSCRIPTION_PAUSED: Notice("subscription paused", "subscription.paused"),
    Means.SUBSCRIPTION_REACTIVATED: Notice("subscription reactivated", "subscription.reactivated"),
    Means.SUBSCRIPTION_CANCELLED: Notice("subscription cancelled", "subscription.cancelled"),
    Means.PRE_BILLING: Notice("pre-billing", "rebill.upcoming"),
    Means.RETURN_AUTHORISED: Notice("return authorised", "return.authorised"),
    Means.RETURN_RECEIVED: Notice("return received", "return.received"),
    Means.COD_PENDING: Notice("cash on delivery pending", "payment.pending"),
    Means.CUSTOMER_UPDATED: Notice("customer updated", "customer.updated"),
}

# The platform's own words, in either field. "Cancel" is a trigger of the subscription, never of the order.
_TRIGGERS: Final[tuple[tuple[Means, tuple[str, ...]], ...]] = (
    (Means.SALE, ("sale", "new_sale", "upsell", "upsale", "capture")),
    (Means.SALE, ("rebill", "rebill_success", "recurring", "recurring_order")),
    (Means.QA_PENDING, ("qa_pending",)),
    (Means.CHECKOUT, ("partial", "lead")),
    (Means.SHIPMENT, ("fulfillment", "fulfilment")),
    (Means.SHIPPED, ("shipped", "fulfillment_shipped", "fulfilment_shipped")),
    (Means.SHIPPED, ("delivered", "fulfillment_delivered", "fulfilment_delivered")),
    (Means.REFUND, ("refund", "refunded", "refunds", "all_refunds")),
    (Means.FULL_REFUND, ("refund_full", "full_refund", "full_refunds", "fully_refunded")),
    (Means.PARTIAL_REFUND, ("refund_partial", "partial_refund", "partial_refunds", "partially_refunded")),
    (Means.CHARGEBACK, ("chargeback", "charge_back")),
    (Means.DECLINED, ("decline", "declined")),
    (Means.REBILL_DECLINED, ("rebill_decline", "rebill_declined")),
    (Means.REBILL_DECLINED, ("recurring_decline", "recurring_declined")),
    (Means.RECYCLE_FAILED, ("recycle_failed",)),
    (Means.SUBSCRIPTION_STARTED, ("subscription_started", "subscription_start")),
    (Means.SUBSCRIPTION_PAUSED, ("pause", "paused")),
    (Means.SUBSCRIPTION_REACTIVATED, ("reactivate", "reactivated")),
    (Means.SUBSCRIPTION_CANCELLED, ("cancel", "subscription_cancel", "subscription_cancelled")),
    (Means.SUBSCRIPTION_CANCELLED, ("subscription_cancellation",)),
    (Means.PRE_BILLING, ("pre_billing",)),
    (Means.RETURN_AUTHORISED, ("rma", "rma_issued")),
    (Means.RETURN_RECEIVED, ("rma_received", "return", "returned")),
    (Means.COD_PENDING, ("cod_pending",)),
    (Means.CUSTOMER_UPDATED, ("customer_update", "customer_updated")),
)
# The relay's kinds and their last words, which only the merchant's own `event=` uses.
_KINDS: Final[tuple[tuple[Means, tuple[str, ...]], ...]] = (
    (Means.SALE, ("order.placed", "placed")),
    (Means.SHIPPED, ("order.fulfilled", "fulfilled")),
    (Means.CANCELLED, ("order.cancelled", "cancelled")),
    (Means.REFUND, ("order.refunded", "refunded")),
    (Means.CHECKOUT, ("checkout.started", "started", "checkout")),
)
# The trigger "Cancel(led)" may come in any of these; none of them is the order's end.
_SUBSCRIPTION_ONLY: Final = (Means.SUBSCRIPTION_CANCELLED, ("cancelled", "canceled", "cancellation"))


# Of a catalog there is no word: it is known by its products.
SPELLED: Final = (*_KINDS, *_TRIGGERS)
"""All that may be said, in rows, for people."""

KINDS: Final[Mapping[Means, tuple[Kind, str]]] = {
    Means.CHECKOUT: ("checkout.started", ""),
    Means.SALE: ("order.placed", "unless the order was declined, is a test or has come to an end"),
    Means.SHIPPED: ("order.fulfilled", ""),
    Means.SHIPMENT: ("order.fulfilled", "once fulfillmentStatus says so"),
    Means.CANCELLED: ("order.cancelled", "not by the platform's Cancel, which is the subscription's"),
    Means.REFUND: ("order.refunded", ""),
    Means.PARTIAL_REFUND: ("order.refunded", "in part"),
    Means.FULL_REFUND: ("order.refunded", "in full"),
    Means.CHARGEBACK: ("order.refunded", "as a chargeback"),
}

EVENT_WORDS: Final = vocabulary(*_TRIGGERS, *_KINDS)
"""What the merchant's `event=` may say."""

TYPE_WORDS: Final = vocabulary(*_TRIGGERS, _SUBSCRIPTION_ONLY)
"""What the platform's customerType may say."""

STATUSES: Final = {
    "complete": "complete",
    "partial": "partial",
    "pending": "pending",
    "codpending": "pending",
    "declined": "declined",
    "refunded": "refunded",
    "cancelled": "cancelled",
    "canceled": "cancelled",
    "chargeback": "chargeback",
}
CARDS: Final = names_of("""
    visa mastercard amex americanexpress discover diners dinersclub jcb maestro unionpay
""")
DECLINES: Final = frozenset({"harddecline", "softdecline", "decline", "declined"})
ON_ITS_WAY: Final = frozenset({"shipped", "delivered"})
NOT_YET: Final = frozenset({"hold", "pending", "pendingshipment"})
COMING_BACK: Final = frozenset({"rmapending", "rmaissued", "rmareceived", "returned"})
CALLED_OFF: Final = frozenset({"cancelled", "canceled"})
STOPPED: Final = CALLED_OFF | {"failed"}
