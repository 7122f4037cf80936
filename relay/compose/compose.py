"""From an event and the order book to the calls to make: often one, sometimes two, sometimes none.

Pure: the same event, facts, policy and moment always compose the same. What it may decide:

    Send(calls)        in this order
    Skip(reason)       nothing to send, on purpose
    Wait(until)        hold: in its lane where a policy asks for it, outside while the order is not known
    Refuse(field)      dead-letter: what is missing will not come by itself
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias, assert_never

from pydantic import JsonValue

from relay.compose import calls
from relay.compose.book import Facts, completed
from relay.compose.calls import Call
from relay.compose.policy import WAIT_FOR_DEAD_PLACED, Policy
from relay.normalise.events import (
    BookedEvent,
    CheckoutStarted,
    Customer,
    CustomerEvent,
    Event,
    OrderCancelled,
    OrderEvent,
    OrderFulfilled,
    OrderPlaced,
    OrderRefunded,
    ProductsUpserted,
    StockRequested,
    told_in,
)

NOT_KNOWN: Final = "the order is not known yet"
"""How the reason of a thin event's wait begins."""
CHARGEBACK: Final = "chargeback"
"""The generic event of one, where the source asks for it, and its meaning in the ledger."""
REQUIRED: Final = ("customer.email", "total", "currency")


@dataclass(frozen=True, slots=True)
class Send:
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Skip:
    """`overtaken`: something later was sent already. `differs`: the same meaning went out, said otherwise."""

    reason: str
    overtaken: bool = False
    differs: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """`in_lane`: what follows waits too. Otherwise the relay steps aside until the book learns more."""

    reason: str
    until: datetime
    in_lane: bool = False


@dataclass(frozen=True, slots=True)
class Refuse:
    reason: str
    field: str | None = None


Composition: TypeAlias = Send | Skip | Wait | Refuse


@dataclass(frozen=True, slots=True)
class Moment:
    """When and for which relay. `last_order_at`: the newest order of the same source and e-mail.

    `recorded_at`: when it came out of a spool, where it was in one: what it waits for may be in another.
    `waited`: the relay has waited as long as it may. `force`: a person insists on
    sending what went out before.
    """

    relay: str
    received_at: datetime
    now: datetime
    last_order_at: datetime | None = None
    recorded_at: datetime | None = None
    waited: bool = False
    force: bool = False


def compose(event: Event, facts: Facts | None, policy: Policy, moment: Moment) -> Composition:
    """`facts` are those of the order it is about, None where no book of it is kept."""
    match event:
        case StockRequested():
            return Send((calls.stock(event),))
        case ProductsUpserted():
            return Send(calls.products(event.products))
        case CustomerEvent():
            return _customer_event(event, moment)
        case _:
            if facts is None:
                return Refuse("the book of its order is not kept any more; retry from normalise")
            known = facts if policy.chargeback == "refunded" else facts.without_chargebacks()
            return _booked(told_in(event, facts.currency), known, policy, moment)


def _customer_event(event: CustomerEvent, moment: Moment) -> Composition:
    if event.customer.email is None and event.customer.external_id is None:
        return Refuse("nobody to send it to: map the e-mail address", "customer.email")
    return Send((calls.generic(event, event_id=moment.relay),))


def _booked(event: BookedEvent, facts: Facts, policy: Policy, moment: Moment) -> Composition:
    match event:
        case CheckoutStarted():
            return _checkout(event, facts, policy, moment)
        case OrderPlaced():
            return _placed(event, facts, policy, moment)
        case OrderFulfilled():
            return _fulfilled(event, facts, policy, moment)
        case OrderCancelled():
            return _cancelled(event, facts, policy, moment)
        case OrderRefunded():
            return _refunded(event, facts, policy, moment)
        case _:
            assert_never(event)


def _checkout(event: CheckoutStarted, facts: Facts, policy: Policy, moment: Moment) -> Composition:
    age = moment.now - (event.started_at or moment.received_at)
    if "checkout" in facts.sent and not moment.force:
        return Skip("checkout already sent")
    if facts.kinds - {"checkout.started"}:
        return Skip("an order of the same id is known", overtaken=True)
    if moment.last_order_at and moment.now - moment.last_order_at < timedelta(hours=24):
        return Skip("an order of the same customer is known", overtaken=True)
    if age > policy.checkout_max_age and not moment.force:
        return Skip(f"checkout is {_hours(age)} old, too late to be useful")
    if event.customer.email is None:
        return Refuse("the Commerce API needs the customer's e-mail address", "customer.email")
    call = calls.checkout(
        checkout_id=event.order_id,
        customer=event.customer,
        total_minor=event.total_minor,
        currency=event.currency,
        url=event.url,
        items=event.items,
        properties=event.properties,
    )
    return Send((call,))


