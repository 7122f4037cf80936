"""Line items, in every container they are seen in.

A native profile sends numbered flat fields (product1_name, product1_crmId ...), which merchants may rename;
API-shaped bodies hold an array, an object keyed by id, the same as JSON text, or PHP bracket keys.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from adapters.checkoutchamp.payloads import as_members, clean
from relay.normalise import money
from relay.normalise.amounts import price
from relay.normalise.events import Item
from relay.normalise.payload import Payload, Said, cut, first_said, fitting_id, quantity

_CONTAINERS: Final = ("items", "lineitems", "orderitems", "products")
_SLOT_DIGITS: Final = 2  # five slots are documented; receivers look at twenty

# Where each kind of product id is, in a slot and in an API item. `productId` is the campaign's id in API
# items, while merchants rename product1_crmId, the base id, to a plain `productId`.
_SLOT_IDS: Final = {
    "base": ("crmid",),
    "campaign": ("campaignproductid",),
    "client": ("id",),
    "sku": ("sku",),
}
_API_IDS: Final = {
    "base": ("actualproductid", "crmid"),
    "campaign": ("productid", "campaignproductid"),
    "client": ("clientid", "clientproductid", "id"),
    "sku": ("productsku", "sku"),
}
_FALLBACKS: Final = ("base", "campaign", "client", "sku")
_SKU: Final = ("sku", "productsku")
_NAME: Final = ("name", "productname", "title")
_QUANTITY: Final = ("qty", "quantity")
_PRICE: Final = ("price",)
_RENAMED: Final = {
    "productid": "crmid",
    "productname": "name",
    "productsku": "sku",
    "productqty": "qty",
    "productprice": "price",
}
_RENAMED_LOOSELY: Final = {"qty": "qty", "quantity": "qty", "price": "price"}


class Line(NamedTuple):
    """One line before it is an item: its members under plain keys, and where its ids are."""

    label: str
    members: Mapping[str, Said]
    ids: Mapping[str, tuple[str, ...]]


def read(payload: Payload, prefer: str, code: str | None) -> tuple[Item, ...] | None:
    """The items; None where the postback holds none. `code` is the currency, None to leave prices out."""
    lines = list(_lines(payload))
    items = [item for line in lines if (item := _item(line, payload, prefer, code)) is not None]
    return tuple(items) or None


def _lines(payload: Payload) -> Iterator[Line]:
    slots = _slots(payload.plain)
    if slots:
        for number in sorted(slots):
            yield Line(f"product{number}", slots[number], _SLOT_IDS)
        return
    for name in _CONTAINERS:
        if name in payload.plain:
            yield from _contained(payload, name)
            return


def _slots(plain: Mapping[str, Said]) -> dict[int, dict[str, Said]]:
    slots: dict[int, dict[str, Said]] = {}
    renamed = False
    for key in plain:
        if key.startswith("product"):
            slot = _slot(key)
            if slot is not None:
                slots.setdefault(slot[0], {})[slot[1]] = plain[key]
            elif key in ("productid", "productname"):
                renamed = True
    if renamed and not any(name in plain for name in _CONTAINERS):
        slots[1] = _with_renamed(plain, slots.get(1, {}), alone=slots.keys() <= {1})
    return slots


@lru_cache(maxsize=2048)
def _slot(key: str) -> tuple[int, str] | None:
    """The number and member in a plain key: product1name -> (1, "name")."""
    rest = key[len("product") :]
    member = rest.lstrip("0123456789")
    number = rest[: len(rest) - len(member)]
    if not member or not number or len(number) > _SLOT_DIGITS or int(number) == 0:
        return None
    return int(number), member


def _with_renamed(plain: Mapping[str, Said], slot: Mapping[str, Said], *, alone: bool) -> dict[str, Said]:
    """Slot 1 with what the merchant renamed. A bare `price` belongs to it only where there is one slot."""
    names = {**_RENAMED_LOOSELY, **_RENAMED} if alone else _RENAMED
    return {**{member: plain[key] for key, member in names.items() if key in plain}, **slot}


def _contained(payload: Payload, name: str) -> Iterator[Line]:
    members = as_members(payload.plain[name])
    if members is None:
        payload.warnings.append(f"{name} is neither an array, an object nor JSON text and was left out")
        return
    for index, (key, member) in enumerate(members):
        if not isinstance(member, dict):
            payload.warnings.append(f"{name}[{index}] is no object and was left out")
            continue
        plain = clean(member).fields
        if key != str(index):  # an object keyed by campaign product id
            plain.setdefault("productid", key)
        yield Line(f"{name}[{index}]", plain, _API_IDS)


def _item(line: Line, payload: Payload, prefer: str, code: str | None) -> Item | None:
    product_id = _product_id(line, prefer)
    name = cut(first_said(line.members, _NAME))
    if product_id is None:
        if name is not None:
            payload.warnings.append(f"{line.label} has no usable product id and was left out; map its crmId")
        return None
    sku = fitting_id(first_said(line.members, _SKU))
    units = quantity(first_said(line.members, _QUANTITY))
    return Item(
        product_id=product_id,
        title=name or sku or product_id,
        quantity=units,
        price_minor=_price(line, payload, units, code),
        variant_title=cut(first_said(line.members, ("variantname",))),
        sku=sku,
    )


def _product_id(line: Line, prefer: str) -> str | None:
    for kind in (prefer, *_FALLBACKS):
        text = fitting_id(first_said(line.members, line.ids[kind]))
        if text is not None:
            return text
    return None


def _price(line: Line, payload: Payload, units: int, code: str | None) -> int | None:
    """The price of one. The platform sends the amount charged for the whole line."""
    total = price(payload, line.label, first_said(line.members, _PRICE), code)
    return total if total is None or units == 1 else money.unit_price(total, units)
