"""Money: integer minor units of an ISO 4217 currency, made from `Decimal`, never from a float."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from iso4217 import Currency

EXPONENTS: Final[dict[str, int]] = {c.code: c.exponent for c in Currency if c.exponent is not None}
"""Decimals of each ISO 4217 code that has a minor unit: 2 for USD, 0 for JPY, 3 for KWD."""

UNAMBIGUOUS_SYMBOLS: Final[dict[str, str]] = {"€": "EUR", "£": "GBP"}
"""Symbols that name one currency. "$", "kr" and "¥" name several and are never translated."""

# Longer amounts are no amounts; the bound also keeps Decimal("1e999999999") from eating memory.
_AMOUNT: Final = re.compile(r"[+-]?\d{1,15}(?:\.\d{1,10})?", re.ASCII)
_NOISE: Final = re.compile(r"[\s,$€£¥\u00a0\u202f]")
_GROUP: Final = 3
# A comma or blank that cannot be a thousands separator is none: 12,50 and 12 50 are not 1250, and
# 1.234,567 is not 1.23.
_GROUPED: Final = re.compile(r"[^\d,]*(?:\d{1,3}(?:[,\s\u00a0\u202f]\d{3})+|\d+)(?:\.\d*)?[^\d,]*", re.ASCII)


def currency_code(text: str) -> str:
    """The upper-case ISO 4217 code in `text`.

    Raises ValueError for anything else, a bare symbol included.
    """
    code = text.strip().upper()
    if code not in EXPONENTS:
        raise ValueError(f"{text.strip()[:12]!r} is not an ISO 4217 currency code such as USD")
    return code


def amount(value: str | int | Decimal) -> Decimal:
    """The number in a platform's amount in major units: "199.00", "$1,299.50", 279.

    Raises ValueError for text that is no amount, and for a float, which has already lost the amount.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueError(f"an amount is text or a whole number, not {type(value).__name__}")  # noqa: TRY004
    text = value if isinstance(value, str) else f"{value:f}" if isinstance(value, Decimal) else _digits(value)
    return Decimal(text if _AMOUNT.fullmatch(text) else _bare(text))


def _bare(text: str) -> str:
    """`text` without what people write around and between the digits. Raises ValueError."""
    bare = _NOISE.sub("", text)
    if not _GROUPED.fullmatch(text.strip()) or not _AMOUNT.fullmatch(bare):
        raise ValueError(f"{text.strip()[:24]!r} is not an amount such as 49.90")
    return bare


def _digits(value: int) -> str:
    return str(value) if abs(value) < 10**15 else "a number of more than 15 digits"


def minor(value: str | int | Decimal, currency: str) -> int:
    """`value`, in major units, as whole minor units of `currency`; halves are rounded up.

    minor("49.90", "USD") == 4990; minor("4980.00", "JPY") == 4980; minor("1.500", "KWD") == 1500.
    Raises ValueError as `amount` does, and for "12,500" in a currency of three decimals: that may be 12.5.
    """
    if EXPONENTS[currency] == _GROUP and isinstance(value, str) and value.count(",") == 1 > value.count("."):
        raise ValueError(f"{value.strip()[:24]!r} is not an amount such as 12.500")
    return rounded(amount(value).scaleb(EXPONENTS[currency]))


def rounded(value: Decimal) -> int:
    """The nearest whole number; halves are rounded up."""
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def unit_price(line_total: int, quantity: int) -> int:
    """The price of one of `quantity` in a line of `line_total` minor units; halves are rounded up."""
    return rounded(Decimal(line_total) / quantity)


def shown(value: int, currency: str) -> str:
    """For people: 4990 and USD give "49.90 USD"."""
    exponent = EXPONENTS.get(currency, 2)
    return f"{Decimal(value).scaleb(-exponent):,.{exponent}f} {currency}"
