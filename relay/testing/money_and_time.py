"""What every adapter must hold of money and time: exact in each currency, right in each zone."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from relay.normalise import money, times
from relay.normalise.contract import Adapter, Events
from relay.normalise.events import BOOKED, BookedEvent, CheckoutStarted, CustomerEvent
from relay.normalise.fields import plain_key
from relay.testing import fixtures
from relay.testing.fixtures import Fixture
from relay.testing.message import Message, Number, Place, opened
from relay.testing.subjects import Subject
from relay.testing.trial import Breach, Scene, read, scenes

# Amounts that a float, or a wrong rounding, gets wrong: 1.15 * 100 is 114.99..., 8.2 * 100 is 819.99...
_AMOUNTS: Final = ("19.99", "1.15", "0.29", "8.20", "1.005", "1234567890.12", "7")
_CURRENCIES: Final = ("JPY", "KWD", "EUR")
_NO_CURRENCY: Final = "QQQ"
_ZONES: Final = ("America/New_York", "Asia/Kolkata", "UTC")


def counts_money_by_currency(subject: Subject, fixture: Fixture) -> None:
    """Totals are exact minor units of the currency the postback, or else the source, names."""
    for scene in scenes(subject, fixture):
        message = opened(scene.request)
        event = _event(scene.reader, message)
        if event is None or event.total_minor is None or event.currency is None:
            continue
        amounts = _places_of_total(message, event.total_minor, event.currency)
        named = [p for p, v in message.values() if isinstance(v, str) and v.strip().upper() == event.currency]
        for currency in (event.currency, *_CURRENCIES):
            reader = scene.reader if named else _reader(scene, currency=currency)
            told = message.with_values(dict.fromkeys(named, currency))
            _check_amounts(scene, reader, told, amounts, currency)
        if named:
            _check_unknown_currency(scene, message.with_values(dict.fromkeys(named, _NO_CURRENCY)))


def _check_amounts(
    scene: Scene, reader: Adapter, message: Message, places: list[Place], currency: str
) -> None:
    for amount in _AMOUNTS if places else ():
        values = {place: _as_written(message.at(place), amount) for place in places}
        event = _event(reader, message.with_values(values))
        expected = money.minor(amount, currency)
        if event is None or event.total_minor is None:
            continue  # refused or left out: never wrong
        if (event.currency, event.total_minor) != (currency, expected):
            raise Breach(
                f"{scene.name} with {message.named(places[0])} = {amount} in {currency} has the total "
                f"{event.total_minor} {event.currency}, not {expected} {currency}",
                f"{currency} has {money.EXPONENTS[currency]} decimals, and a float loses cents: take "
                "money.minor(text, currency), which rounds halves up.",
            )


def _check_unknown_currency(scene: Scene, message: Message) -> None:
    event = _event(scene.reader, message)
    if event is not None and event.total_minor is not None:
        raise Breach(
            f"{scene.name} in the currency {_NO_CURRENCY} has the total {event.total_minor} {event.currency}",
            "A currency that is named and not known is not the source's default: raise Unmappable.",
        )


def _as_written(before: Any, amount: str) -> str:
    return Number(amount) if isinstance(before, Number) else amount


def _places_of_total(message: Message, total: int, currency: str) -> list[Place]:
    """Where the total stands, in major units."""
    exact = Decimal(total).scaleb(-money.EXPONENTS[currency])
    return [place for place, value in message.values() if _amount(value) == exact and total]


def _amount(value: Any) -> Decimal | None:
    try:
        return money.amount(str(value)) if isinstance(value, str) and "." in value else None
    except ValueError:
        return None


def tells_time_by_zone(subject: Subject, fixture: Fixture) -> None:
    """A time without an offset is wall clock of the source's zone; one with an offset is what it says.

    So is one whose field is named for GMT or UTC.
    """
    for scene in scenes(subject, fixture):
        message = opened(scene.request)
        written = [
            f"{value}Z" if _says_utc(message.key(place)) else value
            for place, value in message.values()
            if isinstance(value, str)
        ]
        base = _moments(_reader(scene, zone="UTC"), message)
        for zone in _ZONES:
            for name, found in _moments(_reader(scene, zone=zone), message).items():
                if name in base:
                    _check_moment(f"{scene.name}: {name}", written, base[name], zone, found)


def _says_utc(key: str) -> bool:
    """Whether the field's own name says it, as date_created_gmt does."""
    return plain_key(key).endswith(("gmt", "utc"))


