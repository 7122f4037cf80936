"""What must arrive, by what was told and in the order in which it was told, by the rules of composing:
a shipment before its sale makes the sale up, nothing follows a full refund or a cancel, steps of refunds sum.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tests.faults.traffic import Kind, Order, Postback


class Push(NamedTuple):
    """A call as the destination sees it. `amount` is the refund's own where it is one."""

    name: str
    status: str
    amount: int


def push_of(body: Mapping[str, Any]) -> Push:
    if "checkoutId" in body:
        return Push(body["checkoutId"], "checkout", 0)
    return Push(body["orderId"], body["status"], body.get("refundAmountCents", body["totalCents"]))


def lines(told: Sequence[Postback]) -> Iterator[Sequence[Postback]]:
    """What must keep one order: all of a customer, but each order whose customer was not known at first."""
    known: set[Order] = set()
    apart: set[Order] = set()
    for postback in told:
        if postback.thin and postback.order not in known:
            apart.add(postback.order)
        if not postback.thin and postback.kind is not Kind.CHECKOUT:
            known.add(postback.order)
    yield [postback for postback in told if postback.order not in apart]
    for order in apart:
        yield [postback for postback in told if postback.order == order]


def expected(told: Sequence[Postback]) -> Iterator[Push]:
    sent: dict[Order, set[str]] = {}
    refunded: Counter[Order] = Counter()
    for postback in _composed(told):
        order, kind = postback.order, postback.kind
        known = sent.setdefault(order, set())
        over = "cancelled" in known or refunded[order] >= order.total
        if kind in (Kind.SALE, Kind.SHIPPED) and not over:
            wanted = ("placed",) if kind is Kind.SALE else ("placed", "fulfilled")
            yield from (Push(order.name, word, order.total) for word in wanted if word not in known)
            known.update(wanted)
        elif kind is Kind.CANCELLED and "cancelled" not in known:
            yield Push(order.name, "cancelled", order.total)
            known.add("cancelled")
        elif kind in (Kind.PART_REFUNDED, Kind.REFUNDED):
            step = (order.total if kind is Kind.REFUNDED else order.refund) - refunded[order]
            if step > 0:
                yield Push(order.name, "refunded", step)
                refunded[order] += step


def _composed(told: Sequence[Postback]) -> Iterator[Postback]:
    """A thin one waits, outside the line, until its order is known."""
    known: set[Order] = set()
    waiting: dict[Order, list[Postback]] = {}
    for postback in told:
        if postback.thin and postback.order not in known:
            waiting.setdefault(postback.order, []).append(postback)
            continue
        if postback.kind is not Kind.CHECKOUT:  # which does not say enough of the order
            known.add(postback.order)
            yield from waiting.pop(postback.order, ())
        yield postback


def misplaced(expected: Sequence[Push], came: Sequence[Push]) -> int:
    """How many came that something later had overtaken, or that nobody expected."""
    place = {push: n for n, push in enumerate(expected)}
    furthest, wrong = -1, 0
    for push in came:
        n = place.get(push, -1)
        wrong += n < furthest or n < 0
        furthest = max(furthest, n)
    return wrong
