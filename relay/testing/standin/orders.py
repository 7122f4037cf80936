"""One order as pushed so far, and the rules a relay must not break with the next push."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

K = TypeVar("K")
V = TypeVar("V")
Sender = Literal["waits", "loses", "gone"]
"""Whether the sender gets the answer, loses it on the way, or had given up before the call was processed."""


class Capped(dict[K, V]):
    """A dict that forgets its oldest key beyond `most`, so that a bench may run for hours."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def __setitem__(self, key: K, value: V) -> None:
        if len(self) >= self.most and key not in self:
            del self[next(iter(self))]
        super().__setitem__(key, value)


@dataclass(frozen=True, slots=True)
class Violation:
    """Something accepted that a relay must never send. `n` is the record's number, `id` what it is about."""

    n: int
    rule: str
    id: str


@dataclass(slots=True)
class Order:
    """All pushes of one order. `total_cents`, `currency` and `email` are the latest told."""

    id: str
    email: str
    currency: str
    total_cents: int
    statuses: dict[str, list[int]] = field(default_factory=dict)
    """By status, the amount of each push in order: the total, for `refunded` the amount refunded."""
    refunded_cents: int = 0
    refunded: bool = False
    """Whether the last refund made it a full one."""
    lost: list[tuple[str, int]] = field(default_factory=list)
    """Pushes whose sender never saw the answer: it has to repeat them, and the repeat is no violation."""

    @property
    def counts(self) -> dict[str, int]:
        return {status: len(amounts) for status, amounts in self.statuses.items()}

    def plain(self) -> dict[str, Any]:
        return {
            "email": self.email,
            "currency": self.currency,
            "total_cents": self.total_cents,
            "statuses": self.statuses,
            "refunded_cents": self.refunded_cents,
        }

    def push(self, status: str, amount: int, sender: Sender) -> str | None:
        """Adds a push; gives the rule it breaks, if any."""
        what = (status, amount)
        overtaken = sender == "gone" and amount in self.statuses.get(status, ())
        repeated = what in self.lost
        broken = None
        if repeated:
            self.lost.remove(what)
        elif not overtaken:
            broken = self._broken(status, amount)
            self._refund(amount if status == "refunded" else None)
        if sender != "waits" and not overtaken:
            self.lost.append(what)
        self.statuses.setdefault(status, []).append(amount)
        return broken

    def _refund(self, amount: int | None) -> None:
        if amount is not None:
            self.refunded_cents += amount
            self.refunded = self.refunded_cents >= self.total_cents

    def _broken(self, status: str, amount: int) -> str | None:
        earlier = self.statuses.get(status, ())
        if status == "refunded":
            over = self.refunded_cents + amount > self.total_cents
            return "refunded steps sum to more than the total" if over else None
        if status != "placed":
            return f"{status} twice" if earlier else None
        if self.refunded:
            return "placed after a full refund"
        return "placed twice with the same total" if amount in earlier else None
