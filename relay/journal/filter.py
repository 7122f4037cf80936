"""Which relays: what people ask for, and whether one fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from relay.journal import ids
from relay.journal.records import Relay, Status


@dataclass(frozen=True, slots=True)
class Span:
    """From `low` to `high`, both included; no end where `high` is None."""

    low: int = 0
    high: int | None = None

    def __contains__(self, number: int) -> bool:
        return self.low <= number and (self.high is None or number <= self.high)


@dataclass(frozen=True, slots=True)
class Filter:
    """Every word given must fit. Times are ms of receipt, `since_ms` included and `until_ms` not.

    `person` is the digest an e-mail address goes by in the journal; it is kept where the address may not be.
    `text` are words of which each is in the relay's id, order or reason. One index leads; the other words are
    looked at relay by relay behind it.
    """

    status: Status | None = None
    source: str | None = None
    event: str | None = None
    order: str | None = None
    email: str | None = None
    person: str | None = None
    destination: str | None = None
    issue: str | None = None
    relay: str | None = None
    code: Span | None = None
    attempts: Span | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    text: str | None = None

    @property
    def said(self) -> frozenset[str]:
        """The names of the words given."""
        return frozenset(f.name for f in fields(self) if getattr(self, f.name) is not None)

    def fits(self, relay: Relay) -> bool:
        """Of what no index is asked for: everything but the order, the customer and the time."""
        return (
            self.status in (None, relay.status)
            and self.source in (None, relay.source)
            and self.destination in (None, relay.destination)
            and self.issue in (None, relay.issue)
            and (self.event is None or self.event in relay.kinds)
            and (self.code is None or (relay.code is not None and relay.code in self.code))
            and (self.attempts is None or relay.attempts in self.attempts)
            and (self.text is None or _has(self.text, relay))
        )

    def without(self, *names: str) -> Filter:
        return replace(self, **dict.fromkeys(names))

    def to_plain(self) -> dict[str, Any]:
        """For keeping; the address is never among it."""
        plain: dict[str, Any] = {name: getattr(self, name) for name in sorted(self.said - {"email"})}
        for name in _SPANS & plain.keys():
            plain[name] = [plain[name].low, plain[name].high]
        return plain

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Filter:
        values = dict(plain)
        for name in _SPANS & values.keys():
            values[name] = Span(*values[name])
        if "status" in values:
            values["status"] = Status(values["status"])
        return cls(**values)


_SPANS: Final = frozenset({"code", "attempts"})


def _has(text: str, relay: Relay) -> bool:
    where = f"{relay.id} {relay.order or ''} {relay.reason}".lower()
    return all(word in where for word in text.lower().split())


@dataclass(frozen=True, slots=True)
class Bounds:
    """A range of relay ids, as Redis is asked for one."""

    low: str = "-"
    high: str = "+"

    @classmethod
    def of(cls, wanted: Filter) -> Bounds:
        return cls(
            "-" if wanted.since_ms is None else f"[{ids.floor(wanted.since_ms)}",
            "+" if wanted.until_ms is None else f"({ids.floor(wanted.until_ms)}",
        )

    def before(self, relay: str | None) -> Bounds:
        """Only what is older than `relay`."""
        return (
            self
            if relay is None or (self.high != "+" and self.high[1:] <= relay)
            else replace(self, high=f"({relay}")
        )

    def after(self, relay: str | None) -> Bounds:
        """Only what is newer than `relay`."""
        return (
            self
            if relay is None or (self.low != "-" and self.low[1:] > relay)
            else replace(self, low=f"({relay}")
        )

    def __contains__(self, relay: str) -> bool:
        above = self.low == "-" or relay > self.low[1:] or (self.low[0] == "[" and relay == self.low[1:])
        return above and (self.high == "+" or relay < self.high[1:])
