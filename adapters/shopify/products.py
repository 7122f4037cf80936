"""Products, as the catalog has them: one product with all its variants a webhook."""

from __future__ import annotations

from typing import Any

from adapters.shopify.shop import Shop
from relay.normalise import urls
from relay.normalise.contract import Events, Ignored, Reading
from relay.normalise.events import Product, ProductsUpserted
from relay.normalise.nested import Currency, Nested


def read(product: Nested, shop: Shop) -> Reading:
    if product.text("status") not in (None, "active"):
        return Ignored("the product is not active")
    variants = product.members("variants")
    if not variants:
        return Ignored("the webhook shows no variants, so the stock is not known")
    if len(product.members("variant_gids")) > len(variants):  # it shows a hundred, and names all
        return Ignored("the webhook does not show all variants; the destination takes them only all at once")
    warnings: list[str] = []
    if shop.source.currency is None:
        warnings.append("prices are left out: a product says no currency; set the source's own")
    currency = Currency(shop.source.currency, assumed=True, field="currency")
    told = [_variant(product, variant, currency) for variant in variants]
    entry: dict[str, Any] = {
        "productId": product.needed("id"),
        "title": product.needed("title"),
        "inStock": any(variant["inStock"] for variant in told),
        "imageUrl": urls.web(product.inner("image").text("src")),
        "url": _url(product, shop),
        "currency": currency.code,
        "variants": told,
    }
    made = product.made(Product, **{name: value for name, value in entry.items() if value is not None})
    return Events((ProductsUpserted(products=(made,)),), tuple(warnings))


def _url(product: Nested, shop: Shop) -> str | None:
    handle, storefront = product.text("handle"), shop.options.storefront
    return urls.web(f"{storefront}/products/{handle}") if storefront and handle else None


def _variant(product: Nested, variant: Nested, currency: Currency) -> dict[str, Any]:
    quantity = _quantity(variant)
    tracked = _is_tracked(variant)
    sold_anyway = variant.text("inventory_policy") == "continue"
    price = variant.minor("price", currency) if currency.code else None
    before = variant.minor("compare_at_price", currency) if currency.code else None
    entry = {
        "variantId": variant.needed("id"),
        "title": variant.label("title") or product.needed("title"),
        "sku": variant.text("sku"),
        "priceCents": price,
        "compareAtPriceCents": before if before and price is not None and before > price else None,
        "inStock": not tracked or sold_anyway or (quantity or 0) > 0,
        "inventoryQuantity": max(quantity, 0) if tracked and quantity is not None else None,
        "options": _options(product, variant),
    }
    return {name: value for name, value in entry.items() if value not in (None, [])}


def _is_tracked(variant: Nested) -> bool:
    """API versions from 2024-07 on do not say it: what has no stock might then be told as back in it."""
    return not variant.has("inventory_management") or variant.text("inventory_management") is not None


def _quantity(variant: Nested) -> int | None:
    text = variant.text("inventory_quantity")
    return int(text) if text is not None and text.removeprefix("-").isdecimal() and len(text) <= 12 else None  # noqa: PLR2004


def _options(product: Nested, variant: Nested) -> list[dict[str, str]]:
    named = [option.text("name") for option in product.members("options")]
    values = [variant.text(f"option{n}") for n in (1, 2, 3)]
    return [
        {"name": name, "value": value} for name, value in zip(named, values, strict=False) if name and value
    ]
