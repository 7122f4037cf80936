"""Line items: five parallel lists, comma separated, the ids leading.

Nothing is known of quoting, and only names can hold commas. A list that has not as many entries as there
are ids cannot be told apart safely, and is not used: a wrong title is worse than a plain one.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from adapters.stickyio.options import StickyioOptions
from relay.normalise import money
from relay.normalise.amounts import price
from relay.normalise.events import Item
from relay.normalise.payload import Payload, cut, fitting_id, quantity

_IDS: Final = "product_id_csv"


class _Lists(NamedTuple):
    ids: list[str]
    names: list[str]
    prices: list[str]
    quantities: list[str]
    skus: list[str]


def read(payload: Payload, options: StickyioOptions, code: str | None) -> tuple[Item, ...] | None:
    """The items; None where the postback holds none. `code` is the currency, None to leave prices out."""
    lists = _lists(payload)
    if not lists.ids and payload.text("product_names_csv"):
        payload.warnings.append(f"the items have no ids and were left out: tick the token {_IDS}")
    found = (_item(lists, at, payload, options, code) for at in range(len(lists.ids)))
    return tuple(item for item in found if item is not None) or None


def _lists(payload: Payload) -> _Lists:
    ids = _split(payload.text(_IDS))
    return _Lists(
        ids,
        _beside(payload, "product_names_csv", len(ids)),
        _beside(payload, "product_prices_csv", len(ids)),
        _beside(payload, "product_qtys_csv", len(ids)),
        _beside(payload, "product_skus_csv", len(ids)),
    )


def _split(text: str | None) -> list[str]:
    """The entries, without empty ones at the end."""
    return [entry.strip() for entry in text.rstrip(", ").split(",")] if text and text.strip(", ") else []


def _beside(payload: Payload, field: str, length: int) -> list[str]:
    """The entries of one list, one for each id, "" where it says nothing."""
    text = payload.text(field)
    if text is None or length == 0:
        return [""] * length
    if length == 1:  # whatever commas it holds, it is all of the one product
        return [text.rstrip(", ")]
    entries = [entry.strip() for entry in text.split(",")]
    for fitting in (entries, _split(text)):
        if len(fitting) == length:
            return fitting
    payload.warnings.append(
        f"{field} has {len(entries)} entries for {length} products, a comma within one perhaps, and was "
        "left out"
    )
    return [""] * length


def _item(
    lists: _Lists, at: int, payload: Payload, options: StickyioOptions, code: str | None
) -> Item | None:
    own, sku = fitting_id(lists.ids[at]), fitting_id(lists.skus[at]) or None
    product_id = (sku or own) if options.product_id == "sku" else own
    if not own or not product_id:
        payload.warnings.append(f"entry {at + 1} of {_IDS} is no product id and was left out")
        return None
    units = quantity(lists.quantities[at])
    charged = price(payload, f"product {own}", lists.prices[at] or None, code)
    of_line = options.price == "line" and charged is not None
    return Item(
        product_id=product_id,
        title=cut(lists.names[at]) or sku or f"Product {own}",
        quantity=units,
        price_minor=money.unit_price(charged or 0, units) if of_line else charged,
        sku=sku,
    )
