"""Any other shop's fields, by the expressions of the options, as a body of the Commerce API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from adapters.generic.checking import Body, Path
from adapters.generic.functions import Expression, Functions
from adapters.generic.options import ProductsTable, Table, said
from relay.errors import Fault

_COUNTS: Final = frozenset({"quantity", "inventoryQuantity", "ordersCount"})
_LONGEST_COUNT: Final = 15
_PRICES: Final = ("priceCents", "compareAtPriceCents", "variants")


@dataclass(slots=True)
class Mapped:
    """`asked` are the expressions by what they were to find.

    `assumed`: the currency is the source's own, since no expression found one.
    """

    body: Body
    faults: list[Fault] = field(default_factory=list)
    asked: dict[Path, str] = field(default_factory=dict)
    assumed: bool = False


def run(
    table: Table, data: Any, currency: str | None, zone: ZoneInfo, without: frozenset[str] = frozenset()
) -> Mapped:
    """What the expressions find in `data`; what they find to be null or blank is left out.

    Fields named in `without` are not asked for.
    """
    mapper = _Mapper(currency, zone, without)
    if isinstance(table, ProductsTable):
        products = mapper.each(table, data, ("products",))
        for product in products:
            if currency is not None and any(name in product for name in _PRICES):
                product.setdefault("currency", currency)
        return Mapped({"products": products}, mapper.faults, mapper.asked)
    body = mapper.table(table, data, ())
    assumed = "currency" in type(table).model_fields and "currency" not in body and currency is not None
    return Mapped({**body, "currency": currency} if assumed else body, mapper.faults, mapper.asked, assumed)


class _Mapper:
    def __init__(self, currency: str | None, zone: ZoneInfo, without: frozenset[str]) -> None:
        self._functions = Functions(currency, zone)
        self._without = without | {"each"}
        self.faults: list[Fault] = []
        self.asked: dict[Path, str] = {}

    def table(self, table: Table, data: Any, path: Path) -> Body:
        outer = self._functions.currency
        found = {}
        for name, value in sorted(
            said(table), key=lambda pair: pair[0] != "currency"
        ):  # amounts are read in it
            made = None if name in self._without else self._made(name, value, data, (*path, name))
            if name == "currency" and isinstance(made, str):
                made = self._functions.currency = made.strip().upper()
            if made not in (None, {}, []):
                found[name] = made
        self._functions.currency = outer
        return found

    def each(self, table: Table, data: Any, path: Path) -> list[Body]:
        elements = self.search(table.each, data, path)  # type: ignore[attr-defined]  # the callers look
        if isinstance(elements, dict):  # PHP's lists that lost an element, and forms, come as objects
            elements = list(elements.values())
        if elements is not None and not isinstance(elements, list):
            self.faults.append(Fault(path, "`each` found no list"))
        found = elements if isinstance(elements, list) else []
        return [self.table(table, element, (*path, n)) for n, element in enumerate(found)]

    def _made(self, name: str, value: Any, data: Any, path: Path) -> Any:
        if isinstance(value, Expression):
            return _fitted(name, self.search(value, data, path))
        if isinstance(value, Table):
            many = "each" in type(value).model_fields
            return self.each(value, data, path) if many else self.table(value, data, path)
        own = {key: self.search(each, data, (*path, key)) for key, each in value.items()}
        return {key: _plain(made) for key, made in own.items() if not _says_nothing(made)}

    def search(self, expression: Expression, data: Any, path: Path) -> Any:
        self.asked[path] = expression.text
        try:
            return expression.search(data, self._functions)
        except ValueError as error:
            self.faults.append(Fault(path, str(error)))
            return None


def _fitted(name: str, found: Any) -> Any:
    """`found` as its field takes it, where that is no guess: 1001 as an id is "1001"."""
    if _says_nothing(found):
        return None
    if name in _COUNTS:
        text = found.strip() if isinstance(found, str) else ""
        return int(text) if text.isdecimal() and len(text) <= _LONGEST_COUNT else found
    if name.endswith("Cents") or isinstance(found, bool):
        return float(found) if isinstance(found, Decimal) else found
    return f"{found:f}" if isinstance(found, Decimal) else str(found) if isinstance(found, int) else found


def _says_nothing(found: Any) -> bool:
    return found is None or (isinstance(found, str) and not found.strip())


def _plain(value: Any) -> Any:
    """What is the shop's own goes on as JSON has it."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value