def _placed(event: OrderPlaced, facts: Facts, policy: Policy, moment: Moment) -> Composition:
    total = facts.total_of(event)
    if facts.fully_refunded:
        return Skip("the order was refunded", overtaken=True)
    if "cancelled" in facts.sent and not policy.revive:
        return Skip("the order was cancelled; `revive` is off", overtaken=True)
    if policy.upsell == "hold" and not facts.sent.placed:
        until = moment.received_at + policy.upsell_hold
        if moment.now < until:
            return Wait("holding the sale for upsells", until, in_lane=True)
        event = facts.with_upsells(event)
        total = facts.total_of(event)
        if _ended_meanwhile(total, facts):
            return Skip("the order ended while the sale was held for upsells", overtaken=True)
    missing = _missing(event, facts, policy, moment)
    if missing:
        return missing
    call = _order_call(event, facts, "placed", f"placed@{total}", total_minor=total)
    if not facts.sent.placed or moment.force:
        return Send((call,))
    return _placed_again(event, call, facts, policy, moment)


def _ended_meanwhile(total: int | None, facts: Facts) -> bool:
    """A cancel that was told already came before the sale, which revives the order."""
    cancelled = "order.cancelled" in facts.kinds and "cancelled" not in facts.sent
    return cancelled or bool(total and facts.refunded_minor >= total)


def _placed_again(
    event: OrderPlaced, call: Call, facts: Facts, policy: Policy, moment: Moment
) -> Composition:
    total: int = call.body["totalCents"]
    if total in facts.sent.placed:
        return Skip("placed already sent", differs=facts.sent.digests[call.meaning] != call.digest)
    if other := facts.sold_in_another(event):
        return Skip(f"placed already sent, in {other}", differs=True)
    if total < max(facts.sent.placed):
        return Skip("placed already sent with a higher total", overtaken=True)
    if policy.upsell == "push_again":
        return Send((call,))
    if policy.upsell == "hold":
        return Skip("placed already sent; the upsell came after the hold")
    if f"upsold@{total}" in facts.sent:
        return Skip("upsell already told")
    return Send((_upsell_event(event, call, facts, moment),))


def _upsell_event(event: OrderPlaced, call: Call, facts: Facts, moment: Moment) -> Call:
    properties: dict[str, JsonValue] = {
        **event.properties,
        "order": call.body["orderId"],
        "newTotalCents": call.body["totalCents"],
        "orderCurrency": call.body["currency"],
    }
    who: Customer = completed(event, facts)["customer"]
    upsell = CustomerEvent(name="order.upsold", customer=who, properties=properties)
    told = calls.generic(upsell, event_id=moment.relay)
    return replace(told, meaning=f"upsold@{call.body['totalCents']}")


def _fulfilled(event: OrderFulfilled, facts: Facts, policy: Policy, moment: Moment) -> Composition:
    if "fulfilled" in facts.sent and not moment.force:
        return _already(event, facts, "fulfilled")
    if facts.fully_refunded:
        return Skip("the order was refunded", overtaken=True)
    if "cancelled" in facts.sent and not policy.revive:
        return Skip("the order was cancelled", overtaken=True)
    blocked = _missing(event, facts, policy, moment) or _dead_placed(facts, moment)
    if blocked:
        return blocked
    call = _order_call(event, facts, "fulfilled", "fulfilled")
    if _makes_up_placed(facts, policy):
        total = facts.sold(event) or facts.total_of(event)
        placed = _order_call(event, facts, "placed", f"placed@{total}", total_minor=total, made_up=True)
        return Send((placed, call))
    return Send((call,))


def _makes_up_placed(facts: Facts, policy: Policy) -> bool:
    """An overtaken `placed` goes first: a received one, or that of an order of the relay's own time."""
    if facts.sent.placed or facts.dropped_placed or facts.dead_placed:
        return False
    dated, since = facts.ordered_at, policy.since or policy.began
    if policy.since is not None and dated is not None and dated < policy.since:
        return False
    if "order.placed" in facts.kinds:
        return True
    return since is not None and dated is not None and dated >= since


def _cancelled(event: OrderCancelled, facts: Facts, policy: Policy, moment: Moment) -> Composition:
    if "cancelled" in facts.sent and not moment.force:
        return _already(event, facts, "cancelled")
    blocked = _missing(event, facts, policy, moment) or _dead_placed(facts, moment)
    return blocked or Send((_order_call(event, facts, "cancelled", "cancelled"),))


