"""Products, as webhooks and the product index tell of them. The platform knows no stock."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import unquote_plus

from adapters.stickyio.options import StickyioOptions
from relay.errors import Unmappable
from relay.normalise import money, urls
from relay.normalise.contract import SourceContext
from relay.normalise.events import Product, ProductsUpserted
from relay.normalise.fields import Fields, Value
from relay.normalise.payload import cut, fitting_id, text_of

_LONGEST_DESCRIPTION: Final = 5000
# What the product index calls the fields of a webhook's product.
_INDEX: Final = {
    "product_id": "id",
    "product_sku": "sku",
    "product_name": "name",
    "product_price": "price",
}


def product(found: Fields, source: SourceContext, options: StickyioOptions, *, priced: bool) -> Product:
    """Raises Unmappable where it has no id or no title."""
    told: dict[str, Any] = {"description": _description(found), "imageUrl": _image(found.get("images"))}
    if priced:
        told |= _price(found, source)
    said = {name: value for name, value in told.items() if value is not None}
    return Product(**_named(found, options), inStock=options.product_in_stock, **said)


def deleted(found: Fields, options: StickyioOptions) -> Product:
    """Raises Unmappable where it has no id or no title."""
    return Product(**_named(found, options), inStock=False)


def catalog(
    rows: list[Value], source: SourceContext, options: StickyioOptions
) -> tuple[ProductsUpserted, tuple[str, ...]]:
    """Rows of the product index. Of two with one id the first counts. Raises Unmappable for none at all."""
    products: dict[str, Product] = {}
    for row in rows:
        try:
            entry = product(_row(row), source, options, priced=True)
        except Unmappable:
            continue
        products.setdefault(entry.productId, entry)
    if not products:
        raise Unmappable("catalog", "no product has an id and a name")
    left_out = len(rows) - len(products)
    warnings = (f"{left_out} products without a usable id of their own were left out",) if left_out else ()
    return ProductsUpserted(products=tuple(products.values())), warnings


def _row(row: Value) -> Fields:
    if not isinstance(row, dict):
        return {}
    description = text_of(row.get("product_description"))
    named: Fields = {name: row.get(theirs) for theirs, name in _INDEX.items()}
    return named | {"description": unquote_plus(description) if description else None}


def _named(found: Fields, options: StickyioOptions) -> dict[str, str]:
    wanted = ("sku", "id") if options.product_id == "sku" else ("id",)
    product_id = next((text for field in wanted if (text := fitting_id(text_of(found.get(field))))), None)
    if product_id is None:
        raise Unmappable("data.object.id", "is missing: a product needs an id")
    title = cut(text_of(found.get("name")))
    if title is None:
        raise Unmappable("data.object.name", "is missing: a product needs a title")
    return {"productId": product_id, "title": title}


def _description(found: Fields) -> str | None:
    text = text_of(found.get("description"))
    return text if text is not None and len(text) <= _LONGEST_DESCRIPTION else None


def _image(images: Value) -> str | None:
    """The default image, else the first."""
    there = [image for image in images if isinstance(image, dict)] if isinstance(images, list) else []
    there.sort(key=lambda image: image.get("is_default") not in (1, True, "1"))
    paths = [text_of(image.get("path")) for image in there]
    return next(filter(None, map(urls.web, paths)), None)


def _price(found: Fields, source: SourceContext) -> dict[str, str | int]:
    """The price is a bare number; in which currency, the source says."""
    text = text_of(found.get("price"))
    if text is None or source.currency is None:
        return {}
    try:
        charged = money.minor(text, source.currency)
    except ValueError:
        return {}
    return {"priceCents": charged, "currency": source.currency} if charged >= 0 else {}
