"""Did everything that was acknowledged arrive, once and in order, and was every answer as promised?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Final

from relay.receive.keeper import DEADLINE
from relay.testing.standin.orders import Violation
from relay.testing.standin.records import Record
from tests.faults.aftermath import Found
from tests.faults.expected import Push, expected, lines, misplaced, push_of
from tests.faults.outages import Outages
from tests.faults.traffic import Answer, Customer, Kind, Postback

_BEFORE: Final = 1.5
"""Seconds before a kill in which a call may have been taken whose result was not yet written."""

_AFTER: Final = 1.0
_TOLD: Final = 2.0
"""Seconds after an outage of Redis in which workers tell it what they have to say."""

_LATELY: Final = 10.0
"""Seconds before a refusal in which an outage may have led to it."""

_UNHEARD: Final = frozenset({"lose", "cut", "delay"})
"""Faults whose answers the relay could not hear, so that it has to send again."""

_SLOWEST: Final = DEADLINE + 1.5
"""Seconds until an answer at the latest: the journal's deadline, the spool, and a machine with other work."""

_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Evidence:
    """`found` is by acknowledged id; `said` is what `relay stats` printed; `oddities` are sentences."""

    found: Mapping[str, Found]
    records: Sequence[Record]
    violations: Sequence[Violation]
    answers: Sequence[Answer]
    outages: Outages
    said: Mapping[str, Any]
    oddities: Sequence[str] = ()
    strays: AbstractSet[str] = frozenset()
    kills: int = 0


@dataclass
class Verdict:
    """`faults` tells each thing that must not be, for whoever has to find the cause. `slowest` in seconds.

    `excused` were refused with 429 when Redis's clock was set, or when the stand-in itself had stood still.
    """

    accepted: int = 0
    kills: int = 0
    lost: int = 0
    twice: int = 0
    after_kill: int = 0
    out_of_order: int = 0
    over_budget: int = 0
    excused: int = 0
    balanced: bool = True
    refused: int = 0
    slowest: float = 0
    faults: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        wrong = self.lost or self.out_of_order or self.over_budget or self.refused
        return self.balanced and not wrong and self.twice == self.after_kill and not self.faults

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


def judge(crowd: Sequence[Customer], seen: Evidence) -> Verdict:
    told = [postback for customer in crowd for postback in customer.told if postback.relay]
    verdict = Verdict(accepted=len(told), kills=seen.kills)
    accepted = [record for record in seen.records if record.accepted and record.method == "POST"]
    _within_budget(verdict, seen)
    _answered(verdict, seen)
    _settled(verdict, told, seen.found)
    _strayed(verdict, seen)
    _arrived(verdict, crowd, accepted)
    _checkouts(verdict, told, seen.found, accepted)
    _repeats(verdict, accepted, seen.outages)
    _balance(verdict, told, seen)
    for violation in seen.violations:
        if violation.rule.startswith("a p"):  # a property, a product; repeats and order are judged above
            verdict.blame(f"{violation.id}: {violation.rule}")
    for oddity in seen.oddities:
        verdict.blame(oddity)
    return verdict


def _within_budget(verdict: Verdict, seen: Evidence) -> None:
    """What the destination refused of itself. What was under way with the first is told with it."""
    told = 0.0
    for record in filter(_refused, seen.records):
        if seen.outages.cover(record.at, record.at, "clock", "stand-in", before=0, after=_AFTER):
            verdict.excused += 1
            continue
        verdict.over_budget += 1
        if record.at > told + _AFTER:
            verdict.blame(_say_refused(record, seen))
        told = record.at


def _say_refused(record: Record, seen: Evidence) -> str:
    before = [
        sum(0 <= record.at - other.at < span and not _refused(other) for other in seen.records)
        for span in (1, 60)
    ]
    lately = [
        f"{o.what} for {o.ended - o.began:.1f} s until {record.at - o.ended:.1f} s before"
        for o in seen.outages.list
        if o.began <= record.at and record.at - o.ended < _LATELY
    ]
    return (
        f"refused with 429 at {record.at:.2f}, after {before[0]} in a second and {before[1]} in a minute; "
        f"out of order were {', '.join(lately) or 'none'}"
    )


def _refused(record: Record) -> bool:
    return record.status == 429 and record.fault is None


def _answered(verdict: Verdict, seen: Evidence) -> None:
    """Each in time and with 200, but where there was nobody to answer, or no room to keep it."""
    for answer in seen.answers:
        if _down(seen.outages, answer):
            continue
        if answer.code == 200:
            stood_still = seen.outages.share(answer.asked, answer.came, "stand-in")  # and its clients with it
            verdict.slowest = max(verdict.slowest, answer.took - stood_still)
        elif not (answer.code == 503 and answer.retry_after and _full(seen.outages, answer)):
            verdict.refused += 1
            verdict.blame(
                f"answered {answer.code or 'nothing'} after {answer.took:.2f} s at {answer.came:.2f}"
                f"{answer.broke and f': {answer.broke}'}"
            )
    if verdict.slowest > _SLOWEST:
        verdict.blame(f"the slowest answer took {verdict.slowest:.2f} s")


