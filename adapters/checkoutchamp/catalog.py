"""Products, as `pulling` gathers them. The platform knows no stock, so every product is told as in stock."""

from __future__ import annotations

import re
from typing import Any, Final

from adapters.checkoutchamp.options import CheckoutChampOptions
from adapters.checkoutchamp.payloads import clean
from relay.errors import Unmappable
from relay.normalise import money
from relay.normalise.contract import SourceContext
from relay.normalise.events import Product, ProductsUpserted
from relay.normalise.payload import Payload, cut, first_said, fitting_id

_IDS: Final = {
    "base": ("productid",),
    "campaign": ("campaignproductid",),
    "client": ("clientproductid",),
    "sku": ("productsku",),
}
_PREFIX: Final = re.compile(r"\(\d+\)\s*")


def is_catalog(payload: Payload) -> bool:
    return isinstance(payload.plain.get("catalog"), list)


def read(payload: Payload, source: SourceContext, options: CheckoutChampOptions) -> ProductsUpserted:
    """Of two rows with one id the first counts. Raises Unmappable where no row has an id."""
    rows = payload.plain["catalog"]
    products: dict[str, Product] = {}
    for row in rows if isinstance(rows, list) else []:
        product = _product(row, payload, source, options) if isinstance(row, dict) else None
        if product is not None:
            products.setdefault(product.productId, product)
    if not products:
        raise Unmappable(
            "catalog", f"no product has an id of the kind {options.product_id!r}; see product_id"
        )
    return ProductsUpserted(products=tuple(products.values()))


def _product(
    row: dict[str, Any], payload: Payload, source: SourceContext, options: CheckoutChampOptions
) -> Product | None:
    plain = clean(row).fields
    name = cut(first_said(plain, ("productname", "name")))
    product_id = fitting_id(first_said(plain, _IDS[options.product_id]))
    if product_id is None:
        payload.warnings.append("a product without a usable id was left out; see the option product_id")
        return None
    told: dict[str, Any] = {"productId": product_id, "inStock": True}
    told["title"] = _PREFIX.sub("", name, count=1) if name and _PREFIX.match(name) else name or product_id
    price = first_said(plain, ("price",))
    if price is not None and source.currency is not None:
        try:
            told |= {"priceCents": money.minor(price, source.currency), "currency": source.currency}
        except ValueError:
            payload.warnings.append(f"the price of product {product_id} is not an amount and was left out")
    return Product(**told)
