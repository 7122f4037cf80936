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
from relay.normalise.fields import Value
from relay.normalise.payload import Payload, cut, fitting_id, quantity, text_of

_IDS: Final = "product_id_csv"
_BESIDE: Final = ("product_names_csv", "product_prices_csv", "product_qtys_csv", "product_skus_csv")


class _Line(NamedTuple):
    """One line as told; "" where it is not."""

    id: str
    name: str
    price: str
    quantity: str
    sku: str


def read(payload: Payload, options: StickyioOptions, code: str | None) -> tuple[Item, ...] | None:
    """The items; None where there are none. `code` is the currency, None to leave prices out."""
    products = payload.plain.get("products")
    lines = _of_api(products) if isinstance(products, list) else _of_lists(payload)
    found = (_item(line, number, payload, options, code) for number, line in enumerate(lines, 1))
    return tuple(item for item in found if item is not None) or None


def _of_api(products: list[Value]) -> list[_Line]:
    """The API's, where each line is an object of its own."""
    fields = ("product_id", "name", "price", "product_qty", "sku")
    rows = [row for row in products if isinstance(row, dict)]
    return [_Line(*(text_of(row.get(field)) or "" for field in fields)) for row in rows]


def _of_lists(payload: Payload) -> list[_Line]:
    ids = _split(payload.text(_IDS))
    if not ids and payload.text("product_names_csv"):
        payload.warnings.append(f"the items have no ids and were left out: tick the token {_IDS}")
    beside = [_beside(payload, field, len(ids)) for field in _BESIDE]
    return [_Line(*line) for line in zip(ids, *beside, strict=True)]


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
    line: _Line, number: int, payload: Payload, options: StickyioOptions, code: str | None
) -> Item | None:
    own, sku = fitting_id(line.id), fitting_id(line.sku) or None
    product_id = (sku or own) if options.product_id == "sku" else own
    if not own or not product_id:
        payload.warnings.append(f"entry {number} of {_IDS} is no product id and was left out")
        return None
    units = quantity(line.quantity)
    charged = price(payload, f"product {own}", line.price or None, code)
    of_line = options.price == "line" and charged is not None
    return Item(
        product_id=product_id,
        title=cut(line.name) or sku or f"Product {own}",
        quantity=units,
        price_minor=money.unit_price(charged or 0, units) if of_line else charged,
        sku=sku,
    )
