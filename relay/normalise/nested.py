"""A postback's fields as an adapter asks for them: by name, trimmed, exact; what is wrong is refused by name.

    order = Nested.of(postback).inner("order")
    currency = order.currency("currency", source.currency)
    total = order.minor("total", currency)      # 5990, or Unmappable("order.total", ...)

For platforms that send one documented shape; where merchants name the keys, `payload` looks them up.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from relay.errors import Unmappable
from relay.normalise import fields, money, times
from relay.normalise.amounts import LARGEST_MINOR
from relay.normalise.contract import Postback
from relay.normalise.fields import Value
from relay.normalise.payload import cut, text_of

_LARGEST_COUNT: Final = 10**9
_EPOCH: Final = 1970
_Made = TypeVar("_Made", bound=BaseModel)


class Currency(NamedTuple):
    """What amounts are in. `assumed`: the postback named none, and the source's own stands in.

    `code` is None where neither names one; then no amount can be read. `field` is where it should stand.
    """

    code: str | None
    assumed: bool
    field: str


class Nested:
    """Some fields, and where they stand in the postback, for errors: "order.total"."""

    __slots__ = ("_at", "_fields")

    def __init__(self, values: Mapping[str, Value], at: str = "") -> None:
        self._fields = values
        self._at = at

    @classmethod
    def of(cls, postback: Postback) -> Nested:
        """The fields of query and body. Raises Malformed."""
        return cls(fields.read(postback))

    def __bool__(self) -> bool:
        """Whether anything is said at all; a ping says nothing."""
        return any(value not in (None, "", [], {}) for value in self._fields.values())

    def has(self, name: str) -> bool:
        """Whether there is such a field at all, be it null."""
        return name in self._fields

    def named(self, name: str) -> str:
        return f"{self._at}.{name}" if self._at else name

    def text(self, *names: str) -> str | None:
        """What the first of `names` that says something says."""
        for name in names:
            value = self._fields.get(name)
            said = text_of(value)
            if said is not None:
                return said
        return None

    def needed(self, *names: str) -> str:
        """As `text`. Raises Unmappable, naming the first, where none says anything."""
        found = self.text(*names)
        if found is None:
            raise Unmappable(self.named(names[0]), "is missing")
        return found

    def label(self, *names: str) -> str | None:
        """As `text`, for people: cut where it is too long to be shown."""
        return cut(self.text(*names))

    def flag(self, name: str) -> bool:
        """Whether JSON says true; no text is taken for it."""
        return self._fields.get(name) is True

    def texts(self, name: str) -> list[str]:
        """The texts of the list under `name`, without what says nothing."""
        value = self._fields.get(name)
        found = [text_of(member) for member in value] if isinstance(value, list) else []
        return [text for text in found if text is not None]

    def currency(self, name: str, default: str | None) -> Currency:
        """The currency named, else `default`. Raises Unmappable where what is named is none."""
        said = self.text(name)
        if said is None:
            return Currency(default, default is not None, self.named(name))
        try:
            return Currency(money.currency_code(said), assumed=False, field=self.named(name))
        except ValueError as error:
            raise Unmappable(self.named(name), "is not an ISO 4217 currency code such as USD") from error

    def minor(self, name: str, currency: Currency) -> int | None:
        """The amount, written in major units, in minor ones. Raises Unmappable where it is no amount."""
        said = self.text(name)
        if said is None:
            return None
        if currency.code is None:
            raise Unmappable(currency.field, "is missing: set `currency` in the settings of this source")
        try:
            found = money.minor(said, currency.code)
        except ValueError as error:
            raise Unmappable(self.named(name), "is not an amount such as 49.90") from error
        if not 0 <= found <= LARGEST_MINOR:
            raise Unmappable(self.named(name), "is negative" if found < 0 else "is too large to be an amount")
        return found

    def count(self, name: str, default: int = 1) -> int:
        """A whole number of 1 or more. Raises Unmappable for anything else that is said."""
        said = self.text(name)
        if said is None:
            return default
        try:
            found = money.amount(said)
        except ValueError as error:
            raise Unmappable(self.named(name), "is not a whole number") from error
        if found != found.to_integral_value() or not 1 <= found <= _LARGEST_COUNT:
            raise Unmappable(self.named(name), "is not a whole number of 1 or more")
        return int(found)

    def price(self, name: str, currency: Currency, warnings: list[str]) -> int | None:
        """As `minor`, of a line, which costs nobody the order: left out with a warning where it is none."""
        try:
            return self.minor(name, currency)
        except Unmappable as error:
            warnings.append(f"a price was left out: {error}")
            return None

    def units(self, name: str, warnings: list[str]) -> int:
        """As `count`, of a line: one, with a warning, where it says half a kilo."""
        try:
            return self.count(name)
        except Unmappable as error:
            warnings.append(f"a quantity was taken as 1: {error}")
            return 1

    def moment(self, name: str, zone: ZoneInfo) -> datetime | None:
        """The time in UTC; without an offset it is wall clock in `zone`. None where it is no time."""
        said = self.text(name)
        if said is None or times.is_unset(said):
            return None
        try:
            found = times.parse(said, zone)
        except ValueError:
            return None
        return found if found.year >= _EPOCH else None

    def inner(self, name: str) -> Nested:
        """The object under `name`; an empty one where there is none."""
        value = self._fields.get(name)
        return Nested(value if isinstance(value, dict) else {}, self.named(name))

    def members(self, name: str) -> list[Nested]:
        """The objects of the list under `name`; none where there is no list."""
        value = self._fields.get(name)
        found = value if isinstance(value, list) else []
        return [
            Nested(member, f"{self.named(name)}[{index}]")
            for index, member in enumerate(found)
            if isinstance(member, dict)
        ]

    def made(self, kind: type[_Made], **values: Any) -> _Made:
        """An event, or a part of one. Raises Unmappable where a value is none that it can hold."""
        try:
            return kind(**values)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            field = ".".join(map(str, first["loc"])) or "currency"
            raise Unmappable(self.named(field), first["msg"].removeprefix("Value error, ")) from error
