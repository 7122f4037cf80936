"""What the tests ask of a reading."""

from __future__ import annotations

from relay.normalise.contract import Events, Reading
from relay.normalise.events import Event, OrderPlaced, OrderRefunded, Refund


def only(reading: Reading) -> Event:
    assert isinstance(reading, Events), reading
    assert len(reading.events) == 1
    return reading.events[0]


def placed(reading: Reading) -> OrderPlaced:
    event = only(reading)
    assert isinstance(event, OrderPlaced)
    return event


def refund(reading: Reading) -> Refund | None:
    event = only(reading)
    assert isinstance(event, OrderRefunded)
    return event.refund


def warnings(reading: Reading) -> str:
    assert isinstance(reading, Events)
    return "\n".join(reading.warnings)
