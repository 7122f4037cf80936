"""Amounts, and the currency they are in, out of a payload."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple

from relay.errors import Unmappable
from relay.normalise import money as currencies
from relay.normalise.payload import Payload

LARGEST_MINOR: Final = 10**15


class Money(NamedTuple):
    """The currency amounts are read in. `said` is False where it is only the source's default.

    `field` and `trouble` are for the error, where an amount is read and there is no currency.
    """

    code: str | None
    said: bool
    field: str
    trouble: str


def currency(payload: Payload, field: str, default: str | None, *, symbol: str | None = None) -> Money:
    """The currency `field` names, else an unambiguous symbol's, else the source's default."""
    written = payload.text(field)
    if written is not None and any(c.isalnum() for c in written):
        return _coded(written, field)
    sign = written or (payload.text(symbol) if symbol else None)
    known = currencies.UNAMBIGUOUS_SYMBOLS.get(sign or "")
    if known:
        return Money(known, said=True, field=field, trouble="")
    if sign and default:
        payload.warnings.append(
            f"the currency came as a symbol several currencies share; took {default}, the source's own. "
            f"Add {field}"
        )
    return Money(
        default, False, field, f"add {field} to the postback, or set currency in the settings of this source"
    )


def _coded(written: str, field: str) -> Money:
    try:
        return Money(currencies.currency_code(written), said=True, field=field, trouble="")
    except ValueError:
        return Money(None, False, field, "is not an ISO 4217 currency code such as USD")


def amount(payload: Payload, field: str | None, money: Money) -> int | None:
    """The amount of `field` in minor units, None where it says nothing. Raises Unmappable."""
    text = None if field is None else payload.text(field)
    if field is None or text is None:
        return None
    if money.code is None:
        raise Unmappable(money.field, money.trouble)
    try:
        found = currencies.minor(text, money.code)
    except ValueError as error:
        raise Unmappable(field, "is not an amount such as 49.90") from error
    if not 0 <= found <= LARGEST_MINOR:
        raise Unmappable(field, "is negative" if found < 0 else "is too large to be an amount")
    return found


def price(payload: Payload, label: str, text: str | None, code: str | None) -> int | None:
    """The price in `text`, which may be left out but never wrong; `label` names its line to people."""
    if text is None or code is None:
        return None
    try:
        found = currencies.minor(text, code)
    except ValueError:
        found = -1
    if 0 <= found <= LARGEST_MINOR:
        return found
    payload.warnings.append(f"the price of {label} is not an amount and was left out")
    return None


def missing(payload: Payload, field: str, reason: str) -> Unmappable:
    """The error for a field that is not there, with the placeholders that may be why."""
    return Unmappable(field, payload.explained(reason))


def number(text: str | None) -> Decimal | None:
    """`text` as an amount in no currency, None where it is none: to ask whether it is zero, or less."""
    try:
        return None if text is None else currencies.amount(text)
    except ValueError:
        return None
