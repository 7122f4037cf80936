"""Did everything that was acknowledged arrive, once and in order?

What must arrive follows from what was told, in the order in which it was told, by the rules of composing:
a shipment before its sale makes the sale up, nothing follows a full refund or a cancel, steps of refunds sum.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from relay.testing.standin.records import Record
from tests.faults.plant import Outage
from tests.faults.traffic import Customer, Kind, Order, Postback

_BEFORE: Final = 1.5
"""Seconds before a kill in which a call may have been taken whose result was not yet written."""

_AFTER: Final = 1.0
_UNHEARD: Final = frozenset({"lose", "cut", "delay"})
"""Faults whose answers the relay could not hear, so that it has to send again."""

_SHOWN: Final = 20


class Push(NamedTuple):
    """A call as the destination sees it. `amount` is the refund's own where it is one."""

    name: str
    status: str
    amount: int


@dataclass
class Verdict:
    """`faults` tells each thing that must not be, for whoever has to find the cause."""

    accepted: int = 0
    kills: int = 0
    lost: int = 0
    twice: int = 0
    after_kill: int = 0
    out_of_order: int = 0
    over_budget: int = 0
    balanced: bool = True
    faults: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        wrong = self.lost or self.out_of_order or self.over_budget or self.twice > self.after_kill
        return self.balanced and not wrong and not self.faults

    def __str__(self) -> str:
        return (
            f"accepted {self.accepted}, kills {self.kills}, lost {self.lost}, "
            f"sent twice {self.twice} (of which {self.after_kill} after a kill), "
            f"out of order {self.out_of_order}, over budget {self.over_budget}, "
            f"balanced {'yes' if self.balanced else 'no'}"
        )

    def blame(self, what: str) -> None:
        if len(self.faults) < _SHOWN:
            self.faults.append(what)


def judge(
    crowd: Sequence[Customer],
    statuses: Mapping[str, tuple[str, str]],
    records: Sequence[Record],
    outages: Sequence[Outage],
    said: Mapping[str, Any],
) -> Verdict:
    """`statuses` are those of the acknowledged relays, `said` is what `relay stats` printed."""
    told = [postback for customer in crowd for postback in customer.told if postback.relay]
    verdict = Verdict(accepted=len(told))
    accepted = [record for record in records if record.accepted and record.method == "POST"]
    _settled(verdict, told, statuses)
    _arrived(verdict, crowd, accepted)
    _checkouts(verdict, told, statuses, accepted)
    _repeats(verdict, accepted, outages)
    _balance(verdict, told, said)
    verdict.over_budget = sum(record.status == 429 and record.fault is None for record in records)
    return verdict


def _settled(verdict: Verdict, told: Iterable[Postback], statuses: Mapping[str, tuple[str, str]]) -> None:
    for postback in told:
        status, reason = statuses.get(postback.relay, ("unknown", ""))
        if len(postback.ids) > 1:
            verdict.blame(f"{_say(postback)} was acknowledged under {len(postback.ids)} ids")
        if status not in ("delivered", "ignored"):
            verdict.lost += 1
            verdict.blame(f"{_say(postback)} is {status} in the end: {reason}")


def _arrived(verdict: Verdict, crowd: Sequence[Customer], accepted: Sequence[Record]) -> None:
    """Each customer's calls, by their first arrival, against what was to come. Checkouts keep no order."""
    arrived: dict[str, list[Push]] = {}
    seen: set[Push] = set()
    for record in accepted:
        push = _push(record.body)
        if push not in seen and push.status != "checkout":
            arrived.setdefault(record.body["customer"]["email"], []).append(push)
        seen.add(push)
    for customer in crowd:
        came = arrived.get(customer.email, [])
        for line in _lines(customer.told):
            names = {postback.order.name for postback in line}
            _compare(verdict, line, [push for push in came if push.name in names])


def _compare(verdict: Verdict, line: Sequence[Postback], came: Sequence[Push]) -> None:
    expected = list(_expected(line))
    missing = [push for push in expected if push not in came]
    verdict.lost += len(missing)
    for push in missing:
        verdict.blame(f"{push} never arrived")
    wrong = _misplaced(expected, came)
    verdict.out_of_order += wrong
    if wrong:
        told = [_say(each) for each in line]
        verdict.blame(f"told {told}, expected {expected}, came {came}")


def _lines(told: Sequence[Postback]) -> Iterator[Sequence[Postback]]:
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


def _checkouts(
    verdict: Verdict,
    told: Iterable[Postback],
    statuses: Mapping[str, tuple[str, str]],
    accepted: Iterable[Record],
) -> None:
    """A checkout may be overtaken by an order at any moment, so it is held to its own word only."""
    arrived = {record.body["checkoutId"] for record in accepted if "checkoutId" in record.body}
    for postback in told:
        said = statuses.get(postback.relay, ("", ""))[0] == "delivered"
        if postback.kind is Kind.CHECKOUT and said and postback.order.name not in arrived:
            verdict.lost += 1
            verdict.blame(f"{_say(postback)} is called delivered, and never arrived")


def _misplaced(expected: Sequence[Push], came: Sequence[Push]) -> int:
    """How many came that something later had overtaken, or that nobody expected."""
    place = {push: n for n, push in enumerate(expected)}
    furthest, wrong = -1, 0
    for push in came:
        n = place.get(push, -1)
        wrong += n < furthest or n < 0
        furthest = max(furthest, n)
    return wrong


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


def _expected(told: Sequence[Postback]) -> Iterator[Push]:
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


def _repeats(verdict: Verdict, accepted: Sequence[Record], outages: Sequence[Outage]) -> None:
    """Calls that were taken again although the answer to the first could be had."""
    last: dict[Push, Record] = {}
    for record in accepted:
        if record.fault == "delay":  # recorded when it is answered, to nobody: its repeat may stand before it
            last.setdefault(_push(record.body), record)
            continue
        push = _push(record.body)
        before = last.get(push)
        last[push] = record
        if before is None or before.fault in _UNHEARD or _during(before.at, outages, "destination"):
            continue
        verdict.twice += 1
        if _during(before.at, outages, "worker", "redis"):
            verdict.after_kill += 1
        else:
            later = record.at - before.at
            verdict.blame(f"{push} was sent again {later:.2f} s later, and nothing was killed")


def _during(at: float, outages: Iterable[Outage], *what: str) -> bool:
    return any(o.what in what and o.began - _BEFORE <= at <= o.ended + _AFTER for o in outages)


def _balance(verdict: Verdict, told: Sequence[Postback], said: Mapping[str, Any]) -> None:
    verdict.balanced = said["balanced"] is True
    if said["received"] != len(told):
        verdict.blame(f"{len(told)} were acknowledged, and {said['received']} counted as received")


def _push(body: Mapping[str, Any]) -> Push:
    if "checkoutId" in body:
        return Push(body["checkoutId"], "checkout", 0)
    return Push(body["orderId"], body["status"], body.get("refundAmountCents", body["totalCents"]))


def _say(postback: Postback) -> str:
    return f"{postback.order.name} {postback.kind} ({postback.relay})"
