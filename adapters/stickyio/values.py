"""Ids, addresses, totals and dates out of a payload."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from adapters.stickyio.state import has_id
from relay.errors import Unmappable
from relay.normalise import building
from relay.normalise.amounts import Money, amount, missing, number
from relay.normalise.payload import LONGEST_ID, Payload

_AMERICAN: Final = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?")
_NO_DATE: Final = re.compile(r"[0/: -]+")
_DAY: Final = len("2026-03-04")


def identifier(payload: Payload, field: str) -> str:
    """An id; the platform writes 0 where there is none. Raises Unmappable."""
    text = payload.text(field)
    if text is None or not has_id(payload, field):
        raise missing(payload, field, f"is missing: tick the token {field} in the profile")
    if len(text) > LONGEST_ID:
        raise Unmappable(field, f"is {len(text)} characters long, which is no id")
    return text


def email(payload: Payload) -> str | None:
    """A raw plus in a URL arrives as a blank; within the name of an address it can be nothing else."""
    text = payload.text("email")
    if text is None:
        return None
    local, at, domain = text.partition("@")
    mended = local if local.endswith(" ") else local.replace(" ", "+")
    return f"{mended}{at}{domain}"


def total(payload: Payload, money: Money, *, needed: bool) -> int | None:
    """Raises Unmappable where it is `needed` and missing or unreadable."""
    try:
        found = amount(payload, "order_total", money)
    except Unmappable as error:
        if needed or (number(payload.text("order_total")) or 0) < 0:
            raise
        payload.warnings.append(f"the total was left out: {error}")
        return None
    if found is None and needed:
        raise missing(payload, "order_total", "an order needs a total: tick the token order_total")
    return found


def ordered_at(payload: Payload, zone: ZoneInfo) -> datetime | None:
    return moment(payload, "order_date_time", zone) or moment(payload, "order_date", zone)


def moment(payload: Payload, field: str, zone: ZoneInfo) -> datetime | None:
    """The time of `field` in UTC; None where it is unset, or with a warning where it is no date."""
    text = payload.text(field)
    if text is None or _NO_DATE.fullmatch(text):
        return None
    return building.moment(payload, field, _sortable(text), zone, like="11/23/2025 14:05:09")


def day(payload: Payload, field: str, zone: ZoneInfo) -> str | None:
    """A date as written, without moving it between zones: the day is all that is meant."""
    if moment(payload, field, zone) is None:
        return None
    return _sortable(payload.text(field) or "")[:_DAY]


def _sortable(text: str) -> str:
    """mm/dd/yyyy hh:mm:ss as yyyy-mm-dd hh:mm:ss; anything else as it is."""
    found = _AMERICAN.fullmatch(text)
    if found is None:
        return text
    month, day_, year, hour, minute, second = found.groups()
    return f"{year}-{month:0>2}-{day_:0>2} {hour or '0':0>2}:{minute or '00'}:{second or '00'}"