def _down(outages: Outages, answer: Answer) -> bool:
    return outages.cover(answer.asked, answer.came, "web", before=0.2, after=0.2)


def _full(outages: Outages, answer: Answer) -> bool:
    return outages.cover(answer.asked, answer.came, "disk", before=0, after=_AFTER)


def _settled(verdict: Verdict, told: Iterable[Postback], found: Mapping[str, Found]) -> None:
    for postback in told:
        relays = {found[known].relay if known in found else f"{known}, unknown" for known in postback.ids}
        if len(relays) > 1:
            verdict.blame(f"{_say(postback)} has several relays: {sorted(relays)}")
        known = found.get(postback.relay)
        status, reason = (known.status, known.reason) if known else ("unknown", "")
        if status not in ("delivered", "ignored"):
            verdict.lost += 1
            verdict.blame(f"{_say(postback)} is {status} in the end: {reason}")


def _strayed(verdict: Verdict, seen: Evidence) -> None:
    for stray in seen.strays:
        status = seen.found[stray].status if stray in seen.found else "unknown"
        if status != "dead":
            verdict.lost += 1
            verdict.blame(f"{stray}, which nobody can read, is {status} in the end")


def _arrived(verdict: Verdict, crowd: Sequence[Customer], accepted: Sequence[Record]) -> None:
    """Each customer's calls, by their first arrival, against what was to come. Checkouts keep no order."""
    arrived: dict[str, list[Push]] = {}
    seen: set[Push] = set()
    for record in accepted:
        push = push_of(record.body)
        if push not in seen and push.status != "checkout":
            arrived.setdefault(record.body["customer"]["email"], []).append(push)
        seen.add(push)
    for customer in crowd:
        came = arrived.get(customer.email, [])
        for line in lines(customer.told):
            names = {postback.order.name for postback in line}
            _compare(verdict, line, [push for push in came if push.name in names])


def _compare(verdict: Verdict, line: Sequence[Postback], came: Sequence[Push]) -> None:
    wanted = list(expected(line))
    missing = [push for push in wanted if push not in came]
    verdict.lost += len(missing)
    for push in missing:
        verdict.blame(f"{push} never arrived")
    wrong = misplaced(wanted, came)
    verdict.out_of_order += wrong
    if wrong:
        told = [_say(each) for each in line]
        verdict.blame(f"told {told}, expected {wanted}, came {came}")


def _checkouts(
    verdict: Verdict, told: Iterable[Postback], found: Mapping[str, Found], accepted: Iterable[Record]
) -> None:
    """A checkout may be overtaken by an order at any moment, so it is held to its own word only."""
    arrived = {record.body["checkoutId"] for record in accepted if "checkoutId" in record.body}
    for postback in told:
        said = postback.relay in found and found[postback.relay].status == "delivered"
        if postback.kind is Kind.CHECKOUT and said and postback.order.name not in arrived:
            verdict.lost += 1
            verdict.blame(f"{_say(postback)} is called delivered, and never arrived")


def _repeats(verdict: Verdict, accepted: Sequence[Record], outages: Outages) -> None:
    """Calls that were taken again although the answer to the first could be had."""
    last: dict[Push, Record] = {}
    for record in accepted:
        if record.fault == "delay":  # recorded when it is answered, to nobody: its repeat may stand before it
            last.setdefault(push_of(record.body), record)
            continue
        push = push_of(record.body)
        before = last.get(push)
        last[push] = record
        if before is None or before.fault in _UNHEARD:
            continue
        if outages.cover(before.at, before.at, "destination", "stand-in", before=_BEFORE, after=_AFTER):
            continue
        verdict.twice += 1
        told = _told_by(before.at, outages)
        if outages.cover(before.at, told, "worker", before=_BEFORE, after=_AFTER):
            verdict.after_kill += 1
        else:
            later = record.at - before.at
            verdict.blame(f"{push} was sent again {later:.2f} s later, and no worker was killed")


def _told_by(at: float, outages: Outages) -> float:
    """When the result of a call was written down at the latest, if its worker lived: once Redis was back."""
    told = at
    for o in sorted(outages.list, key=lambda o: o.began):
        if o.what in ("redis", "disk") and o.began - _BEFORE <= told < o.ended + _TOLD:
            told = o.ended + _TOLD
    return told


def _balance(verdict: Verdict, told: Sequence[Postback], seen: Evidence) -> None:
    said = seen.said
    verdict.balanced = said["balanced"] is True
    received = len(told) + len(seen.strays)
    if said["received"] != received:
        verdict.blame(f"{received} were acknowledged, and {said['received']} counted as received")
    copies = sum(answer.duplicate for answer in seen.answers)
    most = len(seen.answers) - received
    if not copies <= said["duplicates"] <= most:
        verdict.blame(
            f"{copies} were acknowledged as copies, {most} requests were repeats, "
            f"and {said['duplicates']} copies counted"
        )


def _say(postback: Postback) -> str:
    return f"{postback.order.name} {postback.kind} ({postback.relay})"
