"""Products, as the catalog has them: one product a webhook."""

from __future__ import annotations

from typing import Any, Final

from relay.errors import Unsupported
from relay.normalise import urls
from relay.normalise.contract import Events, Ignored, Reading, SourceContext
from relay.normalise.events import Product, ProductsUpserted
from relay.normalise.nested import Currency, Nested
from relay.normalise.words import shown

_STOCK: Final = {"instock": True, "outofstock": False, "onbackorder": False}
"""What can only be backordered is not back: whoever waits is told when it is."""


def read(product: Nested, source: SourceContext) -> Reading:
    if product.text("type") == "variation" or product.text("parent_id") not in (None, "0"):
        return Ignored("a variation; the destination takes a product's variants only all at once")
    if product.needed("status") != "publish":
        return Ignored("the product is not published")
    stock = product.needed("stock_status")
    if stock not in _STOCK:
        raise Unsupported(f"the stock status {shown(stock)} is not WooCommerce's own", field="stock_status")
    warnings: list[str] = []
    entry: dict[str, Any] = {
        "productId": product.needed("id"),
        "title": product.needed("name"),
        "inStock": _STOCK[stock],
        "url": urls.web(product.text("permalink")),
        "imageUrl": next((urls.web(image.text("src")) for image in product.members("images")), None),
        **_prices(product, source, warnings),
    }
    made = product.made(Product, **{name: value for name, value in entry.items() if value is not None})
    return Events((ProductsUpserted(products=(made,)),), tuple(warnings))


def _prices(product: Nested, source: SourceContext, warnings: list[str]) -> dict[str, Any]:
    if source.currency is None:
        warnings.append("prices are left out: a product says no currency; set the source's own")
        return {}
    currency = Currency(source.currency, assumed=True, field="currency")
    price, regular = product.minor("price", currency), product.minor("regular_price", currency)
    reduced = price is not None and regular is not None and regular > price
    return {
        "currency": source.currency,
        "priceCents": price,
        "compareAtPriceCents": regular if reduced else None,
    }
