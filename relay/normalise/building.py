"""Events out of a payload: what every adapter does alike."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from relay.errors import Unmappable
from relay.normalise import times
from relay.normalise.amounts import Money, missing
from relay.normalise.events import Customer, Item
from relay.normalise.payload import Payload

_EPOCH: Final = 1970


def customer(
    payload: Payload, field: str, email: str | None, rest: Mapping[str, Any], *, needed: bool
) -> Customer:
    """Who, by `email`, which `field` holds, and `rest`. Without a usable address, whoever `rest` says.

    Raises Unmappable where the address is `needed` and missing or none.
    """
    if email is None and needed:
        raise missing(payload, field, f"nothing can be sent without it: add {field} to the postback")
    try:
        return Customer(email=email, **rest)
    except ValidationError as error:
        if needed:
            raise Unmappable(field, "is not an e-mail address") from error
    payload.warnings.append(f"{field} is not an e-mail address and was left out")
    return Customer(**rest)


def priced(
    money: Money, total: int | None, items: tuple[Item, ...] | None, given_back: int | None = None
) -> dict[str, Any]:
    """The currency, total and items of an order event. A default is claimed only where an amount needs it."""
    amounts = (total, given_back, *(item.price_minor for item in items or ()))
    needed = any(amount is not None for amount in amounts)
    return {
        "currency": money.code if money.said or needed else None,
        "currency_assumed": needed and not money.said,
        "total_minor": total,
        "items": items,
    }


def moment(payload: Payload, field: str, text: str, zone: ZoneInfo, *, like: str) -> datetime | None:
    """The time in `text` of `field`, in UTC; None, with a warning, where it is no date such as `like`."""
    try:
        found = times.parse(text, zone)
    except ValueError:
        found = None
    if found is None or found.year < _EPOCH:
        payload.warnings.append(f"{field} is not a date such as {like} and was left out")
        return None
    return found


def unmappable(error: ValidationError, field_of: Mapping[str, str]) -> Unmappable:
    """`error` as one the merchant can act on: it names the platform's field, never the value."""
    first = error.errors(include_input=False, include_url=False)[0]
    name = str(first["loc"][0]) if first["loc"] else "currency"
    return Unmappable(field_of.get(name, name), first["msg"])
