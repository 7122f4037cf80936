"""What happened: the word that is found, the state, and the rules that join them."""

from __future__ import annotations

from typing import Final

from adapters.checkoutchamp import state as states
from adapters.checkoutchamp import words
from adapters.checkoutchamp.mapping import Does, Verdict, ignore, judge, reconcile
from adapters.checkoutchamp.options import CheckoutChampOptions
from adapters.checkoutchamp.payloads import OrderPayload
from adapters.checkoutchamp.words import Means
from relay.errors import Unmappable, Unsupported
from relay.normalise.payload import Payload
from relay.normalise.words import looked_up, plain, shown

_SAY_WHAT: Final = (
    "nothing says what happened: add event=sale to the postback URL, map customerType, "
    "or set options.default_event"
)
_NO_STATUS: Final = (
    "is none of COMPLETE, PARTIAL, PENDING, DECLINED, REFUNDED and CANCELLED: look at the field mapped to it"
)
_SAY_HOW_FAR: Final = (
    "the word does not say whether it was shipped: map fulfillmentStatus, or add event=shipped to the URL of "
    "a profile routed to shipments alone"
)
_SAY_WHAT_STOPPED: Final = (
    "is CANCELLED, and without a word a stopped subscription looks like a sale: map customerType, or give "
    "each trigger a profile with its own event=, such as event=cancel for Cancel"
)
_NOT_CANCELLED: Final = (
    "says that the order was cancelled, while orderStatus is COMPLETE: on a profile routed to the trigger "
    "Cancel, which is that of subscriptions, write event=cancel"
)
_CONTRADICTION: Final = (
    "and customerType say different things, neither of them less than the other: route each trigger to a "
    "profile with an event= of its own, or leave event= out"
)


def decide(payload: OrderPayload, options: CheckoutChampOptions, learned: dict[str, Means]) -> Verdict:
    """What the postback comes to. Raises Unsupported and Unmappable."""
    if not options.test_orders and is_test(payload):
        return ignore("test order")
    event = _event(payload, learned)
    trigger = _trigger(payload, learned, strict=event is None)
    chosen = event or trigger or options.default()
    state = states.read(payload, options, chosen)
    verdict = judge(chosen, state)
    if event and trigger and event != trigger:
        verdict = reconcile(verdict, judge(trigger, state))
    return _sure(verdict, payload)


def is_test(payload: OrderPayload) -> bool:
    """The vendor says that test cards are never exported; should one come, nobody is to be mailed.

    Zeros are no mark beside the brand of a real card: one in ten thousand ends in them too.
    """
    card_type = plain(payload.text("cardType"))
    if card_type in words.CARDS:
        return False
    by_card = plain(payload.text("paySource")) in ("creditcard", "card")
    return card_type == "testcard" or (by_card and payload.last_four in ("0000", "0"))


def _event(payload: Payload, learned: dict[str, Means]) -> Means | None:
    text = payload.stated("event")
    if text is None:
        return None
    return looked_up(text, learned, words.EVENT_WORDS, field="event", platform="CheckoutChamp")


def _trigger(payload: Payload, learned: dict[str, Means], *, strict: bool) -> Means | None:
    text = payload.text("customerType")
    if text is None:
        return None
    try:
        return looked_up(text, learned, words.TYPE_WORDS, field="customerType", platform="CheckoutChamp")
    except Unsupported:
        if strict:
            raise
        payload.warnings.append(f"customerType is {shown(text)}, an unknown word; event decided")
        return None


def _sure(verdict: Verdict, payload: Payload) -> Verdict:
    if verdict.does == Does.UNKNOWN:
        raise Unsupported(payload.explained(_SAY_WHAT))
    if verdict.does == Does.UNKNOWN_STATUS:
        raise Unsupported(_NO_STATUS, field="orderStatus")
    if verdict.does == Does.NOT_CANCELLED:
        raise Unsupported(_NOT_CANCELLED, field="event")
    if verdict.does == Does.CONTRADICTION:
        raise Unsupported(_CONTRADICTION, field="event")
    if verdict.does == Does.UNKNOWN_SUBSCRIPTION:
        raise Unsupported(_SAY_WHAT_STOPPED, field="recurringStatus")
    if verdict.does == Does.UNKNOWN_SHIPMENT:
        raise Unmappable("fulfillmentStatus", payload.explained(_SAY_HOW_FAR))
    return verdict