def _check_moment(what: str, written: list[str], base: datetime, zone: str, found: datetime) -> None:
    """`base` is what was read for a source in UTC, `found` for one in `zone`."""
    wall = times.parse(f"{base:%Y-%m-%d %H:%M:%S}", ZoneInfo(zone))
    if any(_is_wall_clock(text, base) for text in written):
        if found != wall:
            raise Breach(
                f"{what} is {times.z(found)} for a source in {zone}; the postback says "
                f"{base:%Y-%m-%d %H:%M:%S} without an offset, which is {times.z(wall)}",
                "Read it as the source's own time: times.parse(text, source.timezone).",
            )
    elif any(_is_cut_from(text, base) for text in written):
        raise Breach(
            f"{what} is {times.z(found)}, and the postback says that with another offset",
            "The offset belongs to the time: give times.parse() the whole text.",
        )
    elif any(_is_instant(text, base) for text in written):
        if found != base:
            raise Breach(
                f"{what} is {times.z(found)} for a source in {zone}; the postback says {times.z(base)}",
                "A time with an offset, or a Unix time, is the same in every zone.",
            )
    elif found not in (base, wall):
        raise Breach(
            f"{what} is {times.z(found)} for a source in {zone} and {times.z(base)} for one in UTC",
            "These are neither one instant nor one wall clock: times.parse(text, source.timezone) is right.",
        )


def _is_wall_clock(text: str, moment: datetime) -> bool:
    return _parsed(text, "UTC") == moment != _parsed(text, "Asia/Kolkata")


def _is_instant(text: str, moment: datetime) -> bool:
    if text.isdecimal():
        return int(text[:16]) in (int(moment.timestamp()), times.to_ms(moment))
    return _parsed(text, "UTC") == moment == _parsed(text, "Asia/Kolkata")


def _is_cut_from(text: str, moment: datetime) -> bool:
    """Whether `moment` is what `text` says once its offset is cut off."""
    said = _parsed(text, "UTC")
    return (
        said is not None
        and said != moment
        and text.strip()[:19].replace("T", " ") == f"{moment:%Y-%m-%d %H:%M:%S}"
    )


def _parsed(text: str, zone: str) -> datetime | None:
    try:
        return times.parse(text, ZoneInfo(zone))
    except ValueError:
        return None


def _moments(reader: Adapter, message: Message) -> dict[str, datetime]:
    outcome = read(reader, message.closed().postback(fixtures.DEFAULT_RECEIVED))
    found: dict[str, datetime | None] = {}
    for event in outcome.events if isinstance(outcome, Events) else ():
        if isinstance(event, BOOKED):
            found[f"ordered_at of {event.kind}"] = event.ordered_at
        if isinstance(event, CheckoutStarted):
            found["started_at"] = event.started_at
        if isinstance(event, CustomerEvent):
            found["occurred_at"] = event.occurred_at
    return {name: moment for name, moment in found.items() if moment is not None}


def _event(reader: Adapter, message: Message) -> BookedEvent | None:
    """The first event of an order or checkout, if that is what it is read as."""
    outcome = read(reader, message.closed().postback(fixtures.DEFAULT_RECEIVED))
    events = outcome.events if isinstance(outcome, Events) else ()
    return next((event for event in events if isinstance(event, BOOKED)), None)


def _reader(scene: Scene, *, currency: str | None = None, zone: str | None = None) -> Adapter:
    """The fixture's adapter for a source with another currency or zone."""
    said = dict(scene.fixture.source)
    said |= {key: value for key, value in (("currency", currency), ("timezone", zone)) if value}
    return fixtures.adapter(scene.subject.kind, said)
