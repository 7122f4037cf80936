"""What is sent beside an order or merged into a profile: how tokens that are more than a text are read."""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from adapters.stickyio import values
from relay.normalise import beside
from relay.normalise.amounts import number
from relay.normalise.beside import Plan, Reader, Special
from relay.normalise.payload import Keys, Payload, cut

_TRANSACTION: Final = re.compile(r"\s*REFID:\s*\d+\s*$")


class Subject(NamedTuple):
    payload: Payload
    zone: ZoneInfo


def plan(names: tuple[str, ...], keys: Keys) -> Plan[Subject]:
    return beside.plan(names, keys, _SPECIAL)


def _count(field: str) -> Reader[Subject]:
    """A whole number; zero is the rule and says nothing."""
    return lambda subject: beside.count(subject.payload.text(field)) or None


def _other_order(field: str) -> Reader[Subject]:
    """An order this one goes back to; the first of a chain only repeats its own id."""

    def read(subject: Subject) -> str | None:
        text = subject.payload.text(field)
        return None if text in ("0", subject.payload.text("order_id")) else cut(text)

    return read


def _day(field: str) -> Reader[Subject]:
    return lambda subject: values.day(subject.payload, field, subject.zone)


def _not_zero(field: str) -> Reader[Subject]:
    def read(subject: Subject) -> str | None:
        text = subject.payload.text(field)
        return None if number(text) == 0 else cut(text)

    return read


def _reason(subject: Subject) -> str | None:
    """Without the number of the transaction, which makes every reason a reason of its own."""
    text = subject.payload.text("decline_reason")
    return cut(_TRANSACTION.sub("", text)) or None if text else None


_SPECIAL: Final[Special[Subject]] = {
    "rebilldepth": ((), _count("rebill_depth")),
    "retryattempt": ((), _count("retry_attempt")),
    "wasreprocessed": ((), _count("was_reprocessed")),
    "ancestorid": ((), _other_order("ancestor_id")),
    "parentorderid": ((), _other_order("parent_order_id")),
    "recurringdate": ((), _day("recurring_date")),
    "newrecurringdate": ((), _day("new_recurring_date")),
    "declinereason": ((), _reason),
    "rebilldiscount": ((), _not_zero("rebill_discount")),
    "declinesalvagediscount": ((), _not_zero("decline_salvage_discount")),
    "customerid": ((), _not_zero("customer_id")),
}