def _refunded(event: OrderRefunded, facts: Facts, policy: Policy, moment: Moment) -> Composition:
    chargeback = event.refund is not None and event.refund.chargeback
    if chargeback and policy.chargeback == "ignore":
        return Skip("chargeback")
    if chargeback and policy.chargeback == "event":
        return _charged_back(event, facts, policy, moment)
    missing = _missing(event, facts, policy, moment) or _dead_placed(facts, moment)
    if missing:
        return missing
    told_sum = facts.refunded_by(moment.relay, event)
    if told_sum is None:
        return Refuse(
            "the postback does not say how much was refunded; see its warnings, or edit the event and add it",
            "refund.amount_minor",
        )
    if told_sum == 0:
        return Skip("nothing was charged, so nothing was given back")
    before = facts.sent.refunded
    if told_sum <= before and not moment.force:
        if told_sum < before:
            return Skip("a later refund was already sent", overtaken=True)
        return _already(event, facts, f"refunded@{told_sum}")
    step = told_sum - facts.sent.refunded_below(told_sum) if policy.refund_amount == "step" else told_sum
    total = facts.largest_total(event)
    call = _order_call(event, facts, "refunded", f"refunded@{told_sum}", total_minor=total, refund_minor=step)
    return Send((call,))


def _charged_back(event: OrderRefunded, facts: Facts, policy: Policy, moment: Moment) -> Composition:
    """As a generic event, once: every later postback of the order shows the chargeback too."""
    if CHARGEBACK in facts.sent and not moment.force:
        return Skip("chargeback already told")
    who: Customer = completed(event, facts)["customer"]
    missing = None if who.external_id else _missing(event, facts, policy, moment, ("customer.email",))
    if missing:
        return missing
    properties: dict[str, JsonValue] = {**event.properties, "order": facts.order_id}
    told = CustomerEvent(name=CHARGEBACK, customer=who, properties=properties)
    return Send((replace(calls.generic(told, event_id=moment.relay), meaning=CHARGEBACK),))


def _already(event: OrderEvent, facts: Facts, meaning: str) -> Skip:
    status = meaning.partition("@")[0]
    sent = facts.sent.digests[meaning]
    known = completed(event, facts)
    if known["total_minor"] is None or known["currency"] is None or status == "refunded":
        return Skip(f"{status} already sent")
    return Skip(
        f"{status} already sent",
        differs=_order_call(event, facts, event.kind.removeprefix("order."), meaning).digest != sent,
    )


def _missing(
    event: OrderEvent, facts: Facts, policy: Policy, moment: Moment, required: tuple[str, ...] = REQUIRED
) -> Wait | Refuse | None:
    """What the Commerce API requires and neither the postback nor the book has (section 6.1)."""
    known = completed(event, facts)
    absent = [
        name
        for name, value in (
            ("customer.email", known["customer"].email),
            ("total", known["total_minor"]),
            ("currency", known["currency"]),
        )
        if value is None and name in required
    ]
    if not absent:
        return None
    said = " and ".join(absent)
    until = (moment.recorded_at or moment.received_at) + policy.thin_wait
    if moment.waited or moment.now >= until:
        return Refuse(
            f"neither the postback nor an earlier one of order {facts.order_id} says {said}; map the field, "
            "or let the sale arrive first, then retry",
            absent[0],
        )
    return Wait(f"{NOT_KNOWN}: {said} missing", until)


def _dead_placed(facts: Facts, moment: Moment) -> Wait | None:
    until = moment.received_at + WAIT_FOR_DEAD_PLACED
    if facts.dead_placed is None or facts.sent.placed or moment.waited or moment.now >= until:
        return None
    return Wait(f"the order's placed is dead (relay {facts.dead_placed})", until)


def _order_call(
    event: OrderEvent,
    facts: Facts,
    status: str,
    meaning: str,
    *,
    total_minor: int | None = None,
    refund_minor: int | None = None,
    made_up: bool = False,
) -> Call:
    known = completed(event, facts)
    if total_minor is not None:
        known["total_minor"] = total_minor
    properties: dict[str, JsonValue] = {} if made_up else dict(event.properties)
    if status == "placed":
        known["ordered_at"] = known["ordered_at"] or facts.first_seen
        if facts.checkout_id is not None:
            properties["checkoutId"] = facts.checkout_id
    return calls.order(
        status,  # type: ignore[arg-type]  # one of the four, by the callers above
        order_id=facts.order_id,
        meaning=meaning,
        refund_minor=refund_minor,
        customer_totals=None if made_up else event.customer_totals,
        properties=properties,
        **known,
    )


def _hours(age: timedelta) -> str:
    return f"{age.total_seconds() / 3600:.0f} h"
