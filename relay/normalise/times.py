"""Times: aware and UTC inside, with `Z` outside."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

_UNSET: Final = re.compile(r"0{4}-0{2}-0{2}([ T]00:00(:00(\.0+)?)?)?")
_STAMP: Final = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})(?:[ T](\d{2}):(\d{2})(?::(\d{2})(?:\.\d{1,9})?)?)?(Z|[+-]\d{2}:?\d{2})?"
)


def is_unset(text: str) -> bool:
    """Whether `text` is a database's way of saying "no date": 0000-00-00."""
    return _UNSET.fullmatch(text.strip()) is not None


def parse(text: str, zone: ZoneInfo) -> datetime:
    """A platform's "YYYY-MM-DD HH:MM:SS" (or ISO 8601) as UTC; without an offset it is wall clock in `zone`.

    A time the clocks jumped over moves forward by the jump; one they ran through twice is the first.
    Raises ValueError for anything else.
    """
    found = _STAMP.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text.strip()[:32]!r} is not a date such as 2026-03-04 09:30:08")
    year, month, day, hour, minute, second, offset = found.groups()
    naive = datetime(  # noqa: DTZ001 - the zone is applied below
        int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0)
    )
    aware = naive.replace(tzinfo=zone) if offset is None else datetime.fromisoformat(f"{naive}{offset}")
    try:
        return aware.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{text.strip()!r} is outside the calendar") from error


def z(moment: datetime) -> str:
    """`moment` as the Commerce API shows times: 2026-03-04T09:30:00.000Z."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def from_ms(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def to_ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|min|h|d)")
_UNITS: Final = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


def duration(text: str) -> timedelta:
    """Reads 10s, 2m, 72h or 30d. Raises ValueError for anything else."""
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a duration such as 10s, 15m, 24h or 30d")
    try:
        return timedelta(seconds=float(found[1]) * _UNITS[found[2]])
    except OverflowError as error:
        raise ValueError(f"{text!r} is longer than the calendar") from error


def in_ms(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)


def now_ms() -> int:
    return time.time_ns() // 1_000_000
