"""What happened: the word that is found, the values, and the rules that join them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from adapters.stickyio.mapping import Does, Verdict, ignore, judge
from adapters.stickyio.options import StickyioOptions
from adapters.stickyio.state import State, flag
from adapters.stickyio.words import EVENT_WORDS, Means, hinted
from relay.errors import Unsupported
from relay.normalise.payload import Payload
from relay.normalise.words import looked_up, plain, shown

_SAY_WHAT: Final = (
    "nothing says what happened, and an approval, a shipment and a stopped subscription look alike: add "
    "event=approved, or the word for its trigger, to the profile's URL, or set options.default_event"
)
_UNKNOWN_STATUS: Final = "is neither 1 (approved) nor 0 (declined): look at the token behind it, or untick it"
_NOT_CANCELLED: Final = (
    "says that the order was cancelled, while void_refund_amount says that nothing was voided: on a profile "
    "for stopped subscriptions write event=cancel, on one for voids event=void"
)
_NO_STATUS: Final = "is missing, while decline_reason is filled: tick the token order_status in the profile"


def decide(payload: Payload, options: StickyioOptions, learned: Mapping[str, Means]) -> Verdict:
    """What the postback comes to. Raises Unsupported and Unmappable."""
    if not options.test_orders and flag(payload, "is_test_cc"):
        return ignore("test order")
    state = State(payload)
    event = _event(payload, learned)
    action = payload.text("post_back_action")
    hint = _hint(action, learned, state)
    if event is not None:
        return _uncontradicted(_sure(judge(event, state), payload), payload, hint)
    if hint == Means.DECLINED and state.order == "approved":
        hint = None  # a decline that was processed again, perhaps: no sale, and not lost either
    if hint is not None or action is None:
        return _sure(judge(hint or options.default(), state), payload)
    return _sure(judge(None, state), payload, action)


def _event(payload: Payload, learned: Mapping[str, Means]) -> Means | None:
    text = payload.stated("event")
    if text is None:
        return None
    return looked_up(text, learned, EVENT_WORDS, field="event", platform="Sticky.io")


def _hint(action: str | None, learned: Mapping[str, Means], state: State) -> Means | None:
    if action is None:
        return None
    means = learned.get(plain(action)) or hinted(action)
    # "Ship" begins many words; only with a tracking number is one of them a shipment.
    return None if means == Means.SHIPPED and not state.is_tracked else means


def _uncontradicted(verdict: Verdict, payload: Payload, hint: Means | None) -> Verdict:
    """`verdict`, unless the platform says less than the URL does: then the profile serves a wrong trigger.

    Neither is believed: the one would mail about what did not happen, the other lose what did.
    """
    if verdict.does in (Does.PLACED, Does.FULFILLED) and hint not in (None, Means.SALE, Means.SHIPPED):
        action = shown(payload.text("post_back_action") or "")
        raise Unsupported(
            f"post_back_action says {action}, which is less than the event: give each trigger a profile of "
            "its own, or say in options.words what the action stands for",
            field="event",
        )
    return verdict


def _sure(verdict: Verdict, payload: Payload, action: str | None = None) -> Verdict:
    if verdict.does == Does.UNKNOWN_STATUS:
        raise Unsupported(_UNKNOWN_STATUS, field="order_status")
    if verdict.does == Does.NOT_CANCELLED:
        raise Unsupported(_NOT_CANCELLED, field="event")
    if verdict.does == Does.NO_STATUS:
        raise Unsupported(payload.explained(_NO_STATUS), field="order_status")
    if verdict.does == Does.UNKNOWN and action is not None:
        raise Unsupported(f"{shown(action)} is no known word; {_SAY_WHAT}", field="post_back_action")
    if verdict.does == Does.UNKNOWN:
        raise Unsupported(payload.explained(_SAY_WHAT))
    return verdict
